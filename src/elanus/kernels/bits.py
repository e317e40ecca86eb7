"""Packed sets of rows: counting, unpacking, packing. AND and OR of words are NumPy's, which nothing here would beat."""

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Rows, Words
from elanus.kernels.loader import active

__all__ = ["bit_count", "bit_rows", "bits_from_bool", "bits_from_rows", "runs_with"]


def bit_count(words: Words) -> int:
    """How many bits are set."""
    return active.backend.bit_count(words)


def bit_rows(words: Words, size: int) -> Rows:
    """The numbers of the set bits, ascending.

    Raises:
        ValueError: other than ceil(size / 64) words, or a set bit at or after `size`.
    """
    return active.backend.bit_rows(words, size)


def bits_from_bool(mask: npt.NDArray[np.bool_]) -> Words:
    """The set of places where `mask` is true."""
    return active.backend.bits_from_bool(mask)


def bits_from_rows(rows: npt.NDArray[np.uint32] | Rows, size: int) -> Words:
    """The set of some rows out of `size`, numbered in any order (uint32 or int64), repeats allowed.

    Raises:
        TypeError: another dtype.
        ValueError: a row is not from 0 to `size` (exclusive).
    """
    return active.backend.bits_from_rows(rows, size)


def runs_with(words: Words, offsets: npt.NDArray[np.int32]) -> Words:
    """The runs that have a place in a set; run i is places `offsets[i]` to `offsets[i + 1]` (exclusive).

    Raises:
        TypeError: a wrong dtype.
        ValueError: offsets that are empty, descend or leave the words.
    """
    return active.backend.runs_with(words, offsets)
