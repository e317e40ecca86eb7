"""Filters answered through scalar indexes of every kind and by scanning: the answers are the same, three-valued."""

import random
from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.engine.scalar_columns import definition_path, scalar_column
from elanus.errors import InvalidInput
from elanus.expr import access
from elanus.expr.access import AccessPath, IndexAccess
from elanus.expr.evaluator import evaluate
from elanus.expr.filter import Filter, bind, parse
from elanus.expr.reads import json_paths as paths_of
from elanus.index.protocol import BuildContext
from elanus.index.scalar.files import build_scalar_index, open_scalar_index
from elanus.index.scalar.rules import JSON_CASTS, SCALAR_INDEX_NAMES, check_scalar_index
from elanus.query.predicate_indexes import FieldIndex, SegmentPredicates
from elanus.schema.collection import IndexDefinition
from tests.reference.filter_cases import Cases, Table
from tests.reference.filter_rendering import Rendering

_SEEDS = st.integers(0, 2**63 - 1)
_FILTERS_A_TABLE = 20
_PATHS = ("doc", 'doc["a"]', 'doc["b"]', 'doc["a"]["b"]', 'doc["a"][0]', "a", "b", '$meta["a"]["b"]')


@pytest.fixture(autouse=True)
def _whatever_it_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every offer of an index is taken, so that small tables try them all."""
    monkeypatch.setattr(access, "pays", lambda _offer, **_sizes: True)


def _definitions(table: Table) -> Iterator[IndexDefinition]:
    """Every index there can be on the fields of the table and on some paths in its documents."""
    for field in (field for field in table.schema.fields if field.name in table.columns):
        for name in SCALAR_INDEX_NAMES:
            own = {"min_gram": 1, "max_gram": 2} if name == "NGRAM" else {}
            choices = [own]
            if field.data_type.label == "JSON":
                inside = [path for path in _PATHS if path.startswith("doc") is (field.name == "doc")]
                choices = [
                    {**own, "json_path": path, "json_cast_type": cast} for path in inside for cast in JSON_CASTS[:-1]
                ]
            for params in choices:
                try:
                    kind, checked = check_scalar_index(field, name, params)
                except InvalidInput:
                    continue
                yield IndexDefinition(f"{name} on {field.name} {params}", field.name, kind, params=checked)


def _built(table: Table, definition: IndexDefinition) -> FieldIndex:
    column = scalar_column(table.schema, definition, table)
    files = build_scalar_index(column, definition.index_type, definition.params, BuildContext())
    mapped = {name: pa.py_buffer(bytes(memoryview(content))) for name, content in files.items()}
    index = open_scalar_index(mapped, table.row_count)
    path = definition_path(table.schema, definition)
    steps, cast = (None, "") if path is None else (path.steps, str(definition.params["json_cast_type"]))
    field = table.schema.find_indexed(definition.field_name)
    assert field is not None
    return FieldIndex(definition.index_name, field.name, index, steps, cast)


def _indexed(indexes: list[FieldIndex]) -> SegmentPredicates:
    return SegmentPredicates(lambda name: [index for index in indexes if index.field_name == name])


def _check(bound: Filter, table: Table, indexes: SegmentPredicates, record: list[AccessPath]) -> None:
    scanned = evaluate(bound.condition, table, paths_of(bound.condition))
    found = evaluate(bound.condition, table, paths_of(bound.condition), IndexAccess(indexes, record))
    unknown = [
        None if truth.unknown is None or not truth.unknown.any() else truth.unknown for truth in (scanned, found)
    ]
    assert found.true == scanned.true, (str(bound), record)
    if bound.sample_fraction is None:
        assert bound.evaluate(table, indexes) == scanned.true, str(bound)
        assert bound.evaluate(table) == scanned.true, str(bound)
    assert unknown[0] == unknown[1], (str(bound), record)


@given(_SEEDS)
def test_indexes_answer_as_scans_do(seed: int) -> None:
    """A few filters over one table, each with a handful of indexes chosen from all there can be."""
    cases = Cases(seed)
    table = cases.table
    choose = random.Random(seed)
    definitions = list(_definitions(table))
    built = [_built(table, definition) for definition in choose.sample(definitions, 25)]
    for _ in range(_FILTERS_A_TABLE):
        rendering = Rendering(choose)
        text = rendering.text(cases.filter())
        bound = bind(parse(text), table.schema, rendering.params)
        _check(bound, table, _indexed(built), [])


_ORDERED = frozenset({"AUTOINDEX", "INVERTED", "STL_SORT"})


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("i64 == 3", _ORDERED | {"BITMAP"}),
        ("1 < f64 <= 5", _ORDERED),
        ("f32 in [1, 2.5]", _ORDERED),
        ("flag == true", {"AUTOINDEX", "INVERTED", "BITMAP"}),
        ("s >= 'a'", _ORDERED | {"BITMAP", "TRIE"}),
        ("s not in ['a', 'b']", _ORDERED | {"BITMAP", "TRIE"}),
        ("s like '%ab%'", _ORDERED | {"BITMAP", "TRIE", "NGRAM"}),
        ("s == 'ab'", _ORDERED | {"BITMAP", "TRIE", "NGRAM"}),
        ("array_contains(a64, 1)", {"AUTOINDEX", "INVERTED", "BITMAP"}),
        ("array_contains_all(as, ['a', 'b'])", {"AUTOINDEX", "INVERTED", "BITMAP"}),
        ("ab == [true, false]", {"AUTOINDEX", "INVERTED", "BITMAP"}),
        ('doc["a"] == true', {"AUTOINDEX", "INVERTED", "BITMAP"}),
        ('doc["a"] > 1', _ORDERED),
        ('doc["a"] in [1, 2]', _ORDERED),
        ('doc["a"] != "a"', _ORDERED | {"BITMAP", "NGRAM"}),
        ('doc["a"] like "%a%"', _ORDERED | {"BITMAP", "NGRAM"}),
        ('json_contains(doc["a"], true)', {"AUTOINDEX", "INVERTED"}),
        ('json_contains_any(doc["a"], [1, 2])', {"AUTOINDEX", "INVERTED"}),
        ('json_contains_all(doc["a"], ["a", "b"])', {"AUTOINDEX", "INVERTED"}),
        ('exists doc["a"]', _ORDERED | {"BITMAP", "NGRAM"}),
        ("a is null", _ORDERED | {"BITMAP", "NGRAM"}),
        ("b == 1", _ORDERED),
    ],
)
def test_each_type_of_index_answers_what_it_is_for(text: str, types: frozenset[str]) -> None:
    """The filters above do reach the indexes; and a filter with one predicate is answered by its index alone."""
    table = next(cases.table for seed in range(100) if (cases := Cases(seed)).table.row_count > 100)
    bound = bind(parse(text), table.schema)
    used = set()
    for definition in _definitions(table):
        if definition.field_name in bound.field_names:
            record: list[AccessPath] = []
            _check(bound, table, _indexed([_built(table, definition)]), record)
            used |= {definition.index_type for path in record if path.index_name is not None}
    assert used == types
