"""Writes a sealed segment: one Arrow file for the scalar fields, one for each vector field, and `segment.json`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.layout import TIMESTAMP_COLUMN, arrow_field
from elanus.kernels.checksum import blocks_crc32c, crc32c
from elanus.objectstore.store import ObjectStore
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.storage.arrow_parts import file_parts
from elanus.storage.segment.coded_strings import code_strings
from elanus.storage.segment.meta import (
    BLOCK_BYTES,
    CodedField,
    ColumnFile,
    FieldStats,
    FileChecksums,
    SegmentMeta,
    ShreddedFiles,
    SideFile,
)
from elanus.storage.segment.shredding import ShreddingRules, shred

__all__ = ["META_NAME", "TIMESTAMP_FIELD_ID", "WrittenSegment", "file_checksums", "write_segment"]

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
    column: Callable[[str], pa.Array],
    *,
    shredding: ShreddingRules | None = None,
) -> WrittenSegment:
    """Writes the columns of `fields` and the timestamps durably below `prefix`.

    `column` gives a column by field name (and `TIMESTAMP_COLUMN`, ascending) and is asked once for each, one file's
    columns at a time, so that a large segment need not be in memory whole. With `shredding`, JSON columns are taken
    apart too. Returns only after everything is synced; nothing refers to the segment until a manifest commit does.
    """
    files = []
    stats = {}
    shredded: list[ShreddedFiles] = []
    coded: list[CodedField] = []
    stamps = column(TIMESTAMP_COLUMN)
    scalars = [field for field in fields if not field.is_vector]
    columns: dict[str, Sequence[Field]] = {_SCALAR_FILE: scalars}
    columns.update({f"data/vectors-{field.field_id}.arrow": [field] for field in fields if field.is_vector})
    for name, members in columns.items():
        schema = pa.schema([arrow_field(field) for field in members], metadata={_ARROW_FORMAT_KEY: b"1"})
        arrays = [column(field.name) for field in members]
        stats.update({str(field.field_id): _stats(field, array) for field, array in zip(members, arrays, strict=True)})
        ids = [field.field_id for field in members]
        if name == _SCALAR_FILE:
            schema = schema.append(pa.field(TIMESTAMP_COLUMN, pa.uint64(), nullable=False))
            arrays.append(stamps)
            ids.append(TIMESTAMP_FIELD_ID)
        key = f"{prefix}/{name}"
        store.put(key, file_parts(schema, arrays))
        for field, array in zip(members, arrays, strict=False):
            if field.data_type is DataType.VARCHAR:
                coded += _write_coded(store, prefix, field, array)
        if shredding is not None:
            shredded += [
                _write_shredded(store, prefix, field, array, shredding)
                for field, array in zip(members, arrays, strict=False)
                if field.data_type is DataType.JSON
            ]
        del arrays
        files.append(ColumnFile(name, ids, file_checksums(store.map(key))))
    meta = SegmentMeta(
        segment_id=segment_id,
        row_count=len(stamps),
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


def file_checksums(data: memoryview) -> FileChecksums:
    """The checksums of a file's bytes."""
    return FileChecksums.of(data.nbytes, blocks_crc32c(data, BLOCK_BYTES))


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
    key = f"{prefix}/{name}"
    store.put(key, parts)
    return SideFile(name, file_checksums(store.map(key)))


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
