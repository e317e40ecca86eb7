"""Compaction by the clustering key: the same rows in segments with ranges of it, which filters skip."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from elanus.app.compose import service_on_disk
from elanus.embedded.collection import Collection as Handle
from elanus.embedded.database import Database
from elanus.engine import compaction
from elanus.engine.clustering import clustering_key
from elanus.engine.collection import Collection
from elanus.errors import InvalidInput
from elanus.query.plan import plan_segments
from elanus.runtime.clock import ManualClock
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.settings import Settings
from tests.simulation.disk import SimulatedDisk

_ROW_COUNT = 2000
_SETTINGS = Settings(background_maintenance=False, search_thread_count=1, segment_bytes_max=30_000)


def _opened(disk: SimulatedDisk) -> tuple[Database, Collection]:
    service = service_on_disk(disk, _SETTINGS, clock=ManualClock())
    return Database(service, "simulated"), service.engine.collection("default", "c")


def _filled(disk: SimulatedDisk, key: Field) -> tuple[Handle, Callable[[], Collection]]:
    """Four segments whose keys all lie between the same bounds."""
    schema = Schema((Field("id", DataType.INT64, is_primary=True), Field("v", DataType.FLOAT_VECTOR, dim=2), key))
    service = service_on_disk(disk, _SETTINGS.with_changes(compaction_enabled=False), clock=ManualClock())
    handle = Database(service, "simulated").create_collection("c", schema)
    numbers = np.random.default_rng(3).permutation(_ROW_COUNT).tolist()
    as_key: Callable[[int], Any] = (lambda n: f"key {n:05}") if key.data_type is DataType.VARCHAR else (lambda n: n)
    for start in range(0, _ROW_COUNT, 500):
        handle.insert([{"id": row, "v": [row, 1], "key": as_key(numbers[row])} for row in range(start, start + 500)])
        handle.flush()
    return handle, lambda: service.engine.collection("default", "c")


def _ranges(collection: Collection) -> list[tuple[Any, Any]]:
    found = []
    for unit in collection.state.sealed:
        assert unit.stats is not None
        found.append((unit.stats.fields["key"].minimum, unit.stats.fields["key"].maximum))
    return sorted(found)


def _skipped(collection: Collection, text: str) -> list[str]:
    _, segments = plan_segments(
        collection.view(), filter_text=text, filter_params={}, partitions=(), ignore_growing=False
    )
    return [reason for _, reason in segments if reason]


@pytest.mark.parametrize("kind", [DataType.INT32, DataType.DOUBLE, DataType.VARCHAR])
def test_segments_get_ranges_of_the_key_and_filters_skip_them(kind: DataType) -> None:
    disk = SimulatedDisk()
    handle, collection = _filled(disk, Field("key", kind, is_clustering_key=True))
    text = "key in ['key 00100', 'key 00101']" if kind is DataType.VARCHAR else "100 <= key < 102"
    before, found = handle.query("id >= 0", output_fields=["*"]).to_list(), handle.query(text).to_list()
    assert len(found) == 2
    assert _skipped(collection(), text) == []
    handle.compact(by_clustering_key=True)
    ranges = _ranges(collection())
    assert len(ranges) >= 3
    assert all(left[1] < right[0] for left, right in pairwise(ranges))
    assert _skipped(collection(), text) == ["by its bounds no row can match"] * (len(ranges) - 1)
    assert f"{len(ranges) - 1} skipped" in str(handle.explain(text))
    assert sorted(handle.query(text).to_list(), key=str) == sorted(found, key=str)
    reopened, again = _opened(disk.after_power_loss(seed=1))
    rows = reopened["c"].query("id >= 0", output_fields=["*"]).to_list()
    assert sorted(rows, key=lambda row: row["id"]) == before
    assert _ranges(again) == ranges


def test_deletes_that_come_meanwhile_reach_the_right_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SimulatedDisk()
    handle, collection = _filled(disk, Field("key", DataType.INT64, is_clustering_key=True))
    handle.delete(list(range(0, _ROW_COUNT, 7)))
    write, deleted = compaction._write, [set(range(0, _ROW_COUNT, 7))]

    def write_and_delete(*arguments: Any) -> Any:
        written = write(*arguments)
        keys = set(range(len(deleted), _ROW_COUNT, 31))
        handle.delete(sorted(keys))
        deleted.append(keys)
        return written

    monkeypatch.setattr(compaction, "_write", write_and_delete)
    handle.compact(by_clustering_key=True)
    monkeypatch.undo()
    assert len(collection().state.sealed) == len(deleted) - 1 >= 2
    left = set(range(_ROW_COUNT)) - set.union(*deleted)
    for database in (None, _opened(disk.after_power_loss(seed=1))[0]):
        current = handle if database is None else database["c"]
        assert {row["id"] for row in current.query("id >= 0", output_fields=["id"]).to_list()} == left
        assert current.count() == len(left)


def test_the_partition_key_can_be_the_clustering_key() -> None:
    settings = Settings(clustering_by_partition_key=True)
    ids, own = Field("id", DataType.INT64, is_primary=True), Field("own", DataType.INT64, is_clustering_key=True)
    tenant, vector = Field("tenant", DataType.INT64, is_partition_key=True), Field("v", DataType.FLOAT_VECTOR, dim=2)
    assert clustering_key(Schema((ids, tenant, vector)), settings) == tenant
    assert clustering_key(Schema((ids, tenant, own, vector)), settings) == own
    assert clustering_key(Schema((ids, tenant, vector)), Settings()) is None
    assert clustering_key(Schema((ids, vector)), settings) is None


def test_a_partition_key_can_be_required() -> None:
    settings = _SETTINGS.with_changes(partition_key_required=True)
    database = Database(service_on_disk(SimulatedDisk(), settings, clock=ManualClock()), "simulated")
    ids, tenant = Field("id", DataType.INT64, is_primary=True), Field("t", DataType.INT64, is_partition_key=True)
    vector = Field("v", DataType.FLOAT_VECTOR, dim=2)
    with pytest.raises(InvalidInput, match="a partition key is required"):
        database.create_collection("c", Schema((ids, vector)))
    database.create_collection("c", Schema((ids, tenant, vector)))
    assert database["c"].count() == 0


def test_without_such_a_key_it_is_refused() -> None:
    handle, collection = _filled(SimulatedDisk(), Field("key", DataType.INT64))
    with pytest.raises(InvalidInput, match="'c' has no clustering key"):
        handle.compact(by_clustering_key=True)
    assert len(collection().state.sealed) == 4
