"""The parts of the evaluator against definitions in plain Python."""

import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from elanus.expr import json_paths
from elanus.expr.arithmetic import calculate, negate
from elanus.expr.bounds import double_form, integer_form, integer_set, number_set, single_value
from elanus.expr.filter import bind, parse
from elanus.expr.json_paths import Steps, extract_paths
from elanus.expr.json_predicates import json_equal
from elanus.expr.numbers import Numbers, compare_constant, compare_numbers, contained
from elanus.expr.patterns import like_pattern
from elanus.expr.scalar_lists import scan_scalar_list
from elanus.expr.syntax import Index, Key
from elanus.expr.variants import MISSING, NULL
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.reference import filter_reference as reference

_OPERATORS = ["==", "!=", "<", "<=", ">", ">="]
_int64 = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-4, 4),
    st.sampled_from([2**53, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), -(2**53) - 1, 3037000500, -3037000500]),
)
_doubles = st.one_of(st.floats(), st.integers(-4, 4).map(float), st.sampled_from([2.0**53, 2.0**63, -(2.0**63), 0.5]))
_numbers = st.one_of(_int64, _doubles)


def _holds(a: Any, operator: str, b: Any) -> bool:
    return bool(
        {"==": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]
    )  # Python compares ints with floats exactly.


@given(st.sampled_from(_OPERATORS), _numbers, st.sampled_from([8, 16, 32, 64]), st.data())
def test_integer_forms_keep_the_answer(operator: str, constant: float, bits: int, data: st.DataObject) -> None:
    half = 1 << (bits - 1)
    near = [constant] if not isinstance(constant, float) else [int(constant)] if math.isfinite(constant) else []
    candidates = [v + d for v in near for d in (-1, 0, 1) if -half <= v + d < half] + [-half, half - 1, 0]
    value = data.draw(st.sampled_from(candidates))
    form = integer_form(operator, constant, bits)
    answer = form if isinstance(form, bool) else _holds(value, *form)
    assert answer == _holds(value, operator, constant)


@given(st.sampled_from(_OPERATORS), _numbers, _doubles)
@example("<", 2**53 + 1, 2.0**53)
@example(">=", 2**63 - 1, 2.0**63)
def test_double_forms_keep_the_answer(operator: str, constant: float, value: float) -> None:
    form = double_form(operator, constant)
    for tried in (value, float(constant), math.nextafter(float(constant), math.inf)):
        answer = form if isinstance(form, bool) else _holds(tried, *form)
        assert answer == _holds(tried, operator, constant)


@given(_numbers)
@example(2**24 + 1)
@example(-(2**63))
def test_single_values_are_the_nearest(constant: float) -> None:
    found = single_value(constant)
    expected = reference._rounded(constant)
    assert found == expected or (math.isnan(found) and math.isnan(expected))


@given(
    st.lists(_numbers, max_size=6), st.lists(_int64, min_size=1, max_size=6), st.lists(_doubles, min_size=1, max_size=6)
)
def test_sets_hold_what_they_were_made_of(members: list[float], integers: list[int], doubles: list[float]) -> None:
    found = number_set(members)
    integers = integers + [int(member) for member in members if isinstance(member, int)]
    doubles = doubles + [float(member) for member in members]
    answers = contained(Numbers(np.array(integers, np.int64)), found).to_bool().tolist()
    assert answers == [any(value == member for member in members) for value in integers]
    answers = contained(Numbers(None, np.array(doubles, np.float64)), found).to_bool().tolist()
    assert answers == [any(value == member for member in members) for value in doubles]


