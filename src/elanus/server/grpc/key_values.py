"""Lists of key and value texts, the protocol's way to pass options."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from elanus.errors import InvalidInput
from elanus.server.grpc.stubs import common_pb2

__all__ = ["flag", "integer", "json_object", "key_values", "option_text", "texts_of"]


def texts_of(pairs: Iterable[common_pb2.KeyValuePair], *, what: str) -> dict[str, str]:
    """The pairs as a mapping.

    Raises:
        InvalidInput: a key that comes twice with different values; `what` names the list.
    """
    texts: dict[str, str] = {}
    for pair in pairs:
        known = texts.setdefault(pair.key, pair.value)
        if known != pair.value:
            raise InvalidInput(
                "invalid_argument",
                f"{what} has {pair.key!r} twice, once {known!r} and once {pair.value!r}; send it once",
            )
    return texts


def key_values(values: Mapping[str, Any]) -> list[common_pb2.KeyValuePair]:
    """A mapping as pairs, in its order."""
    return [common_pb2.KeyValuePair(key=key, value=option_text(value)) for key, value in values.items()]


def option_text(value: object) -> str:
    """A value as clients write it: `true`, `16`, `0.5`, or JSON for lists and mappings."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | Mapping):
        return msgspec.json.encode(value).decode()
    return str(value)


def integer(name: str, text: str) -> int:
    """An integer from its text.

    Raises:
        InvalidInput: the text is not one.
    """
    try:
        return int(text.strip())
    except ValueError:
        raise InvalidInput("invalid_argument", f"{name} is {text!r}, expected an integer") from None


def flag(name: str, text: str) -> bool:
    """A boolean from its text, in any case; empty is false.

    Raises:
        InvalidInput: anything else.
    """
    lowered = text.strip().lower()
    if lowered in {"true", "1"}:
        return True
    if lowered in {"false", "0", ""}:
        return False
    raise InvalidInput("invalid_argument", f"{name} is {text!r}, expected true or false")


def json_object(name: str, text: str) -> dict[str, Any]:
    """A JSON object from its text; empty text is an empty object.

    Raises:
        InvalidInput: invalid JSON, or another kind of value.
    """
    if not text.strip():
        return {}
    try:
        value = msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput("invalid_argument", f"{name} is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidInput("invalid_argument", f"{name} is {text!r}, expected a JSON object")
    return value
