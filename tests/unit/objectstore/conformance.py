"""What every object store does, as a class of tests: a store's own test module subclasses it and gives a store."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from elanus.errors import AlreadyExists, NotFound
from elanus.objectstore.store import ObjectInfo, ObjectStore

__all__ = ["ObjectStoreTests"]

RACERS = 20


class ObjectStoreTests:
    """Subclass and override `store`; `reopened` too where a store survives its object."""

    @pytest.fixture
    def store(self) -> ObjectStore:
        raise NotImplementedError

    @pytest.mark.parametrize("key", ["a", "a/b", "deep/er/and.er/x-1_2.json"])
    def test_an_object_is_what_was_put(self, store: ObjectStore, key: str) -> None:
        store.put(key, [b"ab", memoryview(b"cd"), b"", b"e"])
        assert store.get(key) == b"abcde"
        assert bytes(store.map(key)) == b"abcde"

    def test_objects_may_be_empty_or_of_no_parts(self, store: ObjectStore) -> None:
        store.put("x/empty", [b""])
        store.put("x/none", [])
        assert store.get("x/empty") == store.get("x/none") == b""
        assert store.map("x/empty").nbytes == 0

    def test_parts_may_be_many_and_large(self, store: ObjectStore) -> None:
        parts = [bytes([number % 251]) * (number * 37 % 5000) for number in range(1500)]
        store.put("x/parts", parts)
        assert store.get("x/parts") == b"".join(parts)

    def test_parts_come_from_any_iterable_of_any_item_size(self, store: ObjectStore) -> None:
        parts: list[bytes | memoryview] = [memoryview(b"12345678").cast("I"), b"9"]
        store.put("x/y", iter(parts))
        assert store.get("x/y") == b"123456789"

    def test_a_taken_key_is_refused_and_unchanged(self, store: ObjectStore) -> None:
        store.put("x/y", [b"first"])
        with pytest.raises(AlreadyExists, match="x/y exists already") as caught:
            store.put("x/y", [b"second"])
        assert caught.value.kind == "object_exists"
        assert store.get("x/y") == b"first"
        assert [info.key for info in store.list_objects("x")] == ["x/y"]

    def test_what_is_not_there_is_not_found(self, store: ObjectStore) -> None:
        for read in (store.get, store.map):
            with pytest.raises(NotFound, match="x/y does not exist") as caught:
                read("x/y")
            assert caught.value.kind == "object_not_found"

    def test_what_was_put_does_not_change_with_the_callers_memory(self, store: ObjectStore) -> None:
        data = bytearray(b"before")
        store.put("x/y", [memoryview(data)])
        data[:] = b"after!"
        assert store.get("x/y") == b"before"

    def test_listing_shows_sizes_of_what_is_directly_below_by_key(self, store: ObjectStore) -> None:
        for key in ("x/b", "x/a", "x/deep/c", "xy/d", "e"):
            store.put(key, [key.encode()])
        assert store.list_objects("x") == [ObjectInfo("x/a", 3), ObjectInfo("x/b", 3)]
        assert store.list_objects("") == [ObjectInfo("e", 1)]
        assert store.list_objects("x/deep") == [ObjectInfo("x/deep/c", 8)]
        assert store.list_objects("nothing") == []

    def test_listing_folders(self, store: ObjectStore) -> None:
        for key in ("x/b", "x/deep/c", "x/deeper/f/g", "e"):
            store.put(key, [b""])
        assert store.list_folders("") == ["x"]
        assert store.list_folders("x") == ["deep", "deeper"]
        assert store.list_folders("x/deep") == []
        assert store.list_folders("nothing") == []

    def test_a_deleted_object_is_gone_and_its_key_free(self, store: ObjectStore) -> None:
        store.put("x/y", [b"1"])
        store.delete("x/y")
        with pytest.raises(NotFound):
            store.get("x/y")
        assert store.list_objects("x") == []
        store.delete("x/y")
        store.put("x/y", [b"2"])
        assert store.get("x/y") == b"2"

    def test_mapped_bytes_outlive_the_object_and_cannot_be_changed(self, store: ObjectStore) -> None:
        store.put("x/y", [b"mapped"])
        mapped = store.map("x/y")
        store.delete("x/y")
        assert bytes(mapped) == b"mapped"
        assert mapped.readonly

    def test_a_deleted_folder_takes_everything_below_and_nothing_else(self, store: ObjectStore) -> None:
        for key in ("x/a", "x/deep/b", "x2/c", "y/x/d"):
            store.put(key, [b""])
        store.delete_folder("x")
        assert store.list_objects("x") == store.list_objects("x/deep") == []
        assert [store.get(key) for key in ("x2/c", "y/x/d")] == [b"", b""]
        store.delete_folder("x")
        store.put("x/deep/b", [b"again"])
        assert store.get("x/deep/b") == b"again"

    def test_nothing_is_left_over_from_puts_that_ended(self, store: ObjectStore) -> None:
        store.put("x/y", [b"1"])
        store.delete_leftovers("x")
        store.delete_leftovers("nothing")
        assert store.get("x/y") == b"1"

    @pytest.mark.parametrize("key", ["race/key", "rootkey"])
    def test_of_many_racing_puts_one_wins(self, store: ObjectStore, key: str) -> None:
        gate = Barrier(RACERS)

        def put(number: int) -> bytes | None:
            body = b"%03d" % number * 500
            gate.wait()
            try:
                store.put(key, [body])
            except AlreadyExists:
                return None
            return body

        with ThreadPoolExecutor(RACERS) as pool:
            winners = [body for body in pool.map(put, range(RACERS)) if body is not None]
        assert winners == [store.get(key)]
        assert [info.key for info in store.list_objects(key.rpartition("/")[0])] == [key]

    def test_puts_of_different_keys_do_not_disturb_each_other(self, store: ObjectStore) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: store.put(f"many/{number % 4}/{number}", [b"%d" % number]), range(64)))
        assert sorted(len(store.list_objects(f"many/{folder}")) for folder in range(4)) == [16] * 4
        assert store.get("many/3/7") == b"7"
