"""The time zone that times are read and written in: that of the request, else the collection's, else the database's.

It is kept as the property `timezone`; without any it is UTC. Collections without a Timestamptz field need none.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import pyarrow as pa

from elanus.columns.instants import TIME_PARTS, time_parts
from elanus.columns.rows import batch_from_columns
from elanus.engine.engine import Engine
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.instants import UTC, TimeZone, instant_from_text, instant_text, time_zone
from elanus.schema.types import DataType

__all__ = ["check_time_parts", "check_timezone", "effective_timezone", "in_local_time", "with_exact_defaults"]

_PROPERTY: Final = "timezone"
_FAR_ZONE: Final = dt.timezone(dt.timedelta(hours=1))


def check_timezone(properties: Mapping[str, str]) -> None:
    """Refuses a `timezone` among properties that names no zone.

    Raises:
        InvalidInput: as said.
    """
    _checked(properties.get(_PROPERTY, ""))


def effective_timezone(
    engine: Engine, schema: Schema, database: str, *, properties: Mapping[str, str], asked: str = ""
) -> str:
    """The name of the zone for a request on a collection with these properties.

    Raises:
        InvalidInput: the zone asked for does not exist.
    """
    _checked(asked)
    if not schema.has_timestamps:
        return ""
    named = asked or properties.get(_PROPERTY, "")
    if named:
        return named
    return engine.catalog.read(lambda state: state.database(database).properties.get(_PROPERTY, ""))


def with_exact_defaults(schema: Schema, timezone: str) -> Schema:
    """The schema to store: default times without a zone get that of the collection, so that they never change."""
    zone = time_zone(timezone)
    fields = []
    for field in schema.in_timezone("").fields:
        if field.data_type is DataType.TIMESTAMPTZ and isinstance(field.default_value, str):
            fields.append(replace(field, default_value=_exact(field, field.default_value, zone)))
        else:
            fields.append(field)
    return schema.with_fields(fields)


def in_local_time(
    columns: pa.RecordBatch, fields: tuple[Field, ...], *, timezone: str, parts: tuple[str, ...]
) -> tuple[pa.RecordBatch, tuple[Field, ...]]:
    """The columns of a reply with their fields: times are in the zone, or taken apart into arrays of integers.

    Args:
        columns: as they are stored.
        fields: what they are, in their order.
        timezone: name of the zone.
        parts: of `TIME_PARTS`, what to give of a time; none for the whole.
    """
    fields = tuple(field.in_timezone(timezone) for field in fields)
    if not parts or all(field.data_type is not DataType.TIMESTAMPTZ for field in fields):
        return columns, fields
    taken: list[pa.Array] = []
    described: list[Field] = []
    for column, field in zip(columns.columns, fields, strict=True):
        if field.data_type is DataType.TIMESTAMPTZ:
            taken.append(time_parts(column, field, parts))
            described.append(
                replace(
                    field, data_type=DataType.ARRAY, element_type=DataType.INT64, max_capacity=len(parts), timezone=""
                )
            )
        else:
            taken.append(column)
            described.append(field)
    return batch_from_columns(described, taken), tuple(described)


def check_time_parts(parts: tuple[str, ...]) -> None:
    """Refuses names of parts that times do not have.

    Raises:
        InvalidInput: with the first such name.
    """
    for part in parts:
        if part not in TIME_PARTS:
            raise InvalidInput(
                "invalid_argument", f"time_fields names {part!r}, expected some of {', '.join(TIME_PARTS)}"
            )


def _exact(field: Field, text: str, zone: TimeZone) -> str:
    try:
        instant = instant_from_text(text, zone)
        names_its_zone = instant_from_text(text, _FAR_ZONE) == instant_from_text(text, UTC)
        return text if names_its_zone else instant_text(instant, zone)
    except ValueError as error:
        raise InvalidInput(
            "invalid_schema", f"field {field.name!r} has a default value that is no time: {error}", field=field.name
        ) from None


def _checked(name: str) -> None:
    try:
        time_zone(name)
    except ValueError as error:
        raise InvalidInput("invalid_argument", f"timezone: {error}") from None
