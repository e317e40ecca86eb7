"""The properties of a collection that say when its rows expire."""

from collections.abc import Mapping
from typing import Final

from elanus.errors import InvalidInput
from elanus.query.expiry import Expiry
from elanus.runtime.timestamps import LOGICAL_BITS, compose
from elanus.schema.collection import Schema
from elanus.schema.types import DataType

__all__ = ["TTL_FIELD", "TTL_SECONDS", "check_expiry", "expiry_of"]

TTL_SECONDS: Final = "collection.ttl.seconds"
TTL_FIELD: Final = "ttl_field"

_SECONDS_MAX: Final = 1 << 40


def expiry_of(properties: Mapping[str, str], now_ms: int) -> Expiry | None:
    """What has expired at a moment; None when rows do not expire. The properties were checked."""
    if not properties:
        return None
    seconds = int(properties.get(TTL_SECONDS) or 0)
    if seconds > 0:
        # With the largest counter, so that all of the last millisecond has expired.
        until = compose(max(0, now_ms - 1000 * seconds), (1 << LOGICAL_BITS) - 1)
        return Expiry(written_until=until)
    field = properties.get(TTL_FIELD, "")
    return Expiry(field_name=field, now_us=1000 * now_ms) if field else None


def check_expiry(properties: Mapping[str, str], schema: Schema) -> None:
    """Refuses properties that say nothing sensible about when rows expire.

    Raises:
        InvalidInput: no whole number of seconds, a field that is no Timestamptz, or both.
    """
    text, name = str(properties.get(TTL_SECONDS) or "").strip(), properties.get(TTL_FIELD, "")
    if text:
        is_whole = text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()
        if not is_whole or not -1 <= int(text) <= _SECONDS_MAX:
            raise InvalidInput(
                "invalid_argument", f"{TTL_SECONDS} is {text!r}, expected a whole number of seconds, 0 or -1 for never"
            )
    if not name:
        return
    if text and int(text) > 0:
        raise InvalidInput("invalid_argument", "collection TTL is already set, cannot be set ttl field")
    field = schema.find(name)
    if field is None or field.data_type is not DataType.TIMESTAMPTZ:
        what = "there is no such field" if field is None else f"it is a {field.type_label()}"
        raise InvalidInput("invalid_argument", f"{TTL_FIELD} is {name!r}, expected a Timestamptz field: {what}")
