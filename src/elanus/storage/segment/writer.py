"""Writes a sealed segment: one Arrow file for the scalar fields, one for each vector field, and `segment.json`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.layout import TIMESTAMP_COLUMN, arrow_field
from elanus.kernels.checksum import blocks_crc32c, crc32c
from elanus.objectstore.store import ObjectStore
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.storage.segment.meta import BLOCK_BYTES, ColumnFile, FieldStats, FileChecksums, SegmentMeta

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
) -> WrittenSegment:
    """Writes the columns of `fields` and the timestamps durably below `prefix`.

    `column` gives a column by field name (and `TIMESTAMP_COLUMN`, ascending) and is asked once for each, one file's
    columns at a time, so that a large segment need not be in memory whole. Returns only after everything is synced;
    nothing refers to the segment until a manifest commit does.
    """
    files = []
    stats = {}
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
        store.put(key, _arrow_file(schema, arrays))
        del arrays
        files.append(ColumnFile(name, ids, file_checksums(store.map(key))))
    meta = SegmentMeta(
        segment_id=segment_id,
        row_count=len(stamps),
        min_timestamp=stamps[0].as_py(),
        max_timestamp=stamps[-1].as_py(),
        files=files,
        stats=stats,
    )
    encoded = meta.encode()
    store.put(f"{prefix}/{META_NAME}", [encoded])
    return WrittenSegment(meta, crc32c(encoded))


def file_checksums(data: memoryview) -> FileChecksums:
    """The checksums of a file's bytes."""
    return FileChecksums.of(data.nbytes, blocks_crc32c(data, BLOCK_BYTES))


class _PartSink:
    """A file object that keeps what is written to it, large buffers without copying them."""

    closed = False

    def __init__(self) -> None:
        self.parts: list[memoryview] = []

    def write(self, data: Any) -> int:
        part = memoryview(data)
        self.parts.append(part)
        return part.nbytes

    def flush(self) -> None:
        return

    def close(self) -> None:
        return

    def tell(self) -> int:
        return sum(part.nbytes for part in self.parts)


def _arrow_file(schema: pa.Schema, arrays: Sequence[pa.Array]) -> list[memoryview]:
    sink = _PartSink()
    with pa.ipc.new_file(pa.PythonFile(sink, mode="w"), schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(list(arrays), schema=schema))
    return sink.parts


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
