"""Partial upserts: the columns a request leaves out are taken from the rows it replaces."""

from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.check import check_keys
from elanus.columns.rows import batch_from_columns
from elanus.columns.texts import text_array
from elanus.columns.values import default_scalar
from elanus.errors import InvalidInput
from elanus.query.output import FoundRows, fetch_column
from elanus.query.plan import Scope
from elanus.query.retrieve import retrieve
from elanus.query.view import ReadView
from elanus.schema.field import Field

__all__ = ["complete_rows"]

_json_keys: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_json_encode: Final = msgspec.json.Encoder().encode


def complete_rows(view: ReadView, given: pa.RecordBatch) -> pa.RecordBatch:
    """The given rows with every field the stored rows of the same keys have; dynamic keys are merged.

    Rows that do not exist yet keep a field out where it may be left out.

    Raises:
        InvalidInput: the primary key is missing or null, a field is unknown, or a new row lacks one it needs.
    """
    schema = view.schema
    primary = schema.primary_field
    names = given.schema.names
    if primary.name not in names:
        raise InvalidInput(
            "missing_field", f"rows have no value for the primary key {primary.name!r}", field=primary.name
        )
    unknown = [name for name in names if schema.find(name) is None]
    if unknown:
        raise InvalidInput("unknown_field", f"{unknown[0]!r} is no field of the collection", field=unknown[0])
    keys = given.column(primary.name)
    check_keys(primary, keys)
    stored = retrieve(Scope(view.segments, None), primary, ids=keys)
    places = pc.index_in(keys, stored.keys)
    fields, columns = [], []
    for field in schema.fields:
        column = given.column(field.name) if field.name in names else None
        if column is not None and not field.is_dynamic:
            merged = column
        elif field.is_dynamic:
            merged = _merge_dynamic(stored.found, field, places, column)
        else:
            merged = _from_stored(stored.found, field, places)
        fields.append(field)
        columns.append(merged)
    return batch_from_columns(fields, columns)


def _from_stored(found: FoundRows, field: Field, places: pa.Array) -> pa.Array:
    """The stored value of each row; for new rows the default or null."""
    values = fetch_column(found, field)
    if places.null_count == 0:
        return values.take(places)
    if not field.may_be_omitted:
        row = _first_new(places)
        raise InvalidInput(
            "missing_field",
            f"row {row} is new and has no value for field {field.name!r}, which is neither nullable nor has a default",
            field=field.name,
            row=row,
        )
    column = values.take(places)
    if field.default_value is None:
        return column
    default = pa.repeat(default_scalar(field), len(places))
    return pc.if_else(places.is_valid(), column, default)


def _merge_dynamic(found: FoundRows, field: Field, places: pa.Array, given: pa.Array | None) -> pa.Array:
    stored: list[Any] = fetch_column(found, field).take(places).to_pylist()
    if given is None:
        return text_array([text or "{}" for text in stored])
    merged = []
    for old, new in zip(stored, given.to_pylist(), strict=True):
        values = {**_json_keys(old or "{}"), **_json_keys(new or "{}")}
        merged.append(_json_encode(values))
    return text_array(merged)


def _first_new(places: pa.Array) -> int:
    new: npt.NDArray[np.bool_] = ~places.is_valid().to_numpy(zero_copy_only=False)
    return int(np.argmax(new))
