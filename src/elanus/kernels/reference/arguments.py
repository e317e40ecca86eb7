"""Checks of array arguments, with the errors of the native library."""

from typing import Any

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Words

__all__ = ["check_array", "check_k", "check_offsets", "mask_of", "word_count"]


def check_array(array: npt.NDArray[Any], name: str, *dtypes: npt.DTypeLike, dimension_count: int = 1) -> None:
    """Refuses what is no C-contiguous array of one of the dtypes and of so many dimensions.

    Raises:
        TypeError: no array, or another dtype.
        ValueError: other dimensions, or not C-contiguous.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} is a {type(array).__name__}, expected an array")
    if array.ndim != dimension_count:
        raise ValueError(f"{name} has {array.ndim} dimensions, expected {dimension_count}")
    if not array.flags.c_contiguous:
        raise ValueError(f"{name} is not C-contiguous; pass np.ascontiguousarray of it")
    accepted = [np.dtype(dtype) for dtype in dtypes]
    if array.dtype not in accepted:
        wanted = " or ".join(dtype.name for dtype in accepted)
        raise TypeError(f"{name} has elements of {array.dtype}, expected {wanted}")


def check_k(k: int) -> None:
    """Refuses a negative `k` with ValueError."""
    if k < 0:
        raise ValueError(f"k is {k}, expected 0 or more")


def check_offsets(offsets: npt.NDArray[np.int32], limit: int) -> None:
    """Refuses offsets that are empty, descend, or leave 0 to `limit` (inclusive).

    Raises:
        TypeError, ValueError
    """
    check_array(offsets, "offsets", np.int32)
    if len(offsets) == 0:
        raise ValueError("offsets is empty, expected one more than rows")
    if offsets[0] < 0 or offsets[-1] > limit or bool((offsets[1:] < offsets[:-1]).any()):
        raise ValueError(f"offsets descend or leave 0 to {limit}")


def word_count(size: int) -> int:
    """Words that hold `size` bits."""
    return (size + 63) // 64


def mask_of(allow: Words | None, row_count: int) -> npt.NDArray[np.bool_]:
    """One boolean a row, all true for None.

    Raises:
        TypeError: words that are not uint64.
        ValueError: other than ceil(row_count / 64) words.
    """
    if allow is None:
        return np.ones(row_count, np.bool_)
    check_array(allow, "allow", np.uint64)
    if len(allow) != word_count(row_count):
        raise ValueError(f"allow has {len(allow)} words, expected {word_count(row_count)} for {row_count} rows")
    return np.unpackbits(allow.view(np.uint8), count=row_count, bitorder="little").view(np.bool_)
