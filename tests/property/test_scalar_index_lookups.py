"""Lookups in scalar indexes against a look at every row, over columns of awkward values and over files read back."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.columns.bitset import Bitset
from elanus.expr.primitives import string_contains, validity
from elanus.index.protocol import BuildContext
from elanus.index.scalar import keys, ngrams
from elanus.index.scalar.files import build_scalar_index, open_scalar_index
from elanus.index.scalar.protocol import (
    MEMBER_SHARE_MAX,
    AllOf,
    Lookup,
    Members,
    Passing,
    RowSets,
    ScalarColumn,
    ScalarIndex,
    StartsWith,
    ValueRange,
)

_NUMBERS: dict[str, st.SearchStrategy[Any]] = {
    "int8": st.integers(-128, 127),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32),
    "double": st.floats(),
    "bool": st.booleans(),
}
_ARROW = {"int8": pa.int8(), "int64": pa.int64(), "float": pa.float32(), "double": pa.float64(), "bool": pa.bool_()}
_TEXTS = st.text(alphabet="ab\x00é日😀", max_size=6)
_TYPES = ("INVERTED", "BITMAP", "AUTOINDEX")


def _index(
    values: list[Any], arrow: pa.DataType, index_type: str, params: Mapping[str, int] | None = None
) -> ScalarIndex:
    # A slice of a larger column, as columns of growing chunks are.
    array = pa.array([None, *values, None], arrow).slice(1, len(values))
    known = validity(array)
    column = ScalarColumn(array, RowSets(len(values), absent=None if known is None else ~known))
    files = build_scalar_index(column, index_type, params or {}, BuildContext())
    return open_scalar_index({name: pa.py_buffer(bytes(memoryview(data))) for name, data in files.items()}, len(values))


def _check(index: ScalarIndex, lookup: Lookup, values: list[Any], test: Callable[[Any], bool]) -> None:
    match = index.match(lookup)
    if isinstance(lookup, Members) and len(lookup.values) > MEMBER_SHARE_MAX * len(values):
        assert match is None
        return
    assert match is not None
    expected = [row for row, value in enumerate(values) if value is not None and test(value)]
    found = match.find().rows().tolist()
    assert len(match.find()) == len(values)
    if match.is_exact:
        assert found == expected, lookup
    else:
        assert set(expected) <= set(found), lookup
    if not isinstance(lookup, Passing):
        assert len(found) <= match.row_count_max
    absent = index.sets.absent
    assert (set() if absent is None else set(absent.rows().tolist())) == {
        row for row, value in enumerate(values) if value is None
    }


def _within(lookup: ValueRange) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        low, high = lookup.low, lookup.high
        above = low is None or value > low or (lookup.low_inclusive and value == low)
        return bool(above and (high is None or value < high or (lookup.high_inclusive and value == high)))

    return test


@given(st.sampled_from(sorted(_NUMBERS)), st.sampled_from(_TYPES), st.data())
def test_numbers(kind: str, index_type: str, data: st.DataObject) -> None:
    one = _NUMBERS[kind]
    pool = data.draw(st.lists(one, min_size=1, max_size=6))
    values = data.draw(st.lists(st.sampled_from([None, *pool]), max_size=80))
    index = _index(values, _ARROW[kind], index_type)
    asked = st.one_of(st.sampled_from(pool), one).filter(lambda value: not math.isnan(value))
    low, high = data.draw(st.none() | asked), data.draw(st.none() | asked)
    bounds = ValueRange(low, high, data.draw(st.booleans()), data.draw(st.booleans()))
    real = [value for value in values if value is None or value == value]  # noqa: PLR0124  NaN is not itself
    if len(real) == len(values):
        _check(index, bounds, values, _within(bounds))
    else:
        _check(index, bounds, values, lambda value: value == value and _within(bounds)(value))  # noqa: PLR0124
    members = data.draw(st.lists(asked, max_size=5))
    dtype = np.float64 if kind in {"float", "double"} else np.int64
    _check(index, Members(np.unique(np.array(members, dtype))), values, lambda value: value in members)
    if kind == "int8":
        # Members need not be values the column can hold.
        _check(index, Members(np.array([-129, 5, 300])), values, lambda value: value == 5)


@given(st.sampled_from(("INVERTED", "BITMAP", "TRIE")), st.data())
def test_strings(index_type: str, data: st.DataObject) -> None:
    pool = data.draw(st.lists(_TEXTS, min_size=1, max_size=8))
    values = data.draw(st.lists(st.sampled_from([None, *pool]), max_size=80))
    index = _index(values, pa.string(), index_type)
    asked = st.one_of(st.sampled_from(pool), _TEXTS)
    low, high = data.draw(st.none() | asked), data.draw(st.none() | asked)
    bounds = ValueRange(low, high, data.draw(st.booleans()), data.draw(st.booleans()))
    # Python orders strings by code point, which is the order of their UTF-8.
    _check(index, bounds, values, _within(bounds))
    members = data.draw(st.lists(asked, max_size=5))
    _check(index, Members(pa.array(members, pa.string())), values, lambda value: value in members)
    prefix = data.draw(asked)
    _check(index, StartsWith(prefix), values, lambda value: value.startswith(prefix))
    _check(index, Passing(lambda strings: string_contains(strings, prefix)), values, lambda value: prefix in value)


def test_many_members_are_looked_up_by_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [f"v{number % 300}" for number in range(1000)]
    members = [f"v{number}" for number in range(0, 600, 7)]
    for nanoseconds in (0, 10**9):
        monkeypatch.setattr(keys, "_BISECTION_NS", nanoseconds)
        index = _index(values, pa.string(), "INVERTED")
        _check(index, Members(pa.array(members)), values, lambda value: value in members)


@given(st.sampled_from(("INVERTED", "BITMAP")), st.sampled_from(("int8", "double", "bool", "text")), st.data())
def test_lists(index_type: str, kind: str, data: st.DataObject) -> None:
    one = _TEXTS if kind == "text" else _NUMBERS[kind].filter(lambda value: not math.isnan(value))
    pool = data.draw(st.lists(one, min_size=1, max_size=6))
    lists = st.none() | st.lists(st.sampled_from(pool), max_size=4)
    values = data.draw(st.lists(lists, max_size=40))
    index = _index(values, pa.list_(pa.string() if kind == "text" else _ARROW[kind]), index_type)
    wanted = data.draw(st.lists(st.sampled_from(pool), min_size=1, max_size=3, unique=True))
    _check(index, AllOf(tuple(wanted)), values, lambda value: set(wanted) <= set(value))
    _check(index, ValueRange(wanted[0], wanted[0]), values, lambda value: wanted[0] in value)
    members: npt.NDArray[Any] | pa.Array
    if kind == "text":
        members = pa.array(wanted, pa.string())
    else:
        members = np.unique(np.array(wanted, np.float64 if kind == "double" else np.int64))
    _check(index, Members(members), values, lambda value: bool(set(wanted) & set(value)))


@pytest.fixture
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several blocks and several batches in small columns."""
    monkeypatch.setattr(ngrams, "_BLOCK_ROWS", 8)
    monkeypatch.setattr(ngrams, "_BATCH_CHARACTERS", 10)
    monkeypatch.setattr(ngrams, "_FEW_ROWS", 1)


