"""Filter text into tokens, one at a time, in time linear in the text.

Tokens carry positions only; what a literal means is decided in `literals`.
"""

import re
import unicodedata
from typing import Final, NamedTuple

from elanus.errors import InvalidInput
from elanus.expr.diagnosis import invalid_filter

__all__ = ["Token", "next_token"]


class Token(NamedTuple):
    """A piece of the text.

    Attributes:
        kind: `integer`, `float`, `string`, `raw`, `name`, `end`, or for operators, punctuation and keywords their
            canonical spelling (`&&` and `AND` are both `and`).
        text: as written.
        start: first character.
        end: one past the last.
    """

    kind: str
    text: str
    start: int
    end: int


# Repetitions are possessive so that an unterminated string costs one pass, not one for every way to split it.
_TOKEN: Final = re.compile(
    r"""[ \t\r\n\f\v]*+
    (?: (?P<raw> [rR] (?: "(?:[^"\\]|\\.)*+" | '(?:[^'\\]|\\.)*+' ) )
      | (?P<name> [A-Za-z_][A-Za-z0-9_]*+ | \$meta(?![A-Za-z0-9_]) )
      | (?P<float> (?: [0-9]++\.[0-9]*+ | \.[0-9]++ ) (?: [eE][+-]?[0-9]++ )?+ | [0-9]++[eE][+-]?[0-9]++ )
      | (?P<integer> 0[xX][0-9A-Fa-f]++ | [0-9]++ )
      | (?P<string> "(?:[^"\\]|\\.)*+" | '(?:[^'\\]|\\.)*+' )
      | (?P<symbol> \*\*|===?|!==?|<=|>=|=~|!~|&&|\|\||\$\[|<<|>>|<>|[-+*/%<>=!&|^~(){},\[\]] )
      | (?P<end> \Z )
    )""",
    re.VERBOSE | re.DOTALL,
)
_WORD: Final = re.compile(r"[A-Za-z0-9_.]+")
_KEYWORDS: Final = frozenset({"and", "or", "not", "in", "like", "is", "null", "exists", "true", "false"})
_SYNONYMS: Final = {"&&": "and", "||": "or", "!": "not"}
_REFUSED_SYMBOLS: Final = {
    "===": 'unexpected "===", did you mean "=="?',
    "!==": 'unexpected "!==", did you mean "!="?',
    "<>": 'unexpected "<>", did you mean "!="?',
    "<<": 'there is no shift operator "<<"; multiply by a power of two instead',
    ">>": 'there is no shift operator ">>"; divide by a power of two instead',
    "~": 'there is no bitwise not "~"; write (x ^ -1) instead',
}
_QUOTES: Final = "“”‘’«»"


def next_token(text: str, position: int) -> Token:
    """The token at or after `position`; at the end of the text one of kind `end`.

    Raises:
        InvalidInput: no token can start there; the message says what does.
    """
    match = _TOKEN.match(text, position)
    if match is None:
        raise _unreadable(text, position)
    kind = match.lastgroup
    assert kind is not None
    start, end = match.span(kind)
    word = text[start:end]
    if kind == "name":
        lowered = word.lower()
        if lowered in _KEYWORDS:
            kind = lowered
    elif kind == "symbol":
        if word in _REFUSED_SYMBOLS:
            raise invalid_filter(text, start, _REFUSED_SYMBOLS[word])
        kind = _SYNONYMS.get(word, word)
    elif kind in {"integer", "float"}:
        _check_number_ends(text, start, end)
    return Token(kind, word, start, end)


def _check_number_ends(text: str, start: int, end: int) -> None:
    following = text[end : end + 1]
    if following and (following in "._" or (following.isascii() and following.isalnum())):
        word = _WORD.match(text, start)
        assert word is not None
        raise invalid_filter(text, start, f"malformed number {_short(word.group())}")


def _unreadable(text: str, position: int) -> InvalidInput:
    start = position
    while text[start] in " \t\r\n\f\v":
        start += 1
    character = text[start]
    if character in "\"'":
        return invalid_filter(text, start, f"this string has no closing {character}")
    if character in _QUOTES:
        return invalid_filter(text, start, f"unexpected {character}; strings are written with \" or '")
    if character == "$":
        reason = 'unexpected "$"; only $meta["key"] and, in struct predicates, $[field] begin with it'
        return invalid_filter(text, start, reason)
    if character == ".":
        return invalid_filter(text, start, 'unexpected "."; a key inside JSON is written field["key"]')
    if character.isalpha():
        reason = f'unexpected {character!r}; a name with other letters than A to Z is written $meta["name"]'
        return invalid_filter(text, start, reason)
    if character.isprintable():
        return invalid_filter(text, start, f"unexpected character {character!r}")
    name = unicodedata.name(character, "control character")
    return invalid_filter(text, start, f"unexpected character U+{ord(character):04X} ({name.lower()})")


def _short(word: str) -> str:
    return word if len(word) <= 40 else word[:37] + "..."
