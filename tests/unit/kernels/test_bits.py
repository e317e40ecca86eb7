"""Packed sets."""

import numpy as np
import pytest

from elanus.kernels.bits import bit_count, bit_rows, bits_from_bool, bits_from_rows

pytestmark = pytest.mark.usefixtures("backend")


def test_row_i_is_bit_i_modulo_64_of_word_i_over_64() -> None:
    mask = np.zeros(130, np.bool_)
    mask[[0, 63, 64, 129]] = True
    words = bits_from_bool(mask)
    assert words.tolist() == [1 | 1 << 63, 1, 2]
    assert bit_count(words) == 4
    assert bit_rows(words, 130).tolist() == [0, 63, 64, 129]


def test_empty_sets_of_any_size() -> None:
    assert bits_from_bool(np.empty(0, np.bool_)).tolist() == []
    assert bit_rows(np.empty(0, np.uint64), 0).tolist() == []
    assert bit_count(np.zeros(9, np.uint64)) == 0


def test_full_words_give_every_row() -> None:
    words = np.full(40, 2**64 - 1, np.uint64)
    assert bit_count(words) == 2560
    assert bit_rows(words, 2560).tolist() == list(range(2560))


@pytest.mark.parametrize(("size", "told"), [(65, "expected ceil"), (-1, "expected ceil"), (3, "at or after size 3")])
def test_size_that_does_not_fit_the_words_is_refused(size: int, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        bit_rows(np.array([8], np.uint64), size)


def test_rows_are_taken_in_any_order_and_more_than_once() -> None:
    rows = np.array([129, 0, 64, 63, 0], np.uint32)
    assert bits_from_rows(rows, 130).tolist() == [1 | 1 << 63, 1, 2]
    assert bits_from_rows(np.empty(0, np.int64), 65).tolist() == [0, 0]


@pytest.mark.parametrize("row", [-1, 65, 2**40])
def test_rows_outside_of_the_set_are_refused(row: int) -> None:
    with pytest.raises(ValueError, match="outside of 0 to size 65"):
        bits_from_rows(np.array([3, row], np.int64), 65)


def test_wrong_dtypes_are_refused() -> None:
    with pytest.raises(TypeError, match="rows has elements of uint8, expected"):
        bits_from_rows(np.zeros(1, np.uint8), 5)
    with pytest.raises(TypeError, match="words has elements of int64, expected uint64"):
        bit_count(np.zeros(1, np.int64))
    with pytest.raises(TypeError, match="mask has elements of uint8, expected bool"):
        bits_from_bool(np.zeros(1, np.uint8))
