"""Predicates over strings and the hash of the file format."""

import numpy as np
import numpy.typing as npt
import pytest

from elanus.kernels.bits import bit_rows
from elanus.kernels.strings import (
    hash_int64,
    hash_strings,
    string_compare,
    string_contains,
    string_equals,
    string_in,
    string_prefix,
    string_suffix,
)

pytestmark = pytest.mark.usefixtures("backend")

_STRINGS = [b"", b"a", b"ab", b"abc", b"abcdefgh", b"abcdefghi", b"\x00", b"a\x00", b"\xff\xfe", b"xabx"]


def _arrow(
    strings: list[bytes], before: bytes = b"", after: bytes = b""
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    offsets = len(before) + np.cumsum([0, *(len(string) for string in strings)])
    return offsets.astype(np.int32), np.frombuffer(before + b"".join(strings) + after, np.uint8)


def _found(words: npt.NDArray[np.uint64]) -> list[bytes]:
    return [_STRINGS[row] for row in bit_rows(words, len(_STRINGS)).tolist()]


def test_equality_needs_the_same_length() -> None:
    for string in _STRINGS:
        assert _found(string_equals(*_arrow(_STRINGS), string)) == [string]
    assert _found(string_equals(*_arrow(_STRINGS), b"abd")) == []


def test_order_is_that_of_unsigned_bytes_with_shorter_first() -> None:
    for literal in _STRINGS:
        assert _found(string_compare(*_arrow(_STRINGS), "<", literal)) == [s for s in _STRINGS if s < literal]
        assert _found(string_compare(*_arrow(_STRINGS), ">=", literal)) == [s for s in _STRINGS if s >= literal]


def test_prefix_suffix_and_substring() -> None:
    assert _found(string_prefix(*_arrow(_STRINGS), b"ab")) == [b"ab", b"abc", b"abcdefgh", b"abcdefghi"]
    assert _found(string_suffix(*_arrow(_STRINGS), b"\x00")) == [b"\x00", b"a\x00"]
    assert _found(string_contains(*_arrow(_STRINGS), b"ab")) == [b"ab", b"abc", b"abcdefgh", b"abcdefghi", b"xabx"]


def test_empty_literal_is_in_every_string() -> None:
    for predicate in (string_prefix, string_suffix, string_contains):
        assert _found(predicate(*_arrow(_STRINGS), b"")) == _STRINGS


def test_substring_does_not_reach_over_the_end_of_a_row() -> None:
    strings = [b"xa", b"bx", b"", b"ab", b"a", b"", b"b"]
    assert bit_rows(string_contains(*_arrow(strings, b"a", b"b"), b"ab"), 7).tolist() == [3]


def test_membership_with_repeats_and_the_empty_list() -> None:
    assert _found(string_in(*_arrow(_STRINGS), [b"ab", b"", b"ab", b"zz"])) == [b"", b"ab"]
    assert _found(string_in(*_arrow(_STRINGS), [])) == []
    assert _found(string_in(*_arrow(_STRINGS), [b"a"])) == [b"a"]


def test_bytes_before_and_after_the_strings_do_not_count() -> None:
    offsets, data = _arrow(_STRINGS, b"abab", b"abab")
    assert _found(string_equals(offsets, data, b"ab")) == [b"ab"]
    assert _found(string_contains(offsets, data, b"xab")) == [b"xabx"]


def test_no_strings_give_no_words() -> None:
    assert len(string_equals(np.zeros(1, np.int32), np.empty(0, np.uint8), b"a")) == 0
    assert len(hash_strings(np.zeros(1, np.int32), np.empty(0, np.uint8), seed=0)) == 0


@pytest.mark.parametrize("offsets", [[0, 3, 2, 4], [-1, 1, 2, 4], [0, 1, 2, 6], [0, 6, 6, 6], []])
def test_damaged_offsets_are_refused(offsets: list[int]) -> None:
    damaged, data = np.array(offsets, np.int32), np.zeros(5, np.uint8)
    with pytest.raises(ValueError, match="offsets"):
        string_equals(damaged, data, b"a")
    with pytest.raises(ValueError, match="offsets"):
        hash_strings(damaged, data, seed=1)


def test_wrong_arguments_are_refused() -> None:
    offsets, data = _arrow(_STRINGS)
    with pytest.raises(TypeError):
        string_equals(offsets, data, "ab")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        string_in(offsets, data, ["ab"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="offsets has elements of int64, expected int32"):
        string_equals(offsets.astype(np.int64), data, b"ab")
    with pytest.raises(ValueError, match="op is '=', expected"):
        string_compare(offsets, data, "=", b"ab")
    with pytest.raises(TypeError):
        hash_strings(offsets, data, seed=-1)


def test_hashes_of_released_files_never_change() -> None:
    strings = [bytes(range(size)) for size in (0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 49, 100, 255)]
    assert [f"{value:016x}" for value in hash_strings(*_arrow(strings), seed=0).tolist()] == _HASHES_SEED_0
    assert [f"{value:016x}" for value in hash_strings(*_arrow(strings), seed=2**64 - 1).tolist()] == _HASHES_SEED_MAX


def test_hash_of_an_integer_is_that_of_its_little_endian_bytes() -> None:
    values = np.array([0, 1, -1, 42, 2**63 - 1, -(2**63)], np.int64)
    strings = [value.to_bytes(8, "little", signed=True) for value in values.tolist()]
    for seed in (0, 7, 2**64 - 1):
        assert hash_int64(values, seed=seed).tolist() == hash_strings(*_arrow(strings), seed=seed).tolist()


def test_hashes_spread_over_all_bits() -> None:
    hashes = hash_int64(np.arange(20_000), seed=3)
    assert len(np.unique(hashes)) == 20_000
    shares = [float(((hashes >> np.uint64(bit)) & np.uint64(1)).mean()) for bit in range(64)]
    assert min(shares) > 0.48
    assert max(shares) < 0.52


_HASHES_SEED_0 = [
    "5574333c036d42b5",
    "d38d73ee40f232cf",
    "bfa249991bbccf00",
    "29eea07e7c61d6e3",
    "418b13b15749fc0f",
    "a50c73840e99616f",
    "5f828ff929f35e13",
    "5ad43469da48a846",
    "f2111afb286c3448",
    "cf789663aa7eb3b0",
    "4be09ac84be9ccd4",
    "1cd5393f75acda12",
    "fe19092bb6cd1b8a",
    "9c6df90c51b2c234",
    "350e554a7506221a",
    "cbf14a389eb45a3a",
    "dead241d402b2cc3",
    "e4bee9c8519b99aa",
]
_HASHES_SEED_MAX = [
    "f53e920614634528",
    "cf5ef8b00dc1b65a",
    "20681bd821c1f8e4",
    "ec9a378b164f46bb",
    "7676be6e8a54ad30",
    "d53e5c0dde08e886",
    "891d40476c7c555e",
    "5688b654c80dff57",
    "91a41ef9270a9410",
    "597eeae0cb368078",
    "3d327883b6b244e1",
    "7f3903b887de4e16",
    "8805d1bd5b73d4a4",
    "fe9e49a8b6094a28",
    "35f60220c6e44635",
    "44f144edb3dcb636",
    "93eff0e97209b52b",
    "fbb75d53e903b64d",
]
