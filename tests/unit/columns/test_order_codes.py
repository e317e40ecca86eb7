"""Codes have the order of the values they stand for, and give numbers back."""

import functools
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.columns.order_codes import (
    SortColumn,
    coarse_codes,
    number_codes,
    numbers_of_codes,
    sorted_rows,
    string_ranks,
)
from elanus.errors import Internal
from tests.reference.aggregation import compare

FLOATS = st.floats(width=32) | st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, -math.nan, 5e-324])
WORDS = st.text(max_size=12) | st.sampled_from(["same start", "same start 2", "a", "a\0", "", "\uffff", "\U0001f600"])
COLUMNS = st.one_of(
    st.tuples(st.just(pa.int64()), st.lists(st.none() | st.integers(-(1 << 63), (1 << 63) - 1), max_size=30)),
    st.tuples(st.just(pa.int8()), st.lists(st.none() | st.integers(-3, 3), max_size=30)),
    st.tuples(st.just(pa.float64()), st.lists(st.none() | FLOATS, max_size=30)),
    st.tuples(st.just(pa.float32()), st.lists(st.none() | st.floats(width=32), max_size=30)),
    st.tuples(st.just(pa.bool_()), st.lists(st.none() | st.booleans(), max_size=30)),
    st.tuples(st.just(pa.string()), st.lists(st.none() | WORDS, max_size=30)),
)


@given(COLUMNS, st.booleans(), st.integers(0, 3))
def test_sorted_rows_are_those_of_a_plain_sort(made: tuple[Any, list[Any]], descending: bool, cut: int) -> None:
    data_type, values = made
    # A slice has an offset in its buffers.
    column = pa.array(values, data_type).slice(cut)
    values = column.to_pylist()
    sign = -1 if descending else 1
    expected = sorted(range(len(values)), key=functools.cmp_to_key(lambda a, b: sign * compare(values[a], values[b])))
    assert sorted_rows([SortColumn(column, descending)]).tolist() == expected


@given(COLUMNS, st.booleans())
def test_coarse_codes_refine_each_other(made: tuple[Any, list[Any]], descending: bool) -> None:
    """Asked one after the other for the rows still equal, they give the order of the values."""
    data_type, values = made
    column = pa.array(values, data_type)
    steps = [step(column) for step in coarse_codes(SortColumn(column, descending))]
    for left in range(len(values)):
        for right in range(len(values)):
            sign = compare(values[left], values[right]) * (-1 if descending else 1)
            codes = [(int(step[left]), int(step[right])) for step in steps]
            found = next((int(np.sign(a - b)) for a, b in codes if a != b), 0)
            assert found == sign


@given(st.lists(FLOATS | st.floats(width=32)))
def test_numbers_come_back(values: list[float]) -> None:
    for data_type in (pa.float64(), pa.float32()):
        column = pa.array(np.array(values, data_type.to_pandas_dtype()))
        back = numbers_of_codes(number_codes(column), data_type)
        assert back.type == data_type
        np.testing.assert_array_equal(np.array(back.to_pylist()), np.array(column.to_pylist()))


def test_ranks_are_dense() -> None:
    assert string_ranks(pa.array(["b", "a", "b", "é", ""])).tolist() == [2, 1, 2, 3, 0]


def test_nothing_to_sort_by() -> None:
    with pytest.raises(Internal):
        sorted_rows([])
