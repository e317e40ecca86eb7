"""Predicates over numbers: the edges of the types, NaN, scalars beyond the type, refused arguments."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from elanus.kernels.bits import bit_rows
from elanus.kernels.compare import between, compare, dictionary_in, is_in

pytestmark = pytest.mark.usefixtures("backend")

_ANYTHING: Any = "a"
_INTEGERS = ("int8", "int16", "int32", "int64", "uint64")


def _where(words: npt.NDArray[np.uint64], size: int) -> list[int]:
    rows: list[int] = bit_rows(words, size).tolist()
    return rows


@pytest.mark.parametrize("dtype", [*_INTEGERS, "float32", "float64"])
@pytest.mark.parametrize(
    ("op", "expected"), [("==", [1]), ("!=", [0, 2]), ("<", [0]), ("<=", [0, 1]), (">", [2]), (">=", [1, 2])]
)
def test_every_operator(dtype: str, op: str, expected: list[int]) -> None:
    assert _where(compare(np.array([1, 2, 3], dtype), op, 2), 3) == expected


@pytest.mark.parametrize("dtype", _INTEGERS)
def test_edges_of_the_type_are_compared_exactly(dtype: str) -> None:
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    values = np.array([low, low + 1, high - 1, high], dtype)
    assert _where(compare(values, "<", low), 4) == []
    assert _where(compare(values, ">=", low), 4) == [0, 1, 2, 3]
    assert _where(compare(values, ">", high), 4) == []
    assert _where(compare(values, ">", high - 1), 4) == [3]
    assert _where(between(values, low, high, low_inclusive=False, high_inclusive=False), 4) == [1, 2]


@pytest.mark.parametrize("dtype", _INTEGERS)
@pytest.mark.parametrize("beyond", [2**64, 2**70, 10**40])
def test_scalars_beyond_the_type_answer_alike_for_all(dtype: str, beyond: int) -> None:
    values = np.array([0, 1], dtype)
    for op, above in {"==": [], "!=": [0, 1], "<": [0, 1], "<=": [0, 1], ">": [], ">=": []}.items():
        assert _where(compare(values, op, beyond), 2) == above
    for op, below in {"==": [], "!=": [0, 1], "<": [], "<=": [], ">": [0, 1], ">=": [0, 1]}.items():
        assert _where(compare(values, op, -beyond), 2) == below


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_is_only_unequal(dtype: str) -> None:
    values = np.array([np.nan, 1, np.inf, -np.inf, -0.0], dtype)
    assert _where(compare(values, "!=", 1), 5) == [0, 2, 3, 4]
    assert _where(compare(values, ">=", -np.inf), 5) == [1, 2, 3, 4]
    assert _where(compare(values, "<", np.nan), 5) == []
    assert _where(compare(values, "!=", np.nan), 5) == [0, 1, 2, 3, 4]
    assert _where(compare(values, "==", 0), 5) == [4]
    assert _where(compare(values, "<", 0), 5) == [3]
    assert _where(between(values, None, None, low_inclusive=True, high_inclusive=True), 5) == [1, 2, 3, 4]
    assert _where(compare(values, ">", np.inf), 5) == []
    assert _where(compare(values, "<", -np.inf), 5) == []


def test_scalar_is_rounded_to_float32_as_the_stored_values_were() -> None:
    values = np.array([0.1, 0.2], np.float32)
    assert _where(compare(values, "==", 0.1), 2) == [0]
    assert _where(compare(values, "<", 1e300), 2) == [0, 1]
    assert _where(compare(values, "<", 10**400), 2) == [0, 1]
    assert _where(compare(values, ">", -(10**400)), 2) == [0, 1]


def test_exclusive_bounds_around_zero_keep_the_smallest_numbers() -> None:
    values = np.array([-5e-324, -0.0, 0.0, 5e-324])
    assert _where(between(values, 0, None, low_inclusive=False, high_inclusive=True), 4) == [3]
    assert _where(between(values, None, 0, low_inclusive=True, high_inclusive=False), 4) == [0]


def test_numpy_scalars_are_scalars() -> None:
    values = np.array([1, 2, 3], np.int16)
    assert _where(compare(values, "<=", np.int64(2)), 3) == [0, 1]
    assert _where(compare(values.astype(np.float32), "<=", np.float32(2)), 3) == [0, 1]


def test_membership_of_zeros_and_nan() -> None:
    values = np.array([0.0, -0.0, np.nan, 2.0])
    for filler in (3, 300):
        listed = np.array([-0.0, 2.0, *range(10, 10 + filler)])
        assert _where(is_in(values, listed), 4) == [0, 1, 3]


def test_membership_at_the_edges_of_int64() -> None:
    bounds = np.iinfo(np.int64)
    values = np.array([bounds.min, 0, bounds.max, 5])
    for listed in ([bounds.min, bounds.max], [bounds.min, *range(100, 200), bounds.max]):
        assert _where(is_in(values, np.array(listed)), 4) == [0, 2]
    assert _where(is_in(values, np.empty(0, np.int64)), 4) == []


@pytest.mark.parametrize("listed", [[2.0, 1.0], [1.0, 1.0], [np.nan], [1.0, np.nan]])
def test_membership_list_out_of_order_is_refused(listed: list[float]) -> None:
    with pytest.raises(ValueError, match="sorted_unique_values"):
        is_in(np.zeros(3), np.array(listed))


@pytest.mark.parametrize("table_size", [0, 1, 31, 256, 257, 1024, 1025, 5000])
def test_codes_the_dictionary_does_not_have_are_not_in_the_set(table_size: int) -> None:
    codes = np.array([-1, -(2**31), 0, table_size - 1, table_size, table_size + 1, 2**31 - 1] * 20, np.int32)
    table = np.ones(table_size, np.bool_)
    assert _where(dictionary_in(codes, table), 140) == np.flatnonzero((codes >= 0) & (codes < table_size)).tolist()


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: compare(np.zeros(2, np.int32), "<", 1.5), TypeError, None),
        (lambda: compare(np.zeros(2, np.int32), "~", 1), ValueError, "op is '~'"),
        (lambda: compare(np.zeros(2, np.float16), "<", 1), TypeError, "values has elements of float16"),
        (lambda: compare(np.zeros(2, np.float32), "<", _ANYTHING), (TypeError, ValueError), None),
        (lambda: compare(np.zeros((2, 2), np.int32), "<", 1), ValueError, "dimensions"),
        (lambda: is_in(np.zeros(2, np.int32), np.zeros(1, np.int64)), TypeError, "expected int32"),
        (lambda: dictionary_in(np.zeros(2, np.int32), np.zeros(2, np.uint8)), TypeError, "expected bool"),
    ],
)
def test_wrong_arguments_are_refused(call: Any, error: Any, told: str | None) -> None:
    with pytest.raises(error, match=told):
        call()
