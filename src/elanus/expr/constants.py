"""Constants of a filter: values given for placeholders, what kind a constant is, and how messages name it."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeGuard

import numpy as np

from elanus.expr.bound import ConstantValue, Instant
from elanus.expr.literals import INT64_MAX, INT64_MIN, scalar_text
from elanus.schema.instants import UTC, Duration, TimeZone, instant_from_datetime, instant_text

__all__ = ["all_numbers", "all_strings", "constant_kind", "described", "is_number", "parameter_value"]

_SHOWN_CHARACTERS: Final = 40


def parameter_value(value: Any, zone: TimeZone = UTC) -> ConstantValue:
    """The constant for a value given by a caller: a bool, int, float, string, time, or list of them; NumPy's too.

    A time without a zone is in `zone`.

    Raises:
        ValueError: anything else; the message says what it is.
    """
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        number = int(value)
        if not INT64_MIN <= number <= INT64_MAX:
            raise ValueError("an integer outside 64 bits")
        return number
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, dt.datetime):
        return Instant(instant_from_datetime(value, zone))
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return _list_value(value.tolist(), zone)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return _list_value(value, zone)
    raise ValueError("null, which only is null finds" if value is None else f"a {type(value).__name__}")


def constant_kind(value: ConstantValue) -> Literal["number", "string", "bool", "list", "time", "duration"]:
    """What kind a constant is; a bool is no number."""
    if isinstance(value, Instant):
        return "time"
    if isinstance(value, Duration):
        return "duration"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    return "list" if isinstance(value, tuple) else "number"


def is_number(value: ConstantValue) -> TypeGuard[int | float]:
    """Whether a constant is a number; a bool is none."""
    return constant_kind(value) == "number"


def all_numbers(values: tuple[ConstantValue, ...]) -> TypeGuard[tuple[int | float, ...]]:
    """Whether every value is a number."""
    return set(map(type, values)) <= {int, float}


def all_strings(values: tuple[ConstantValue, ...]) -> TypeGuard[tuple[str, ...]]:
    """Whether every value is a string."""
    return set(map(type, values)) <= {str}


def described(value: ConstantValue) -> str:
    """The constant with its kind, shortened: `the integer 5`."""
    if isinstance(value, tuple):
        return "a list"
    if isinstance(value, Instant):
        return f"the time {instant_text(value.microseconds, UTC)}"
    if isinstance(value, Duration):
        return "an INTERVAL"
    text = scalar_text(value)
    if len(text) > _SHOWN_CHARACTERS:
        text = text[: _SHOWN_CHARACTERS - 3] + "..."
    if isinstance(value, bool):
        return text
    names = {int: "the integer", float: "the number", str: "the string"}
    return f"{names[type(value)]} {text}"


def _list_value(values: Sequence[Any], zone: TimeZone) -> tuple[ConstantValue, ...]:
    """A list, which may be long: lists of one plain type are checked as a whole."""
    kinds = set(map(type, values))
    if kinds == {int}:
        if min(values) < INT64_MIN or max(values) > INT64_MAX:
            raise ValueError("a list with an integer outside 64 bits")
        return tuple(values)
    if kinds == {str}:
        _encodable("".join(values))
        return tuple(values)
    if kinds <= {float, bool}:
        return tuple(values)
    return tuple(parameter_value(value, zone) for value in values)


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a string with half of a surrogate pair, which is no character") from None
    return text
