"""The store on a disk: what every store does, what survives a power cut, and what a failing disk leaves."""

import errno
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from elanus.errors import AlreadyExists, NotFound, Unavailable
from elanus.objectstore.disk import LocalDisk
from elanus.objectstore.local import LocalStore
from elanus.objectstore.store import ObjectStore
from tests.simulation.disk import PowerLoss, SimulatedDisk
from tests.unit.objectstore.conformance import ObjectStoreTests


class TestOnTheMachinesDisk(ObjectStoreTests):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return LocalStore(LocalDisk(tmp_path))


class TestOnASimulatedDisk(ObjectStoreTests):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return LocalStore(SimulatedDisk())


def _operations(key: str) -> int:
    disk = SimulatedDisk()
    LocalStore(disk).put(key, [b"x" * 2000])
    return len(disk.steps)


@pytest.mark.parametrize("key", ["a/b/c", "top"])
def test_an_object_survives_a_power_cut_whole_or_not_at_all(key: str) -> None:
    """Cut at every operation of a put, with many kinds of luck; after the put returned it is there for sure."""
    body = bytes(range(250)) * 8
    for step in range(_operations(key) + 1):
        for luck in range(12):
            disk = SimulatedDisk()
            disk.power_loss_at = step
            done = True
            try:
                LocalStore(disk).put(key, [body])
            except PowerLoss:
                done = False
            store = LocalStore(disk.after_power_loss(luck))
            listed = [info.key for info in store.list_objects(key.rpartition("/")[0])]
            assert listed in ([[key]] if done else [[key], []])
            if listed:
                assert store.get(key) == body
            else:
                with pytest.raises(NotFound):
                    store.get(key)


def test_what_an_interrupted_put_left_is_hidden_and_can_be_removed() -> None:
    left = 0
    for step in range(_operations("a/b")):
        disk = SimulatedDisk()
        disk.power_loss_at = step
        with pytest.raises(PowerLoss):
            LocalStore(disk).put("a/b", [b"x" * 2000])
        revived = disk.after_power_loss(step)
        store = LocalStore(revived)
        left += sum(".tmp-" in path for path in revived.paths())
        store.delete_leftovers("a")
        assert not any(".tmp-" in path for path in revived.paths())
        try:
            store.put("a/b", [b"again"])
        except AlreadyExists:
            assert store.get("a/b") == b"x" * 2000
        else:
            assert store.get("a/b") == b"again"
    assert left > 0


def test_a_leftover_at_the_top_does_not_block_its_key() -> None:
    disk = SimulatedDisk()
    disk.create(".tmp-key")
    store = LocalStore(disk)
    store.put("key", [b"1"])
    assert store.get("key") == b"1"
    store.delete_leftovers("")
    assert disk.paths() == ["key"]


def test_what_a_failing_disk_refused_is_not_there_and_may_be_put_again() -> None:
    refused = 0
    for step in range(_operations("a/b")):
        disk = SimulatedDisk()
        disk.failure_at = step
        store = LocalStore(disk)
        body = b"x" * 2000
        try:
            store.put("a/b", [body])
        except Unavailable as error:
            refused += 1
            assert "writing a/b failed" in error.message  # noqa: PT017 (a put may also succeed in spite of a failure)
            assert store.list_objects("a") == []
            body = b"later"
            store.put("a/b", [body])
        assert LocalStore(disk.after_power_loss(step)).get("a/b") == body
    assert refused >= _operations("a/b") - 1


def test_a_disk_that_goes_on_failing_leaves_a_whole_object_or_none() -> None:
    for step in range(_operations("a/b")):
        disk = SimulatedDisk()
        disk.failure_at, disk.failures_last = step, 50
        store = LocalStore(disk)
        with suppress(Unavailable):
            store.put("a/b", [b"x" * 2000])
        disk.failure_at = None
        assert [store.get(info.key) for info in store.list_objects("a")] in ([], [b"x" * 2000])


def test_a_full_disk_is_not_filled_with_leftovers() -> None:
    disk = SimulatedDisk()
    store = LocalStore(disk)
    store.put("a/b", [b"1"])
    for _ in range(3):
        disk.failure_at = len(disk.steps) + 1
        with pytest.raises(Unavailable):
            store.put("a/c", [b"x" * 2000])
    assert disk.paths() == ["a/b"]


def _broken(error: int) -> Callable[..., Any]:
    def fail(*_: object) -> Any:
        raise OSError(error, "broken")

    return fail


@pytest.mark.parametrize(
    ("operation", "attempt"),
    [
        ("read", lambda store: store.get("a/b")),
        ("map", lambda store: store.map("a/b")),
        ("list_folder", lambda store: store.list_objects("a")),
        ("list_folder", lambda store: store.list_folders("a")),
        ("list_folder", lambda store: store.delete_leftovers("a")),
        ("unlink", lambda store: store.delete("a/b")),
        ("remove_folder", lambda store: store.delete_folder("a")),
        ("make_folder", lambda store: store.put("new/b", [b""])),
        ("sync_folder", lambda store: store.put("new/b", [b""])),
        ("create", lambda store: store.put("a/c", [b""])),
        ("link", lambda store: store.put("a/c", [b""])),
    ],
)
def test_every_failure_of_the_disk_is_one_error(
    operation: str, attempt: Callable[[ObjectStore], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(SimulatedDisk())
    store.put("a/b", [b"1"])
    monkeypatch.setattr(SimulatedDisk, operation, _broken(errno.EACCES))
    with pytest.raises(Unavailable, match="failed") as caught:
        attempt(store)
    assert isinstance(caught.value.__cause__, OSError)


def test_folders_are_made_durable_once_and_anew_after_they_were_deleted() -> None:
    disk = SimulatedDisk()
    store = LocalStore(disk)
    store.put("a/b/one", [b""])
    before = len(disk.steps)
    store.put("a/b/two", [b""])
    assert not any(step.startswith("make folder") for step in disk.steps[before:])
    store.delete_folder("a")
    store.put("a/b/three", [b""])
    assert disk.steps.count("make folder a/b") == 2
    revived = LocalStore(disk.after_power_loss(0))
    assert "a/b/three" in [info.key for info in revived.list_objects("a/b")]
