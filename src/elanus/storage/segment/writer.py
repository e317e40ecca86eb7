"""Writes a sealed segment: one Arrow file for the scalar fields, one for each vector field, and `segment.json`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.layout import TIMESTAMP_COLUMN, arrow_field
from elanus.kernels.checksum import crc32c
from elanus.objectstore.store import ObjectStore
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.storage.segment.arrow_file import BlockColumn, arrow_file_parts
from elanus.storage.segment.block_checksums import BlockChecksums
from elanus.storage.segment.coded_strings import code_strings
from elanus.storage.segment.meta import (
    CodedField,
    ColumnFile,
    FieldStats,
    FileChecksums,
    SegmentMeta,
    ShreddedFiles,
    SideFile,
)
from elanus.storage.segment.shredding import ShreddingRules, shred

__all__ = ["META_NAME", "TIMESTAMP_FIELD_ID", "WrittenSegment", "write_segment"]

META_NAME: Final = "segment.json"
TIMESTAMP_FIELD_ID: Final = -1

_SCALAR_FILE: Final = "data/scalars.arrow"
_ARROW_FORMAT_KEY: Final = b"elanus.format"
_STRING_STAT_BYTES_MAX: Final = 256
_WITHOUT_BOUNDS: Final = {DataType.JSON, DataType.ARRAY, DataType.BOOL, DataType.GEOMETRY}


class WrittenSegment:
    """A segment on disk that the manifest does not name yet."""

    def __init__(self, meta: SegmentMeta, meta_crc32c: int) -> None:
        self.meta: Final = meta
        self.meta_crc32c: Final = meta_crc32c


def write_segment(
    store: ObjectStore,
    prefix: str,
    segment_id: int,
    fields: Sequence[Field],
    blocks: Callable[[str], Iterable[pa.Array]],
    *,
    row_count: int,
    shredding: ShreddingRules | None = None,
) -> WrittenSegment:
    """Writes the columns of `fields` and the timestamps durably below `prefix`.

    `blocks` gives a column by field name (and `TIMESTAMP_COLUMN`, ascending) as blocks of rows in order, `row_count` in
    all. It is asked several times for each column, and one block at a time is in memory. With `shredding`, JSON columns
    are taken apart too. Returns only after everything is synced; nothing refers to the segment until a manifest commit
    does.

    Raises:
        InvalidInput: the strings or lists of a column are more than one segment holds.
    """
    stats = {}
    shredded: list[ShreddedFiles] = []
    coded: list[CodedField] = []
    scalars = _write_columns(store, prefix, _SCALAR_FILE, [item for item in fields if not item.is_vector], blocks,
                             row_count=row_count, with_timestamps=True)  # fmt: skip
    files = [scalars]
    for field in fields:
        if field.is_vector:
            name = f"data/vectors-{field.field_id}.arrow"
            files.append(_write_columns(store, prefix, name, [field], blocks, row_count=row_count))
    by_id = {field.field_id: field for field in fields}
    for file in files:
        # What is found out about the values is found in the mapped file, which is no memory of the process.
        batch = _mapped_batch(store, f"{prefix}/{file.name}")
        for field_id, array in zip(file.field_ids, batch.columns, strict=True):
            if field_id == TIMESTAMP_FIELD_ID:
                continue
            field = by_id[field_id]
            stats[str(field_id)] = _stats(field, array)
            if field.data_type is DataType.VARCHAR:
                coded += _write_coded(store, prefix, field, array)
            if field.data_type is DataType.JSON and shredding is not None:
                shredded.append(_write_shredded(store, prefix, field, array, shredding))
    stamps = _mapped_batch(store, f"{prefix}/{_SCALAR_FILE}").column(TIMESTAMP_COLUMN)
    meta = SegmentMeta(
        segment_id=segment_id,
        row_count=row_count,
        min_timestamp=stamps[0].as_py(),
        max_timestamp=stamps[-1].as_py(),
        files=files,
        stats=stats,
        shredded=shredded,
        coded=coded,
    )
    encoded = meta.encode()
    store.put(f"{prefix}/{META_NAME}", [encoded])
    return WrittenSegment(meta, crc32c(encoded))


def _write_columns(
    store: ObjectStore,
    prefix: str,
    name: str,
    fields: Sequence[Field],
    blocks: Callable[[str], Iterable[pa.Array]],
    *,
    row_count: int,
    with_timestamps: bool = False,
) -> ColumnFile:
    columns = [BlockColumn(arrow_field(field), partial(blocks, field.name), field.nullable) for field in fields]
    ids = [field.field_id for field in fields]
    if with_timestamps:
        stamps = pa.field(TIMESTAMP_COLUMN, pa.uint64(), nullable=False)
        columns.append(BlockColumn(stamps, partial(blocks, TIMESTAMP_COLUMN), has_nulls=False))
        ids.append(TIMESTAMP_FIELD_ID)
    schema = pa.schema([column.field for column in columns], metadata={_ARROW_FORMAT_KEY: b"1"})
    return ColumnFile(name, ids, _put(store, f"{prefix}/{name}", arrow_file_parts(schema, columns, row_count)))


def _mapped_batch(store: ObjectStore, key: str) -> pa.RecordBatch:
    return pa.ipc.open_file(pa.py_buffer(store.map(key))).get_batch(0)


def _write_shredded(
    store: ObjectStore, prefix: str, field: Field, column: pa.Array, rules: ShreddingRules
) -> ShreddedFiles:
    files: list[SideFile] = []

    def put(parts: list[memoryview]) -> None:
        name = f"data/json-{field.field_id}-{len(files)}.bin"
        files.append(_write_side_file(store, prefix, name, parts))

    directory = shred(column, rules, put)
    encoded = replace(directory, files=[file.name for file in files]).encode()
    name = f"data/json-{field.field_id}.json"
    return ShreddedFiles(field.field_id, _write_side_file(store, prefix, name, [memoryview(encoded)]), files)


def _write_coded(store: ObjectStore, prefix: str, field: Field, column: pa.Array) -> list[CodedField]:
    found = code_strings(column)
    if found is None:
        return []
    places, parts = found
    return [
        CodedField(field.field_id, _write_side_file(store, prefix, f"data/codes-{field.field_id}.bin", parts), places)
    ]


def _write_side_file(store: ObjectStore, prefix: str, name: str, parts: list[memoryview]) -> SideFile:
    return SideFile(name, _put(store, f"{prefix}/{name}", parts))


def _put(store: ObjectStore, key: str, parts: Iterable[memoryview]) -> FileChecksums:
    """Stores an object whose parts are made while they are written, and gives the checksums of what was written."""
    checked = BlockChecksums(parts)
    store.put(key, checked)
    return checked.checksums()


def _stats(field: Field, column: pa.Array) -> FieldStats:
    if field.is_vector or field.data_type in _WITHOUT_BOUNDS or column.null_count == len(column):
        return FieldStats(column.null_count)
    bounds: Mapping[str, Any] = pc.min_max(column).as_py()
    low, high = bounds["min"], bounds["max"]
    if isinstance(low, str) and max(len(low.encode()), len(high.encode())) > _STRING_STAT_BYTES_MAX:
        return FieldStats(column.null_count)
    if isinstance(low, float) and not pc.all(pc.is_finite(column)).as_py():
        return FieldStats(column.null_count)
    return FieldStats(column.null_count, low, high)
