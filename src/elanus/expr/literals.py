"""What the literals of the language mean: numbers, and strings with their escapes; and how values are written back."""

import math
import re
from typing import Final

from elanus.expr.syntax import Scalar

__all__ = ["INT64_MAX", "INT64_MIN", "float_value", "integer_value", "raw_string_value", "scalar_text", "string_value"]

INT64_MIN: Final = -(1 << 63)
INT64_MAX: Final = (1 << 63) - 1

# Longer digit strings are out of range anyway, and Python refuses to convert very long ones.
_DIGITS_MAX: Final = 20
_ESCAPE: Final = re.compile(
    r"\\(?:u(?P<utf16>[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|[0-9A-Fa-f]{4})"
    r"|U(?P<utf32>[0-9A-Fa-f]{8})|x(?P<byte>[0-9A-Fa-f]{2})|(?P<letter>.))",
    re.DOTALL,
)
_LETTERS: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"', "'": "'",
}  # fmt: skip
_WRITTEN: Final = {ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
_UNWRITABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def integer_value(text: str, *, negative: bool) -> int:
    """The value of a decimal or hexadecimal literal, with the minus sign before it if `negative`.

    Raises:
        ValueError: it does not fit in 64 bits, or begins with a zero like an octal number.
    """
    digits = text.lstrip("0") or "0"
    if text[:2] in {"0x", "0X"}:
        digits = text[2:].lstrip("0") or "0"
        magnitude = int(digits, 16) if len(digits) <= _DIGITS_MAX else INT64_MAX + 2
    elif len(text) > 1 and text[0] == "0":
        raise ValueError(f"a number does not begin with 0; write {digits[:_DIGITS_MAX]}")
    else:
        magnitude = int(digits) if len(digits) <= _DIGITS_MAX else INT64_MAX + 2
    value = -magnitude if negative else magnitude
    if not INT64_MIN <= value <= INT64_MAX:
        raise ValueError(f"the integer is outside 64 bits, expected {INT64_MIN} to {INT64_MAX}")
    return value


def float_value(text: str) -> float:
    """The value of a literal with a point or an exponent, rounded to the nearest double.

    Raises:
        ValueError: it is beyond the largest double.
    """
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("the number is too large for a 64-bit float")
    return value


def raw_string_value(text: str) -> str:
    """The characters between the quotes of `r"..."`, backslashes kept."""
    return text[2:-1]


def string_value(text: str) -> str:
    r"""The string a quoted literal stands for. A backslash before a character that is no escape stays.

    So `\d`, `\.` and `\%` reach a pattern as they are, also from an ordinary string.

    Raises:
        ValueError: a malformed `\x`, `\u` or `\U`; the arguments are the reason and the offset of the backslash.
    """
    body = text[1:-1]
    if "\\" not in body:
        return body
    return _ESCAPE.sub(_unescape, body)


def scalar_text(value: Scalar) -> str:
    """The literal, in canonical form, that means `value`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{_UNWRITABLE.sub(_written_code, value.translate(_WRITTEN))}"'
    return repr(value)


def _unescape(match: re.Match[str]) -> str:
    letter = match["letter"]
    if letter is not None:
        if letter in "uUx":
            raise ValueError(f"malformed escape \\{letter}", match.start() + 1)
        return _LETTERS.get(letter, match.group())
    utf16 = match["utf16"]
    if utf16 is not None and len(utf16) > 4:
        return chr(0x10000 + ((int(utf16[:4], 16) - 0xD800) << 10) + int(utf16[6:], 16) - 0xDC00)
    code = int(utf16 or match["utf32"] or match["byte"], 16)
    if 0xD800 <= code <= 0xDFFF:
        raise ValueError("half of a surrogate pair", match.start() + 1)
    if code > 0x10FFFF:
        raise ValueError("an escape beyond the last Unicode character", match.start() + 1)
    return chr(code)


def _written_code(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"
