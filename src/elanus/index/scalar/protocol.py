"""What an index on scalar values is built over, what it is asked, and what it gives back.

Indexes know values and row numbers. What a filter makes of the rows (negation, NULL, truth values) is the caller's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.index.protocol import IndexSize

__all__ = [
    "MEMBER_SHARE_MAX",
    "AllOf",
    "BoxCovers",
    "BoxMeets",
    "Lookup",
    "Members",
    "NearPoint",
    "Passing",
    "RowMatch",
    "RowSets",
    "ScalarColumn",
    "ScalarIndex",
    "StartsWith",
    "ValueRange",
]

Value = bool | int | float | str


@dataclass(frozen=True, slots=True)
class RowSets:
    """Rows an index holds no value for, by why. None stands for no row.

    Attributes:
        row_count: rows of the column.
        absent: no value, or null.
        others: a value the index cannot hold, which is to be looked at in its row.
        missing: of the absent ones, those whose JSON document has nothing at the path, not even null.
        null_documents: of the missing ones, those whose JSON field is NULL itself.
    """

    row_count: int
    absent: Bitset | None = None
    others: Bitset | None = None
    missing: Bitset | None = None
    null_documents: Bitset | None = None


@dataclass(frozen=True, slots=True)
class ScalarColumn:
    """The values an index is over: the whole column of one sealed segment.

    Attributes:
        array: numbers, truth values, strings, lists of one of them, or the boxes of geometries as lists of four doubles
            (left, low, right, high); null where there is no value to index.
        sets: why it is null there.
    """

    array: pa.Array
    sets: RowSets


@dataclass(frozen=True, slots=True)
class ValueRange:
    """Rows with a value between two bounds; None leaves a side open, equal inclusive bounds ask for one value.

    Bounds are in the type of the column; strings are in the order of their UTF-8 bytes.
    """

    low: Value | None
    high: Value | None
    low_inclusive: bool = True
    high_inclusive: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """Rows with one of some values (or, over lists, an element among them).

    Attributes:
        values: distinct ascending numbers (int64 or float64, which the column's type need not hold), or an Arrow string
            array.
    """

    values: npt.NDArray[Any] | pa.Array


@dataclass(frozen=True, slots=True)
class AllOf:
    """Rows whose list has every one of some values."""

    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class StartsWith:
    """Rows whose string begins with a text."""

    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Passing:
    """Rows whose string passes a test.

    Attributes:
        test: the strings of an Arrow array that pass.
        pieces: texts every string that passes contains.
        string_test_ns: what the test costs a string.
        is_plain: the test looks for one text as it is, which goes faster than that through short strings.
    """

    test: Callable[[pa.Array], Bitset]
    pieces: tuple[str, ...] = ()
    string_test_ns: float = 40
    is_plain: bool = False


Box = tuple[float, float, float, float]
"""Left, low, right and high side."""


@dataclass(frozen=True, slots=True)
class BoxMeets:
    """Rows whose box shares a point with a box."""

    box: Box


@dataclass(frozen=True, slots=True)
class BoxCovers:
    """Rows whose box has every point of a box."""

    box: Box


@dataclass(frozen=True, slots=True)
class NearPoint:
    """Rows whose geometry may be within an angle of a place on the sphere, all in degrees."""

    longitude: float
    latitude: float
    angle_degrees: float


MEMBER_SHARE_MAX: Final = 1 / 8
"""With more members than this share of the rows, each row is sooner looked up among the members than they in it."""

Lookup = ValueRange | Members | AllOf | StartsWith | Passing | BoxMeets | BoxCovers | NearPoint


@dataclass(frozen=True, slots=True)
class RowMatch:
    """What an index has for a lookup, before it makes a set of it.

    Attributes:
        row_count_max: rows that will be found, at most, or as near as can be said beforehand.
        finding_ns: the work of `find`, roughly.
        is_exact: whether every row found has what was looked up; else each is to be verified. No other row has it.
        find: the rows.
        row_scan_ns: what a scan would cost a row, where the index knows that better than the predicate tells.
    """

    row_count_max: int
    finding_ns: float
    is_exact: bool
    find: Callable[[], Bitset]
    row_scan_ns: float | None = None


class ScalarIndex(Protocol):
    """An opened index. Safe for concurrent calls from many threads."""

    @property
    def sets(self) -> RowSets:
        """Rows it holds no value for."""
        ...

    def match(self, lookup: Lookup) -> RowMatch | None:
        """What it has for a lookup; None when it cannot tell."""
        ...

    def size(self) -> IndexSize:
        """What this index costs."""
        ...
