"""Order and aggregates in plain Python, a rule at a time: what `order_by` and `aggregate` mean."""

import functools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from tests.reference.engine import Row

__all__ = ["aggregated", "ordered", "same_value"]


def compare(left: Any, right: Any) -> int:
    """Below, equal or above: NULL above all, NaN above all numbers, strings by UTF-8 bytes."""
    if left is None or right is None:
        return (left is None) - (right is None)
    if isinstance(left, str):
        left, right = left.encode(), right.encode()
    elif isinstance(left, float) and (math.isnan(left) or math.isnan(right)):
        return math.isnan(left) - math.isnan(right)
    return (left > right) - (left < right)


def ordered(rows: Sequence[Row], keys: Sequence[str], *, primary: str) -> list[Row]:
    """Rows by `name`, `name:asc` or `name:desc`, ties by primary key."""

    def of(left: Row, right: Row) -> int:
        for key in [*keys, primary]:
            name, _, direction = key.partition(":")
            sign = compare(left[name], right[name])
            if sign:
                return -sign if direction == "desc" else sign
        return 0

    return sorted(rows, key=functools.cmp_to_key(of))


def measured(rows: Sequence[Row], function: str, name: str) -> Any:
    """One aggregate of some rows."""
    if name == "*":
        return len(rows)
    values = [row[name] for row in rows if row[name] is not None]
    if function == "count":
        return len(values)
    if not values:
        return None
    if function in {"min", "max"}:
        ranked = sorted(values, key=functools.cmp_to_key(compare))
        return ranked[0 if function == "min" else -1]
    if isinstance(values[0], int):
        return sum(values) if function == "sum" else sum(values) / len(values)
    total = float(sum(map(Fraction, values)))
    return total if function == "sum" else total / len(values)


def aggregated(
    rows: Sequence[Row], output: Sequence[str], group_by: Sequence[str], order_by: Sequence[str] = ()
) -> list[Row]:
    """A row a group with the values of `output`; one row when nothing is grouped by."""
    groups: dict[tuple[Any, ...], list[Row]] = {} if group_by else {(): []}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in group_by), []).append(row)
    results = []
    for key, members in groups.items():
        result: Row = dict(zip(group_by, key, strict=True))
        for text in output:
            if text not in group_by:
                function, _, name = text.rstrip(")").partition("(")
                result[text] = measured(members, function, name)
        results.append(result)
    for name in reversed(group_by):
        results = ordered(results, [name], primary=name)
    for text in reversed(order_by):
        results = ordered(results, [text], primary=text.partition(":")[0])
    return [{name: row[name] for name in output} for row in results]


def same_value(left: Any, right: Any) -> bool:
    """Equal, with sums of floats allowed the rounding of their additions."""
    if type(left) is not type(right):
        return False
    return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9) if isinstance(left, float) else bool(left == right)
