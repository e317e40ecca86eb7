"""Predicates over strings in Arrow's layout, to packed words, and the hash of the file format.

String i is bytes `offsets[i]` to `offsets[i + 1]` (exclusive) of `data`; `offsets` is int32 and one longer than the
strings, `data` uint8. Literals are bytes; order is that of unsigned bytes, which for UTF-8 is the order of code points.
All raise TypeError for a wrong dtype, ValueError for offsets that descend or leave the data.
"""

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Words
from elanus.kernels.loader import active

__all__ = [
    "hash_int64",
    "hash_strings",
    "string_compare",
    "string_contains",
    "string_equals",
    "string_in",
    "string_prefix",
    "string_suffix",
]

Offsets = npt.NDArray[np.int32]
Data = npt.NDArray[np.uint8]


def string_equals(offsets: Offsets, data: Data, literal: bytes) -> Words:
    """Where strings equal the literal."""
    return active.backend.string_compare(offsets, data, "==", literal)


def string_compare(offsets: Offsets, data: Data, op: str, literal: bytes) -> Words:
    """Where `string op literal` holds; `op` is ==, !=, <, <=, > or >=."""
    return active.backend.string_compare(offsets, data, op, literal)


def string_in(offsets: Offsets, data: Data, literals: list[bytes]) -> Words:
    """Where strings equal one of the literals, which may repeat."""
    return active.backend.string_in(offsets, data, literals)


def string_prefix(offsets: Offsets, data: Data, literal: bytes) -> Words:
    """Where strings start with the literal."""
    return active.backend.string_prefix(offsets, data, literal)


def string_suffix(offsets: Offsets, data: Data, literal: bytes) -> Words:
    """Where strings end with the literal."""
    return active.backend.string_suffix(offsets, data, literal)


def string_contains(offsets: Offsets, data: Data, literal: bytes) -> Words:
    """Where strings contain the literal."""
    return active.backend.string_contains(offsets, data, literal)


def hash_strings(offsets: Offsets, data: Data, *, seed: int) -> Words:
    """The 64-bit hash of every string (uint64, one a string); stable for ever, it is in the file format.

    `seed` is 0 to 2^64 (exclusive).
    """
    return active.backend.hash_strings(offsets, data, seed)


def hash_int64(values: npt.NDArray[np.int64], *, seed: int) -> Words:
    """The 64-bit hash of every value: that of its eight little-endian bytes as a string."""
    return active.backend.hash_int64(values, seed)
