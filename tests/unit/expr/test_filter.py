"""The public functions: what is remembered, what is read, sampling, and the short answers without rows."""

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from elanus.errors import InvalidInput
from elanus.expr import filter as filter_module
from elanus.expr.filter import Filter, bind, compile_filter, parse
from elanus.expr.pruning import RowsMatching
from elanus.expr.stats import FieldStats, SegmentStats
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.reference.filter_rows import Rows

_FIELDS = (
    Field("id", DataType.INT64, is_primary=True),
    Field("year", DataType.INT16, nullable=True),
    Field("price", DataType.FLOAT, nullable=True),
    Field("lang", DataType.VARCHAR, nullable=True),
    Field("ok", DataType.BOOL, nullable=True),
    Field("tags", DataType.ARRAY, element_type=DataType.INT8, max_capacity=4, nullable=True),
    Field("doc", DataType.JSON, nullable=True),
    Field("extra", DataType.JSON, nullable=True),
    Field("vector", DataType.FLOAT_VECTOR, dim=2, nullable=True),
)
_SCHEMA = Schema(_FIELDS, enable_dynamic_field=True)


def _filter(text: str, params: Mapping[str, Any] | None = None) -> Filter:
    return bind(parse(text), _SCHEMA, params)


def test_a_filter_is_compiled_once_for_a_schema() -> None:
    first = compile_filter("year in [1]", _SCHEMA)
    assert compile_filter("year in [1]", _SCHEMA) is first
    other = Schema((Field("id", DataType.INT64, is_primary=True), Field("year", DataType.VARCHAR)))
    with pytest.raises(InvalidInput, match="VarChar"):
        compile_filter("year > 1", other)
    assert compile_filter("year in [1]", Schema(_FIELDS)) is not first


def test_filters_that_differ_in_literals_are_bound_once(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = Schema(_FIELDS)
    compile_filter("year > 1 and lang == 'x'", schema)
    monkeypatch.setattr(filter_module, "bind", None)
    made = compile_filter("year > 2000 and lang == 'y'", schema)
    assert str(made) == 'year > 2000 and lang == "y"'
    assert "constant=2000" in made.outline()


def test_a_zone_that_is_none_is_refused_whatever_the_filter_and_after_its_mistakes() -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="there is no time zone"):
            compile_filter("year > 1", _SCHEMA, timezone="Nowhere/Else")
        with pytest.raises(InvalidInput, match="unexpected"):
            compile_filter("year > 1 )", _SCHEMA, timezone="Nowhere/Else")


def test_a_template_is_parsed_once_and_bound_each_time() -> None:
    first = compile_filter("year > {y}", _SCHEMA, {"y": 1})
    second = compile_filter("year > {y}", _SCHEMA, {"y": 2})
    assert first.expression is second.expression
    assert "constant=1" in first.outline()
    assert "constant=2" in second.outline()


def test_a_seed_is_not_remembered() -> None:
    assert compile_filter("random_sample(0.5)", _SCHEMA, seed=3).seed == 3
    assert compile_filter("random_sample(0.5)", _SCHEMA).seed == 0


def test_long_filters_are_not_kept() -> None:
    text = f"id in [{', '.join(map(str, range(10_000)))}]"
    before = len(filter_module._bound)
    assert compile_filter(text, _SCHEMA) is not compile_filter(text, _SCHEMA)
    assert len(filter_module._bound) == before


def test_finding_a_compiled_filter_takes_microseconds() -> None:
    compile_filter("year > 1999", _SCHEMA)
    best = math.inf
    for _ in range(20):
        start = time.perf_counter()
        for _ in range(100):
            compile_filter("year > 1999", _SCHEMA)
        best = min(best, time.perf_counter() - start)
    assert best / 100 < 20e-6


def test_errors_are_not_remembered_as_answers() -> None:
    for _ in range(2):
        with pytest.raises(InvalidInput, match="there is no field"):
            compile_filter("yeer > 1", Schema(_FIELDS))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("year > 1 and lang == 'x' or not ok", {"year", "lang", "ok"}),
        ("doc['a']['b'] + year > price", {"doc", "year", "price"}),
        ("color == 1 or $meta['x'] is null", {"$meta"}),
        ("tags[0] > 1 or array_length(tags) > 2 or tags == [1]", {"tags"}),
        ("json_contains(doc, 1) and exists doc['a'] and doc['b'] in [1] and doc['c'] like 'x'", {"doc"}),
        ("year == 2.5 and 1 < 2", {"year"}),
        ("true", set()),
        ("random_sample(0.5)", set()),
        ("doc is null", {"doc"}),
        ("$meta is null", set()),
    ],
)
def test_field_names_are_the_columns_needed(text: str, names: set[str]) -> None:
    assert _filter(text).field_names == names


@pytest.mark.parametrize(
    ("text", "field", "values"),
    [
        ("id == 5", "id", [5]),
        ("5 == id and year > 1", "id", [5]),
        ("id in [3, 1, 3, 2.0, 2.5]", "id", [1, 2, 3]),
        ("id in {ids}", "id", [1, 2]),
        ("id in [1, 2, 3] and id in [2, 3, 4]", "id", [2, 3]),
        ("id == 1 or id in [2]", "id", [1, 2]),
        ("id == 1 or year == 2", "id", None),
        ("id == 1 and (id == 1 or year == 2)", "id", [1]),
        ("not id != 5", "id", [5]),
        ("not (id not in [5, 6] or id == 6)", "id", [5, 6]),
        ("id != 5", "id", None),
        ("id not in [5]", "id", None),
        ("id > 5", "id", None),
        ("5 <= id <= 5", "id", [5]),
        ("5 <= id < 6", "id", None),
        ("id == 2.5", "id", []),
        ("false or id == 1", "id", [1]),
        ("id == 1 or true", "id", None),
        ("id + 0 == 5", "id", None),
        ("lang in ['b', 'a', 'b']", "lang", ["a", "b"]),
        ("lang == 'a' and lang == 'b'", "lang", []),
        ("lang like 'a'", "lang", None),
        ("id == 5", "lang", None),
        ("ok", "ok", [True]),
        ("id == 5 and random_sample(0.5)", "id", [5]),
    ],
)
def test_key_values(text: str, field: str, values: list[Any] | None) -> None:
    found = _filter(text, {"ids": [1, 2]}).key_values(field)
    assert (None if found is None else sorted(found)) == values


