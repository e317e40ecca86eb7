"""What must hold for a filter over a table of `tests.reference.filter_cases`, each as one check that raises."""

import math
import random
from typing import Final

from elanus.columns.bitset import Bitset
from elanus.errors import InvalidInput
from elanus.expr.evaluator import evaluate
from elanus.expr.filter import Filter, bind, parse
from elanus.expr.pruning import RowsMatching
from elanus.expr.reads import json_paths as paths_of
from elanus.expr.stats import FieldStats, SegmentStats
from elanus.expr.truth import Truth
from tests.reference.filter_cases import TYPES, Table
from tests.reference.filter_reference import Reference
from tests.reference.filter_rendering import Rendering

__all__ = [
    "REFERENCE",
    "bound_filter",
    "check_columns_read",
    "check_partition",
    "check_statistics",
    "check_truth_values",
    "table_stats",
    "truth_of",
]

REFERENCE: Final = Reference(TYPES)


def bound_filter(node: object, table: Table, style: random.Random) -> Filter:
    rendering = Rendering(style)
    text = rendering.text(node)
    try:
        return bind(parse(text), table.schema, rendering.params)
    except InvalidInput as error:
        raise AssertionError(f"{node} written {text!r} with {rendering.params} was refused") from error


def truth_of(bound: Filter, table: Table) -> Truth:
    return evaluate(bound.condition, table, paths_of(bound.condition))


def expected_truths(node: object, table: Table) -> list[bool | None]:
    return [REFERENCE.truth(node, row) for row in table.rows] * table.repeats


def check_truth_values(bound: Filter, node: object, table: Table) -> Bitset:
    """Every row has the truth value of the definition; the rows that are TRUE."""
    truth = truth_of(bound, table)
    true = truth.true.to_bool().tolist()
    unknown = [False] * table.row_count if truth.unknown is None else truth.unknown.to_bool().tolist()
    assert not any(t and u for t, u in zip(true, unknown, strict=True))
    answered = [True if t else None if u else False for t, u in zip(true, unknown, strict=True)]
    expected = expected_truths(node, table)
    if answered != expected:
        row = next(row for row, pair in enumerate(zip(answered, expected, strict=True)) if pair[0] != pair[1])
        values = {name: table.rows[row % len(table.rows)][name] for name in bound.field_names}
        message = f"{bound.expression.text}\n{bound.outline()}\nrow {row}: {values}\n"
        raise AssertionError(f"{message}answered {answered[row]}, expected {expected[row]}")
    return truth.true


def check_partition(bound: Filter, negation: Filter, table: Table) -> None:
    """The filter, its negation and the UNKNOWN rows share out the table."""
    truth = truth_of(bound, table)
    true, false = truth.true, negation.evaluate(table)
    assert bound.evaluate(table) == true
    unknown = Bitset.zeros(table.row_count) if truth.unknown is None else truth.unknown
    assert true.count() + false.count() + unknown.count() == table.row_count
    assert (true | false | unknown).all()


def check_statistics(bound: Filter, table: Table, stats: SegmentStats, true: Bitset) -> None:
    """What bounds and key values promise holds for the rows, of which `true` meet the filter."""
    matching = bound.prune(stats)
    assert matching is not RowsMatching.NONE or not true.any(), bound.outline()
    assert matching is not RowsMatching.ALL or true.all(), bound.outline()
    assert bound.may_match(stats) == (matching is not RowsMatching.NONE)
    for name in ("i8", "i64", "f32", "f64", "s", "flag"):
        values = bound.key_values(name)
        if values is not None:
            found = {table.rows[row % len(table.rows)][name] for row in true.rows().tolist()}
            assert found <= set(values), (name, values, bound.outline())


def check_columns_read(bound: Filter, table: Table) -> None:
    """The columns named are enough."""
    columns = {name: table.columns[name] for name in bound.field_names}
    assert bound.evaluate(Table(table.schema, table.rows, columns, table.repeats)) == bound.evaluate(table)


def table_stats(table: Table) -> SegmentStats:
    fields = {}
    for name, kind in TYPES.items():
        values = [row[name] for row in table.rows]
        known = [value for value in values if value is not None]
        bounded = kind in {"int8", "int32", "int64", "float", "double", "varchar", "bool", "time"}
        if known and bounded and not any(isinstance(value, float) and math.isnan(value) for value in known):
            low, high = min(known), max(known)
            fields[name] = FieldStats((len(values) - len(known)) * table.repeats, low, high)
        else:
            fields[name] = FieldStats((len(values) - len(known)) * table.repeats)
    return SegmentStats(table.row_count, fields)
