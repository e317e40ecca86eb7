"""Guesses of how many rows pass: right where values are as even as they are taken to be, and never out of range."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.expr.estimates import estimated_share
from elanus.expr.filter import compile_filter
from elanus.expr.pruning import RowsMatching
from elanus.expr.stats import FieldStats, SegmentStats
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.reference.filter_rows import Rows

SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True),
        Field("n", DataType.INT16, nullable=True),
        Field("f", DataType.DOUBLE, nullable=True),
        Field("s", DataType.VARCHAR, nullable=True),
        Field("vector", DataType.FLOAT_VECTOR, dim=2),
    )
)
OPERATORS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
CONSTANTS = st.integers(-12, 12) | st.sampled_from([0.5, -3.5, 100.0])


@st.composite
def predicates(draw: st.DrawFn) -> str:
    """One condition on `n`."""
    constant = draw(CONSTANTS)
    kind = draw(st.sampled_from(["compare", "between", "in", "null"]))
    if kind == "compare":
        return f"n {draw(OPERATORS)} {constant}"
    if kind == "between":
        low, high = draw(st.sampled_from(["<", "<="])), draw(st.sampled_from(["<", "<="]))
        return f"{constant} {low} n {high} {draw(CONSTANTS)}"
    if kind == "in":
        return f"n {draw(st.sampled_from(['in', 'not in']))} {draw(st.lists(CONSTANTS, min_size=1, max_size=4))}"
    return f"n is {draw(st.sampled_from(['null', 'not null']))}"


def _stats(values: list[int | None]) -> SegmentStats:
    present = [value for value in values if value is not None]
    bounds = (min(present), max(present)) if present else (None, None)
    return SegmentStats(len(values), {"n": FieldStats(len(values) - len(present), *bounds)})


@given(predicates(), st.integers(-8, 8), st.integers(1, 12), st.integers(0, 5))
def test_of_even_values_the_guess_is_right(text: str, low: int, count: int, null_count: int) -> None:
    values = [*range(low, low + count), *[None] * null_count]
    rows = Rows(SCHEMA, [{"id": 1, "n": value, "vector": [0, 0]} for value in values])
    guessed = estimated_share(compile_filter(text, SCHEMA).condition, _stats(values))
    assert guessed is not None
    assert guessed == pytest.approx(float(Fraction(rows.truths(text).count("T"), len(values))))


@given(
    st.lists(st.none() | st.integers(-10, 10), min_size=1, max_size=20),
    st.lists(predicates(), min_size=1, max_size=4),
    st.sampled_from(["and", "or"]),
    st.booleans(),
)
def test_guesses_are_shares_and_agree_with_pruning(
    values: list[int | None], conditions: list[str], word: str, negated: bool
) -> None:
    text = f" {word} ".join(f"({condition})" for condition in conditions)
    compiled = compile_filter(f"not ({text})" if negated else text, SCHEMA)
    guessed = estimated_share(compiled.condition, _stats(values))
    assert guessed is not None
    assert 0 <= guessed <= 1
    matching = compiled.prune(_stats(values))
    if matching is not RowsMatching.SOME:
        assert guessed == (matching is RowsMatching.ALL)


@pytest.mark.parametrize("text", ['s like "a%"', 's == "b"', "f == 1.5", "n + 1 > 2", 'n > 1 and s == "b"'])
def test_where_bounds_say_nothing_there_is_no_guess(text: str) -> None:
    fields = {"n": FieldStats(0, 0, 9), "f": FieldStats(0, 0.0, 9.0), "s": FieldStats(0, "a", "c")}
    assert estimated_share(compile_filter(text, SCHEMA).condition, SegmentStats(10, fields)) is None


def test_floats_lie_evenly_between_their_bounds() -> None:
    stats = SegmentStats(10, {"f": FieldStats(5, 0.0, 8.0)})
    for text, share in (("f < 2", 0.25), ("f >= 2", 0.75), ("2 < f <= 4", 0.25)):
        assert estimated_share(compile_filter(text, SCHEMA).condition, stats) == pytest.approx(share / 2)
