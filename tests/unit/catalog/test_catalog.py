"""The catalog on disk: durable before visible, checkpoints by size, and a failing disk."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from elanus.catalog.catalog import Catalog
from elanus.catalog.changes import (
    AliasSet,
    CatalogChange,
    CatalogSnapshot,
    CollectionEntry,
    CollectionRemoved,
    CollectionSet,
    DatabaseEntry,
    DatabaseSet,
)
from elanus.catalog.state import CatalogState
from elanus.errors import AlreadyExists, DataCorrupt, Unavailable
from elanus.objectstore.local import LocalStore
from elanus.objectstore.memory import MemoryStore
from elanus.objectstore.store import ObjectStore
from tests.simulation.disk import PowerLoss, SimulatedDisk

_DATABASE = DatabaseSet(DatabaseEntry(1, "default", 5))


def _opened(store: ObjectStore, *, checkpoint_commit_count: int = 4) -> Catalog:
    return Catalog(store, checkpoint_commit_count=checkpoint_commit_count)


def _seen(catalog: Catalog) -> CatalogSnapshot:
    return catalog.read(CatalogState.snapshot)


def _collection(number: int) -> CollectionSet:
    return CollectionSet(CollectionEntry(number, "default", f"c{number}", number))


def _keys(store: ObjectStore) -> list[str]:
    return [info.key.removeprefix("catalog/").lstrip("0") for info in store.list_objects("catalog")]


def _commit(catalog: Catalog, *changes: CatalogChange) -> None:
    catalog.change(lambda state: changes)


def _create(catalog: Catalog, name: str, number: int) -> None:
    def decide(state: CatalogState) -> Sequence[CatalogChange]:
        state.check_name_free("default", name)
        return [CollectionSet(CollectionEntry(number, "default", name, number))]

    catalog.change(decide)


def test_changes_are_there_for_the_next_opening() -> None:
    store = MemoryStore()
    catalog = _opened(store)
    _commit(catalog, _DATABASE)
    _commit(catalog, _collection(7), AliasSet("default", "x", 7))
    assert catalog.read(lambda state: state.collection("default", "x").collection_id) == 7
    assert _seen(_opened(store)) == _seen(catalog)


def test_a_refusal_changes_nothing() -> None:
    store = MemoryStore()
    catalog = _opened(store)
    _commit(catalog, _DATABASE)
    _create(catalog, "a", 1)
    before, files = _seen(catalog), _keys(store)
    with pytest.raises(AlreadyExists):
        _create(catalog, "a", 2)
    _commit(catalog)
    assert (_seen(catalog), _keys(store)) == (before, files)


def test_of_racing_creators_of_one_name_one_wins() -> None:
    store = MemoryStore()
    catalog = _opened(store)
    _commit(catalog, _DATABASE)

    def create(number: int) -> bool:
        try:
            _create(catalog, f"name{number % 4}", number)
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(create, range(40))) == 4
    assert _seen(_opened(store)) == _seen(catalog)


def test_a_checkpoint_comes_after_so_many_commits() -> None:
    store = MemoryStore()
    catalog = _opened(store, checkpoint_commit_count=4)
    _commit(catalog, _DATABASE)
    for number in range(2, 11):
        _commit(catalog, _collection(number))
    assert _keys(store) == ["8.checkpoint.json", "9.json", "10.json"]
    again = _opened(store, checkpoint_commit_count=4)
    assert _seen(again) == _seen(catalog)
    for number in (11, 12):
        _commit(again, _collection(number))
    assert _keys(store) == ["12.checkpoint.json"]


def test_a_large_catalog_writes_checkpoints_less_often() -> None:
    """Each costs as much as there are entries; with n entries one comes every n / 16 commits."""
    store = MemoryStore()
    catalog = _opened(store, checkpoint_commit_count=4)
    _commit(catalog, _DATABASE, *(_collection(number) for number in range(1600)))
    for number in range(99):
        _commit(catalog, _collection(2000 + number))
    assert not any("checkpoint" in key for key in _keys(store))
    for number in range(10):
        _commit(catalog, _collection(3000 + number))
    assert sum("checkpoint" in key for key in _keys(store)) == 1
    assert _seen(_opened(store)) == _seen(catalog)


@pytest.mark.parametrize("failing", range(6))
def test_a_disk_that_fails_once_changes_nothing_and_the_catalog_goes_on(failing: int) -> None:
    disk = SimulatedDisk()
    catalog = _opened(LocalStore(disk))
    _commit(catalog, _DATABASE)
    before = _seen(catalog)
    disk.failure_at, disk.failures_last = len(disk.steps) + failing, 1
    try:
        _create(catalog, "a", 1)
    except Unavailable:
        assert _seen(catalog) == before
        _create(catalog, "b", 2)
    _create(catalog, "c", 3)
    assert _seen(_opened(LocalStore(disk))) == _seen(catalog)
    assert _seen(_opened(LocalStore(disk.after_power_loss(failing)))) == _seen(catalog)


def test_a_checkpoint_that_cannot_be_written_does_not_fail_the_change() -> None:
    disk = SimulatedDisk()
    catalog = _opened(LocalStore(disk), checkpoint_commit_count=3)
    _commit(catalog, _DATABASE)
    before = len(disk.steps)
    _create(catalog, "a", 1)
    steps_of_a_commit = len(disk.steps) - before
    disk.failure_at, disk.failures_last = len(disk.steps) + steps_of_a_commit, 1
    _create(catalog, "b", 2)
    assert not any("checkpoint" in path for path in disk.paths())
    disk.failure_at = None
    assert _seen(_opened(LocalStore(disk.after_power_loss(1)))) == _seen(catalog)
    _create(catalog, "c", 3)
    assert any("checkpoint" in path for path in disk.paths())


def test_a_power_cut_anywhere_leaves_the_state_before_or_after() -> None:
    changes: list[list[CatalogChange]] = [
        [_DATABASE],
        [_collection(1)],
        [_collection(2), AliasSet("default", "x", 2)],
        [CollectionRemoved(1)],
        [_collection(3)],
    ]
    reference = SimulatedDisk()
    catalog = _opened(LocalStore(reference), checkpoint_commit_count=2)
    states = [_seen(catalog)]
    for change in changes:
        _commit(catalog, *change)
        states.append(_seen(catalog))
    for step in range(len(reference.steps)):
        disk = SimulatedDisk()
        disk.power_loss_at = step
        done = 0
        try:
            catalog = _opened(LocalStore(disk), checkpoint_commit_count=2)
            for change in changes:
                _commit(catalog, *change)
                done += 1
        except PowerLoss:
            pass
        for luck in range(4):
            found = _seen(_opened(LocalStore(disk.after_power_loss(luck))))
            assert found in states[done : done + 2], f"step {step}, luck {luck}"


def test_a_damaged_catalog_does_not_open() -> None:
    store = MemoryStore()
    catalog = _opened(store)
    _commit(catalog, _DATABASE)
    store.delete(f"catalog/{1:020d}.json")
    store.put(f"catalog/{1:020d}.json", [b"?"])
    with pytest.raises(DataCorrupt, match="catalog/"):
        _opened(store)


def test_many_collections_open_at_once() -> None:
    store = MemoryStore()
    catalog = _opened(store, checkpoint_commit_count=64)
    _commit(catalog, _DATABASE)
    for start in range(0, 20_000, 500):
        _commit(catalog, *(_collection(start + number) for number in range(500)))
    again = _opened(store)
    assert again.read(lambda state: len(state.collections_of("default"))) == 20_000
    assert again.read(lambda state: state.collection("default", "c19999").collection_id) == 19_999
