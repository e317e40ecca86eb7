"""Whether a set of rows can be skipped, or taken whole, by the bounds of its fields.

Interval arithmetic in three-valued logic: for every condition, which of TRUE, FALSE and UNKNOWN some row might be. The
answer may name a truth value no row has, and never leaves out one that a row has.
"""

import enum
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from elanus.expr.bound import (
    Always,
    And,
    ArrayColumn,
    Between,
    Column,
    Compare,
    Condition,
    Contains,
    EqualsList,
    Fixed,
    InNumbers,
    InStrings,
    IsNull,
    IsNullDocument,
    Matches,
    Not,
    Operand,
    Or,
)
from elanus.expr.stats import SegmentStats
from elanus.expr.syntax import Scalar

__all__ = ["RowsMatching", "prune"]


class RowsMatching(enum.StrEnum):
    """What a filter can be TRUE for, as far as the bounds tell."""

    NONE = "none"
    ALL = "all"
    SOME = "some"


class _Possible(NamedTuple):
    """The truth values that may occur among the rows."""

    true: bool
    false: bool
    unknown: bool


_ANY: Final = _Possible(true=True, false=True, unknown=True)


def prune(condition: Condition, stats: SegmentStats) -> RowsMatching:
    """Whether no row, every row, or perhaps some rows of the set meet the condition. An empty set has none."""
    if stats.row_count == 0:
        return RowsMatching.NONE
    possible = _possible(condition, stats)
    if not possible.true:
        return RowsMatching.NONE
    return RowsMatching.SOME if possible.false or possible.unknown else RowsMatching.ALL


def _possible(condition: Condition, stats: SegmentStats) -> _Possible:
    match condition:
        # The plainest and most frequent first: cases are tried in order.
        case Compare() | Between() | InNumbers() | InStrings() | Matches() | Fixed():
            return _of_column(condition, condition.operand, stats)
        case Always():
            return _Possible(true=condition.truth, false=not condition.truth, unknown=False)
        case Not():
            inner = _possible(condition.operand, stats)
            return _Possible(true=inner.false, false=inner.true, unknown=inner.unknown)
        case And() | Or():
            joined = _possible(condition.operands[0], stats)
            for operand in condition.operands[1:]:
                join = _and if isinstance(condition, And) else _or
                joined = join(joined, _possible(operand, stats))
            return joined
        case IsNullDocument() if _all_null(stats, condition.name):
            return _Possible(true=not condition.negated, false=condition.negated, unknown=False)
        case IsNull(operand=Column(name=name) | ArrayColumn(name=name)):
            field = stats.fields.get(name)
            if field is None:
                return _Possible(true=True, false=True, unknown=False)
            null, known = field.null_count > 0, field.null_count < stats.row_count
            return (
                _Possible(true=known, false=null, unknown=False)
                if condition.negated
                else _Possible(true=null, false=known, unknown=False)
            )
        case Contains():
            return _of_column(condition, condition.operand, stats)
        case EqualsList():
            return _of_column(condition, condition.array, stats)
        case _:
            return _ANY


def _all_null(stats: SegmentStats, name: str) -> bool:
    field = stats.fields.get(name)
    return field is not None and field.null_count >= stats.row_count


def _of_column(condition: Condition, operand: Operand, stats: SegmentStats) -> _Possible:
    """A condition on one field, UNKNOWN exactly where the field is NULL."""
    field = stats.fields.get(operand.name) if isinstance(operand, Column | ArrayColumn) else None
    if field is None:
        return _ANY
    if field.null_count >= stats.row_count:
        return _Possible(true=False, false=False, unknown=True)
    if isinstance(condition, Fixed):
        true, false = condition.truth, not condition.truth
    elif field.minimum is None or field.maximum is None:
        true, false = True, True
    else:
        true, false = _by_bounds(condition, field.minimum, field.maximum)
    return _Possible(true=true, false=false, unknown=field.null_count > 0)


def _by_bounds(condition: Condition, low: Scalar, high: Scalar) -> tuple[bool, bool]:
    """Whether a value from `low` to `high` (inclusive) can make the condition TRUE, and FALSE."""
    match condition:
        case Compare():
            return _compare(condition.operator, condition.constant, low, high)
        case Between():
            above = _compare(condition.low_operator, condition.low, low, high)
            below = _compare(condition.high_operator, condition.high, low, high)
            return above[0] and below[0], above[1] or below[1]
        case InNumbers():
            members = condition.members
            assert isinstance(low, int | float)
            assert isinstance(high, int | float)
            is_integer = isinstance(condition.operand, Column) and condition.operand.data_type.holds_integers
            inside = _any_between(members.integers if is_integer else members.doubles, low, high)
            return _negated(inside, not (low == high and low in members.constants), negated=condition.negated)
        case InStrings():
            within = pc.and_(pc.greater_equal(condition.members, low), pc.less_equal(condition.members, high))
            inside = bool(pc.any(within).as_py())
            return _negated(inside, not (low == high and inside), negated=condition.negated)
        case Matches():
            assert isinstance(low, str)
            assert isinstance(high, str)
            prefix = condition.pattern.prefix
            inside = low[: len(prefix)] <= prefix <= high[: len(prefix)]
            every = condition.pattern.test == "prefix" and low.startswith(prefix) and high.startswith(prefix)
            every = every or (condition.pattern.test == "equal" and low == high == condition.pattern.text)
            return _negated(inside, not every, negated=condition.negated)
        case _:
            return True, True


def _compare(operator: str, constant: Scalar, low: Scalar, high: Scalar) -> tuple[bool, bool]:
    """The same for `value operator constant`; all three are of one kind."""
    match operator:
        case "==":
            return low <= constant <= high, not low == constant == high  # type: ignore[operator]
        case "!=":
            return not low == constant == high, low <= constant <= high  # type: ignore[operator]
        case "<":
            return low < constant, high >= constant  # type: ignore[operator]
        case "<=":
            return low <= constant, high > constant  # type: ignore[operator]
        case ">":
            return high > constant, low <= constant  # type: ignore[operator]
        case _:
            return high >= constant, low < constant  # type: ignore[operator]


def _any_between(ascending: npt.NDArray[Any], low: float, high: float) -> bool:
    return bool(np.searchsorted(ascending, low, side="left") < np.searchsorted(ascending, high, side="right"))


def _negated(true: bool, false: bool, *, negated: bool) -> tuple[bool, bool]:  # noqa: FBT001
    return (false, true) if negated else (true, false)


def _and(left: _Possible, right: _Possible) -> _Possible:
    return _Possible(
        true=left.true and right.true,
        false=left.false or right.false,
        unknown=(left.unknown and (right.unknown or right.true)) or (left.true and right.unknown),
    )


def _or(left: _Possible, right: _Possible) -> _Possible:
    return _Possible(
        true=left.true or right.true,
        false=left.false and right.false,
        unknown=(left.unknown and (right.unknown or right.false)) or (left.false and right.unknown),
    )
