"""The columns of one path as they are written: collected block by block, then laid down in buffers.

A column with values in most rows has a value a row; one with more gaps lists its rows. A value's number is kept in the
column of its kind, so that kinds that mix at a path stay apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.json_values import ARRAY, BOOL, DOUBLE, INTEGER, MISSING, STRING
from elanus.columns.numbers import number_values
from elanus.kernels.json_texts import JsonColumn, JsonPathColumn
from elanus.storage.segment.shredded_directory import (
    ALIGNMENT_BYTES,
    BufferPlace,
    ColumnPlaces,
    ElementPlaces,
    PathEntry,
    StringPlaces,
)

__all__ = ["BufferFile", "PathColumnWriter", "coded"]

_HEADER: Final = b"elanus buffers 1".ljust(ALIGNMENT_BYTES, b"\0")
# A column with values in fewer than this share of the rows lists them.
_DENSE_SHARE_MIN: Final = 0.5
# Strings are coded when each stands for so many values on average.
_REPEATS_MIN: Final = 4
_SAMPLE_SIZE: Final = 16_384
_DICTIONARY_SIZE_MAX: Final = 65_536


class BufferFile:
    """The contents of a file of aligned buffers, behind a header that says so."""

    def __init__(self, number: int) -> None:
        self.parts: Final = [memoryview(_HEADER)]
        self._number: Final = number
        self._size_bytes = len(_HEADER)

    def add(self, values: npt.NDArray[Any]) -> BufferPlace:
        """Where the array, whose memory is shared, comes to lie."""
        data = np.ascontiguousarray(values).view(np.uint8).data if values.size else memoryview(b"")
        place = BufferPlace(self._number, self._size_bytes, data.nbytes)
        padding = -data.nbytes % ALIGNMENT_BYTES
        self.parts.extend((data, memoryview(bytes(padding))))
        self._size_bytes += data.nbytes + padding
        return place


class PathColumnWriter:
    """The values at one path, block by block of rows."""

    def __init__(self, row_count: int, counts: Sequence[int]) -> None:
        """`counts` are the rows by kind that will come."""
        self._row_count: Final = row_count
        self._is_dense: Final = sum(counts) >= _DENSE_SHARE_MIN * row_count
        self._next_row = 0
        self._rows: Final[list[npt.NDArray[np.int32]]] = []
        self._values: Final = _Pieces()
        self._sizes: Final[list[npt.NDArray[np.int32]]] = []
        self._elements: Final = _Pieces()

    def append(self, column: JsonPathColumn) -> None:
        """Takes the next rows."""
        sizes = np.diff(column.offsets)
        self._elements.append(column.elements, None)
        if self._is_dense:
            self._values.append(column.values, None)
            self._sizes.append(sizes)
        else:
            places = np.flatnonzero(column.values.kinds != MISSING)
            self._values.append(column.values, places)
            self._sizes.append(sizes[places])
            self._rows.append((self._next_row + places).astype(np.int32))
        self._next_row += len(column.values.kinds)

    def entry(self, file: BufferFile, entry: PathEntry) -> PathEntry:
        """The path's entry with its columns, which are added to the file."""
        assert self._next_row == self._row_count
        values = self._values.lay_down(file)
        elements = None
        if entry.counts[ARRAY]:
            sizes = np.concatenate(self._sizes)
            offsets = np.zeros(len(sizes) + 1, np.int32)
            np.cumsum(sizes, out=offsets[1:])
            elements = ElementPlaces(file.add(offsets), int(offsets[-1]), self._elements.lay_down(file))
        rows = None if self._is_dense else file.add(np.concatenate(self._rows))
        return replace(entry, rows=rows, column=values, elements=elements)


@dataclass(slots=True)
class _Pieces:
    """Blocks of a column."""

    kinds: list[npt.NDArray[np.uint8]] = field(default_factory=list)
    bits: list[npt.NDArray[np.int64]] = field(default_factory=list)
    lengths: list[npt.NDArray[np.int32]] = field(default_factory=list)
    data: list[npt.NDArray[np.uint8]] = field(default_factory=list)

    def append(self, column: JsonColumn, places: npt.NDArray[np.intp] | None) -> None:
        """Takes a block, or some of its values, beside which there are only missing ones."""
        lengths = np.diff(column.offsets)
        self.kinds.append(column.kinds if places is None else column.kinds[places])
        self.bits.append(column.bits if places is None else column.bits[places])
        self.lengths.append(lengths if places is None else lengths[places])
        self.data.append(column.data)

    def lay_down(self, file: BufferFile) -> ColumnPlaces:
        """Adds to the file what the values need, and says where it is."""
        kinds, bits = np.concatenate(self.kinds), np.concatenate(self.bits)
        present = tuple(np.flatnonzero(np.bincount(kinds, minlength=1)).tolist())
        return ColumnPlaces(
            present=present,
            kinds=file.add(kinds) if len(present) > 1 else None,
            integers=file.add(_of_kind(bits, kinds, INTEGER, present)) if INTEGER in present else None,
            doubles=file.add(_of_kind(bits, kinds, DOUBLE, present)) if DOUBLE in present else None,
            truths=file.add(_of_kind(bits, kinds, BOOL, present).astype(np.uint8)) if BOOL in present else None,
            strings=self._lay_down_strings(file) if STRING in present else None,
        )

    def _lay_down_strings(self, file: BufferFile) -> StringPlaces:
        lengths, data = np.concatenate(self.lengths), np.concatenate(self.data)
        offsets = np.zeros(len(lengths) + 1, np.int32)
        np.cumsum(lengths, out=offsets[1:])
        strings = pa.Array.from_buffers(pa.string(), len(lengths), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
        codes = coded(strings)
        if codes is None:
            return StringPlaces(file.add(offsets), file.add(data))
        _, words, letters = codes.dictionary.buffers()
        word_offsets = np.frombuffer(words, np.int32, len(codes.dictionary) + 1)
        return StringPlaces(
            file.add(word_offsets),
            file.add(np.frombuffer(letters, np.uint8) if letters else np.empty(0, np.uint8)),
            file.add(number_values(codes.indices)),
        )


def coded(strings: pa.Array) -> pa.DictionaryArray | None:
    """The strings by a dictionary (int32 codes), if they repeat enough for it to pay."""
    sample = strings.slice(0, _SAMPLE_SIZE).dictionary_encode()
    if len(sample.dictionary) * _REPEATS_MIN > len(sample):
        return None
    whole = strings.dictionary_encode()
    if len(whole.dictionary) > _DICTIONARY_SIZE_MAX or len(whole.dictionary) * _REPEATS_MIN > len(whole):
        return None
    return whole


def _of_kind(
    bits: npt.NDArray[np.int64], kinds: npt.NDArray[np.uint8], kind: int, present: Sequence[int]
) -> npt.NDArray[np.int64]:
    """The bits of values of one kind, 0 for others."""
    if not {INTEGER, DOUBLE, BOOL}.intersection(present) - {kind}:
        return bits
    return np.where(kinds == kind, bits, 0)
