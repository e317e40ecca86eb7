"""The key index: duplicates, extremes, texts that share a hash, and slices."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from elanus.storage import keys as keys_module
from elanus.storage.keys import KeyIndex, key_codes, unique_key_rows

_INT64 = pa.int64()
_EXTREMES = [-(2**63), 2**63 - 1, 0, -1, 1, -(2**63), 2**53 + 1, 2**53]


def _found(index: KeyIndex, keys: pa.Array) -> list[tuple[int, int]]:
    matches = index.find(keys)
    return list(zip(matches.positions.tolist(), matches.rows.tolist(), strict=True))


def test_every_row_of_a_key_is_found_by_position_then_row() -> None:
    index = KeyIndex(pa.array([5, 3, 5, 9, 3], _INT64))
    assert _found(index, pa.array([3, 7, 5, 3], _INT64)) == [(0, 1), (0, 4), (2, 0), (2, 2), (3, 1), (3, 4)]


def test_extremes_of_int64_are_keys_like_others() -> None:
    for keys in (_EXTREMES, sorted(_EXTREMES)):
        index = KeyIndex(pa.array(keys, _INT64))
        for key in _EXTREMES:
            expected = [(0, row) for row, other in enumerate(keys) if other == key]
            assert _found(index, pa.array([key], _INT64)) == expected


def test_texts_are_compared_not_only_their_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """All keys get one of two codes; only equal texts may match."""

    def few_codes(keys: pa.Array) -> npt.NDArray[np.int64]:
        return np.array([len(text) % 2 for text in keys.to_pylist()], np.int64)

    monkeypatch.setattr(keys_module, "key_codes", few_codes)
    texts = ["", "a", "b", "aa", "bb", "é", "ab", "a", "", "ba"]
    index = KeyIndex(pa.array(texts))
    asked = ["a", "bb", "", "no", "x", "é"]
    expected = [(position, row) for position, key in enumerate(asked) for row, text in enumerate(texts) if text == key]
    assert _found(index, pa.array(asked)) == expected


@pytest.mark.parametrize("kind", [_INT64, pa.string()])
def test_empty_sides(kind: pa.DataType) -> None:
    some, none = pa.array([1, 2], _INT64).cast(kind), pa.array([], kind)
    for rows, asked in ((none, some), (some, none), (none, none), (some.slice(2), some), (some, some.slice(1, 0))):
        assert _found(KeyIndex(rows), asked) == []


def test_keys_that_are_not_there() -> None:
    assert _found(KeyIndex(pa.array([1, 3], _INT64)), pa.array([0, 2, 4], _INT64)) == []
    assert _found(KeyIndex(pa.array(["a", "c"])), pa.array(["", "b", "aa", "A"])) == []


def test_slices_count_from_their_start() -> None:
    numbers = pa.array([9, 9, 4, 7, 4, 9], _INT64).slice(2, 3)
    assert _found(KeyIndex(numbers), pa.array([1, 4, 9], _INT64).slice(1)) == [(0, 0), (0, 2)]
    texts = pa.array(["xx", "é", "", "é", "y", "é"]).slice(1, 3)
    assert _found(KeyIndex(texts), pa.array(["-", "é", ""]).slice(1)) == [(0, 0), (0, 2), (1, 1)]


def test_texts_of_any_unicode() -> None:
    texts = ["", "\0", "\0\0", "a", "a\0", "é", "e\u0301", "🙂", "字" * 300]
    index = KeyIndex(pa.array(texts))
    assert _found(index, pa.array(texts)) == [(number, number) for number in range(len(texts))]


def test_ascending_numbers_need_no_memory() -> None:
    assert KeyIndex(pa.array(range(1000), _INT64)).nbytes() == 0
    assert KeyIndex(pa.array([2, 1], _INT64)).nbytes() == 24
    assert KeyIndex(pa.array(["a", "b"])).nbytes() >= 16


def test_the_codes_of_texts_are_part_of_the_file_format() -> None:
    """A released database routes rows by them; the values were computed from the formula in the reference kernels."""
    codes = key_codes(pa.array(["", "a", "key-1", "é🙂", "x" * 40]))
    assert codes.tolist() == [
        3962646922521248148,
        -6892476938574502732,
        5183912745829018771,
        -7440553227342416282,
        4541672313620050753,
    ]
    assert key_codes(pa.array([-5, 7], _INT64)).tolist() == [-5, 7]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["a", "b", "a", "c", "b"], [2, 3, 4]),
        ([1, 2, 3], None),
        ([2, 2, 2], [2]),
        ([], None),
        (["", "", "\0"], [1, 2]),
        ([-(2**63), 2**63 - 1, -(2**63)], [1, 2]),
    ],
)
def test_of_repeated_keys_the_last_row_stays(keys: list[int | str], expected: list[int] | None) -> None:
    rows = unique_key_rows(pa.array(keys, None if keys else _INT64))
    assert (None if rows is None else rows.tolist()) == expected
