"""Lists of key and value texts, the protocol's way to pass options."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from elanus.errors import InvalidInput
from elanus.server.grpc.stubs import common_pb2
from elanus.server.option_values import option_text

__all__ = ["json_object", "key_values", "texts_of"]


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
