"""Whatever the text, the parser gives a tree or an error that shows where; and trees survive printing."""

import random
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from elanus.errors import InvalidInput
from elanus.expr.filter import bind, parse
from tests.reference.filter_cases import Cases
from tests.reference.filter_rendering import Rendering

_WORDS = """
year lang s i64 f64 flag doc $meta a64 as color and AND or not NOT in IN like is null exists true False && || ! == != <
<= > >= =~ !~ + - * / % ** & | ^ ( ) ( ) [ ] { } , = $[ 1 -2 0x1F 2.5 .5 1e3 9223372036854775808 010 12ab "a" 'b'
"open 'open {p} $[q] ["k"] [0] json_contains array_contains_all array_length random_sample text_match element_filter
match_least match_all threshold ISO INTERVAL seen 'P1D' '2025-01-31' st_within st_dwithin 'POINT(1' bloom_match
membership_match type roaring $[i8] chunks ; . : ? @ ~ << <> === é “
"""
_VOCABULARY = [*_WORDS.split(), r'r"\d"', r'"\u00e9"', r'"\ud800"', "\x00", "\u2028", "\ud800", "\n"]
_TOKENS = st.lists(st.sampled_from(_VOCABULARY), max_size=25).map(" ".join)
_DENSE = st.lists(st.sampled_from(_VOCABULARY), max_size=25).map("".join)
_ANY_WORD = st.sampled_from(_VOCABULARY)


def _check(text: str) -> None:
    try:
        expression = parse(text)
    except InvalidInput as error:
        _check_error(text, error, "invalid_filter")
        return
    written = str(expression)
    assert parse(written).outline() == expression.outline()
    assert str(parse(written)) == written


def _check_error(text: str, error: InvalidInput, *kinds: str) -> None:
    assert error.kind in kinds
    reason, line, caret = error.message.split("\n")
    place = re.search(r"\(line (\d+), column (\d+)\)$", reason)
    assert place is not None, error.message
    lines = text.split("\n")
    assert 1 <= int(place[1]) <= len(lines)
    assert 1 <= int(place[2]) <= len(lines[int(place[1]) - 1]) + 1
    assert line.startswith("  ")
    assert re.fullmatch(r"  +\^", caret)
    message_bytes = error.message.encode("utf-8", "backslashreplace")
    assert len(message_bytes) < 2000


@given(st.one_of(st.text(), st.text(st.characters(exclude_categories=())), _TOKENS, _DENSE))
def test_any_text_is_a_tree_or_an_error_that_shows_where(text: str) -> None:
    _check(text)


@given(st.integers(0, 2**63 - 1), _ANY_WORD)
def test_damaged_filters_are_a_tree_or_an_error_that_shows_where(seed: int, word: str) -> None:
    style = random.Random(seed)
    text = Rendering(style).text(Cases(seed).filter())
    _check(text)
    start, stop = sorted((style.randrange(len(text) + 1), style.randrange(len(text) + 1)))
    for damaged in (text[:start], text[:start] + text[stop:], text[:start] + word + text[start:], text[start:] + word):
        _check(damaged)


@settings(max_examples=max(10, settings().max_examples // 3))
@given(st.integers(0, 2**63 - 1), st.lists(_TOKENS, max_size=20))
def test_what_is_read_is_bound_and_answered_or_refused_as_wrong_input(seed: int, texts: list[str]) -> None:
    table = Cases(seed).table
    for text in texts:
        try:
            bound = bind(parse(text), table.schema, {"p": 5, "q": "x"})
        except InvalidInput as error:
            _check_error(text, error, "invalid_filter", "not_supported")
        else:
            assert len(bound.evaluate(table)) == table.row_count


def test_the_vocabulary_makes_filters_too() -> None:
    """The soup of words is of use only if some of it parses."""
    words = random.Random(7)
    parsed = 0
    for _ in range(3000):
        try:
            parse(" ".join(words.choices(_VOCABULARY, k=3)))
            parsed += 1
        except InvalidInput:
            pass
    assert parsed >= 10
