"""Filters answered by the package and by the row-by-row reference, over awkward values: the answers are the same."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elanus.columns.bitset import Bitset
from elanus.errors import InvalidInput
from elanus.expr import json_paths
from elanus.expr.evaluator import evaluate
from elanus.expr.filter import Filter, bind, parse
from elanus.expr.pruning import RowsMatching
from elanus.expr.reads import json_paths as paths_of
from elanus.expr.stats import FieldStats, SegmentStats
from elanus.expr.truth import Truth
from tests.reference.filter_cases import TYPES, Cases, Table
from tests.reference.filter_reference import Reference
from tests.reference.filter_rendering import Rendering

_REFERENCE = Reference(TYPES)
_SEEDS = st.integers(0, 2**63 - 1)
_FILTERS_A_TABLE = 20


@settings(max_examples=3 * settings().max_examples)
@given(_SEEDS)
def test_filters_answer_as_defined(seed: int) -> None:
    """One table and some filters a seed: in the CI profile 9,000 filters and 115,000 pairs of a filter and a row.

    A table costs more to make than a filter costs to check; what can only go wrong in rare ways is checked for some.
    """
    cases = Cases(seed)
    table = cases.table
    stats = _stats(table)
    style = random.Random(seed)
    for number in range(_FILTERS_A_TABLE):
        node = cases.filter()
        bound = _bound(node, table, style)
        true = _check_truth_values(bound, node, table)
        _check_statistics(bound, table, stats, true)
        if number % 4 == 0:
            _check_partition(bound, _bound(("not", node), table, style), table)
            _check_columns_read(bound, table)


def test_json_read_in_small_chunks_answers_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same again, with chunk borders inside the tables."""
    monkeypatch.setattr(json_paths, "_CHUNK_ROWS", 2)
    for seed in range(max(5, settings().max_examples // 10)):
        cases = Cases(seed)
        for _ in range(_FILTERS_A_TABLE):
            node = cases.filter()
            _check_truth_values(_bound(node, cases.table, random.Random(seed)), node, cases.table)


def _bound(node: object, table: Table, style: random.Random) -> Filter:
    rendering = Rendering(style)
    text = rendering.text(node)
    try:
        return bind(parse(text), table.schema, rendering.params)
    except InvalidInput as error:
        raise AssertionError(f"{node} written {text!r} with {rendering.params} was refused") from error


def _truth(bound: Filter, table: Table) -> Truth:
    return evaluate(bound.condition, table, paths_of(bound.condition))


def _expected(node: object, table: Table) -> list[bool | None]:
    return [_REFERENCE.truth(node, row) for row in table.rows] * table.repeats


def _check_truth_values(bound: Filter, node: object, table: Table) -> Bitset:
    """Every row has the truth value of the definition; the rows that are TRUE."""
    truth = _truth(bound, table)
    true = truth.true.to_bool().tolist()
    unknown = [False] * table.row_count if truth.unknown is None else truth.unknown.to_bool().tolist()
    assert not any(t and u for t, u in zip(true, unknown, strict=True))
    answered = [True if t else None if u else False for t, u in zip(true, unknown, strict=True)]
    expected = _expected(node, table)
    if answered != expected:
        row = next(row for row, pair in enumerate(zip(answered, expected, strict=True)) if pair[0] != pair[1])
        values = {name: table.rows[row % len(table.rows)][name] for name in bound.field_names}
        message = f"{bound.expression.text}\n{bound.outline()}\nrow {row}: {values}\n"
        raise AssertionError(f"{message}answered {answered[row]}, expected {expected[row]}")
    return truth.true


def _check_partition(bound: Filter, negation: Filter, table: Table) -> None:
    """The filter, its negation and the UNKNOWN rows share out the table."""
    truth = _truth(bound, table)
    true, false = truth.true, negation.evaluate(table)
    assert bound.evaluate(table) == true
    unknown = Bitset.zeros(table.row_count) if truth.unknown is None else truth.unknown
    assert true.count() + false.count() + unknown.count() == table.row_count
    assert (true | false | unknown).all()


def _check_statistics(bound: Filter, table: Table, stats: SegmentStats, true: Bitset) -> None:
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


def _check_columns_read(bound: Filter, table: Table) -> None:
    """The columns named are enough."""
    columns = {name: table.columns[name] for name in bound.field_names}
    assert bound.evaluate(Table(table.schema, table.rows, columns, table.repeats)) == bound.evaluate(table)


def _stats(table: Table) -> SegmentStats:
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
