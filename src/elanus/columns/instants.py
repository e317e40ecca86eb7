"""Timestamptz columns: from texts, dates and Arrow's timestamps, and back to texts.

The column itself is int64, microseconds since 1970 in UTC; zones exist only on the way in and out (`Field.timezone`).
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.numbers import number_values
from elanus.errors import InvalidInput
from elanus.schema.field import Field
from elanus.schema.instants import (
    INSTANT_MAX,
    INSTANT_MIN,
    UTC,
    instant_from_datetime,
    instant_from_text,
    instant_text,
    local_time,
    time_zone,
)

__all__ = [
    "TIME_PARTS",
    "check_instants",
    "instants_from_arrow",
    "instants_from_values",
    "texts_from_instants",
    "time_parts",
    "timestamps_from_instants",
]

TIME_PARTS: Final = ("year", "month", "day", "hour", "minute", "second", "microsecond")
"""What `time_parts` can take out of a time."""


def instants_from_values(field: Field, values: Sequence[Any]) -> pa.Array:
    """A column from ISO 8601 texts and `datetime`s; None is null.

    Raises:
        InvalidInput: a value that is no time, with its row.
    """
    zone = time_zone(field.timezone)
    instants: list[int | None] = []
    for row, value in enumerate(values):
        try:
            if isinstance(value, str):
                instants.append(instant_from_text(value, zone))
            elif isinstance(value, dt.datetime):
                instants.append(instant_from_datetime(value, zone))
            elif value is None:
                instants.append(None)
            else:
                raise InvalidInput(
                    "type_mismatch",
                    f"field {field.name!r} got a {type(value).__name__} in row {row}, expected a time as ISO 8601 "
                    "text or datetime",
                    field=field.name,
                    row=row,
                )
        except ValueError as error:
            if isinstance(error, InvalidInput):
                raise
            raise InvalidInput(
                "invalid_value", f"field {field.name!r} in row {row}: {error}", field=field.name, row=row
            ) from None
    return pa.array(instants, pa.int64())


def instants_from_arrow(field: Field, column: pa.Array) -> pa.Array:
    """A column from Arrow timestamps of any unit; those without a zone are in the field's.

    Digits below a microsecond are cut off.

    Raises:
        InvalidInput: a time that 64 bits of microseconds cannot hold.
    """
    kind = column.type
    assert pa.types.is_timestamp(kind), kind
    scale = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 1}[kind.unit]
    numbers = column.view(pa.int64())
    if kind.unit == "ns":
        instants = pa.array(number_values(numbers) // 1_000, mask=_nulls(column))
    else:
        limit = np.iinfo(np.int64).max // scale
        wrong = pc.fill_null(pc.greater(pc.abs(numbers), limit), False)  # noqa: FBT003
        if pc.any(wrong).as_py():
            row = int(np.argmax(wrong.to_numpy(zero_copy_only=False)))
            raise InvalidInput(
                "out_of_range",
                f"field {field.name!r} got a time in row {row} outside the years 1 to 9999",
                field=field.name,
                row=row,
            )
        instants = pc.multiply(numbers, scale)
    if kind.tz is not None or not field.timezone:
        return instants
    check_instants(field, instants)
    moments = [None if instant is None else local_time(instant, UTC) for instant in instants.to_pylist()]
    return instants_from_values(field, [None if moment is None else moment.replace(tzinfo=None) for moment in moments])


def check_instants(field: Field, column: pa.Array) -> None:
    """Refuses instants outside the years 1 to 9999, which have no text.

    Raises:
        InvalidInput: with the first such row.
    """
    values = number_values(column)
    wrong = (values < INSTANT_MIN) | (values > INSTANT_MAX)
    if column.null_count:
        wrong &= ~_nulls(column)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InvalidInput(
            "out_of_range",
            f"field {field.name!r} got a time in row {row} outside the years 1 to 9999",
            field=field.name,
            row=row,
        )


def texts_from_instants(column: pa.Array, field: Field) -> list[str | None]:
    """The times as ISO 8601 texts in the field's zone."""
    zone = time_zone(field.timezone)
    return [None if instant is None else instant_text(instant, zone) for instant in column.to_pylist()]


def timestamps_from_instants(column: pa.Array, field: Field) -> pa.Array:
    """The times as Arrow timestamps in the field's zone, sharing memory."""
    return column.view(pa.timestamp("us", field.timezone or "UTC"))


def time_parts(column: pa.Array, field: Field, parts: Sequence[str]) -> pa.Array:
    """Some of `TIME_PARTS` of every time in the field's zone: a list column of int64; null stays null."""
    zone = time_zone(field.timezone)
    rows = [
        None if instant is None else [getattr(local_time(instant, zone), part) for part in parts]
        for instant in column.to_pylist()
    ]
    return pa.array(rows, pa.list_(pa.field("item", pa.int64(), nullable=False)))


def _nulls(column: pa.Array) -> npt.NDArray[np.bool_]:
    nulls: npt.NDArray[np.bool_] = ~column.is_valid().to_numpy(zero_copy_only=False)
    return nulls
