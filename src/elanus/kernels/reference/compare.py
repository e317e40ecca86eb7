"""Predicates over numbers by NumPy's comparisons."""

import operator
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Scalar, Words
from elanus.kernels.reference.arguments import check_array
from elanus.kernels.reference.bits import pack

__all__ = ["COMPARISONS", "between", "compare", "dictionary_in", "is_in"]

COMPARISONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_DTYPES: Final = (np.int8, np.int16, np.int32, np.int64, np.uint64, np.float32, np.float64)


def compare(values: npt.NDArray[Any], op: str, scalar: Scalar) -> Words:
    if op not in COMPARISONS:
        raise ValueError(f"op is {op!r}, expected ==, !=, <, <=, > or >=")
    check_array(values, "values", *_DTYPES)
    return pack(_compared(values, op, scalar))


def between(
    values: npt.NDArray[Any], low: Scalar | None, high: Scalar | None, *, low_inclusive: bool, high_inclusive: bool
) -> Words:
    check_array(values, "values", *_DTYPES)
    mask = values == values if values.dtype.kind == "f" else np.ones(len(values), np.bool_)  # noqa: PLR0124 (not NaN)
    if low is not None:
        mask &= _compared(values, ">=" if low_inclusive else ">", low)
    if high is not None:
        mask &= _compared(values, "<=" if high_inclusive else "<", high)
    return pack(mask)


def is_in(values: npt.NDArray[Any], sorted_unique_values: npt.NDArray[Any]) -> Words:
    check_array(values, "values", *_DTYPES)
    check_array(sorted_unique_values, "sorted_unique_values", values.dtype)
    listed = sorted_unique_values
    if not bool((listed[:-1] < listed[1:]).all()) or bool((listed != listed).any()):  # noqa: PLR0124 (NaN)
        raise ValueError("sorted_unique_values do not ascend strictly")
    mask = np.zeros(len(values), np.bool_)
    for item in listed:
        mask |= values == item
    return pack(mask)


def dictionary_in(codes: npt.NDArray[np.int32], table: npt.NDArray[np.bool_]) -> Words:
    check_array(codes, "codes", np.int32)
    check_array(table, "table", np.bool_)
    inside = (codes >= 0) & (codes < len(table))
    mask = np.zeros(len(codes), np.bool_)
    mask[inside] = table[codes[inside]]
    return pack(mask)


def _compared(values: npt.NDArray[Any], op: str, scalar: Scalar) -> npt.NDArray[np.bool_]:
    compare_with = COMPARISONS[op]
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            mask: npt.NDArray[np.bool_] = compare_with(values, values.dtype.type(_float_of(scalar)))
        return mask
    exact = operator.index(scalar)  # type: ignore[arg-type] # a float has none, which is the error wanted
    bounds = np.iinfo(values.dtype)
    if exact < bounds.min or exact > bounds.max:
        # Every value compares alike with a scalar beyond the dtype.
        return np.full(len(values), compare_with(0, exact))
    inside: npt.NDArray[np.bool_] = compare_with(values, values.dtype.type(exact))
    return inside


def _float_of(scalar: Scalar) -> float:
    try:
        return float(scalar)
    except OverflowError:
        return np.inf if scalar > 0 else -np.inf
