"""Every level's top k, packed sets and checksums equal the reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.kernels import reference
from elanus.kernels.bits import bit_count, bit_rows, bits_from_bool, bits_from_rows, runs_with
from elanus.kernels.checksum import blocks_crc32c, crc32c, joined_crc32c
from elanus.kernels.reference.bits import pack
from elanus.kernels.topk import topk
from tests.unit.kernels.levels import LEVELS, using

pytestmark = pytest.mark.parametrize("level", LEVELS)

_SEEDS = st.integers(0, 2**32)
_SIZES = st.one_of(st.integers(0, 300), st.integers(0, 6000))
_SHARES = st.sampled_from([0.0, 0.01, 0.2, 0.5, 0.95, 1.0])


@given(seed=_SEEDS, size=_SIZES, offset=st.integers(0, 3), distinct=st.sampled_from([1, 5, 10**6]), data=st.data())
def test_topk(level: str, seed: int, size: int, offset: int, distinct: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    scores = (rng.integers(-distinct, distinct, size + offset, endpoint=True) / 7).astype(np.float32)[offset:]
    k = data.draw(st.one_of(st.integers(0, 20), st.integers(0, size + 3)))
    largest = data.draw(st.booleans())
    allow = None if data.draw(st.booleans()) else pack(rng.random(size) < data.draw(_SHARES))
    with using(level):
        found_scores, found_rows = topk(scores, k, largest=largest, allow=allow)
    expected_scores, expected_rows = reference.topk(scores, k, allow, largest=largest)
    np.testing.assert_array_equal(found_rows, expected_rows)
    np.testing.assert_array_equal(found_scores, expected_scores)


@given(seed=_SEEDS, size=_SIZES, share=_SHARES, offset=st.integers(0, 7))
def test_bits(level: str, seed: int, size: int, share: float, offset: int) -> None:
    mask = (np.random.default_rng(seed).random(size + offset) < share)[offset:]
    with using(level):
        words = bits_from_bool(mask)
        np.testing.assert_array_equal(words, reference.bits_from_bool(mask))
        assert bit_count(words) == int(mask.sum())
        np.testing.assert_array_equal(bit_rows(words, size), np.flatnonzero(mask))
        for dtype in (np.uint32, np.int64):
            rows = np.random.default_rng(seed).permutation(np.repeat(np.flatnonzero(mask), 2)).astype(dtype)
            np.testing.assert_array_equal(bits_from_rows(rows, size), words)
            np.testing.assert_array_equal(reference.bits_from_rows(rows, size), words)


@given(seed=_SEEDS, size=_SIZES, share=_SHARES, before=st.integers(0, 70), data=st.data())
def test_runs(level: str, seed: int, size: int, share: float, before: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    words = pack(rng.random(before + size) < share)
    lengths = rng.integers(0, data.draw(st.sampled_from([1, 2, 5, 200])), data.draw(st.integers(0, 300)))
    offsets = np.minimum(before + np.cumsum([0, *lengths]), before + size).astype(np.int32)
    with using(level):
        np.testing.assert_array_equal(runs_with(words, offsets), reference.runs_with(words, offsets))
        for wrong in ([], [1, 0], [-1, 0], [0, 64 * len(words) + 1]):
            with pytest.raises(ValueError, match="offsets"):
                runs_with(words, np.array(wrong, np.int32))


@given(data=st.binary(max_size=300), repeats=st.integers(1, 200), initial=st.integers(0, 2**32 - 1))
def test_crc32c(level: str, data: bytes, repeats: int, initial: int) -> None:
    buffer = data * repeats
    with using(level):
        assert crc32c(buffer, initial) == reference.crc32c(buffer, initial)


@given(first=st.binary(max_size=300), second=st.binary(max_size=300), repeats=st.integers(1, 200))
def test_joined_crc32c(level: str, first: bytes, second: bytes, repeats: int) -> None:
    second = second * repeats
    with using(level):
        assert joined_crc32c(crc32c(first), crc32c(second), len(second)) == reference.crc32c(first + second, 0)


@given(data=st.binary(max_size=500), block_bytes=st.integers(1, 600))
def test_blocks_crc32c(level: str, data: bytes, block_bytes: int) -> None:
    with using(level):
        found = blocks_crc32c(data, block_bytes)
    np.testing.assert_array_equal(found, reference.blocks_crc32c(data, block_bytes))
