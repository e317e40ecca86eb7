"""Filters answered by the package and by the row-by-row reference, over awkward values: the answers are the same."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.errors import InvalidInput
from elanus.expr import json_paths
from elanus.expr.evaluator import evaluate
from elanus.expr.filter import Filter, bind, parse
from elanus.expr.pruning import RowsMatching
from elanus.expr.reads import json_paths as paths_of
from elanus.expr.stats import FieldStats, SegmentStats
from elanus.expr.truth import Truth
from tests.reference.filter_cases import TYPES, Rendering, Table, filters, tables
from tests.reference.filter_reference import Reference

_REFERENCE = Reference(TYPES)
_FILTERS = st.lists(filters(), min_size=8, max_size=24)
_STYLES = st.integers(0, 2**32 - 1)


def _bound(node: object, table: Table, style: int) -> Filter:
    rendering = Rendering(random.Random(style))
    text = rendering.text(node)
    try:
        return bind(parse(text), table.schema, rendering.params)
    except InvalidInput as error:
        raise AssertionError(f"{node} written {text!r} with {rendering.params} was refused") from error


def _truth(bound: Filter, table: Table) -> Truth:
    return evaluate(bound.condition, table, paths_of(bound.condition))


def _expected(node: object, table: Table) -> list[bool | None]:
    return [_REFERENCE.truth(node, row) for row in table.rows] * table.repeats


@given(tables(), _FILTERS, _STYLES)
def test_every_row_has_the_truth_value_of_the_definition(table: Table, nodes: list[object], style: int) -> None:
    for node in nodes:
        bound = _bound(node, table, style)
        truth = _truth(bound, table)
        true = truth.true.to_bool().tolist()
        unknown = [False] * table.row_count if truth.unknown is None else truth.unknown.to_bool().tolist()
        answered = [True if t else None if u else False for t, u in zip(true, unknown, strict=True)]
        assert not any(t and u for t, u in zip(true, unknown, strict=True))
        assert answered == _expected(node, table), (node, bound.expression.text, bound.outline())
        assert bound.evaluate(table) == truth.true


@given(tables(), _FILTERS, _STYLES)
def test_a_filter_its_negation_and_the_unknown_rows_share_out_the_table(
    table: Table, nodes: list[object], style: int
) -> None:
    for node in nodes:
        bound, negation = _bound(node, table, style), _bound(("not", node), table, style)
        truth = _truth(bound, table)
        true, false = truth.true, negation.evaluate(table)
        unknown = ~(true | false)
        assert not (true & false).any()
        assert (truth.unknown is None and not unknown.any()) or truth.unknown == unknown
        assert _bound(("or", node, ("not", node)), table, style).evaluate(table) == true | false


@given(tables(), _FILTERS, _STYLES)
def test_statistics_and_key_values_agree_with_the_rows(table: Table, nodes: list[object], style: int) -> None:
    stats = _stats(table)
    for node in nodes:
        bound = _bound(node, table, style)
        true = bound.evaluate(table)
        matching = bound.prune(stats)
        assert matching is not RowsMatching.NONE or not true.any(), bound.outline()
        assert matching is not RowsMatching.ALL or true.all(), bound.outline()
        assert bound.may_match(stats) == (matching is not RowsMatching.NONE)
        for name in ("i8", "i64", "f32", "f64", "s", "flag"):
            values = bound.key_values(name)
            if values is not None:
                found = {table.rows[row % len(table.rows)][name] for row in true.rows().tolist()}
                assert found <= set(values), (name, values, bound.outline())


@given(tables(), _FILTERS, _STYLES)
def test_only_the_columns_named_are_read(table: Table, nodes: list[object], style: int) -> None:
    for node in nodes:
        bound = _bound(node, table, style)
        narrowed = Table(table.schema, table.rows, {n: table.columns[n] for n in bound.field_names}, table.repeats)
        assert bound.evaluate(narrowed) == bound.evaluate(table)


@given(tables(), _FILTERS, _STYLES)
def test_json_read_in_small_chunks_answers_the_same(table: Table, nodes: list[object], style: int) -> None:
    bounds = [_bound(node, table, style) for node in nodes]
    whole = [bound.evaluate(table) for bound in bounds]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_paths, "_CHUNK_ROWS", 2)
        assert [bound.evaluate(table) for bound in bounds] == whole


def _stats(table: Table) -> SegmentStats:
    fields = {}
    for name, kind in TYPES.items():
        values = [row[name] for row in table.rows]
        known = [value for value in values if value is not None]
        bounded = kind in {"int8", "int32", "int64", "float", "double", "varchar", "bool"}
        if known and bounded and all(value == value for value in known):
            low, high = min(known), max(known)
            fields[name] = FieldStats((len(values) - len(known)) * table.repeats, low, high)
        else:
            fields[name] = FieldStats((len(values) - len(known)) * table.repeats)
    return SegmentStats(table.row_count, fields)
