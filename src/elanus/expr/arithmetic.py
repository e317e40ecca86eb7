"""Arithmetic on columns of numbers.

Integer with integer is integer arithmetic in 64 bits: `/` cuts toward zero, `%` has the sign of its left side, and a
result outside 64 bits is UNKNOWN. Anything with a double is IEEE arithmetic in doubles. Division and `%` by zero are
UNKNOWN, as is a zero to a negative power; so is an integer to a negative integer power, which is no integer.
`& | ^` and `%` are for integers: UNKNOWN where an operand is a double.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.bitset import Bitset
from elanus.expr.numbers import Mask, Numbers

__all__ = ["INTEGER_ONLY", "calculate", "negate"]

INTEGER_ONLY: Final = frozenset("%&|^")
"""Operators without a meaning for doubles."""

Integers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

_INT64: Final = np.iinfo(np.int64)
_BITWISE: Final[dict[str, Callable[[Integers, Integers], Any]]] = {
    "&": np.bitwise_and, "|": np.bitwise_or, "^": np.bitwise_xor,
}  # fmt: skip


def calculate(operator: str, left: Numbers, right: Numbers) -> Numbers:
    """`left operator right` for every row; each side has a number a row, or one for all rows."""
    known = _both(left.known, right.known)
    with np.errstate(all="ignore"):
        if left.doubles is None and right.doubles is None:
            integers, bad = _integers(operator, left.as_integers(), right.as_integers())
            return Numbers(integers, known=_without(known, bad))
        if operator not in INTEGER_ONLY and (left.integers is None or right.integers is None):
            doubles, bad = _doubles(operator, left.as_doubles(), right.as_doubles())
            return Numbers(None, doubles, known=_without(known, bad))
        return _mixed(operator, left, right, known)


def negate(numbers: Numbers) -> Numbers:
    """`-number` for every row; UNKNOWN for the one integer whose negative has no 64 bits."""
    with np.errstate(all="ignore"):
        integers, known = None, numbers.known
        if numbers.integers is not None:
            integers = np.negative(numbers.as_integers())
            bad = numbers.as_integers() == _INT64.min
            if numbers.integer_rows is not None:
                bad &= numbers.integer_rows
            known = _without(known, bad)
        doubles = None if numbers.doubles is None else np.negative(numbers.doubles.astype(np.float64, copy=False))
        return Numbers(integers, doubles, numbers.integer_rows, known)


def _mixed(operator: str, left: Numbers, right: Numbers, known: Bitset | None) -> Numbers:
    """Integer arithmetic where both sides are integers, double arithmetic in the other rows."""
    if left.integers is None or right.integers is None:
        size = _shape(left.as_doubles(), right.as_doubles())[0]
        return Numbers(np.zeros(size, np.int64), known=Bitset.zeros(size))
    integers, bad_integers = _integers(operator, left.as_integers(), right.as_integers())
    both = np.broadcast_to(_integer_rows(left) & _integer_rows(right), integers.shape)
    if operator in INTEGER_ONLY:
        return Numbers(integers, known=_without(known, bad_integers | ~both))
    doubles, bad_doubles = _doubles(operator, left.as_doubles(), right.as_doubles())
    return Numbers(integers, doubles, both, _without(known, np.where(both, bad_integers, bad_doubles)))


def _integer_rows(numbers: Numbers) -> Mask:
    return np.ones(1, np.bool_) if numbers.integer_rows is None else numbers.integer_rows


def _integers(operator: str, a: Integers, b: Integers) -> tuple[Integers, Mask]:
    """The results, and the rows that have none."""
    match operator:
        case "+":
            return _sum(a, b)
        case "-":
            total = a - b
            return total, ((a ^ b) & (a ^ total)) < 0
        case "*":
            return _product(a, b)
        case "/":
            return _quotient(a, b)
        case "%":
            # A remainder by -1 is 0, but the processor's division instruction overflows on the smallest integer.
            return np.fmod(a, np.where((b == 0) | (b == -1), 1, b)), np.broadcast_to(b == 0, _shape(a, b))
        case "**":
            return _power(a, b)
        case _:
            result = _BITWISE[operator](a, b)
            return result, np.zeros(result.shape, np.bool_)


def _sum(a: Integers, b: Integers) -> tuple[Integers, Mask]:
    total = a + b
    return total, ((a ^ total) & (b ^ total)) < 0


def _product(a: Integers, b: Integers) -> tuple[Integers, Mask]:
    product = a * b
    if _magnitude(a) * _magnitude(b) <= _INT64.max:
        return product, np.zeros(product.shape, np.bool_)
    # A wrapped product does not divide back; the two cases that would fool the division are named.
    divisor = np.where((a == 0) | (a == -1), 1, a)
    wrapped = (a != 0) & (a != -1) & ((product // divisor != b) | (product % divisor != 0))
    return product, wrapped | ((a == -1) & (b == _INT64.min))


def _magnitude(values: Integers) -> int:
    return max(abs(int(values.max())), abs(int(values.min()))) if len(values) else 0


def _quotient(a: Integers, b: Integers) -> tuple[Integers, Mask]:
    bad = (b == 0) | ((b == -1) & (a == _INT64.min))
    divisor = np.where(bad, 1, b)
    quotient = a // divisor
    return quotient + ((quotient < 0) & (quotient * divisor != a)), bad


def _power(base: Integers, exponent: Integers) -> tuple[Integers, Mask]:
    """Squaring and multiplying; a square that overflows matters only if the exponent still has a bit to use it."""
    shape = _shape(base, exponent)
    result, square = np.ones(shape, np.int64), np.broadcast_to(base, shape)
    remaining = np.broadcast_to(exponent, shape)
    bad = remaining < 0
    remaining = np.where(bad, 0, remaining)
    square_bad = np.zeros(shape, np.bool_)
    while remaining.any():
        used = (remaining & 1).astype(np.bool_)
        product, wrapped = _product(result, square)
        bad = bad | (used & (wrapped | square_bad))
        result = np.where(used, product, result)
        remaining = remaining >> 1
        square, wrapped = _product(square, square)
        square_bad = square_bad | wrapped
    return result, bad


def _doubles(operator: str, a: Doubles, b: Doubles) -> tuple[Doubles, Mask]:
    """The results, and the rows that have none."""
    bad = np.zeros(_shape(a, b), np.bool_)
    match operator:
        case "+":
            return a + b, bad
        case "-":
            return a - b, bad
        case "*":
            return a * b, bad
        case "/":
            return a / b, bad | (b == 0)
        case _:
            # The C library's function, by Arrow: NumPy's vectorised one differs from it in the last place.
            shape = bad.shape
            powers = pc.power(pa.array(np.broadcast_to(a, shape)), pa.array(np.broadcast_to(b, shape)))
            return powers.to_numpy(zero_copy_only=False), (a == 0) & (b < 0)


def _shape(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> tuple[int, ...]:
    return np.broadcast_shapes(a.shape, b.shape)


def _both(left: Bitset | None, right: Bitset | None) -> Bitset | None:
    if left is None or right is None:
        return right if left is None else left
    return left & right


def _without(known: Bitset | None, bad: Mask) -> Bitset | None:
    if not bad.any():
        return known
    good = Bitset.from_bool(~bad)
    return good if known is None else known & good
