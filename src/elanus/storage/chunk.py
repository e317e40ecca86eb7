"""Rows that were written since the last flush.

A chunk is an immutable run of rows in memory with its deletes; a growing segment is a tuple of chunks. Adding rows
makes a new tuple, in which neighbours of similar size are merged, so that readers hold plain values and never a lock,
and n rows written one by one cost n log n copies and lie in about log n chunks.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.json_texts import columns_of_texts
from elanus.columns.json_values import JsonValues, ValuePath
from elanus.columns.layout import TIMESTAMP_COLUMN
from elanus.columns.numbers import are_numbers, number_array, number_values
from elanus.columns.taking import take_rows
from elanus.storage.deletes import DeleteSet
from elanus.storage.keys import KeyIndex

__all__ = ["Chunk", "ChunkRows", "GrowingSegment"]

# Chunks of this size are left alone: to read so many bytes costs a search far more than to look at one chunk more, and
# what a client sends in one request is often as large and then never copied.
_MERGE_BYTES_MAX: Final = 2 << 20

# Values inside documents are kept for the next filter up to so many, at nine bytes and the length of strings each.
_KEPT_JSON_VALUES_MAX: Final = 1 << 20


class ChunkRows:
    """The rows of a chunk, a `ColumnSource`; timestamps ascend. The key index is made at first use."""

    __slots__ = ("_columns", "_json", "_key_index", "_lock", "_numbers", "_primary", "batch", "size_bytes")

    def __init__(self, batch: pa.RecordBatch, primary_field: str) -> None:
        self.batch: Final = batch
        self.size_bytes: Final = int(batch.nbytes)
        self._primary: Final = primary_field
        self._lock: Final = threading.Lock()
        self._key_index: KeyIndex | None = None
        # Made once, because asking the batch costs more than small filters do.
        self._columns: Final[dict[str, pa.Array]] = {}
        self._numbers: Final[dict[str, npt.NDArray[Any]]] = {}
        self._json: Final[dict[tuple[str, ValuePath], JsonValues]] = {}

    @property
    def row_count(self) -> int:
        return int(self.batch.num_rows)

    def column(self, name: str) -> pa.Array:
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = self.batch.column(name)
        return found

    def strings(self, name: str) -> pa.Array:
        """A column of strings, plain."""
        return self.column(name)

    def json_values(self, name: str, path: ValuePath) -> JsonValues | None:
        """The values at a path of a JSON field, read from the texts once; None when there is no room to keep them."""
        found = self._json.get((name, path))
        if found is None and self.row_count * (len(self._json) + 1) <= _KEPT_JSON_VALUES_MAX:
            found = columns_of_texts(self.column(name), [path])[path]
            with self._lock:
                found = self._json.setdefault((name, path), found)
        return found

    def numbers(self, name: str) -> npt.NDArray[Any] | None:
        """A column of integers or floats (a view); None of another type, or with nulls."""
        found = self._numbers.get(name)
        if found is None and are_numbers(column := self.column(name)):
            found = self._numbers[name] = number_values(column)
        return found

    def take(self, name: str, rows: npt.NDArray[np.int64]) -> pa.Array:
        """The values of some rows, in the order given (a copy)."""
        return take_rows(self.column(name), rows)

    def timestamps(self) -> npt.NDArray[np.uint64]:
        """Every row's timestamp, ascending (a view)."""
        return number_values(self.batch.column(TIMESTAMP_COLUMN))

    def key_index(self) -> KeyIndex:
        with self._lock:
            if self._key_index is None:
                self._key_index = KeyIndex(self.batch.column(self._primary))
            return self._key_index


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows and which of them are deleted."""

    rows: ChunkRows
    deletes: DeleteSet


@dataclass(frozen=True, slots=True)
class GrowingSegment:
    """The unflushed rows of one partition, in order of their timestamps."""

    partition_id: int
    primary_field: str
    chunks: tuple[Chunk, ...] = ()
    row_count: int = 0
    size_bytes: int = 0

    def with_rows(self, rows: pa.RecordBatch, timestamp: int) -> "GrowingSegment":
        """The segment with a batch added at one timestamp. The batch's memory is shared and must not change."""
        stamps = number_array(np.full(rows.num_rows, timestamp, np.uint64))
        batch = rows.append_column(TIMESTAMP_COLUMN, stamps)
        added = Chunk(ChunkRows(batch, self.primary_field), DeleteSet(rows.num_rows))
        return self.with_chunks(_merged([*self.chunks, added], self.primary_field))

    def with_chunks(self, chunks: Sequence[Chunk]) -> "GrowingSegment":
        """The segment with other chunks."""
        return GrowingSegment(
            self.partition_id,
            self.primary_field,
            tuple(chunks),
            row_count=sum(chunk.rows.row_count for chunk in chunks),
            size_bytes=sum(chunk.rows.size_bytes for chunk in chunks),
        )

    def blocks(self, name: str) -> list[pa.Array]:
        """One column of all rows, in order of their timestamps, in one block or more."""
        return [chunk.rows.column(name) for chunk in self.chunks]

    def deletes(self) -> DeleteSet:
        """The deletes of all chunks, over all rows."""
        return DeleteSet.concatenate([chunk.deletes for chunk in self.chunks])


def _merged(chunks: list[Chunk], primary_field: str) -> list[Chunk]:
    """Merges the newest chunks while the one before is not much larger, in one copy."""
    first = len(chunks) - 1
    total = chunks[first].rows.size_bytes
    while first and chunks[first - 1].rows.size_bytes <= min(2 * total, _MERGE_BYTES_MAX) and total < _MERGE_BYTES_MAX:
        first -= 1
        total += chunks[first].rows.size_bytes
    if first == len(chunks) - 1:
        return chunks
    tail = chunks[first:]
    batch = _concatenate([chunk.rows.batch for chunk in tail])
    deletes = DeleteSet.concatenate([chunk.deletes for chunk in tail])
    return [*chunks[:first], Chunk(ChunkRows(batch, primary_field), deletes)]


def _concatenate(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    columns: list[Any] = [
        pa.concat_arrays([batch.column(index) for batch in batches]) for index in range(batches[0].num_columns)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batches[0].schema)