@pytest.mark.usefixtures("_small_blocks")
@given(st.data())
def test_grams(data: st.DataObject) -> None:
    pool = data.draw(st.lists(st.text(alphabet="abé日😀", max_size=9), min_size=1, max_size=8))
    values = data.draw(st.lists(st.sampled_from([None, *pool]), max_size=40))
    low = data.draw(st.integers(1, 3))
    index = _index(values, pa.string(), "NGRAM", {"min_gram": low, "max_gram": data.draw(st.integers(low, 4))})
    text = data.draw(st.sampled_from(pool) | st.text(alphabet="abé日😀", max_size=5))
    pieces = tuple(piece for piece in (text[:3], text[2:]) if piece)
    lookup = Passing(lambda strings: Bitset.zeros(len(strings)), pieces)
    if all(len(piece) < low for piece in pieces):
        assert index.match(lookup) is None
        return
    _check(index, lookup, values, lambda value: all(piece in value for piece in pieces))


def test_candidates_have_every_gram() -> None:
    """What grams leave out they do leave out: the rows with other texts, and those with the grams in other rows."""
    values = ["abcd", "ab cd bc", "xabcdx", None, "ab", ""] * 20_000
    index = _index(values, pa.string(), "NGRAM", {"min_gram": 2, "max_gram": 3})
    match = index.match(Passing(lambda strings: Bitset.zeros(len(strings)), ("abcd",)))
    assert match is not None
    assert not match.is_exact
    assert match.find().rows().tolist() == [row for row, value in enumerate(values) if value in {"abcd", "xabcdx"}]
