"""What a segment's files are: Arrow files that others can read, statistics, and checksums."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from elanus.columns.layout import FIELD_ID_KEY, TIMESTAMP_COLUMN, arrow_type
from elanus.errors import AlreadyExists, DataCorrupt
from elanus.kernels.checksum import blocks_crc32c
from elanus.objectstore.local import LocalStore
from elanus.objectstore.memory import MemoryStore
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.storage.segment.meta import BLOCK_BYTES, FieldStats
from elanus.storage.segment.reader import open_segment
from elanus.storage.segment.writer import META_NAME, TIMESTAMP_FIELD_ID, write_segment
from tests.simulation.disk import PowerLoss, SimulatedDisk
from tests.unit.columns.every_type import column
from tests.unit.storage.segment.segments import (
    FIELDS,
    PREFIX,
    ROWS,
    blocks_of,
    columns_of,
    values_of_segment,
    written,
    written_open,
)

_KEY = FIELDS[0]


def _stats(field: Field, values: list[Any]) -> FieldStats:
    field = field.with_id(150)
    columns = {
        "id": pa.array(range(len(values)), pa.int64()),
        field.name: pa.array(values, arrow_type(field)),
        TIMESTAMP_COLUMN: pa.array([5] * len(values), pa.uint64()),
    }
    return written_open(columns, (_KEY, field))[1].meta.stats["150"]


def test_scalars_share_a_file_and_every_vector_field_has_its_own() -> None:
    store, made, _ = written_open(columns_of())
    names = [info.key.removeprefix(f"{PREFIX}/") for info in store.list_objects(f"{PREFIX}/data")]
    vectors = [field for field in FIELDS if field.is_vector]
    assert names == ["data/scalars.arrow", *(f"data/vectors-{field.field_id}.arrow" for field in vectors)]
    ids = {file.name: file.field_ids for file in made.meta.files}
    assert ids["data/scalars.arrow"] == [*(item.field_id for item in FIELDS if not item.is_vector), TIMESTAMP_FIELD_ID]
    assert [ids[f"data/vectors-{field.field_id}.arrow"] for field in vectors] == [[item.field_id] for item in vectors]


@pytest.mark.parametrize("offset", [0, 5])
def test_other_tools_read_the_files(offset: int) -> None:
    store, _, _ = written_open(columns_of(offset=offset))
    values = values_of_segment()
    table = pa.ipc.open_file(pa.py_buffer(store.get(f"{PREFIX}/data/scalars.arrow"))).read_all()
    assert table.schema.metadata == {b"elanus.format": b"1"}
    assert table.column("id").to_pylist() == values["id"]
    assert table.column("f_varchar").to_pylist() == values["f_varchar"]
    assert table.column("f_array_int8").to_pylist() == values["f_array_int8"]
    assert table.schema.field("f_bool").metadata[FIELD_ID_KEY] == b"101"
    vectors = pa.ipc.open_file(pa.py_buffer(store.get(f"{PREFIX}/data/vectors-118.arrow"))).read_all()
    assert vectors.column("f_float_vector").to_pylist() == values["f_float_vector"]


def test_the_meta_tells_rows_times_and_sizes() -> None:
    store, made, _ = written_open(columns_of())
    meta = made.meta
    assert (meta.segment_id, meta.row_count, meta.format) == (42, ROWS, 1)
    assert (meta.min_timestamp, meta.max_timestamp) == (100, 100 + (ROWS - 1) // 3)
    assert meta.size_bytes() == sum(info.size_bytes for info in store.list_objects(f"{PREFIX}/data"))


def test_checksums_are_those_of_the_bytes() -> None:
    store, made, _ = written_open(columns_of())
    for file in made.meta.files:
        data = store.get(f"{PREFIX}/{file.name}")
        assert file.checksums.size_bytes == len(data)
        assert file.checksums.blocks().tolist() == blocks_crc32c(data, BLOCK_BYTES).tolist()


@pytest.mark.parametrize(
    ("data_type", "values", "expected"),
    [
        (DataType.INT8, [3, None, -5], FieldStats(1, -5, 3)),
        (DataType.INT64, [2**63 - 1, -(2**63)], FieldStats(0, -(2**63), 2**63 - 1)),
        (DataType.INT64, [2**53 + 1], FieldStats(0, 2**53 + 1, 2**53 + 1)),
        (DataType.FLOAT, [0.5, None], FieldStats(1, 0.5, 0.5)),
        (DataType.DOUBLE, [-1e-300, 1e300], FieldStats(0, -1e-300, 1e300)),
        (DataType.DOUBLE, [1.0, math.nan], FieldStats(0)),
        (DataType.DOUBLE, [math.nan, math.nan], FieldStats(0)),
        (DataType.DOUBLE, [1.0, math.inf], FieldStats(0)),
        (DataType.VARCHAR, ["b", None, "a", "é"], FieldStats(1, "a", "é")),
        (DataType.VARCHAR, ["", "z" * 256], FieldStats(0, "", "z" * 256)),
        (DataType.VARCHAR, ["", "z" * 257], FieldStats(0)),
        (DataType.VARCHAR, ["\uffff", "🙂"], FieldStats(0, "\uffff", "🙂")),
        (DataType.BOOL, [True, None], FieldStats(1)),
        (DataType.JSON, ["1", None, "2"], FieldStats(1)),
        (DataType.INT32, [None, None], FieldStats(2)),
    ],
)
def test_statistics_are_bounds_or_unknown(data_type: DataType, values: list[Any], expected: FieldStats) -> None:
    assert _stats(Field("x", data_type, nullable=True), values) == expected


def test_statistics_come_back_exactly() -> None:
    _, made, opened = written_open(columns_of())
    assert opened.meta == made.meta
    assert opened.meta.stats["105"] == made.meta.stats["105"]
    float_field = next(field for field in FIELDS if field.data_type is DataType.FLOAT)
    bounds = opened.meta.stats[str(float_field.field_id)]
    known = [value for value in values_of_segment()[float_field.name] if value is not None]
    assert (bounds.minimum, bounds.maximum) == (min(known), max(known))


def test_every_field_has_statistics() -> None:
    _, made, _ = written_open(columns_of())
    values = values_of_segment()
    assert set(made.meta.stats) == {str(field.field_id) for field in FIELDS}
    for field in FIELDS:
        assert made.meta.stats[str(field.field_id)].null_count == values[field.name].count(None)


@pytest.mark.parametrize("size", [1, 7, 8, 59])
def test_in_blocks_the_files_are_the_same(size: int) -> None:
    columns = columns_of(offset=3)
    whole, made, _ = written_open(columns)
    store = MemoryStore()
    in_blocks = write_segment(store, PREFIX, 42, FIELDS, blocks_of(columns, size=size), row_count=ROWS)
    assert in_blocks.meta_crc32c == made.meta_crc32c
    for file in made.meta.files:
        assert store.get(f"{PREFIX}/{file.name}") == whole.get(f"{PREFIX}/{file.name}")


def test_a_segment_is_written_once() -> None:
    store, _, _ = written_open(columns_of(3))
    with pytest.raises(AlreadyExists):
        written(store, columns_of(3))


def test_a_power_cut_leaves_no_segment_that_looks_whole_and_is_not() -> None:
    fields = (FIELDS[0], next(field for field in FIELDS if field.name == "f_float_vector"))
    values = values_of_segment(4)
    columns = {field.name: column(field, values[field.name]) for field in fields}
    columns[TIMESTAMP_COLUMN] = pa.array([1, 2, 3, 4], pa.uint64())

    def write(disk: SimulatedDisk) -> int:
        return written(LocalStore(disk), columns, fields).meta_crc32c

    reference = SimulatedDisk()
    checksum = write(reference)
    for step in range(len(reference.steps)):
        disk = SimulatedDisk()
        disk.power_loss_at = step
        with pytest.raises(PowerLoss):
            write(disk)
        store = LocalStore(disk.after_power_loss(step))
        try:
            segment = open_segment(store, PREFIX, checksum, fields)
        except DataCorrupt:
            continue
        segment.verify()
        assert segment.column("id").to_pylist() == values["id"]
    survived = open_segment(LocalStore(reference.after_power_loss(1)), PREFIX, checksum, fields)
    survived.verify()


def test_the_name_of_the_meta_file_is_the_format() -> None:
    store, _, _ = written_open(columns_of(2))
    assert META_NAME == "segment.json"
    assert [info.key for info in store.list_objects(PREFIX)] == [f"{PREFIX}/segment.json"]
    assert np.iinfo(np.int64).min < TIMESTAMP_FIELD_ID < 0
