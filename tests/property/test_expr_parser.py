"""Whatever the text, the parser gives a tree or an error that shows where; and trees survive printing."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elanus.errors import InvalidInput
from elanus.expr.filter import bind, parse
from tests.reference.filter_cases import Cases
from tests.reference.filter_rendering import Rendering
from tests.reference.filter_texts import VOCABULARY, check_error, check_text, deep_texts, mutated

_TOKENS = st.lists(st.sampled_from(VOCABULARY), max_size=25).map(" ".join)
_DENSE = st.lists(st.sampled_from(VOCABULARY), max_size=25).map("".join)
_ANY_WORD = st.sampled_from(VOCABULARY)


@given(st.one_of(st.text(), st.text(st.characters(exclude_categories=())), _TOKENS, _DENSE))
def test_any_text_is_a_tree_or_an_error_that_shows_where(text: str) -> None:
    check_text(text)


@given(st.integers(0, 2**63 - 1), _ANY_WORD)
def test_damaged_filters_are_a_tree_or_an_error_that_shows_where(seed: int, word: str) -> None:
    style = random.Random(seed)
    text = Rendering(style).text(Cases(seed).filter())
    check_text(text)
    start, stop = sorted((style.randrange(len(text) + 1), style.randrange(len(text) + 1)))
    for damaged in (text[:start], text[:start] + text[stop:], text[:start] + word + text[start:], text[start:] + word):
        check_text(damaged)


@settings(max_examples=max(10, settings().max_examples // 3))
@given(st.integers(0, 2**63 - 1), st.lists(_TOKENS, max_size=20))
def test_what_is_read_is_bound_and_answered_or_refused_as_wrong_input(seed: int, texts: list[str]) -> None:
    table = Cases(seed).table
    for text in texts:
        try:
            bound = bind(parse(text), table.schema, {"p": 5, "q": "x"})
        except InvalidInput as error:
            check_error(text, error, "invalid_filter", "not_supported")
        else:
            assert len(bound.evaluate(table)) == table.row_count


def test_the_vocabulary_makes_filters_too() -> None:
    """The soup of words is of use only if some of it parses."""
    words = random.Random(7)
    parsed = 0
    for _ in range(3000):
        try:
            parse(" ".join(words.choices(VOCABULARY, k=3)))
            parsed += 1
        except InvalidInput:
            pass
    assert parsed >= 10


@given(st.integers(0, 2**63 - 1))
def test_joined_and_damaged_filters_are_a_tree_or_an_error_that_shows_where(seed: int) -> None:
    choose = random.Random(seed)
    texts: list[str] = []
    for _ in range(5):
        texts.append(mutated(choose, texts))
        check_text(texts[-1])


@pytest.mark.parametrize("repeats", [250, 256, 257, 5_000])
def test_constructs_many_times_over_are_read_or_refused(repeats: int) -> None:
    """And answered, where they are filters: nothing recurses without a bound."""
    table = Cases(11).table
    for text in deep_texts(repeats).values():
        if check_text(text):
            try:
                bound = bind(parse(text), table.schema)
            except InvalidInput as error:
                check_error(text, error, "invalid_filter", "not_supported")
            else:
                assert len(bound.evaluate(table)) == table.row_count
