"""Power is cut at every operation on the disk while segments are divided by the clustering key, or merged to a size."""

import contextlib
from typing import Any

import pytest

from elanus.app.compose import service_on_disk
from elanus.embedded.database import Database
from elanus.runtime.clock import ManualClock
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.settings import Settings
from tests.simulation.disk import PowerLoss, SimulatedDisk

pytestmark = pytest.mark.crash

_SETTINGS = Settings(
    background_maintenance=False,
    checkpoint_commit_count=3,
    compaction_enabled=False,
    index_rows_min=4,
    search_thread_count=1,
    segment_bytes_max=5000,
)
_SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True),
        Field("v", DataType.FLOAT_VECTOR, dim=4),
        Field("n", DataType.INT32, nullable=True, is_clustering_key=True),
    )
)


def _opened(disk: SimulatedDisk) -> Database:
    return Database(service_on_disk(disk, _SETTINGS, clock=ManualClock()), "simulated")


def _filled() -> tuple[SimulatedDisk, dict[int, int | None]]:
    """Three segments, with rows deleted in files and in the log only."""
    disk = SimulatedDisk()
    rows = _opened(disk).create_collection("c", _SCHEMA)
    rows.create_index("n", "STL_SORT")
    kept: dict[int, int | None] = {}
    for start in (0, 60, 120):
        numbers = {key: None if key % 11 == 0 else key * 37 % 180 for key in range(start, start + 60)}
        rows.insert([{"id": key, "v": [key, 1, 0, 0], "n": number} for key, number in numbers.items()])
        rows.flush()
        kept.update(numbers)
        rows.delete([start, start + 1])
    for key in (0, 1, 60, 61, 120, 121):
        del kept[key]
    return disk, kept


@pytest.mark.parametrize("asked", [{"by_clustering_key": True}, {"segment_bytes": 1 << 40}])
def test_a_power_cut_at_any_operation_loses_and_doubles_no_row(asked: dict[str, Any]) -> None:
    filled, kept = _filled()
    left = {key: number for key, number in kept.items() if key not in {3, 63}}
    attempt, segments = 0, set()
    while True:
        disk = filled.after_power_loss(seed=attempt)
        database = _opened(disk)
        first = len(disk.steps)
        disk.power_loss_at = first + attempt
        allowed = [kept, left]
        with contextlib.suppress(PowerLoss):
            database["c"].compact(**asked)
            database["c"].delete([3, 63])
            allowed = [left]
            database["c"].flush()
        is_cut = len(disk.steps) > first + attempt
        revived = _opened(disk.after_power_loss(seed=attempt))
        state = revived.service.engine.collection("default", "c").state  # type: ignore[attr-defined]
        segments.add(tuple(unit.entry.segment_id for unit in state.sealed))
        found = {row["id"]: row["n"] for row in revived["c"].query("id >= 0", output_fields=["n"]).to_list()}
        assert found in allowed, attempt
        low = revived["c"].count("n < 60")
        assert low == sum(number is not None and number < 60 for number in found.values())
        if not is_cut:
            break
        attempt += 1
    assert attempt > 20
    assert len(segments) == 2, "the segments before and those after, never some of both"