_STATS = SegmentStats(
    10,
    {
        "id": FieldStats(0, 100, 199),
        "year": FieldStats(2, 2000, 2009),
        "price": FieldStats(0, 1.5, 9.5),
        "lang": FieldStats(0, "de", "en"),
        "ok": FieldStats(10),
        "tags": FieldStats(0),
        "extra": FieldStats(10),
    },
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id > 99", "all"),
        ("id >= 200", "none"),
        ("id == 150", "some"),
        ("id != 5", "all"),
        ("id < 100.5", "some"),
        ("id in [1, 2, 300]", "none"),
        ("id in [1, 2, 150]", "some"),
        ("id not in [1, 2]", "all"),
        ("100 <= id <= 199", "all"),
        ("200 <= id <= 300", "none"),
        ("year > 1999", "some"),
        ("year > 2009", "none"),
        ("not year > 1999", "none"),
        ("year > 1999 or year is null", "some"),
        ("year is null", "some"),
        ("id is null", "none"),
        ("id is not null", "all"),
        ("ok is null", "all"),
        ("ok or not ok", "none"),
        ("price == 9.5", "some"),
        ("price > 9.5", "none"),
        ("price in [10, 20]", "none"),
        ("lang == 'fr'", "none"),
        ("lang like 'f%'", "none"),
        ("lang like 'd%'", "some"),
        ("lang not like 'f%'", "all"),
        ("lang like 'e_'", "some"),
        ("lang like 'z_'", "none"),
        ("lang =~ 'x'", "some"),
        ("lang in ['a', 'z']", "none"),
        ("lang not in ['a', 'z']", "all"),
        ("id > 99 and lang == 'fr'", "none"),
        ("id > 99 or lang == 'fr'", "all"),
        ("doc['a'] == 1", "some"),
        ("id > 500 and doc['a'] == 1", "none"),
        ("array_contains(tags, 1)", "some"),
        ("tags is null", "none"),
        ("doc is null", "some"),
        ("extra is not null", "none"),
        ("id + 1 > 1000", "some"),
        ("id == 2.5", "none"),
        ("false", "none"),
        ("true", "all"),
        ("random_sample(0.5)", "some"),
        ("id > 500 and random_sample(0.5)", "none"),
    ],
)
def test_pruning_by_bounds(text: str, expected: str) -> None:
    assert _filter(text).prune(_STATS) == RowsMatching(expected)
    assert _filter(text).may_match(_STATS) == (expected != "none")


def test_an_empty_segment_has_no_row_that_matches() -> None:
    assert _filter("true").prune(SegmentStats(0, {})) is RowsMatching.NONE


def test_without_bounds_nothing_is_skipped() -> None:
    stats = SegmentStats(5, {"id": FieldStats(0)})
    for text in ("id > 5", "id in [1]", "lang like 'a%'", "id is null or lang == 'x'"):
        assert _filter(text).prune(stats) is RowsMatching.SOME


def _numbered(count: int) -> Rows:
    return Rows(_SCHEMA, [{"id": row, "year": row % 10} for row in range(count)])


def test_qg05_sampling_keeps_about_the_fraction_of_what_passes() -> None:
    rows = _numbered(4000)
    sampled = _filter("year < 5 and random_sample(0.25)").evaluate(rows)
    passed = _filter("year < 5").evaluate(rows)
    assert sampled.minus(passed).count() == 0
    # Four standard deviations of 2000 trials at a quarter.
    assert abs(sampled.count() - 500) < 80


def test_qg05_the_seed_alone_chooses_the_sample() -> None:
    rows = _numbered(1000)
    expression = parse("random_sample(0.5)")
    first = bind(expression, _SCHEMA, seed=1).evaluate(rows)
    assert first == bind(expression, _SCHEMA, seed=1).evaluate(rows)
    assert first != bind(expression, _SCHEMA, seed=2).evaluate(rows)
    assert first == bind(expression, _SCHEMA, seed=2).with_seed(1).evaluate(rows)


def test_parameters_may_be_numpy_values() -> None:
    rows = _numbered(10)
    years = np.array([1, 2], np.int32)
    assert _filter("year in {y}", {"y": years}).evaluate(rows).rows().tolist() == [1, 2]
    assert _filter("year == {y}", {"y": years[0]}).evaluate(rows).rows().tolist() == [1]
    assert _filter("price == {p} or ok == {b} or id == 3", {"p": np.float32(1), "b": np.bool_(True)}).evaluate(
        rows
    ).rows().tolist() == [3]


@pytest.mark.parametrize("value", [None, b"bytes", {"a": 1}, object(), 2**63, [1, None], ["\ud800"], np.zeros((2, 2))])
def test_parameters_of_other_types_are_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"the value of parameter \{v\} is"):
        _filter("year in {v}", {"v": value})


def test_columns_of_a_wrong_length_are_our_mistake() -> None:
    rows = _numbered(5)
    rows.row_count = 6
    with pytest.raises(AssertionError):
        _filter("year > 1").evaluate(rows)
