"""A filter made from the template of its shape is the filter that reading and binding its text gives."""

import random
import re
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from elanus.errors import InvalidInput
from elanus.expr import filter as filter_module
from elanus.expr.evaluator import evaluate
from elanus.expr.filter import Filter, bind, compile_filter, parse
from elanus.expr.lifting import bound_template, taken_apart
from elanus.expr.operand_binder import BindingContext
from elanus.expr.plain_comparisons import plain_rows
from elanus.expr.reads import json_paths
from elanus.schema.collection import Schema
from tests.reference.filter_cases import Cases
from tests.reference.filter_rendering import Rendering
from tests.reference.filter_texts import mutated

_SEEDS = st.integers(0, 2**63 - 1)
# Values that decide, overflow, lose a fraction, or are something else altogether.
_LITERALS = [
    "0", "1", "-1", "127", "128", "-129", "2147483648", "9007199254740993", "9223372036854775807",
    "-9223372036854775808", "9223372036854775808", "99999999999999999", "1.0", "2.5", "0.1", "1e3", "16777217",
    "340282350000000000.5", "0x1F", "007", "1_000", "1.2.3", "12ab", '"a"', "'it'", '"10"', '"é"',
    r'"a\n"', '"', "true", "null", "year", "[1]", "{p}",
    "(5)", "- 5", "+5", "3 + 4", "ISO '2025-01-31'", '"2025-01-31T00:00:00Z"',
]  # fmt: skip
_SHAPES = [
    "i8 < {}", "i32 == {}", "i64 >= {}", "f32 == {}", "f64 < {}", "s == {}", "s > {}", "doc['a'] == {}", "color != {}",
    "{} < i64", "{} <= i8 < {}", "{} < f32 <= {}", "{} <= s < {}", "{} < doc['a'] < {}", "not (i64 == {})",
    "i64 > {} and i64 < {}", "i8 < {} or s == {} and f64 >= {}", "flag == true and i64 != {}", "flag and i32 > {}",
    "i64 is null or i64 == {}", "exists doc['a'] and i64 < {}", "i64 in [{}, {}]", "a64[0] == {}", "i64 + {} < {}",
    "i64 < {} + {}", "{} < {}", "{} == {} or i64 > {}", "s like {}", "seen > {}", "i8 & {} == {}", "-i64 < {}",
    "array_contains(a64, {})", "doc[{}] == {}", "i64 == - {}", "random_sample({}) and i64 < {}", "i64{} < {}",
    "i64 <{}",
]  # fmt: skip


def _outcome(text: str, schema: Schema, *, lifted: bool) -> tuple[str, str] | str:
    try:
        made = compile_filter(text, schema) if lifted else bind(parse(text), schema)
    except InvalidInput as error:
        return error.message
    return made.outline(), str(made)


def _check(text: str, schema: Schema) -> None:
    plain = _outcome(text, schema, lifted=False)
    assert _outcome(text, schema, lifted=True) == plain, text
    # Also where another text of the shape came first.
    assert _outcome(text, schema, lifted=True) == plain, text


def _texts(choose: random.Random, cases: Cases) -> Iterator[str]:
    for _ in range(12):
        rendering = Rendering(choose)
        text = rendering.text(cases.filter())
        if rendering.params:
            continue
        yield text
        for _ in range(3):
            yield re.sub(r"(?<![\w.])\d+(?:\.\d+)?", lambda _: choose.choice(_LITERALS), text)


@given(_SEEDS)
def test_filters_of_generated_expressions_are_those_of_the_binder(seed: int) -> None:
    cases = Cases(seed)
    for text in _texts(random.Random(seed), cases):
        _check(text, cases.table.schema)


@given(
    _SEEDS, st.sampled_from(_SHAPES), st.lists(st.lists(st.sampled_from(_LITERALS), min_size=3, max_size=3), max_size=8)
)
def test_filters_of_one_shape_are_those_of_the_binder(seed: int, shape: str, literals: list[list[str]]) -> None:
    table = Cases(seed % 16).table
    for values in literals:
        text = shape.replace("{}", "\0")
        for value in values:
            text = text.replace("\0", value, 1)
        _check(text.replace("\0", "4"), table.schema)


@given(_SEEDS)
def test_damaged_filters_are_refused_alike(seed: int) -> None:
    choose = random.Random(seed)
    schema = Cases(seed % 16).table.schema
    texts: list[str] = []
    for _ in range(10):
        texts.append(mutated(choose, texts))
        _check(texts[-1], schema)


@given(_SEEDS)
def test_plain_comparisons_find_what_the_evaluator_finds(seed: int) -> None:
    cases = Cases(seed)
    for _ in range(20):
        rendering = Rendering(random.Random(seed))
        bound = bind(parse(rendering.text(cases.filter())), cases.table.schema, rendering.params)
        found = plain_rows(bound.condition, cases.table)
        if found is not None:
            assert found == evaluate(bound.condition, cases.table, json_paths(bound.condition)).true


def test_plain_comparisons_are_found_in_one_step() -> None:
    """Of the generated ones few are so plain; these are, and in tables where the field has no nulls they are taken."""
    taken = 0
    for seed in range(40):
        table = Cases(seed).table
        for text in ("i64 > 3", "i8 == 5", "f32 <= 0.1", "-2 < f64 < 2.5", "1 <= i32 < 100", "j64 != 2", "j64 < 9"):
            bound = bind(parse(text), table.schema)
            found = plain_rows(bound.condition, table)
            expected = evaluate(bound.condition, table, json_paths(bound.condition)).true
            taken += found is not None
            assert found is None or found == expected
    assert taken


def test_the_plainest_shapes_have_a_template() -> None:
    """The comparisons above are of use only if templates are made at all."""
    schema = Cases(1).table.schema
    made: list[Filter | None] = []
    for shape in _SHAPES[:21]:
        text = shape.replace("{}", '"x"' if shape.startswith(("s ", "{} <= s")) else "7")
        if "s ==" in text:
            text = text.replace("s == 7", 's == "x"')
        _, values = taken_apart(text)
        assert bound_template(text, values, BindingContext(schema, {})) is not None, text
        made.append(filter_module._by_template(text, schema, ""))
    assert None not in made


def test_literals_that_stand_for_something_else_have_no_template() -> None:
    schema = Cases(1).table.schema
    for text in (
        "i64 in [1, 2]",
        "i64 + 1 < 2",
        "1 < 2",
        "a64[0] == 1",
        "i64 < 1 + 1",
        "s like 'a'",
        "array_contains(a64, 1)",
    ):
        _, values = taken_apart(text)
        assert bound_template(text, values, BindingContext(schema, {})) is None, text
