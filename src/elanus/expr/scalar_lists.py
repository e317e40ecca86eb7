"""Long lists of integers or of plain strings, read in one pass without making tokens of them.

Skips work only: a list it does not take (escapes, mixed kinds, large numbers, mistakes) goes the general way.
"""

import re
from typing import Final

__all__ = ["scan_scalar_list"]

# Up to 18 digits always fit in 64 bits.
_INTEGER: Final = r"-?(?:0|[1-9][0-9]{0,17}+)"
_STRING: Final = r"""(?:"[^"\\]*+"|'[^'\\]*+')"""
_SPACE: Final = r"[ \t\r\n\f\v]*+"
_INTEGERS: Final = re.compile(rf"\[{_SPACE}(?:{_INTEGER}{_SPACE},{_SPACE})*+{_INTEGER}{_SPACE}\]")
_STRINGS: Final = re.compile(rf"\[{_SPACE}(?:{_STRING}{_SPACE},{_SPACE})*+{_STRING}{_SPACE}\]")
_ONE_STRING: Final = re.compile(_STRING)


def scan_scalar_list(text: str, start: int) -> tuple[tuple[int, ...] | tuple[str, ...], int] | None:
    """The values of the list that opens at `start` and the position after it, or None if it is not a simple one."""
    match = _INTEGERS.match(text, start)
    if match is not None:
        return tuple(map(int, text[start + 1 : match.end() - 1].split(","))), match.end()
    match = _STRINGS.match(text, start)
    if match is not None:
        return tuple(item[1:-1] for item in _ONE_STRING.findall(text, start, match.end())), match.end()
    return None
