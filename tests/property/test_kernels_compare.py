"""Every level's predicates over numbers equal the reference."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.kernels import reference
from elanus.kernels.compare import between, compare, dictionary_in, is_in
from tests.unit.kernels.levels import LEVELS, using

pytestmark = pytest.mark.parametrize("level", LEVELS)

_DTYPES = ("int8", "int16", "int32", "int64", "uint64", "float32", "float64")
_OPS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_SIZES = st.integers(0, 300)


@st.composite
def _values(draw: st.DrawFn) -> npt.NDArray[Any]:
    """Few different values, and among them the extreme ones of the type."""
    dtype: np.dtype[Any] = np.dtype(draw(st.sampled_from(_DTYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    if dtype.kind == "f":
        pool = np.array([-np.inf, -1e30, -2.5, -1, -0.0, 0.0, 1e-40, 0.1, 1, 2.5, 1e30, np.inf, np.nan], dtype)
    else:
        bounds = np.iinfo(dtype)
        near = range(-3, 4) if bounds.min < 0 else range(6)
        pool = np.array([bounds.min, bounds.min + 1, *near, bounds.max - 1, bounds.max], dtype)
    size, offset = draw(_SIZES), draw(st.integers(0, 3))
    return rng.choice(pool, size + offset)[offset:]


@st.composite
def _scalars(draw: st.DrawFn, dtype: np.dtype[Any]) -> float:
    if dtype.kind == "f":
        return draw(st.one_of(st.floats(width=32), st.sampled_from([0.1, 0.0, -0.0, 2.5, np.inf, -np.inf, np.nan])))
    bounds = np.iinfo(dtype)
    edges = st.sampled_from([int(bounds.min) - 1, int(bounds.min), 0, 1, int(bounds.max), int(bounds.max) + 1])
    return draw(st.one_of(edges, st.integers(-4, 4), st.integers(-(2**70), 2**70)))


@given(values=_values(), op=_OPS, data=st.data())
def test_compare(level: str, values: npt.NDArray[Any], op: str, data: st.DataObject) -> None:
    scalar = data.draw(_scalars(values.dtype))
    with using(level):
        found = compare(values, op, scalar)
    np.testing.assert_array_equal(found, reference.compare(values, op, scalar))


@given(values=_values(), inclusive=st.tuples(st.booleans(), st.booleans()), data=st.data())
def test_between(level: str, values: npt.NDArray[Any], inclusive: tuple[bool, bool], data: st.DataObject) -> None:
    low = data.draw(st.one_of(st.none(), _scalars(values.dtype)))
    high = data.draw(st.one_of(st.none(), _scalars(values.dtype)))
    sides = {"low_inclusive": inclusive[0], "high_inclusive": inclusive[1]}
    with using(level):
        found = between(values, low, high, **sides)
    np.testing.assert_array_equal(found, reference.between(values, low, high, **sides))


@given(values=_values(), count=st.integers(0, 40), spread=st.sampled_from([3, 100, 2**40]), data=st.data())
def test_is_in(level: str, values: npt.NDArray[Any], count: int, spread: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    lowest, highest = (-spread, spread) if values.dtype.kind == "f" else _clamped(spread, values.dtype)
    listed = np.concatenate([rng.integers(lowest, highest, count, endpoint=True).astype(values.dtype), values[:3]])
    listed = np.unique(listed[~np.isnan(listed)] if values.dtype.kind == "f" else listed)
    with using(level):
        found = is_in(values, listed)
    np.testing.assert_array_equal(found, reference.is_in(values, listed))


@given(seed=st.integers(0, 2**32), size=_SIZES, table_size=st.sampled_from([0, 1, 20, 255, 256, 900, 1024, 3000]))
def test_dictionary_in(level: str, seed: int, size: int, table_size: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(-2, table_size + 2, size, endpoint=True).astype(np.int32)
    table = rng.random(table_size) < 0.4
    with using(level):
        found = dictionary_in(codes, table)
    np.testing.assert_array_equal(found, reference.dictionary_in(codes, table))


def _clamped(spread: int, dtype: np.dtype[Any]) -> tuple[int, int]:
    bounds = np.iinfo(dtype)
    return max(-spread, int(bounds.min)), min(spread, int(bounds.max))
