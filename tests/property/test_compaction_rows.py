"""Segments rewritten a few rows at a time hold what plain Python makes of their live rows, in order of time."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from elanus.app.compose import service_on_disk
from elanus.columns.rows import python_values
from elanus.embedded.database import Database
from elanus.engine import compaction
from elanus.engine.state import SealedUnit
from elanus.runtime.clock import ManualClock
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.settings import Settings
from tests.simulation.disk import SimulatedDisk
from tests.unit.columns.every_type import FIELDS, sample_values

_ROW_COUNT = 45
_TYPES = {
    DataType.VARCHAR,
    DataType.BOOL,
    DataType.JSON,
    DataType.DOUBLE,
    DataType.ARRAY,
    DataType.TIMESTAMPTZ,
    DataType.FLOAT_VECTOR,
    DataType.BINARY_VECTOR,
    DataType.BFLOAT16_VECTOR,
    DataType.SPARSE_FLOAT_VECTOR,
}
_FIELDS = tuple(field for field in FIELDS if field.data_type in _TYPES)
_VALUES = {field.name: sample_values(field, _ROW_COUNT) for field in _FIELDS}
_SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True),
        Field("n", DataType.INT32, nullable=True, is_clustering_key=True),
        *_FIELDS,
    )
)
_SETTINGS = Settings(
    background_maintenance=False, search_thread_count=1, compaction_enabled=False, segment_bytes_max=4000
)

Row = tuple[Any, ...]


def _rows(unit: SealedUnit) -> list[tuple[int, Row]]:
    """Timestamp and values of every live row of a segment, in its order."""
    hidden = unit.deletes.hidden()
    dead = set() if hidden is None else set(hidden.rows().tolist())
    columns = [python_values(unit.segment.column(field.name), field) for field in unit.segment.fields]
    stamps = unit.segment.timestamps().tolist()
    return [(stamps[row], values) for row, values in enumerate(zip(*columns, strict=True)) if row not in dead]


@settings(max_examples=15)
@given(st.integers(1, 12), st.sets(st.integers(0, _ROW_COUNT - 1), max_size=30), st.booleans())
def test_a_merged_segment_has_the_live_rows_in_order_of_time(block_rows: int, dead: set[int], clustered: bool) -> None:
    service = service_on_disk(SimulatedDisk(), _SETTINGS, clock=ManualClock())
    handle = Database(service, "simulated").create_collection("c", _SCHEMA)
    numbers = np.random.default_rng(block_rows).integers(0, 50, _ROW_COUNT).tolist()
    for start in range(0, _ROW_COUNT, 15):
        for row in range(start, start + 15, 5):
            each = [
                {"id": one, "n": numbers[one], **{name: of_field[one] for name, of_field in _VALUES.items()}}
                for one in range(row, row + 5)
            ]
            handle.insert(each)
        handle.flush()
    collection = service.engine.collection("default", "c")
    rows_max, compaction._BLOCK_ROWS_MAX = compaction._BLOCK_ROWS_MAX, block_rows  # type: ignore[misc]
    try:
        if clustered:
            handle.compact(by_clustering_key=True)
        if dead:
            handle.delete(sorted(dead))
        sources = sorted(collection.state.sealed, key=lambda unit: unit.segment.meta.min_timestamp)
        expected = sorted((row for unit in sources for row in _rows(unit)), key=lambda row: row[0])
        assert len(expected) == _ROW_COUNT - len(dead)
        handle.compact(segment_bytes=1 << 30)
    finally:
        compaction._BLOCK_ROWS_MAX = rows_max  # type: ignore[misc]
    (merged,) = collection.state.sealed
    merged.segment.verify()
    assert repr(_rows(merged)) == repr(expected)
