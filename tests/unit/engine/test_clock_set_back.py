"""A clock that is set back between two openings gives no id a second time and takes no write back."""

from collections.abc import Callable

import pytest

from elanus.app.compose import service_on_disk
from elanus.embedded.database import Database
from elanus.runtime.clock import ManualClock
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.service.requests.collections import ListPartitions
from elanus.settings import Settings
from tests.simulation.disk import SimulatedDisk

SETTINGS = Settings(background_maintenance=False, search_thread_count=1, index_rows_min=1, cluster_id=5)
SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True, auto_id=True),
        Field("a", DataType.FLOAT_VECTOR, dim=2),
        Field("b", DataType.FLOAT_VECTOR, dim=2),
    )
)
ROW = {"a": [1, 0], "b": [0, 1]}


def opened(disk: SimulatedDisk, start_ms: int) -> Database:
    return Database(service_on_disk(disk, SETTINGS, clock=ManualClock(start_ms)), "simulated")


@pytest.mark.parametrize("later_ms", [0, -3_600_000])
def test_no_id_is_given_twice(later_ms: int) -> None:
    """Databases, collections, partitions, indexes, segments, delete files and rows, over several openings."""
    disk = SimulatedDisk()
    rows: list[int] = []
    seen: list[set[int]] = []
    for number in range(4):
        with opened(disk, 1_700_000_000_000 + number * later_ms) as database:
            database.create_database(f"d{number}")
            docs = database.create_collection(f"c{number}", SCHEMA)
            docs.insert([ROW])
            first = database["c0"]
            first.create_partition(f"p{number}")
            first.create_index(("a", "b", "a", "b")[number], "FLAT", name=f"i{number}")
            rows += first.insert([ROW] * 3)
            first.flush()
            first.delete(rows[-1:])
            first.flush()
            first.create_partition(f"q{number}")
            if number == 1:
                first.drop_index("i0")
                first.drop_index("i1")
            partitions = database.service.execute(ListPartitions("c0"))
            ids = [*(item.partition_id for item in partitions), *(item.definition.index_id for item in first.indexes())]
            ids += [database[name].describe().collection_id for name in database.list_collections()]
            assert len(set(ids)) == len(ids)
            seen.append(set(ids))
            assert len(set(rows)) == len(rows)
            assert len(first) == len(rows) - number
            if number:
                assert docs.count() == 1


def test_a_later_write_is_later(disk_of_two: Callable[[int], Database]) -> None:
    """A delete after the clock went back still deletes, an upsert still replaces."""
    with disk_of_two(1_700_000_000_000) as database:
        docs = database.create_collection("c", dimension=2)
        docs.insert([{"id": key, "vector": [1, 0], "version": 1} for key in range(3)])
        docs.flush()
    with disk_of_two(1_600_000_000_000) as database:
        database["c"].upsert([{"id": 0, "vector": [1, 0], "version": 2}])
        assert database["c"].delete([1]) == 1
        found = database["c"].query("id >= 0", output_fields=["version"]).to_list()
        assert found == [{"id": 0, "version": 2}, {"id": 2, "version": 1}]


@pytest.fixture
def disk_of_two() -> Callable[[int], Database]:
    disk = SimulatedDisk()
    return lambda start_ms: opened(disk, start_ms)
