"""How many rows a condition may let through, guessed from the bounds of a segment's fields.

Numbers are taken to lie evenly between their bounds, and conditions to have nothing to do with each other. A guess is a
share from 0 to 1, or None where the bounds say nothing. It is exact where the bounds decide: no row, every row, NULLs.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from elanus.expr.bound import (
    Always,
    And,
    Between,
    Column,
    Compare,
    Condition,
    Fixed,
    InNumbers,
    IsNull,
    Not,
    Operand,
    Or,
)
from elanus.expr.pruning import RowsMatching, prune
from elanus.expr.stats import SegmentStats
from elanus.expr.syntax import Scalar

__all__ = ["estimated_share"]

_EQUAL: Final = {"==", "!="}


def estimated_share(condition: Condition, stats: SegmentStats) -> float | None:
    """The share of the rows that meet the condition."""
    matching = prune(condition, stats)
    if matching is not RowsMatching.SOME:
        return 1.0 if matching is RowsMatching.ALL else 0.0
    shares = _shares(condition, stats)
    return None if shares is None else min(max(shares.true, 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class _Shares:
    """The shares of the rows for which a condition is TRUE and FALSE; for the rest it is UNKNOWN."""

    true: float
    false: float


def _shares(condition: Condition, stats: SegmentStats) -> _Shares | None:
    match condition:
        case Always():
            return _Shares(float(condition.truth), float(not condition.truth))
        case Not():
            inner = _shares(condition.operand, stats)
            return None if inner is None else _Shares(inner.false, inner.true)
        case And() | Or():
            parts = [_shares(operand, stats) for operand in condition.operands]
            known = [part for part in parts if part is not None]
            if len(known) < len(parts):
                return None
            if isinstance(condition, And):
                return _Shares(math.prod(part.true for part in known), 1 - math.prod(1 - part.false for part in known))
            return _Shares(1 - math.prod(1 - part.true for part in known), math.prod(part.false for part in known))
        case IsNull(operand=Column(name=name)) if name in stats.fields:
            null = stats.fields[name].null_count / stats.row_count
            return _Shares(1 - null, null) if condition.negated else _Shares(null, 1 - null)
        case Fixed(operand=Column(name=name)) if name in stats.fields:
            present = 1 - stats.fields[name].null_count / stats.row_count
            return _Shares(present * condition.truth, present * (not condition.truth))
        case Compare() | Between() | InNumbers():
            return _of_bounds(condition, condition.operand, stats)
        case _:
            return None


def _of_bounds(condition: Compare | Between | InNumbers, operand: Operand, stats: SegmentStats) -> _Shares | None:
    """For a condition on a field of numbers with bounds."""
    field = stats.fields.get(operand.name) if isinstance(operand, Column) else None
    if field is None or not _is_number(field.minimum) or not _is_number(field.maximum):
        return None
    low, high = field.minimum, field.maximum
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    match condition:
        case Compare():
            share = _compared(condition.operator, condition.constant, low, high)
        case Between():
            share = _between(condition, low, high)
        case InNumbers():
            # Of floats nothing is known for single values, so only whole numbers are counted.
            integers = condition.members.integers
            count = int(np.count_nonzero((integers >= low) & (integers <= high)))
            share = _member_share(count, low, high, negated=condition.negated)
    if share is None:
        return None
    present = 1 - field.null_count / stats.row_count
    share = min(max(share, 0.0), 1.0)
    return _Shares(present * share, present * (1 - share))


def _compared(operator: str, constant: Scalar, low: float, high: float) -> float | None:
    assert isinstance(constant, int | float)
    if operator in _EQUAL:
        inside = int(low <= constant <= high)
        return _member_share(inside, low, high, negated=operator == "!=")
    below = _share_below(constant, low, high, inclusive=operator in {"<=", ">"})
    return below if operator in {"<", "<="} else 1 - below


def _between(condition: Between, low: float, high: float) -> float | None:
    above, below = (
        _compared(operator, constant, low, high)
        for operator, constant in (
            (condition.low_operator, condition.low),
            (condition.high_operator, condition.high),
        )
    )
    assert above is not None
    assert below is not None
    return above + below - 1


def _share_below(constant: float, low: float, high: float, *, inclusive: bool) -> float:
    """The share of evenly spread numbers from `low` to `high` below a constant."""
    if isinstance(low, int) and isinstance(high, int):
        # As many values as whole numbers; an inclusive bound takes one more.
        share = (math.ceil(constant) - low + inclusive) / (high - low + 1)
    else:
        share = 0.5 if high <= low else (constant - low) / (high - low)
    return min(max(share, 0.0), 1.0)


def _member_share(count: int, low: float, high: float, *, negated: bool) -> float | None:
    """Of whole numbers each value is as frequent as the others; of others nothing is known."""
    if not isinstance(low, int) or not isinstance(high, int):
        return None
    share = min(1.0, count / (high - low + 1))
    return 1 - share if negated else share


def _is_number(value: Scalar | None) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
