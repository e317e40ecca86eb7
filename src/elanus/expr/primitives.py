"""Predicates over one column and a literal: the loops of the filter language, and nothing else.

Every function answers for the rows of its arrays without regard to nulls: what it says about a null row is undefined,
and callers restrict the answer to `validity`. Numbers are compared in the dtype of the column; callers bring the
literal into it first (`bounds`). The arrays may be slices of larger ones and may be empty.
"""

import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.bitset import Bitset
from elanus.kernels import compare as _compare
from elanus.kernels import strings as _strings

__all__ = [
    "bits",
    "compare",
    "compare_columns",
    "is_in",
    "string_compare",
    "string_compare_columns",
    "string_contains",
    "string_in",
    "string_layout",
    "string_prefix",
    "string_regex",
    "string_suffix",
    "validity",
]

Values = npt.NDArray[Any]

_NUMPY: Final = {
    "==": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
}  # fmt: skip
_ARROW: Final = {
    "==": pc.equal, "!=": pc.not_equal, "<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal,
}  # fmt: skip


def validity(column: pa.Array) -> Bitset | None:
    """The rows that are not null, or None when no row is."""
    if column.null_count == 0:
        return None
    bitmap = column.buffers()[0]
    assert bitmap is not None
    return Bitset.from_packed(np.frombuffer(bitmap, np.uint8), offset=column.offset, size=len(column))


def bits(column: pa.Array) -> Bitset:
    """The rows where a boolean column is true."""
    buffer = column.buffers()[1]
    if len(column) == 0 or buffer is None:
        return Bitset.zeros(len(column))
    return Bitset.from_packed(np.frombuffer(buffer, np.uint8), offset=column.offset, size=len(column))


def compare(values: Values, operator: str, constant: float) -> Bitset:
    """The rows where `values operator constant`; the constant is a value of the dtype. NaN is only unequal."""
    return Bitset(_compare.compare(values, operator, constant), len(values))


def compare_columns(left: Values, operator: str, right: Values) -> Bitset:
    """The rows where `left operator right`; both of one kind, integers or floats."""
    return Bitset.from_bool(_NUMPY[operator](left, right))


def is_in(values: Values, members: Values) -> Bitset:
    """The rows whose value is one of `members` (distinct, without NaN; int64 or float64)."""
    if len(members) == 0:
        return Bitset.zeros(len(values))
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = members.astype(values.dtype)
    # A member that its column's type cannot hold is no row's value.
    return Bitset(_compare.is_in(values, np.unique(narrow[narrow.astype(members.dtype) == members])), len(values))


def string_compare(column: pa.Array, operator: str, text: str) -> Bitset:
    """The rows where the string stands so to `text`, in the order of UTF-8 bytes."""
    return Bitset(_strings.string_compare(*string_layout(column), operator, text.encode()), len(column))


def string_compare_columns(left: pa.Array, operator: str, right: pa.Array) -> Bitset:
    """The rows where the left string stands so to the right one, in the order of UTF-8 bytes."""
    return bits(_ARROW[operator](left, right))


def string_in(column: pa.Array, members: pa.Array) -> Bitset:
    """The rows whose string is one of `members`."""
    wanted = [member.encode() for member in members.to_pylist()]
    return Bitset(_strings.string_in(*string_layout(column), wanted), len(column))


def string_prefix(column: pa.Array, text: str) -> Bitset:
    """The rows whose string begins with `text`."""
    return Bitset(_strings.string_prefix(*string_layout(column), text.encode()), len(column))


def string_suffix(column: pa.Array, text: str) -> Bitset:
    """The rows whose string ends with `text`."""
    return Bitset(_strings.string_suffix(*string_layout(column), text.encode()), len(column))


def string_contains(column: pa.Array, text: str) -> Bitset:
    """The rows whose string contains `text`."""
    return Bitset(_strings.string_contains(*string_layout(column), text.encode()), len(column))


def string_regex(column: pa.Array, pattern: str) -> Bitset:
    """The rows whose string has a match of an RE2 pattern anywhere.

    Raises:
        ValueError: the pattern is no RE2 pattern; the message is RE2's.
    """
    try:
        return bits(pc.match_substring_regex(column, pattern))
    except pa.ArrowInvalid as error:
        raise ValueError(re.sub(r"^Invalid regular expression: ", "", str(error))) from None


def string_layout(column: pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """The offsets (one more than rows) and bytes of a string column, views."""
    _, offsets, data = column.buffers()
    if len(column) == 0 or offsets is None:
        return np.zeros(len(column) + 1, np.int32), np.empty(0, np.uint8)
    bytes_of = np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return np.frombuffer(offsets, np.int32, len(column) + 1, column.offset * 4), bytes_of
