"""The 64-bit hash of the file format, in Python's integers. The formula stands here and must never change.

Words are little-endian. `_mix` multiplies two words to 128 bits and folds the halves together with the factors.
"""

import sys
from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Words
from elanus.kernels.reference.arguments import check_array
from elanus.kernels.reference.strings import rows_of

__all__ = ["hash_int64", "hash_strings"]

_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15
_ROOT_2: Final = 0x6A09E667F3BCC909
_ROOT_3: Final = 0xBB67AE8584CAA73B
_ROOT_5: Final = 0x3C6EF372FE94F82B


def hash_strings(offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8], seed: int) -> Words:
    _check_seed(seed)
    return np.array([_hash(string, seed) for string in rows_of(offsets, data)], np.uint64)


def hash_int64(values: npt.NDArray[np.int64], seed: int) -> Words:
    _check_seed(seed)
    check_array(values, "values", np.int64)
    return np.array([_hash(value.to_bytes(8, "little", signed=True), seed) for value in values.tolist()], np.uint64)


def _hash(string: bytes, seed: int) -> int:
    state = seed ^ _mix(seed ^ _GOLDEN, _ROOT_2)
    blocks = [string[start : start + 16] for start in range(0, len(string), 16)] or [b""]
    for block in blocks[:-1]:
        first, second = _words(block)
        state = _mix(first ^ _ROOT_3, second ^ state)
    first, second = _words(blocks[-1])
    return _mix(_mix(first ^ _ROOT_3, second ^ state) ^ _ROOT_5, _ROOT_2 ^ len(string))


def _mix(a: int, b: int) -> int:
    product = a * b
    return a ^ (product & _MASK) ^ b ^ (product >> 64)


def _words(block: bytes) -> tuple[int, int]:
    """Two words of up to sixteen bytes, missing ones zero."""
    return int.from_bytes(block[:8], "little"), int.from_bytes(block[8:], "little")


def _check_seed(seed: int) -> None:
    if not 0 <= seed <= _MASK:
        raise TypeError(f"seed is {seed}, expected 0 to 2^64 (exclusive)")


assert sys.byteorder == "little", "the kernels read words in memory order"
