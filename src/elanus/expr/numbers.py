"""Columns of numbers: integers, doubles, or both mixed, and exact comparison between them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.expr import primitives
from elanus.expr.bounds import NumberSet, double_form, integer_form

__all__ = ["Numbers", "compare_constant", "compare_numbers", "contained"]

Mask = npt.NDArray[np.bool_]
Form = tuple[str, int] | tuple[str, float] | bool


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """One number a row, an integer or a double; or one number for all rows (arrays of length 1).

    Attributes:
        integers: signed integers of any width, or None when no row has one; undefined where a row has none.
        doubles: float32 or float64, or None when no row has one; undefined where a row has none.
        integer_rows: when both arrays are there, the rows whose number is the integer.
        known: the rows that have a number at all; None means all.
    """

    integers: npt.NDArray[Any] | None
    doubles: npt.NDArray[Any] | None = None
    integer_rows: Mask | None = None
    known: Bitset | None = None

    def as_doubles(self) -> npt.NDArray[np.float64]:
        """Every number rounded to the nearest double."""
        if self.integers is None:
            assert self.doubles is not None
            return self.doubles.astype(np.float64, copy=False)
        rounded = self.integers.astype(np.float64)
        if self.doubles is not None:
            assert self.integer_rows is not None
            rounded = np.where(self.integer_rows, rounded, self.doubles)
        return rounded

    def as_integers(self) -> npt.NDArray[np.int64]:
        """The integers as int64; there must be some."""
        assert self.integers is not None
        return self.integers.astype(np.int64, copy=False)


def compare_constant(numbers: Numbers, operator: str, constant: float) -> Bitset:
    """The rows where `number operator constant`, exactly; undefined for rows without a number."""
    integers = doubles = None
    if numbers.integers is not None:
        form = integer_form(operator, constant, numbers.integers.dtype.itemsize * 8)
        integers = _compare_form(numbers.integers, form)
    if numbers.doubles is not None:
        doubles = _compare_form(numbers.doubles, double_form(operator, constant))
    return _merged(integers, doubles, numbers.integer_rows)


def contained(numbers: Numbers, members: NumberSet) -> Bitset:
    """The rows whose number is a member; undefined for rows without a number."""
    integers = doubles = None
    if numbers.integers is not None:
        integers = primitives.is_in(numbers.integers, members.integers)
    if numbers.doubles is not None:
        doubles = primitives.is_in(numbers.doubles, members.doubles)
    return _merged(integers, doubles, numbers.integer_rows)


def compare_numbers(left: Numbers, operator: str, right: Numbers) -> Bitset:
    """The rows where `left operator right`, exactly; undefined for rows without a number on both sides."""
    if left.doubles is None and right.doubles is None:
        return primitives.compare_columns(left.as_integers(), operator, right.as_integers())
    if left.integers is None and right.integers is None:
        return primitives.compare_columns(left.as_doubles(), operator, right.as_doubles())
    less, equal, greater = _order(left, right)
    mask = {
        "==": equal, "!=": ~equal, "<": less, "<=": less | equal, ">": greater, ">=": greater | equal,
    }[operator]  # fmt: skip
    return Bitset.from_bool(mask)


def _order(left: Numbers, right: Numbers) -> tuple[Mask, Mask, Mask]:
    """Where the left number is less, equal and greater; none of them where one is NaN.

    Rounding to double keeps order, so only rows whose doubles are equal need a closer look. Those are compared as
    integers: a double that equals a rounded integer is itself an integer, at most 2**63 in size.
    """
    a, b = left.as_doubles(), right.as_doubles()
    less, equal, greater = a < b, a == b, a > b
    left_integers, right_integers = _integer_mask(left, a), _integer_mask(right, b)
    tied = np.flatnonzero(equal & (left_integers | right_integers))
    if len(tied):
        p, p_over = _exact_at(left, a, left_integers, tied, len(equal))
        q, q_over = _exact_at(right, b, right_integers, tied, len(equal))
        less[tied] = (p < q) | (q_over & ~p_over)
        greater[tied] = (p > q) | (p_over & ~q_over)
        equal[tied] = ~less[tied] & ~greater[tied]
    return less, equal, greater


def _integer_mask(numbers: Numbers, values: npt.NDArray[np.float64]) -> Mask:
    if numbers.integer_rows is not None:
        return numbers.integer_rows
    return np.full(len(values), numbers.integers is not None)


def _exact_at(
    numbers: Numbers, values: npt.NDArray[np.float64], integers: Mask, rows: npt.NDArray[np.intp], size: int
) -> tuple[npt.NDArray[np.int64], Mask]:
    """The numbers of `rows` as int64, and which is 2**63, one more than an int64 can be (there: the largest)."""
    at_rows = np.broadcast_to(values, size)[rows]
    from_integer = np.broadcast_to(integers, size)[rows]
    over = ~from_integer & (at_rows >= 2.0**63)
    exact = np.where(over | from_integer, 0.0, at_rows).astype(np.int64)
    exact[over] = np.iinfo(np.int64).max
    if numbers.integers is not None:
        exact = np.where(from_integer, np.broadcast_to(numbers.as_integers(), size)[rows], exact)
    return exact, over


def _compare_form(values: npt.NDArray[Any], form: Form) -> Bitset:
    if isinstance(form, bool):
        return Bitset.ones(len(values)) if form else Bitset.zeros(len(values))
    return primitives.compare(values, *form)


def _merged(integers: Bitset | None, doubles: Bitset | None, integer_rows: Mask | None) -> Bitset:
    if integers is None:
        assert doubles is not None
        return doubles
    if doubles is None:
        return integers
    assert integer_rows is not None
    chosen = Bitset.from_bool(integer_rows)
    return (integers & chosen) | doubles.minus(chosen)