@given(st.lists(st.one_of(st.integers(-20, 20), _int64), min_size=1, max_size=40), st.sampled_from([np.int64, np.int8]))
def test_arrays_of_integers_are_sets_like_lists_of_them(members: list[int], dtype: type[np.signedinteger[Any]]) -> None:
    array = np.array(members, np.int64).astype(dtype)
    found, expected = integer_set(array.astype(np.int64)), number_set(array.tolist())
    assert found.integers.tolist() == sorted(set(array.tolist()))
    assert expected.integers.tolist() == found.integers.tolist()
    assert expected.doubles.tolist() == found.doubles.tolist() == [n for n in found.integers.tolist() if float(n) == n]
    schema = Schema(
        (Field("id", DataType.INT64, is_primary=True), Field("v", DataType.FLOAT_VECTOR, dim=2)),
        enable_dynamic_field=True,
    )
    for text in ("id in {a}", "id not in {a}", "id + 1 in {a}", "key in {a}"):
        bound = [bind(parse(text), schema, {"a": value}) for value in (array, array.tolist())]
        assert bound[0].outline() == bound[1].outline()


def _columns(rows: list[Any]) -> Numbers:
    """Numbers as they come: all integers, all floats, or mixed."""
    is_integer = np.array([isinstance(row, int) for row in rows], np.bool_)
    integers = np.array([row if isinstance(row, int) else 0 for row in rows], np.int64)
    doubles = np.array([row if isinstance(row, float) else 0.0 for row in rows], np.float64)
    if is_integer.all():
        return Numbers(integers)
    return Numbers(integers, doubles, is_integer) if is_integer.any() else Numbers(None, doubles)


_rows = st.lists(st.tuples(_numbers, _numbers), min_size=1, max_size=6)


@given(_rows, st.sampled_from(_OPERATORS))
def test_columns_of_numbers_compare_exactly(rows: list[tuple[Any, Any]], operator: str) -> None:
    left, right = _columns([a for a, _ in rows]), _columns([b for _, b in rows])
    assert compare_numbers(left, operator, right).to_bool().tolist() == [_holds(a, operator, b) for a, b in rows]
    first = rows[0][1]
    assert compare_constant(left, operator, first).to_bool().tolist() == [_holds(a, operator, first) for a, _ in rows]
    one = Numbers(np.array([first], np.int64)) if isinstance(first, int) else Numbers(None, np.array([first]))
    assert compare_numbers(left, operator, one).to_bool().tolist() == [_holds(a, operator, first) for a, _ in rows]


@given(_rows, st.sampled_from(["+", "-", "*", "/", "%", "**", "&", "|", "^"]))
def test_arithmetic_is_exact_or_unknown(rows: list[tuple[Any, Any]], operator: str) -> None:
    rows = [(a, b % 70 if operator == "**" and isinstance(b, int) and b > 70 else b) for a, b in rows]
    result = calculate(operator, _columns([a for a, _ in rows]), _columns([b for _, b in rows]))
    known = [True] * len(rows) if result.known is None else result.known.to_bool().tolist()
    row_reference = reference.Reference({})
    for row, (a, b) in enumerate(rows):
        expected = row_reference.arithmetic(operator, a, b)
        assert known[row] == (expected is not reference.ABSENT), (a, operator, b)
        if known[row]:
            found = _value(result, row)
            assert type(found) is type(expected), (a, operator, b)
            assert found == expected or (math.isnan(found) and math.isnan(expected)), (a, operator, b)


@given(st.lists(_numbers, min_size=1, max_size=6))
def test_negation_is_exact_or_unknown(rows: list[Any]) -> None:
    result = negate(_columns(rows))
    known = [True] * len(rows) if result.known is None else result.known.to_bool().tolist()
    for row, value in enumerate(rows):
        assert known[row] == (not isinstance(value, int) or value != -(2**63))
        assert not known[row] or _value(result, row) == -value or math.isnan(value)


def _value(numbers: Numbers, row: int) -> Any:
    is_integer = numbers.doubles is None or (numbers.integer_rows is not None and bool(numbers.integer_rows[row]))
    column = numbers.integers if is_integer else numbers.doubles
    assert column is not None
    return column[row].item()


_alphabet = st.sampled_from(list("ab%_\\.é\n"))


