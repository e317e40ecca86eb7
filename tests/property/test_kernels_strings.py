"""Every level's predicates over strings and their hashes equal the reference."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.kernels import reference
from elanus.kernels.reference.strings import rows_of
from elanus.kernels.strings import (
    hash_int64,
    hash_strings,
    string_compare,
    string_contains,
    string_in,
    string_prefix,
    string_suffix,
)
from tests.unit.kernels.levels import LEVELS, using

pytestmark = pytest.mark.parametrize("level", LEVELS)

# Few different bytes, among them the smallest and the largest, so that strings share beginnings and ends.
_BYTES = st.lists(st.sampled_from([0, 97, 98, 255]), max_size=20).map(bytes)
_STRINGS = st.one_of(_BYTES, st.sampled_from([b"", b"a", b"ab" * 4, b"ab" * 40]), st.binary(max_size=90))
_Arrow = tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]


@st.composite
def _columns(draw: st.DrawFn) -> _Arrow:
    strings = draw(st.lists(_STRINGS, max_size=90))
    before, after = draw(_BYTES), draw(_BYTES)
    offsets = len(before) + np.cumsum([0, *(len(string) for string in strings)])
    return offsets.astype(np.int32), np.frombuffer(before + b"".join(strings) + after, np.uint8)


def _literals(column: _Arrow) -> st.SearchStrategy[bytes]:
    """Literals of which some occur, whole or in part."""
    rows = rows_of(*column)
    parts = [row[len(row) // 3 : 1 + 2 * len(row) // 3] for row in rows]
    return st.one_of(_STRINGS, st.sampled_from([*rows, *parts, b"a"]))


@given(column=_columns(), op=st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), data=st.data())
def test_compare(level: str, column: _Arrow, op: str, data: st.DataObject) -> None:
    literal = data.draw(_literals(column))
    with using(level):
        found = string_compare(*column, op, literal)
    np.testing.assert_array_equal(found, reference.string_compare(*column, op, literal))


@given(column=_columns(), data=st.data())
def test_in(level: str, column: _Arrow, data: st.DataObject) -> None:
    literals = data.draw(st.lists(_literals(column), max_size=12))
    with using(level):
        found = string_in(*column, literals)
    np.testing.assert_array_equal(found, reference.string_in(*column, literals))


@given(column=_columns(), data=st.data())
def test_prefix_suffix_and_contains(level: str, column: _Arrow, data: st.DataObject) -> None:
    literal = data.draw(_literals(column))
    with using(level):
        prefix, suffix = string_prefix(*column, literal), string_suffix(*column, literal)
        contains = string_contains(*column, literal)
    np.testing.assert_array_equal(prefix, reference.string_prefix(*column, literal))
    np.testing.assert_array_equal(suffix, reference.string_suffix(*column, literal))
    np.testing.assert_array_equal(contains, reference.string_contains(*column, literal))


@given(column=_columns(), seed=st.integers(0, 2**64 - 1))
def test_hash_strings(level: str, column: _Arrow, seed: int) -> None:
    with using(level):
        found = hash_strings(*column, seed=seed)
    np.testing.assert_array_equal(found, reference.hash_strings(*column, seed))


@given(values=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=50), seed=st.integers(0, 2**64 - 1))
def test_hash_int64(level: str, values: list[int], seed: int) -> None:
    array = np.array(values, np.int64)
    with using(level):
        found = hash_int64(array, seed=seed)
    np.testing.assert_array_equal(found, reference.hash_int64(array, seed))
