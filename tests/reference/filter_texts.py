"""Texts to read as filters, good and bad, and what must hold for whatever text there is."""

import random
import re
from collections.abc import Callable
from typing import Final

from elanus.errors import InvalidInput
from elanus.expr.filter import parse
from tests.reference.filter_cases import Cases
from tests.reference.filter_rendering import Rendering

__all__ = ["VOCABULARY", "check_error", "check_text", "deep_texts", "mutated"]

_WORDS: Final = """
year lang s i64 f64 flag doc $meta a64 as color and AND or not NOT in IN like is null exists true False && || ! == != <
<= > >= =~ !~ + - * / % ** & | ^ ( ) ( ) [ ] { } , = $[ 1 -2 0x1F 2.5 .5 1e3 9223372036854775808 010 12ab "a" 'b'
"open 'open {p} $[q] ["k"] [0] json_contains array_contains_all array_length random_sample text_match element_filter
match_least match_all threshold ISO INTERVAL seen 'P1D' '2025-01-31' st_within st_dwithin 'POINT(1' bloom_match
membership_match type roaring $[i8] chunks ; . : ? @ ~ << <> === é “
"""
VOCABULARY: Final = [*_WORDS.split(), r'r"\d"', r'"\u00e9"', r'"\ud800"', "\x00", "\u2028", "\ud800", "\n"]

_DEEP: Final[dict[str, tuple[str, str, str]]] = {
    "parentheses": ("(", "i64 == 1", ")"),
    "not": ("not ", "i64 == 1", ""),
    "bang": ("!", "flag", ""),
    "minus": ("-", "i64 == 1", ""),
    "constants": ("i64 == -", "1", ""),
    "lists": ("[", "", "]"),
    "calls": ("array_contains(", "as", ', "a")'),
    "conditions": ("match_any(chunks, ", "flag", ")"),
    "geometries": ("st_within(place, 'GEOMETRYCOLLECTION(", "POINT (1 1)", ")')"),
    "and": ("i64 == 1 and ", "flag", ""),
    "or": ("i64 == 1 or ", "flag", ""),
    "mixed": ("i64 == 1 and flag or ", "flag", ""),
    "sums": ("i64 + ", "i64 == 1", ""),
    "powers": ("2 ** ", "2 == i64", ""),
    "bits": ("(i64 | ", "1", ") == 1"),
    "steps": ("", "doc", '["a"]'),
    "positions": ("", "doc", "[0]"),
    "items": ("i64 in [1", "", ", 2"),
    "digits": ("9", "", " == i64"),
    "strings": ('s == "', "", "a"),
    "wildcards": ('s like "', "", '%a"'),
    "groups": ('s =~ "', "(", ')"'),
    "spaces": (" ", "flag", " "),
    "quotes": ("'", "", '"'),
    "ranges": ("1 < ", "i64", " < 5"),
}


def check_text(text: str) -> bool:
    """Whether a text is a filter; it is, or is refused with an error that shows where, and prints as what it is.

    Raises:
        AssertionError: neither, or what was read is not what it prints as.
    """
    try:
        expression = parse(text)
    except InvalidInput as error:
        check_error(text, error, "invalid_filter")
        return False
    written = str(expression)
    again = parse(written)
    assert again.outline() == expression.outline()
    assert str(again) == written
    return True


def check_error(text: str, error: InvalidInput, *kinds: str) -> None:
    """An error of one of these kinds that names a place in the text and shows it."""
    assert error.kind in kinds
    reason, line, caret = error.message.splitlines()
    place = re.search(r"\(line (\d+), column (\d+)\)$", reason)
    assert place is not None, error.message
    lines = text.split("\n")
    assert 1 <= int(place[1]) <= len(lines)
    assert 1 <= int(place[2]) <= len(lines[int(place[1]) - 1]) + 1
    assert line.startswith("  ")
    assert re.fullmatch(r"  +\^", caret)
    message_bytes = error.message.encode("utf-8", "backslashreplace")
    assert len(message_bytes) < 2000


def deep_texts(repeats: int) -> dict[str, str]:
    """One construct many times over, inside of itself or one after another, by its name."""
    texts = {name: before * repeats + middle + after * repeats for name, (before, middle, after) in _DEEP.items()}
    texts["items"] = f"i64 in [{', '.join(map(str, range(repeats)))}]"
    texts["strings"] = f's == "{"a" * repeats}"'
    texts["wildcards"] = f's like "{"%a" * repeats}"'
    texts["groups"] = f's =~ "{"(" * repeats}a{")" * repeats}"'
    return texts


def mutated(choose: random.Random, texts: list[str]) -> str:
    """A filter that was damaged a few times, or pieces of several; `texts` are others to take pieces from."""
    text = choose.choice(texts) if texts and choose.random() < 0.5 else _written(choose)
    changes: list[Callable[[str], str]] = [
        lambda given: _cut(choose, given),
        lambda given: _put(choose, given, choose.choice(VOCABULARY)),
        lambda given: _put(choose, given, chr(choose.choice([choose.randrange(128), choose.randrange(0x11_0000)]))),
        lambda given: _put(choose, given, _piece(choose, choose.choice(texts) if texts else given)),
        lambda given: _put(choose, given, _piece(choose, given) * choose.choice([2, 3, 300])),
        lambda given: given.swapcase(),
    ]
    for _ in range(choose.choice([0, 1, 1, 2, 3, 6])):
        text = choose.choice(changes)(text)
    return text[:20_000]


def _written(choose: random.Random) -> str:
    return Rendering(choose).text(Cases(choose.getrandbits(40)).filter())


def _piece(choose: random.Random, text: str) -> str:
    start, stop = sorted((choose.randrange(len(text) + 1), choose.randrange(len(text) + 1)))
    return text[start:stop]


def _cut(choose: random.Random, text: str) -> str:
    start, stop = sorted((choose.randrange(len(text) + 1), choose.randrange(len(text) + 1)))
    return text[:start] + text[stop:]


def _put(choose: random.Random, text: str, piece: str) -> str:
    place = choose.randrange(len(text) + 1)
    return text[:place] + piece + text[place:]