@given(st.text(_alphabet, max_size=6), st.lists(st.text(_alphabet, max_size=6), max_size=8))
def test_like_is_its_definition(pattern: str, texts: list[str]) -> None:
    try:
        test = like_pattern(pattern)
    except ValueError:
        assert _trailing_backslashes(pattern) % 2 == 1
        return
    answers = test.matches(pa.array(texts, pa.string())).to_bool().tolist()
    assert answers == [reference._like(pattern, text) for text in texts]
    assert all(text.startswith(test.prefix) for text, passed in zip(texts, answers, strict=True) if passed)


def _trailing_backslashes(pattern: str) -> int:
    return len(pattern) - len(pattern.rstrip("\\"))


_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)
_keys = st.sampled_from(["a", "b", "", "é", 'q"', "back\\", "line\n", "$x", "c d"])
_json = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_keys, inner, max_size=4)),
    max_leaves=12,
)
_steps = st.lists(st.one_of(_keys.map(Key), _keys.map(Key), st.integers(0, 2).map(Index)), max_size=3).map(tuple)
_ABSENT = object()


def _walk(value: Any, steps: Steps) -> Any:
    for step in steps:
        if isinstance(step, Key) and isinstance(value, dict) and step.name in value:
            value = value[step.name]
        elif isinstance(step, Index) and isinstance(value, list) and step.position < len(value):
            value = value[step.position]
        else:
            return _ABSENT
    return value


@given(
    st.lists(st.one_of(st.just(_ABSENT), _json), max_size=6), st.lists(_steps, min_size=1, max_size=4), st.booleans()
)
def test_paths_find_what_walking_the_decoded_value_finds(rows: list[Any], paths: list[Steps], small: bool) -> None:
    texts = [None if row is _ABSENT else json.dumps(row) for row in rows]
    column = pa.array([None, "{}", *texts], pa.string()).slice(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_paths, "_CHUNK_ROWS", 2 if small else 65_536)
        extracted = extract_paths("doc", column, paths)
    assert set(extracted) == set(paths)
    for path, variants in extracted.items():
        for row, value in enumerate(rows):
            expected = _ABSENT if value is _ABSENT else _walk(value, path)
            kind = int(variants.kinds[row])
            if expected is _ABSENT:
                assert kind == MISSING
            elif expected is None:
                assert kind == NULL
            else:
                assert kind > NULL
                found = variants.values_at(np.array([row]))[0]
                assert type(found) is type(expected)
                assert found == expected


@given(_json, _json)
def test_json_equality_is_by_kind(left: Any, right: Any) -> None:
    same = json.dumps(_normal(left), sort_keys=True) == json.dumps(_normal(right), sort_keys=True)
    assert json_equal(left, right) == same
    assert json_equal(left, left)


def _normal(value: Any) -> Any:
    """Numbers by value, everything else by kind."""
    if isinstance(value, list):
        return [_normal(item) for item in value]
    if isinstance(value, dict):
        return {key: _normal(item) for key, item in value.items()}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return ["number", str(Fraction(value))]
    return value


@given(
    st.one_of(
        st.lists(st.integers(-(10**20), 10**20).map(str)),
        st.lists(st.text(st.characters(exclude_characters="\"'\\")).map(lambda text: f'"{text}"')),
        st.lists(st.sampled_from(["1", "-2", "'a'", '"b"', "1.5", "[", "x", "007", '"\\n"'])),
    ),
    st.sampled_from([", ", ",", " ,\n"]),
    st.text(max_size=3),
)
def test_scanned_lists_are_what_they_say(items: list[str], separator: str, after: str) -> None:
    text = f"[{separator.join(items)}]"
    scanned = scan_scalar_list(f"x {text}{after}", 2)
    if scanned is not None:
        values, end = scanned
        assert end == 2 + len(text)
        assert list(values) == [int(item) if item[0] not in "\"'" else item[1:-1] for item in items]
    else:
        assert not items or not all(item.lstrip("-").isdigit() and len(item) < 18 and item != "007" for item in items)
