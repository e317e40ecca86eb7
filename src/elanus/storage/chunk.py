"""Rows that were written since the last flush.

A chunk is an immutable run of rows in memory with its deletes; a growing segment is a tuple of chunks. Adding rows
makes a new tuple, in which neighbours of similar size are merged, so that readers hold plain values and never a lock,
and n rows written one by one cost n log n copies and lie in about log n chunks. Whoever indexes chunks settles them
first: they stay as they are until one chunk with the index takes their place.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.json_texts import columns_of_texts
from elanus.columns.json_values import JsonValues, ValuePath
from elanus.columns.layout import TIMESTAMP_COLUMN
from elanus.columns.numbers import full_numbers, number_array, number_values
from elanus.columns.taking import take_rows
from elanus.storage.deletes import DeleteSet
from elanus.storage.keys import KeyIndex

__all__ = ["Chunk", "ChunkIndex", "ChunkRows", "GrowingSegment"]

# Chunks of this size are left alone: to read so many bytes costs a search far more than to look at one chunk more, and
# what a client sends in one request is often as large and then never copied.
_MERGE_BYTES_MAX: Final = 2 << 20

# Values inside documents are kept for the next filter up to so many, at nine bytes and the length of strings each.
_KEPT_JSON_VALUES_MAX: Final = 1 << 20


class ChunkRows:
    """The rows of a chunk, a `ColumnSource`; timestamps ascend. The key index is made at first use."""

    __slots__ = ("_columns", "_json", "_key_index", "_lock", "_numbers", "batch", "primary_field", "size_bytes")

    def __init__(self, batch: pa.RecordBatch, primary_field: str) -> None:
        self.batch: Final = batch
        self.size_bytes: Final = int(batch.nbytes)
        self.primary_field: Final = primary_field
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
        if found is None:
            found = full_numbers(self.column(name))
            if found is not None:
                self._numbers[name] = found
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
                self._key_index = KeyIndex(self.batch.column(self.primary_field))
            return self._key_index

    @classmethod
    def joined(cls, parts: Sequence["ChunkRows"]) -> "ChunkRows":
        """All rows of the parts, of which there is at least one, end to end; a copy, but for a single part."""
        if len(parts) == 1:
            return parts[0]
        return cls(_concatenate([part.batch for part in parts]), parts[0].primary_field)


class ChunkIndex(Protocol):
    """What somebody keeps beside the rows of a chunk to search them by."""

    @property
    def memory_bytes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows and which of them are deleted.

    Attributes:
        is_settled: newer rows are not merged into it.
        index: over these very rows; None when there is none.
    """

    rows: ChunkRows
    deletes: DeleteSet
    is_settled: bool = False
    index: ChunkIndex | None = None

    @property
    def size_bytes(self) -> int:
        """Of the rows and of what is kept beside them."""
        return self.rows.size_bytes + (0 if self.index is None else self.index.memory_bytes)


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
        return self.with_chunks(_merged([*self.chunks, added]))

    def with_chunks(self, chunks: Sequence[Chunk]) -> "GrowingSegment":
        """The segment with other chunks."""
        return GrowingSegment(
            self.partition_id,
            self.primary_field,
            tuple(chunks),
            row_count=sum(chunk.rows.row_count for chunk in chunks),
            size_bytes=sum(chunk.size_bytes for chunk in chunks),
        )

    def settled(self, start: int, stop: int) -> "GrowingSegment":
        """The segment whose chunks `start` to `stop` (exclusive) are settled."""
        chunks = [
            replace(chunk, is_settled=True) if start <= place < stop else chunk
            for place, chunk in enumerate(self.chunks)
        ]
        return self.with_chunks(chunks)

    def with_index(self, parts: Sequence[ChunkRows], rows: ChunkRows, index: ChunkIndex) -> "GrowingSegment":
        """The segment with one chunk in the place of those of `parts`, with their deletes as they are now.

        `rows` are those of all parts, `index` is over them. Where a part is not there any more, nothing changes.
        """
        present = [chunk.rows for chunk in self.chunks]
        first = next((place for place, one in enumerate(present) if one is parts[0]), len(present))
        last = first + len(parts)
        if [id(one) for one in present[first:last]] != [id(one) for one in parts]:
            return self
        deletes = DeleteSet.concatenate([chunk.deletes for chunk in self.chunks[first:last]])
        chunk = Chunk(rows, deletes, is_settled=True, index=index)
        return self.with_chunks([*self.chunks[:first], chunk, *self.chunks[last:]])

    def column(self, name: str) -> pa.Array:
        """One column of all rows, in order of their timestamps."""
        return pa.concat_arrays([chunk.rows.column(name) for chunk in self.chunks])

    def blocks(self, name: str) -> list[pa.Array]:
        """One column of all rows, in order of their timestamps, in one block or more."""
        return [chunk.rows.column(name) for chunk in self.chunks]

    def deletes(self) -> DeleteSet:
        """The deletes of all chunks, over all rows."""
        return DeleteSet.concatenate([chunk.deletes for chunk in self.chunks])


def _merged(chunks: list[Chunk]) -> list[Chunk]:
    """Merges the newest chunks while the one before is not much larger, in one copy."""
    first = len(chunks) - 1
    total = chunks[first].rows.size_bytes
    while first and total < _MERGE_BYTES_MAX:
        before = chunks[first - 1]
        if before.is_settled or before.rows.size_bytes > min(2 * total, _MERGE_BYTES_MAX):
            break
        first -= 1
        total += before.rows.size_bytes
    if first == len(chunks) - 1:
        return chunks
    tail = chunks[first:]
    rows = ChunkRows.joined([chunk.rows for chunk in tail])
    deletes = DeleteSet.concatenate([chunk.deletes for chunk in tail])
    return [*chunks[:first], Chunk(rows, deletes)]


def _concatenate(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    columns: list[Any] = [
        pa.concat_arrays([batch.column(index) for batch in batches]) for index in range(batches[0].num_columns)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batches[0].schema)
