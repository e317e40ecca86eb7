"""Filters answered through scalar indexes of every kind and by scanning: the answers are the same, three-valued."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.expr import access
from elanus.expr.access import AccessPath
from elanus.expr.filter import bind, parse
from tests.reference.filter_cases import Cases
from tests.reference.filter_indexes import built_index, check_through_indexes, index_definitions, offered
from tests.reference.filter_rendering import Rendering

_SEEDS = st.integers(0, 2**63 - 1)
_FILTERS_A_TABLE = 20


@pytest.fixture(autouse=True)
def _whatever_it_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every offer of an index is taken, so that small tables try them all."""
    monkeypatch.setattr(access, "pays", lambda _offer, **_sizes: True)
    monkeypatch.setattr(access, "may_pay", lambda **_sizes: True)


@given(_SEEDS)
def test_indexes_answer_as_scans_do(seed: int) -> None:
    """A few filters over one table, each with a handful of indexes chosen from all there can be."""
    cases = Cases(seed)
    table = cases.table
    choose = random.Random(seed)
    definitions = list(index_definitions(table))
    built = [built_index(table, definition) for definition in choose.sample(definitions, 25)]
    for _ in range(_FILTERS_A_TABLE):
        rendering = Rendering(choose)
        text = rendering.text(cases.filter())
        bound = bind(parse(text), table.schema, rendering.params)
        check_through_indexes(bound, table, offered(built), [])


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
    for definition in index_definitions(table):
        if definition.field_name in bound.field_names:
            record: list[AccessPath] = []
            check_through_indexes(bound, table, offered([built_index(table, definition)]), record)
            used |= {definition.index_type for path in record if path.index_name is not None}
    assert used == types
