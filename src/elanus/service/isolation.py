"""Isolation by partition key: a collection whose every search is for the rows of one key."""

from collections.abc import Mapping
from typing import Final

from elanus.errors import InvalidInput
from elanus.expr.filter import Filter
from elanus.schema.collection import Schema

__all__ = ["check_isolated_search", "check_isolation"]

_PROPERTY: Final = "partitionkey.isolation"
_VALUES: Final = {"true": True, "false": False}


def check_isolation(schema: Schema, properties: Mapping[str, str]) -> None:
    """Refuses isolation that a schema cannot have.

    Raises:
        InvalidInput: the property is no truth value, or the schema has no partition key.
    """
    value = properties.get(_PROPERTY)
    if value is None:
        return
    if value.lower() not in _VALUES:
        raise InvalidInput("invalid_argument", f"property {_PROPERTY!r} is {value!r}, expected true or false")
    if _VALUES[value.lower()] and schema.partition_key_field is None:
        raise InvalidInput(
            "invalid_argument", f"property {_PROPERTY!r} needs a partition key; make a field of the schema one"
        )


def check_isolated_search(schema: Schema, properties: Mapping[str, str], row_filter: Filter | None) -> None:
    """Refuses a search for the rows of no key or of several where keys are isolated.

    Raises:
        InvalidInput: the filter does not leave exactly one key.
    """
    key = schema.partition_key_field
    if key is None or not _VALUES.get(properties.get(_PROPERTY, "").lower(), False):
        return
    values = None if row_filter is None else row_filter.key_values(key.name)
    if values is None or len(values) != 1:
        found = "any" if values is None else str(len(values))
        raise InvalidInput(
            "invalid_argument",
            f"partition keys are isolated, and the filter allows {found} of them; expected exactly one: "
            f"{key.name} == ..., alone or joined by and",
        )
