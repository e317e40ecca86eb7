"""Predicates over one column and a literal: the loops of the filter language, and nothing else.

Every function answers for the rows of its arrays without regard to nulls: what it says about a null row is undefined,
and callers restrict the answer to `validity`. Numbers are compared in the dtype of the column; callers bring the
literal into it first (`bounds`). The arrays may be slices of larger ones and may be empty. Strings may be coded by a
dictionary (int32 codes): then each distinct one is looked at once.
"""

import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.bitset import Bitset
from elanus.columns.numbers import number_values
from elanus.columns.texts import text_layout
from elanus.kernels import bits as _bits
from elanus.kernels import compare as _compare
from elanus.kernels import strings as _strings

__all__ = [
    "between",
    "bits",
    "compare",
    "compare_columns",
    "is_in",
    "runs_with",
    "string_compare",
    "string_compare_columns",
    "string_contains",
    "string_in",
    "string_prefix",
    "string_regex",
    "string_suffix",
    "string_test",
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


def between(values: Values, low_operator: str, low: float, high_operator: str, high: float) -> Bitset:
    """The rows from `low` to `high`, which are values of the dtype; operators are `>` or `>=`, and `<` or `<=`."""
    words = _compare.between(
        values, low, high, low_inclusive=low_operator == ">=", high_inclusive=high_operator == "<="
    )
    return Bitset(words, len(values))


def compare_columns(left: Values, operator: str, right: Values) -> Bitset:
    """The rows where `left operator right`; both of one kind, integers or floats."""
    return Bitset.from_bool(_NUMPY[operator](left, right))


def is_in(values: Values, members: Values) -> Bitset:
    """The rows whose value is one of `members` (ascending, distinct, without NaN; int64 or float64)."""
    if len(members) and values.dtype != members.dtype:
        with np.errstate(over="ignore", invalid="ignore"):
            narrow = members.astype(values.dtype)
        # A member that its column's type cannot hold is no row's value; the others keep their order.
        members = narrow[narrow.astype(members.dtype) == members]
    if len(members) == 0:
        return Bitset.zeros(len(values))
    return Bitset(_compare.is_in(values, members), len(values))


def runs_with(places: Bitset, offsets: npt.NDArray[np.int32]) -> Bitset:
    """The runs that have one of the places; run i is places `offsets[i]` to `offsets[i + 1]` (exclusive)."""
    return Bitset(_bits.runs_with(places.words, offsets), len(offsets) - 1)


def string_compare(column: pa.Array, operator: str, text: str) -> Bitset:
    """The rows where the string stands so to `text`, in the order of UTF-8 bytes."""
    if _is_coded(column):
        return _of_codes(column, lambda strings: string_compare(strings, operator, text))
    return Bitset(_strings.string_compare(*text_layout(column), operator, text.encode()), len(column))


def string_compare_columns(left: pa.Array, operator: str, right: pa.Array) -> Bitset:
    """The rows where the left string stands so to the right one, in the order of UTF-8 bytes."""
    return bits(_ARROW[operator](_plain(left), _plain(right)))


def string_in(column: pa.Array, members: pa.Array) -> Bitset:
    """The rows whose string is one of `members`."""
    if _is_coded(column):
        return _of_codes(column, lambda strings: string_in(strings, members))
    wanted = [member.encode() for member in members.to_pylist()]
    return Bitset(_strings.string_in(*text_layout(column), wanted), len(column))


def string_prefix(column: pa.Array, text: str) -> Bitset:
    """The rows whose string begins with `text`."""
    if _is_coded(column):
        return _of_codes(column, lambda strings: string_prefix(strings, text))
    return Bitset(_strings.string_prefix(*text_layout(column), text.encode()), len(column))


def string_suffix(column: pa.Array, text: str) -> Bitset:
    """The rows whose string ends with `text`."""
    if _is_coded(column):
        return _of_codes(column, lambda strings: string_suffix(strings, text))
    return Bitset(_strings.string_suffix(*text_layout(column), text.encode()), len(column))


def string_contains(column: pa.Array, text: str) -> Bitset:
    """The rows whose string contains `text`."""
    if _is_coded(column):
        return _of_codes(column, lambda strings: string_contains(strings, text))
    return Bitset(_strings.string_contains(*text_layout(column), text.encode()), len(column))


def string_regex(column: pa.Array, pattern: str) -> Bitset:
    """The rows whose string has a match of an RE2 pattern anywhere.

    Raises:
        ValueError: the pattern is no RE2 pattern; the message is RE2's.
    """
    if _is_coded(column):
        return _of_codes(column, lambda strings: string_regex(strings, pattern))
    try:
        return bits(pc.match_substring_regex(column, pattern))
    except pa.ArrowInvalid as error:
        raise ValueError(re.sub(r"^Invalid regular expression: ", "", str(error))) from None


def string_test(
    column: pa.Array, test: Callable[[npt.NDArray[np.int32], npt.NDArray[np.uint8]], npt.NDArray[np.bool_]]
) -> Bitset:
    """The rows whose string passes; `test` gets offsets (one more than strings) and bytes of some strings."""
    if _is_coded(column):
        return _of_codes(column, lambda strings: string_test(strings, test))
    return Bitset.from_bool(test(*text_layout(column)))


def _is_coded(column: pa.Array) -> bool:
    return isinstance(column, pa.DictionaryArray)


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if _is_coded(column) else column


def _of_codes(column: pa.Array, test: Callable[[pa.Array], Bitset]) -> Bitset:
    """The rows whose string's place in the dictionary passes."""
    passed = test(column.dictionary).to_bool()
    return Bitset(_compare.dictionary_in(number_values(column.indices), passed), len(column))
