"""The finite set of values of one field outside of which a condition cannot be TRUE, where there is such a set."""

from collections.abc import Iterable, Sequence

from elanus.expr.bound import Always, And, Between, Column, Compare, Condition, Fixed, InNumbers, InStrings, Not, Or
from elanus.expr.syntax import Scalar
from elanus.schema.types import DataType

__all__ = ["key_values"]

Values = dict[Scalar, None]


def key_values(condition: Condition, field_name: str) -> list[Scalar] | None:
    """The values, without repeats, or None when any value may do."""
    found = _values(condition, field_name, truth=True)
    return None if found is None else list(found)


def _values(condition: Condition, name: str, *, truth: bool) -> Values | None:
    """The values of the field the condition can be TRUE (or FALSE) for."""
    match condition:
        case Always():
            return None if condition.truth == truth else {}
        case Not():
            return _values(condition.operand, name, truth=not truth)
        case And() | Or():
            sets = []
            for operand in condition.operands:
                sets.append(_values(operand, name, truth=truth))  # noqa: PERF401  a comprehension is a stack frame more
            return _common(sets) if isinstance(condition, And) == truth else _union(sets)
        case Compare(operand=Column(name=field)) if field == name:
            return {condition.constant: None} if condition.operator == ("==" if truth else "!=") else None
        case InNumbers(operand=Column(name=field, data_type=data_type)) if field == name and condition.negated != truth:
            members = condition.members.integers if data_type.holds_integers else condition.members.doubles
            return dict.fromkeys(members.tolist())
        case InStrings(operand=Column(name=field)) if field == name and condition.negated != truth:
            return dict.fromkeys(condition.members.to_pylist())
        case Between(operand=Column(name=field, data_type=data_type)) if field == name and truth:
            return _single(condition, data_type)
        case Fixed(operand=Column(name=field)) if field == name and condition.truth != truth:
            return {}
        case _:
            return None


def _single(condition: Between, data_type: DataType) -> Values | None:
    """`5 <= a <= 5`, as generated filters write it."""
    closed = (condition.low_operator, condition.high_operator) == (">=", "<=")
    exact = data_type.is_integer or data_type is DataType.VARCHAR
    return {condition.low: None} if closed and exact and condition.low == condition.high else None


def _common(sets: Sequence[Values | None]) -> Values | None:
    """The values in all sets that are finite; None if none is."""
    finite = [values for values in sets if values is not None]
    if not finite:
        return None
    smallest = min(finite, key=len)
    return {value: None for value in smallest if all(value in values for values in finite)}


def _union(sets: Iterable[Values | None]) -> Values | None:
    """The values in any set; None if one is not finite."""
    merged: Values = {}
    for values in sets:
        if values is None:
            return None
        merged.update(values)
    return merged
