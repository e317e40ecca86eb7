"""Segments with a column of every data type, for the tests of segment files."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from elanus.columns.layout import TIMESTAMP_COLUMN
from elanus.objectstore.memory import MemoryStore
from elanus.objectstore.store import ObjectStore
from elanus.schema.field import Field
from elanus.storage.segment.reader import SealedSegment, open_segment
from elanus.storage.segment.writer import WrittenSegment, write_segment
from tests.unit.columns.every_type import SCHEMA, column, sample_values

__all__ = [
    "FIELDS",
    "PREFIX",
    "ROWS",
    "blocks_of",
    "columns_of",
    "replaced",
    "values_of_segment",
    "written",
    "written_open",
]

PREFIX: Final = "c/1/segments/42"
ROWS: Final = 60
FIELDS: Final = SCHEMA.fields


def values_of_segment(row_count: int = ROWS) -> dict[str, list[Any]]:
    """The values of every field, by name; keys descend, so that their order is not the rows'."""
    values = {field.name: sample_values(field, row_count) for field in FIELDS[1:]}
    return {"id": [10 * (row_count - row) for row in range(row_count)], **values}


def columns_of(row_count: int = ROWS, *, offset: int = 0) -> dict[str, pa.Array]:
    """The columns of a segment with timestamps, slices of longer ones if `offset`."""
    values = values_of_segment(row_count)
    columns = {field.name: column(field, values[field.name], offset=offset) for field in FIELDS[1:]}
    columns["id"] = pa.array([*[7] * offset, *values["id"], 7], pa.int64()).slice(offset, row_count)
    stamps = pa.array(np.arange(offset + row_count, dtype=np.uint64) // 3 + 100)
    columns[TIMESTAMP_COLUMN] = stamps.slice(offset)
    return columns


def blocks_of(columns: Mapping[str, pa.Array], *, size: int | None = None) -> Callable[[str], list[pa.Array]]:
    """The columns as blocks of `size` rows, or whole."""

    def blocks(name: str) -> list[pa.Array]:
        column = columns[name]
        step = size or max(len(column), 1)
        return [column.slice(start, step) for start in range(0, len(column), step)]

    return blocks


def written(store: ObjectStore, columns: dict[str, pa.Array], fields: Sequence[Field] = FIELDS) -> WrittenSegment:
    """A segment of these columns below `PREFIX`."""
    return write_segment(store, PREFIX, 42, fields, blocks_of(columns), row_count=len(columns["id"]))


def written_open(
    columns: dict[str, pa.Array], fields: Sequence[Field] = FIELDS
) -> tuple[MemoryStore, WrittenSegment, SealedSegment]:
    """A segment in memory, and opened."""
    store = MemoryStore()
    made = written(store, columns, fields)
    return store, made, open_segment(store, PREFIX, made.meta_crc32c, fields)


def replaced(store: MemoryStore, key: str, data: bytes) -> MemoryStore:
    """A copy of a store with one object changed."""
    copy = MemoryStore()
    for folder in (PREFIX, f"{PREFIX}/data"):
        for info in store.list_objects(folder):
            copy.put(info.key, [data if info.key == key else store.get(info.key)])
    return copy
