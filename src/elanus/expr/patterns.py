"""LIKE patterns and regular expressions into the cheapest test of a string that means the same.

LIKE: `%` is any run of characters, `_` one character, a backslash takes the next `%`, `_` or backslash as it is, and
before any other character stands for itself. A pattern covers the whole string. Regular expressions are RE2's and match
anywhere in the string.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.expr import primitives

__all__ = ["StringPattern", "like_pattern", "regex_pattern"]

# Arrow looks at a pattern only when there is a row to match.
_ONE_ROW: Final = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(bytes(8)), pa.py_buffer(b"")])
# With so many RE2 reads some 25 MB/s at worst; with a few times as many a text of 64 KB takes seconds.
_WILDCARDS_MAX: Final = 512
_ANY_RUN: Final = object()
_ANY_ONE: Final = object()
# Everything RE2 could take as an operator; letters and digits must not be escaped, they would become classes.
_REGEX_SPECIAL: Final = frozenset(r"\.+*?()|[]{}^$")


@dataclass(frozen=True, slots=True)
class StringPattern:
    """A test of strings.

    Attributes:
        test: `equal`, `prefix`, `suffix` and `contains` compare with `text`; `regex` has an RE2 pattern there.
        text: what `test` needs.
        prefix: every string that passes begins with it; for skipping rows by their order.
        pieces: every string that passes contains each of them; for indexes.
    """

    test: Literal["equal", "prefix", "suffix", "contains", "regex"]
    text: str
    prefix: str = ""
    pieces: tuple[str, ...] = field(default=(), repr=False)

    def matches(self, strings: pa.Array) -> Bitset:
        """The rows that pass; undefined for null rows."""
        match self.test:
            case "equal":
                return primitives.string_compare(strings, "==", self.text)
            case "prefix":
                return primitives.string_prefix(strings, self.text)
            case "suffix":
                return primitives.string_suffix(strings, self.text)
            case "contains":
                return primitives.string_contains(strings, self.text)
            case "regex":
                return primitives.string_regex(strings, self.text)


def like_pattern(pattern: str) -> StringPattern:
    """The test for `LIKE pattern`.

    Raises:
        ValueError: the pattern ends in a lone backslash, has too many wildcards, or is too long for RE2.
    """
    pieces = _like_pieces(pattern)
    wildcard_count = sum(1 for piece in pieces if not isinstance(piece, str))
    if wildcard_count > _WILDCARDS_MAX:
        raise ValueError(f"it has {wildcard_count} wildcards, expected at most {_WILDCARDS_MAX}")
    texts = tuple(piece for piece in pieces if isinstance(piece, str))
    prefix = texts[0] if texts and pieces[0] is texts[0] else ""
    if not pieces:
        return StringPattern("equal", "")
    if len(pieces) == 1 and texts:
        return StringPattern("equal", prefix, prefix, texts)
    if _ANY_ONE not in pieces:
        if pieces == [_ANY_RUN]:
            return StringPattern("prefix", "")
        if len(pieces) == 2:
            test: Literal["prefix", "suffix"] = "prefix" if prefix else "suffix"
            return StringPattern(test, texts[0], prefix, texts)
        if len(pieces) == 3 and len(texts) == 1:
            return StringPattern("contains", texts[0], pieces=texts)
    parts = [".*" if piece is _ANY_RUN else "." if piece is _ANY_ONE else _escaped(str(piece)) for piece in pieces]
    regex = rf"(?s)\A{''.join(parts)}\z"
    primitives.string_regex(_ONE_ROW, regex)
    return StringPattern("regex", regex, prefix, texts)


def regex_pattern(pattern: str) -> StringPattern:
    """The test for `=~ pattern`.

    Raises:
        ValueError: RE2 does not take the pattern; the message says why.
    """
    if "\b" in pattern:
        raise ValueError(r'it holds a backspace character, which "\b" means in an ordinary string; write r"\b"')
    if pattern and not _REGEX_SPECIAL.intersection(pattern):
        return StringPattern("contains", pattern, pieces=(pattern,))
    primitives.string_regex(_ONE_ROW, pattern)
    return StringPattern("regex", pattern)


def _like_pieces(pattern: str) -> list[object]:
    """Runs of text as strings, and the two wildcards; runs of `%` are one."""
    pieces: list[object] = []
    text: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character not in "%_":
            if character == "\\":
                if position == len(pattern):
                    raise ValueError(r"it ends in a lone backslash; write \\ for a backslash")
                if pattern[position] in "%_\\":
                    character = pattern[position]
                    position += 1
            text.append(character)
            continue
        if text:
            pieces.append("".join(text))
            text.clear()
        wildcard = _ANY_RUN if character == "%" else _ANY_ONE
        if not (wildcard is _ANY_RUN and pieces and pieces[-1] is _ANY_RUN):
            pieces.append(wildcard)
    if text:
        pieces.append("".join(text))
    return pieces


def _escaped(text: str) -> str:
    return "".join(f"\\{character}" if character in _REGEX_SPECIAL else character for character in text)
