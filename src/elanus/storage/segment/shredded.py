"""A JSON field of a sealed segment by path: columns mapped and checked at first use."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.json_values import (
    ARRAY,
    MISSING,
    NO_ROWS,
    OBJECT,
    JsonElements,
    JsonValues,
    ValuePath,
    inside_arrays,
    spread,
)
from elanus.columns.numbers import number_array
from elanus.errors import DataCorrupt
from elanus.storage.segment.shredded_directory import BufferPlace, ColumnPlaces, PathEntry, ShreddedDirectory
from elanus.storage.segment.verified import VerifiedFile

__all__ = ["ShreddedField"]

Rows = npt.NDArray[np.int64]


class ShreddedField:
    """Values at any path, as far as columns have them."""

    def __init__(self, directory: ShreddedDirectory, open_file: Callable[[str], VerifiedFile]) -> None:
        """`open_file` maps a file by its name and remembers it; it must not keep the segment."""
        self._directory: Final = directory
        self._open_file: Final = open_file
        self._row_count: Final = directory.row_count
        self._children: Final = {
            (entry.parent, entry.key): place for place, entry in enumerate(directory.paths) if entry.parent >= 0
        }
        self._unread: Final = self._rows(directory.unread)
        self._lock: Final = threading.Lock()
        self._whole: dict[int, JsonValues] = {}

    def values(self, path: ValuePath) -> JsonValues:
        """The values at a path.

        Raises:
            DataCorrupt: a file is damaged or missing.
        """
        place = 0
        for depth, step in enumerate(path):
            if isinstance(step, int):
                return self._inside_arrays(place, path[depth:])
            child = self._children.get((place, step))
            if child is None:
                rows = self._rows_of(place, OBJECT) if self._directory.paths[place].is_open else NO_ROWS
                return self._from_text(rows)
            place = child
        return self._at(place)

    def _at(self, place: int) -> JsonValues:
        entry = self._directory.paths[place]
        if entry.column is None:
            return self._from_text(self._rows_with_value(entry))
        found = self._whole.get(place)
        if found is None:
            found = self._column(entry, entry.column)
            if entry.rows is None:
                # Views of mapped memory; what must be spread over all rows is too large to keep.
                with self._lock:
                    self._whole[place] = found
        return found

    def _column(self, entry: PathEntry, column: ColumnPlaces) -> JsonValues:
        rows = None if entry.rows is None else self._rows(entry.rows)
        count = self._row_count if rows is None else len(rows)
        values = self._values(column, count)
        elements = None
        if entry.elements is not None:
            offsets = self._array(entry.elements.offsets, np.int32, count + 1)
            elements = JsonElements(offsets, self._values(entry.elements.column, entry.elements.count))
        values = replace(values, elements=elements)
        if rows is not None:
            values = spread(values, rows, self._row_count)
        return replace(values, text_rows=self._unread)

    def _values(self, column: ColumnPlaces, count: int) -> JsonValues:
        if column.kinds is None:
            kinds = np.full(count, column.present[0] if column.present else MISSING, np.uint8)
        else:
            kinds = self._array(column.kinds, np.uint8, count)
        strings = None
        if column.strings is not None:
            places = column.strings
            offsets = self._array(places.offsets, np.int32)
            data = self._array(places.data, np.uint8)
            buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
            strings = pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)
            if places.codes is not None:
                codes = number_array(self._array(places.codes, np.int32, count))
                strings = pa.DictionaryArray.from_arrays(codes, strings, safe=False)
        return JsonValues(
            kinds,
            None if column.integers is None else self._array(column.integers, np.int64, count),
            None if column.doubles is None else self._array(column.doubles, np.float64, count),
            None if column.truths is None else self._array(column.truths, np.uint8, count).view(np.bool_),
            strings,
            present=frozenset(column.present),
        )

    def _inside_arrays(self, place: int, rest: ValuePath) -> JsonValues:
        """The values at `rest`, which begins with a position, inside the arrays at a path of keys."""
        if self._directory.paths[place].column is None:
            return self._from_text(self._rows_of(place, ARRAY))
        return inside_arrays(self._at(place), rest)

    def _rows_of(self, place: int, kind: int) -> Rows:
        """Rows among which are all whose value at a path is of a kind, but for unread ones."""
        entry = self._directory.paths[place]
        if not entry.counts[kind]:
            return NO_ROWS
        if entry.column is None:
            return self._rows_with_value(entry)
        return np.flatnonzero(self._at(place).kinds == kind)

    def _rows_with_value(self, entry: PathEntry) -> Rows:
        if not sum(entry.counts):
            return NO_ROWS
        return np.arange(self._row_count) if entry.rows is None else self._rows(entry.rows)

    def _from_text(self, rows: Rows) -> JsonValues:
        text_rows = np.union1d(rows, self._unread) if len(self._unread) else rows
        return JsonValues.missing(self._row_count, text_rows)

    def _rows(self, place: BufferPlace) -> Rows:
        return self._array(place, np.int32).astype(np.int64)

    def _array(self, place: BufferPlace, dtype: type[np.generic], count: int | None = None) -> npt.NDArray[Any]:
        """A buffer, checked, as an array; of `count` elements, if given."""
        file = self._open_file(self._directory.files[place.file])
        stop = place.start + place.size_bytes
        width = np.dtype(dtype).itemsize
        wanted = place.size_bytes // width if count is None else count
        if stop > file.data.nbytes or place.size_bytes != wanted * width:
            raise DataCorrupt(
                "malformed_file", f"{file.key}: its directory places {place.size_bytes} bytes at {place.start}"
            )
        file.verify_range(place.start, stop)
        return np.frombuffer(file.data, dtype, wanted, place.start)
