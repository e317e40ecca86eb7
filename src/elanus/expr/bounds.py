"""Literals moved into the domain of what they are compared with, without changing the answer.

Numbers compare as in mathematics: `a > 2.5` over integers is `a > 2`, and `f == 9007199254740993` over doubles, none of
which has that value, is false for every row. A form is either an operator and a value of the domain, or the one answer
that holds for every row with a value. NaN is unequal to every value and in no order with any.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "FLIPPED",
    "NEGATED",
    "NumberSet",
    "double_form",
    "integer_form",
    "integer_set",
    "number_set",
    "single_value",
]

FLIPPED: Final = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""The operator with its sides exchanged."""

NEGATED: Final = {"==": "!=", "!=": "=="}

# Integers that fill their range more densely than this are marked in it, which is quicker than sorting them.
_DENSE_RANGE_MAX: Final = 16

Number = int | float


def integer_form(operator: str, constant: Number, bits: int) -> tuple[str, int] | bool:
    """`x operator constant` for signed integers x of `bits` bits."""
    if isinstance(constant, float):
        if math.isnan(constant):
            return operator == "!="
        if math.isinf(constant):
            return _beyond(operator, above=constant > 0)
        if not constant.is_integer():
            if operator in NEGATED:
                return operator == "!="
            operator = ">" if operator in {">", ">="} else "<="
        constant = math.floor(constant)
    half = 1 << (bits - 1)
    if not -half <= constant < half:
        return _beyond(operator, above=constant > 0)
    return operator, constant


def double_form(operator: str, constant: Number) -> tuple[str, float] | bool:
    """`x operator constant` for doubles x; `constant` is at most 64 bits if it is an integer."""
    if isinstance(constant, float):
        return (operator, constant) if not math.isnan(constant) else operator == "!="
    nearest = float(constant)
    if int(nearest) == constant:
        return operator, nearest
    if operator in NEGATED:
        return operator == "!="
    below = nearest if nearest < constant else math.nextafter(nearest, -math.inf)
    return (">=", math.nextafter(below, math.inf)) if operator in {">", ">="} else ("<=", below)


def single_value(constant: Number) -> float:
    """The 32-bit float nearest to `constant`, as a double: what a Float field stores for it."""
    with np.errstate(over="ignore"):
        if isinstance(constant, int):
            return float(np.array([constant], np.int64).astype(np.float32)[0])
        return float(np.float32(constant))


def _beyond(operator: str, *, above: bool) -> bool:
    """The answer for every row when the constant is above (or below) all values of the domain."""
    if operator in NEGATED:
        return operator == "!="
    return above == (operator in {"<", "<="})


@dataclass(frozen=True, slots=True, eq=False)
class NumberSet:
    """Numbers to look up among integers and among floats.

    Attributes:
        integers: int64, sorted, distinct: the members that are integers of 64 bits.
        doubles: float64, sorted, distinct: the members that are exactly doubles, without NaN.
        constants: all members, for the few values that are neither.
    """

    integers: npt.NDArray[np.int64]
    doubles: npt.NDArray[np.float64]
    constants: Sequence[Number] | npt.NDArray[np.int64] = field(repr=False)


def integer_set(constants: npt.NDArray[np.int64]) -> NumberSet:
    """The set of some integers."""
    integers = _distinct(constants)
    rounded = integers.astype(np.float64)
    # 2**63 is a double that no int64 rounds back to; the largest integers round up to it.
    exact = rounded < 2.0**63
    exact[exact] = rounded[exact].astype(np.int64) == integers[exact]
    return NumberSet(integers, rounded[exact], constants)


def number_set(constants: Sequence[Number]) -> NumberSet:
    """The set of some numbers; integers have at most 64 bits."""
    if set(map(type, constants)) == {int}:
        return replace(integer_set(np.array(constants, np.int64)), constants=constants)
    present = [constant for constant in constants if constant == constant]  # noqa: PLR0124  NaN is not itself
    return NumberSet(
        _distinct(np.array(_forms(integer_form("==", constant, 64) for constant in present), np.int64)),
        _distinct(np.array(_forms(double_form("==", constant) for constant in present), np.float64)),
        present,
    )


def _distinct(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values in order, each once: NumPy's own way makes a hash table first, which takes ten times as long."""
    if values.dtype.kind == "i" and len(values):
        low, high = int(values.min()), int(values.max())
        if high - low < _DENSE_RANGE_MAX * len(values):
            present = np.zeros(high - low + 1, np.bool_)
            present[values - low] = True
            return np.flatnonzero(present) + low
    values = np.sort(values)
    kept = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=kept[1:])
    return values if kept.all() else values[kept]


def _forms(forms: Iterable[tuple[str, Number] | bool]) -> list[Number]:
    return [form[1] for form in forms if not isinstance(form, bool)]
