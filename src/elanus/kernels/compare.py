"""Predicates over numbers, to packed words. Nulls are the caller's: their bits are whatever the values say.

Values are int8, int16, int32, int64, uint64, float32 or float64. For integer values scalars are integers of any size;
for float values any numbers, rounded to the values' type first (0.1 equals what is stored for 0.1). NaN answers false,
but true to `!=`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Scalar, Words
from elanus.kernels.loader import active

__all__ = ["between", "compare", "dictionary_in", "is_in"]


def compare(values: npt.NDArray[Any], op: str, scalar: Scalar) -> Words:
    """Where `values op scalar` holds; `op` is ==, !=, <, <=, > or >=.

    Raises:
        TypeError: a wrong dtype, or a scalar that is no integer for integer values.
        ValueError: an unknown op, a wrong shape.
    """
    return active.backend.compare(values, op, scalar)


def between(
    values: npt.NDArray[Any],
    low: Scalar | None,
    high: Scalar | None,
    *,
    low_inclusive: bool,
    high_inclusive: bool,
) -> Words:
    """Where `values` lie between the bounds; None leaves a side open (NaN is still outside).

    Raises:
        TypeError, ValueError: as `compare`.
    """
    return active.backend.between(values, low, high, low_inclusive=low_inclusive, high_inclusive=high_inclusive)


def is_in(values: npt.NDArray[Any], sorted_unique_values: npt.NDArray[Any]) -> Words:
    """Where `values` equal one of `sorted_unique_values`, which ascend strictly and have the same dtype.

    Raises:
        TypeError: a wrong dtype.
        ValueError: a list out of order, with repeats or NaN.
    """
    return active.backend.is_in(values, sorted_unique_values)


def dictionary_in(codes: npt.NDArray[np.int32], table: npt.NDArray[np.bool_]) -> Words:
    """`table[codes]` as words; codes that `table` does not have (of null rows) are not in the set."""
    return active.backend.dictionary_in(codes, table)
