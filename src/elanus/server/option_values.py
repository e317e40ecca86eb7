"""Option values, which clients send as text or as JSON."""

from collections.abc import Mapping
from typing import Any

import msgspec

from elanus.errors import InvalidInput

__all__ = ["folded_text", "option_flag", "option_integer", "option_text"]


def option_integer(name: str, value: Any) -> int:
    """An option that is an integer, or text of one.

    Raises:
        InvalidInput: anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return int(value.strip())
        except ValueError:
            pass
    raise InvalidInput("invalid_argument", f"{name} is {value!r}, expected an integer")


def option_flag(name: str, value: Any) -> bool:
    """An option that is a boolean, or text of one in any case; empty is false.

    Raises:
        InvalidInput: anything else.
    """
    text = folded_text(value)
    if text not in {"true", "false", "1", "0", ""}:
        raise InvalidInput("invalid_argument", f"{name} is {value!r}, expected true or false")
    return text in {"true", "1"}


def folded_text(value: Any) -> str:
    """The text of a value, for comparison: Python's `True` and JSON's `true` are one."""
    return str(value).strip().lower() if isinstance(value, bool | str) else str(value)


def option_text(value: object) -> str:
    """A value as clients write it: `true`, `16`, `0.5`, or JSON for lists and mappings."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | Mapping):
        return msgspec.json.encode(value).decode()
    return str(value)
