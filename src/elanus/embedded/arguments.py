"""Primary keys, names and partial rows as callers write them, refused where they are likely to be a mistake."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from elanus.columns.check import check_keys
from elanus.columns.layout import arrow_type
from elanus.columns.values import column_from_ndarray, column_from_values
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field

__all__ = ["check_limit", "check_same_fields", "name_list", "primary_keys"]


def primary_keys(field: Field, ids: Any) -> pa.Array:
    """One key, or the keys of anything that can be iterated, as a column of the primary field.

    Raises:
        InvalidInput: something else, a key of the wrong type, or None among them.
    """
    if isinstance(ids, pa.Array | pa.ChunkedArray):
        if isinstance(ids, pa.Array) and ids.type.equals(arrow_type(field)) and not ids.null_count:
            return ids
        ids = ids.to_pylist()
    if isinstance(ids, np.ndarray):
        keys = column_from_ndarray(field, np.atleast_1d(ids))
    else:
        keys = column_from_values(field, _key_list(field, ids))
    check_keys(field, keys)
    return keys


def _key_list(field: Field, ids: Any) -> list[Any]:
    if isinstance(ids, str | int | np.integer):
        return [ids]
    if not isinstance(ids, Iterable) or isinstance(ids, bytes | bytearray | memoryview | Mapping):
        raise InvalidInput(
            "type_mismatch",
            f"primary keys are a {type(ids).__name__}, expected one {field.type_label()} or a list of them",
            field=field.name,
        )
    return list(ids)


def name_list(argument: str, names: Sequence[str]) -> tuple[str, ...]:
    """The names as a tuple. A string is refused: it would be taken for a list of one-letter names.

    Raises:
        InvalidInput: a string.
    """
    if isinstance(names, str):
        raise InvalidInput("type_mismatch", f"{argument} is the string {names!r}, expected a list: [{names!r}]")
    return tuple(names)


def check_limit(limit: int | None) -> None:
    """Refuses a limit that would find nothing; None finds everything.

    Raises:
        InvalidInput: less than one.
    """
    if limit is not None and limit < 1:
        raise InvalidInput("out_of_range", f"limit is {limit}, expected 1 or more, or None for every row")


def check_same_fields(rows: Any, schema: Schema) -> None:
    """Refuses rows of a partial upsert that do not all name the same fields.

    They become columns, in which a field that a row leaves out is NULL or its default: the stored value would be lost.
    Dynamic keys are merged row by row and may differ.

    Raises:
        InvalidInput: a row names other fields than the first.
    """
    if not isinstance(rows, Sequence) or not all(isinstance(row, Mapping) for row in rows):
        return
    declared = {field.name for field in schema.user_fields}
    expected = declared.intersection(rows[0]) if rows else set()
    for number, row in enumerate(rows):
        differing = sorted(expected.symmetric_difference(declared.intersection(row)))
        if differing:
            raise InvalidInput(
                "missing_field",
                f"row {number} and row 0 do not name the same fields: only one of them has {differing[0]!r}; the rows "
                "of one partial upsert must, write the others in a call of their own",
                field=differing[0],
                row=number,
            )
