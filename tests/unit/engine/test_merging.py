"""Compaction to a size that is asked for: the same rows in fewer segments, each with its indexes."""

from collections.abc import Callable

import pytest

from elanus.app.compose import service_on_disk
from elanus.embedded.database import Database
from elanus.engine.collection import Collection
from elanus.errors import InvalidInput, Unavailable
from elanus.runtime.clock import ManualClock
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.settings import Settings
from tests.simulation.disk import SimulatedDisk

_SETTINGS = Settings(background_maintenance=False, search_thread_count=1, segment_bytes_max=20_000, index_rows_min=4)
_SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True),
        Field("v", DataType.FLOAT_VECTOR, dim=4),
        Field("key", DataType.INT64, is_clustering_key=True),
    )
)
Opened = Callable[[], tuple[Database, Collection]]


@pytest.fixture
def opened() -> Opened:
    """A collection whose six segments of some 15 kB are too large to be merged by themselves."""
    disk = SimulatedDisk()

    def open_it() -> tuple[Database, Collection]:
        service = service_on_disk(disk, _SETTINGS, clock=ManualClock())
        return Database(service, "simulated"), service.engine.collection("default", "c")

    rows = Database(service_on_disk(disk, _SETTINGS, clock=ManualClock()), "simulated").create_collection("c", _SCHEMA)
    rows.create_index("v", "HNSW", metric="L2")
    for start in range(0, 1800, 300):
        rows.insert([{"id": row, "v": [row, 1, 2, 3], "key": row % 7} for row in range(start, start + 300)])
        rows.flush()
    return open_it


def _sizes(collection: Collection) -> list[int]:
    return [unit.entry.size_bytes for unit in collection.state.sealed]


@pytest.mark.parametrize(("segment_bytes", "count"), [(40_000, 3), (1 << 60, 1), (100, 6)])
def test_segments_become_as_few_as_hold_the_size(opened: Opened, segment_bytes: int, count: int) -> None:
    database, collection = opened()
    rows = database["c"]
    rows.compact()
    before = _sizes(collection)
    assert len(before) == 6
    assert all(_SETTINGS.segment_bytes_max / 2 < size < _SETTINGS.segment_bytes_max for size in before)
    rows.delete([0, 700, 1799])
    rows.compact(segment_bytes=segment_bytes)
    assert len(_sizes(collection)) == count
    assert all(size <= max(1.05 * segment_bytes, *before) for size in _sizes(collection))
    rows.compact()
    assert len(_sizes(collection)) == count, "what was merged on request stays"
    assert rows.wait_for_indexes()
    assert all(unit.entry.indexes for unit in collection.state.sealed)
    for found in (rows, opened()[0]["c"]):
        assert found.count() == 1797
        hits = found.search([[700, 1, 2, 3]], limit=2)[0]
        assert {hit["id"] for hit in hits} == {699, 701}


def test_a_size_that_makes_no_sense_is_refused(opened: Opened) -> None:
    database, collection = opened()
    with pytest.raises(InvalidInput, match="segment_bytes is 0, expected at least 1"):
        database["c"].compact(segment_bytes=0)
    with pytest.raises(InvalidInput, match=r"expected at least segment_bytes_max \(20000\)"):
        database["c"].compact(segment_bytes=19_999, by_clustering_key=True)
    assert len(_sizes(collection)) == 6


def test_ranges_of_the_clustering_key_may_be_larger(opened: Opened) -> None:
    database, collection = opened()
    database["c"].compact(segment_bytes=40_000, by_clustering_key=True)
    assert len(_sizes(collection)) == 3


def test_a_disk_that_fails_leaves_no_part_of_a_segment() -> None:
    filled = SimulatedDisk()
    service = service_on_disk(filled, _SETTINGS, clock=ManualClock())
    rows = Database(service, "simulated").create_collection("c", _SCHEMA)
    for start in (0, 20):
        rows.insert([{"id": row, "v": [row, 1, 2, 3], "key": row} for row in range(start, start + 20)])
        rows.flush()
    refused, attempt, is_reached = 0, 0, True
    while is_reached:
        disk = filled.after_power_loss(seed=attempt)
        rows = Database(service_on_disk(disk, _SETTINGS, clock=ManualClock()), "simulated")["c"]
        assert rows.count() == 40
        disk.failure_at = len(disk.steps) + attempt
        try:
            rows.compact(segment_bytes=1 << 40)
        except Unavailable:
            refused += 1
        is_reached = len(disk.steps) > disk.failure_at
        disk.failure_at = None
        with_data = {path.rpartition("/data/")[0] for path in disk.paths() if "/data/" in path}
        whole = {path.removesuffix("/segment.json") for path in disk.paths() if path.endswith("/segment.json")}
        assert with_data == whole, attempt
        assert rows.count() == 40
        attempt += 1
    assert refused > 15
