"""Bitsets: small cases, tails of words, and what is refused."""

import numpy as np
import pytest

from elanus.columns.bitset import Bitset


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128, 200])
def test_bits_after_the_size_are_never_set(size: int) -> None:
    ones = Bitset.ones(size)
    assert ones.count() == size
    assert (~Bitset.zeros(size)).count() == size
    assert (~ones).count() == 0
    assert (ones ^ Bitset.zeros(size)) == ones
    assert len(ones.words) == (size + 63) // 64
    assert ones.all()
    assert ones.any() == (size > 0)
    assert not Bitset.zeros(size).any()


def test_row_i_is_bit_i_of_an_arrow_bitmap() -> None:
    found = Bitset.from_rows(np.array([0, 9, 64]), 70)
    assert found.packed()[:2].tolist() == [1, 2]
    assert found.packed()[8] == 1
    assert found.words.tolist() == [1 | 1 << 9, 1]


def test_rows_may_come_in_any_order_and_repeat() -> None:
    assert Bitset.from_rows(np.array([5, 2, 5]), 6).rows().tolist() == [2, 5]
    assert Bitset.from_rows(np.empty(0, np.int64), 3).rows().tolist() == []


def test_membership_is_false_outside() -> None:
    found = Bitset.ones(70)
    assert 69 in found
    assert 70 not in found
    assert 127 not in found
    assert -1 not in found


def test_equal_sets_are_equal_and_hash_alike_and_sizes_count() -> None:
    first, second = Bitset.from_rows(np.array([3]), 10), Bitset.from_bool(np.arange(10) == 3)
    assert first == second
    assert hash(first) == hash(second)
    assert first != Bitset.from_rows(np.array([3]), 11)
    assert first != {3}
    assert repr(first) == "Bitset(1 of 10)"


def test_sets_of_different_sizes_do_not_mix() -> None:
    for operation in (Bitset.__and__, Bitset.__or__, Bitset.__xor__, Bitset.minus):
        with pytest.raises(AssertionError):
            operation(Bitset.ones(5), Bitset.ones(6))


def test_a_part_starts_at_a_word_and_does_not_change_the_whole() -> None:
    whole = Bitset.ones(200)
    part = whole.part(64, 70)
    assert (part.size, part.count()) == (70, 70)
    assert whole.count() == 200
    with pytest.raises(AssertionError):
        whole.part(1, 10)
    with pytest.raises(AssertionError):
        whole.part(64, 200)


def test_packed_bits_are_copied() -> None:
    bits = np.full(4, 255, np.uint8)
    found = Bitset.from_packed(bits, offset=3, size=20)
    bits[:] = 0
    assert found.count() == 20
    assert found.nbytes() == 8
