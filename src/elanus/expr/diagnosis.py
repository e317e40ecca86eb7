"""Errors about a spot in a filter text: the reason, the place, and the line with a caret under the spot."""

import difflib
import unicodedata
from collections.abc import Iterable
from typing import Final

from elanus.errors import InvalidInput

__all__ = ["invalid_filter", "suggestion"]

_SHOWN_CHARACTERS: Final = 100
_BEFORE_CARET: Final = 60
_REASON_CHARACTERS_MAX: Final = 400


def invalid_filter(
    text: str, start: int, reason: str, *, kind: str = "invalid_filter", field: str | None = None
) -> InvalidInput:
    """The error for what is wrong with `text` at character `start` (from 0; the end of the text is allowed).

    `reason` may quote the text: what would break its line is shown as spaces, and the middle of a long one left out.
    """
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", start)
    line = text[line_start : len(text) if line_end < 0 else line_end]
    line_number = text.count("\n", 0, line_start) + 1
    column = start - line_start
    shown, caret = _excerpt(line, column)
    place = f"(line {line_number}, column {column + 1})"
    if len(reason) > _REASON_CHARACTERS_MAX:
        reason = f"{reason[: _REASON_CHARACTERS_MAX // 2]} ... {reason[-_REASON_CHARACTERS_MAX // 2 :]}"
    return InvalidInput(kind, f"{_one_line(reason)} {place}\n  {shown}\n  {' ' * caret}^", field=field)


def suggestion(name: str, known: Iterable[str]) -> str:
    """`, did you mean "x"?` for the known word nearest to `name`, or nothing when none is near."""
    by_lower = {word.lower(): word for word in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return f', did you mean "{by_lower[near[0]]}"?' if near else ""


def _excerpt(line: str, column: int) -> tuple[str, int]:
    """At most `_SHOWN_CHARACTERS` of the line around `column`, and the screen column of the caret in it."""
    first = max(0, column - _BEFORE_CARET) if len(line) > _SHOWN_CHARACTERS else 0
    last = min(len(line), first + _SHOWN_CHARACTERS)
    lead = "..." if first else ""
    tail = "..." if last < len(line) else ""
    caret = len(lead) + sum(_screen_width(character) for character in line[first:column])
    return f"{lead}{_one_line(line[first:last])}{tail}", caret


def _one_line(text: str) -> str:
    return text if text.isprintable() else "".join(map(_printable, text))


def _printable(character: str) -> str:
    """The character itself, or a space for one that would move the cursor or cannot be encoded."""
    return " " if unicodedata.category(character) in {"Cc", "Cs", "Cn", "Zl", "Zp"} else character


def _screen_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
