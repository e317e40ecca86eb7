"""JSON values in typed columns: what a store that has taken documents apart gives to whoever asks about a path."""

from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.numbers import number_array

__all__ = [
    "ALL_KINDS",
    "ARRAY",
    "BIG_INTEGER",
    "BOOL",
    "DOUBLE",
    "INTEGER",
    "MISSING",
    "NO_ROWS",
    "NULL",
    "OBJECT",
    "STRING",
    "JsonElements",
    "JsonValues",
    "ValuePath",
    "inside_arrays",
    "spread",
]

# The kinds of `kernels.json_texts`. In order of asking "is there a value at all": everything above NULL is one.
MISSING, NULL, BOOL, INTEGER, DOUBLE, BIG_INTEGER, STRING, ARRAY, OBJECT = range(9)

ValuePath = tuple[str | int, ...]
"""Keys of objects and positions (from 0) in arrays, from the outermost value inward; () is the whole value."""

Rows = npt.NDArray[np.int64]

ALL_KINDS: Final = frozenset(range(9))
NO_ROWS: Final[Rows] = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class JsonValues:
    """One JSON value a row, as far as a column can say it.

    Arrays, objects and integers outside 64 bits have their kind here; what they are only the text says.

    Attributes:
        kinds: uint8 a row, one of the constants of this module.
        integers: int64 a row, undefined in rows of another kind; None when no row is INTEGER.
        doubles: float64 a row, likewise for DOUBLE.
        truths: bool a row, likewise for BOOL.
        strings: Arrow strings without nulls, plain or by dictionary (int32 codes), likewise for STRING.
        elements: of the arrays, in rows that are ARRAY; None when they are not at hand.
        text_rows: rows, ascending, of which nothing is said here (they are MISSING): their text must be read.
        present: the kinds that occur, and perhaps others.
    """

    kinds: npt.NDArray[np.uint8]
    integers: npt.NDArray[np.int64] | None = None
    doubles: npt.NDArray[np.float64] | None = None
    truths: npt.NDArray[np.bool_] | None = None
    strings: pa.Array | None = None
    elements: "JsonElements | None" = None
    text_rows: Rows = field(default_factory=lambda: NO_ROWS)
    present: frozenset[int] = ALL_KINDS

    @classmethod
    def missing(cls, row_count: int, text_rows: Rows = NO_ROWS) -> "JsonValues":
        """No value in any row but perhaps in some whose text must be read."""
        return cls(np.zeros(row_count, np.uint8), text_rows=text_rows, present=frozenset({MISSING}))

    def take(self, rows: Rows) -> "JsonValues":
        """The values of some rows (ascending, without repeats), copied."""
        places = np.searchsorted(rows, self.text_rows)
        inside = places < len(rows)
        inside[inside] = rows[places[inside]] == self.text_rows[inside]
        return JsonValues(
            self.kinds[rows],
            _taken(self.integers, rows),
            _taken(self.doubles, rows),
            _taken(self.truths, rows),
            None if self.strings is None else self.strings.take(number_array(rows)),
            None if self.elements is None else self.elements.take(rows),
            places[inside],
            self.present,
        )


@dataclass(frozen=True, slots=True, eq=False)
class JsonElements:
    """The elements of arrays, end to end.

    Attributes:
        offsets: int32, one more than rows: where a row's elements lie in `values`; none for a row that is no array.
        values: one an element; nested arrays and objects have their kind only.
    """

    offsets: npt.NDArray[np.int32]
    values: JsonValues

    def sizes(self) -> Rows:
        """The number of elements of each row."""
        return np.diff(self.offsets).astype(np.int64)

    def take(self, rows: Rows) -> "JsonElements":
        """The elements of some rows."""
        sizes = self.sizes()[rows]
        offsets = np.zeros(len(rows) + 1, np.int32)
        np.cumsum(sizes, out=offsets[1:])
        places = np.repeat(self.offsets[rows] - offsets[:-1], sizes) + np.arange(offsets[-1])
        return JsonElements(offsets, self.values.take(places.astype(np.int64)))

    def at(self, position: int) -> JsonValues:
        """The element of each row at a position; MISSING beyond the end of its array."""
        rows = np.flatnonzero(self.sizes() > position)
        found = self.values.take(self.offsets[rows].astype(np.int64) + position)
        return spread(found, rows, len(self.offsets) - 1)


def spread(values: JsonValues, rows: Rows, row_count: int) -> JsonValues:
    """Values of some rows (ascending) among as many rows as there are, MISSING in the others."""
    if len(rows) == 0:
        return JsonValues.missing(row_count)
    strings = values.strings
    if strings is not None:
        places = np.zeros(row_count, np.int64)
        places[rows] = np.arange(len(rows))
        strings = strings.take(number_array(places))
    elements = values.elements
    if elements is not None:
        sizes = np.zeros(row_count + 1, np.int32)
        sizes[rows + 1] = elements.sizes()
        elements = JsonElements(np.cumsum(sizes, dtype=np.int32), elements.values)
    return JsonValues(
        _spread(values.kinds, rows, row_count),
        None if values.integers is None else _spread(values.integers, rows, row_count),
        None if values.doubles is None else _spread(values.doubles, rows, row_count),
        None if values.truths is None else _spread(values.truths, rows, row_count),
        strings,
        elements,
        rows[values.text_rows],
        values.present | {MISSING},
    )


def inside_arrays(values: JsonValues, rest: ValuePath) -> JsonValues:
    """The values at the rest of a path, which is empty or begins with a position, inside the arrays among `values`."""
    if not rest:
        return values
    position = rest[0]
    assert isinstance(position, int)
    row_count = len(values.kinds)
    if values.elements is None:
        return JsonValues.missing(row_count, _united(np.flatnonzero(values.kinds == ARRAY), values.text_rows))
    found = values.elements.at(position)
    if len(rest) == 1:
        return replace(found, text_rows=values.text_rows)
    nested = ARRAY if isinstance(rest[1], int) else OBJECT
    return JsonValues.missing(row_count, _united(np.flatnonzero(found.kinds == nested), values.text_rows))


def _united(rows: Rows, others: Rows) -> Rows:
    return np.union1d(rows, others) if len(others) else rows


def _taken(column: npt.NDArray[Any] | None, rows: Rows) -> npt.NDArray[Any] | None:
    return None if column is None else column[rows]


def _spread(column: npt.NDArray[Any], rows: Rows, row_count: int) -> npt.NDArray[Any]:
    whole = np.zeros(row_count, column.dtype)
    whole[rows] = column
    return whole
