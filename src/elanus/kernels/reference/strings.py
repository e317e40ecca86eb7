"""Predicates over strings by Python's bytes."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Words
from elanus.kernels.reference.arguments import check_array, check_offsets
from elanus.kernels.reference.bits import pack
from elanus.kernels.reference.compare import COMPARISONS

__all__ = [
    "rows_of",
    "string_compare",
    "string_contains",
    "string_in",
    "string_prefix",
    "string_suffix",
]

Offsets = npt.NDArray[np.int32]
Data = npt.NDArray[np.uint8]


def string_compare(offsets: Offsets, data: Data, op: str, literal: bytes) -> Words:
    if op not in COMPARISONS:
        raise ValueError(f"op is {op!r}, expected ==, !=, <, <=, > or >=")
    compare_with = COMPARISONS[op]
    return _where(offsets, data, lambda string: compare_with(string, _checked(literal)))


def string_in(offsets: Offsets, data: Data, literals: list[bytes]) -> Words:
    wanted = {_checked(literal) for literal in literals}
    return _where(offsets, data, lambda string: string in wanted)


def string_prefix(offsets: Offsets, data: Data, literal: bytes) -> Words:
    return _where(offsets, data, lambda string: string.startswith(_checked(literal)))


def string_suffix(offsets: Offsets, data: Data, literal: bytes) -> Words:
    return _where(offsets, data, lambda string: string.endswith(_checked(literal)))


def string_contains(offsets: Offsets, data: Data, literal: bytes) -> Words:
    return _where(offsets, data, lambda string: _checked(literal) in string)


def rows_of(offsets: Offsets, data: Data) -> list[bytes]:
    """Every string as bytes.

    Raises:
        TypeError, ValueError: as the functions of `kernels.strings`.
    """
    check_array(data, "data", np.uint8)
    check_offsets(offsets, len(data))
    whole = data.tobytes()
    return [whole[start:stop] for start, stop in pairwise(offsets.tolist())]


def _where(offsets: Offsets, data: Data, matches: Callable[[bytes], Any]) -> Words:
    return pack(np.array([bool(matches(string)) for string in rows_of(offsets, data)], np.bool_))


def _checked(literal: bytes) -> bytes:
    if not isinstance(literal, bytes):
        raise TypeError(f"literal is {literal!r}, expected bytes")
    return literal
