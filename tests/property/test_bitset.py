"""Bitsets against Python's sets of numbers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from elanus.columns.bitset import Bitset

_SIZES = st.integers(0, 200)


@st.composite
def _sets(draw: st.DrawFn, count: int) -> tuple[int, list[set[int]]]:
    """A size and sets of rows below it, sparse, dense or anything."""
    size = draw(_SIZES)
    rows = st.sets(st.integers(0, max(size - 1, 0)), max_size=size)
    some = st.one_of(rows, rows.map(lambda found: set(range(size)) - found))
    return size, [draw(some) if size else set() for _ in range(count)]


def _bits(rows: set[int], size: int) -> Bitset:
    return Bitset.from_rows(np.array(sorted(rows), np.int64), size)


def _check(found: Bitset, expected: set[int], size: int) -> None:
    """Every way of asking gives the set, and the tail of the last word is clear."""
    assert found.rows().tolist() == sorted(expected)
    assert found.size == len(found) == size
    assert found.count() == len(expected)
    assert found.any() == bool(expected)
    assert found.all() == (len(expected) == size)
    assert found.to_bool().tolist() == [row in expected for row in range(size)]
    whole = int.from_bytes(found.words.tobytes(), "little")
    assert whole == sum(1 << row for row in expected)


@given(_sets(2))
def test_operations_are_those_of_sets(drawn: tuple[int, list[set[int]]]) -> None:
    size, (left, right) = drawn
    everything = set(range(size))
    a, b = _bits(left, size), _bits(right, size)
    _check(a, left, size)
    _check(a & b, left & right, size)
    _check(a | b, left | right, size)
    _check(a ^ b, left ^ right, size)
    _check(a.minus(b), left - right, size)
    _check(~a, everything - left, size)
    assert (a == b) == (left == right)
    _check(a, left, size)
    _check(b, right, size)


@given(_sets(1), st.data())
def test_asking_for_rows(drawn: tuple[int, list[set[int]]], data: st.DataObject) -> None:
    size, (expected,) = drawn
    found = _bits(expected, size)
    assert [row in found for row in range(-2, size + 70)] == [row in expected for row in range(-2, size + 70)]
    if size:
        asked = data.draw(st.lists(st.integers(0, size - 1), max_size=20))
        assert found.test(np.array(asked, np.int64)).tolist() == [row in expected for row in asked]


@given(_sets(1), st.data())
def test_parts_are_the_rows_of_a_range(drawn: tuple[int, list[set[int]]], data: st.DataObject) -> None:
    size, (expected,) = drawn
    start = data.draw(st.sampled_from(range(0, size + 1, 64)))
    part_size = data.draw(st.integers(0, size - start))
    part = _bits(expected, size).part(start, part_size)
    _check(part, {row - start for row in expected if start <= row < start + part_size}, part_size)


@given(st.binary(min_size=0, max_size=40), st.data())
def test_packed_bits_from_any_offset(packed: bytes, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(packed) * 8))
    size = data.draw(st.integers(0, len(packed) * 8 - offset))
    whole = int.from_bytes(packed, "little")
    found = Bitset.from_packed(np.frombuffer(packed, np.uint8), offset=offset, size=size)
    _check(found, {row for row in range(size) if whole >> (offset + row) & 1}, size)


@given(st.lists(st.booleans(), max_size=200))
def test_masks_there_and_back(mask: list[bool]) -> None:
    found = Bitset.from_bool(np.array(mask, np.bool_))
    _check(found, {row for row, value in enumerate(mask) if value}, len(mask))
    every_other = np.array(mask, np.bool_)[::2]
    _check(Bitset.from_bool(every_other), {row for row, value in enumerate(mask[::2]) if value}, len(mask[::2]))
    assert Bitset.from_packed(found.packed(), offset=0, size=found.size) == found
