"""Packed sets by NumPy's own packing."""

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Rows, Words
from elanus.kernels.reference.arguments import check_array, check_offsets, word_count

__all__ = ["bit_count", "bit_rows", "bits_from_bool", "bits_from_rows", "pack", "runs_with"]


def bit_count(words: Words) -> int:
    check_array(words, "words", np.uint64)
    return int(np.bitwise_count(words).sum())


def bit_rows(words: Words, size: int) -> Rows:
    check_array(words, "words", np.uint64)
    if size < 0 or len(words) != word_count(size):
        raise ValueError(f"words has {len(words)} words, expected ceil(size / 64) for size {size}")
    rows = np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little"))
    if len(rows) and rows[-1] >= size:
        raise ValueError(f"words has set bits at or after size {size}, expected zeros")
    return rows


def bits_from_bool(mask: npt.NDArray[np.bool_]) -> Words:
    check_array(mask, "mask", np.bool_)
    return pack(mask)


def bits_from_rows(rows: npt.NDArray[np.uint32] | Rows, size: int) -> Words:
    check_array(rows, "rows", np.uint32, np.int64)
    if size < 0:
        raise ValueError(f"size is {size}, expected 0 or more")
    if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < size:
        raise ValueError(f"rows has a number outside of 0 to size {size} (exclusive)")
    mask = np.zeros(size, np.bool_)
    mask[rows] = True
    return pack(mask)


def runs_with(words: Words, offsets: npt.NDArray[np.int32]) -> Words:
    check_array(words, "words", np.uint64)
    check_offsets(offsets, 64 * len(words))
    before = np.cumsum([0, *np.unpackbits(words.view(np.uint8), bitorder="little").tolist()])
    return pack(before[offsets[1:]] > before[offsets[:-1]])


def pack(mask: npt.NDArray[np.bool_]) -> Words:
    """One bit a boolean, the last word filled up with zeros."""
    packed = np.zeros(8 * word_count(len(mask)), np.uint8)
    short = np.packbits(mask, bitorder="little")
    packed[: len(short)] = short
    return packed.view(np.uint64)
