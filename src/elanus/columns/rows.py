"""Rows as dicts, for the edges of the program: into a batch, and out of one."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa

from elanus.columns.geometries import texts_from_geometries
from elanus.columns.instants import texts_from_instants
from elanus.columns.layout import arrow_field
from elanus.columns.structs import struct_rows
from elanus.columns.values import column_from_values
from elanus.columns.vectors import dense_matrix, float32_from_bfloat16, sparse_rows
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import DYNAMIC_FIELD_NAME, Field
from elanus.schema.types import DataType

__all__ = ["batch_from_columns", "batch_from_rows", "python_values", "rows_from_batch"]

_json_decode: Final = msgspec.json.Decoder().decode


def batch_from_rows(rows: Sequence[Mapping[str, Any]], schema: Schema) -> pa.RecordBatch:
    """A batch with a column for every field that at least one row names; keys the schema lacks go to `$meta`.

    Raises:
        InvalidInput: a row that is no mapping, a key no field takes, or a value that does not fit.
    """
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise InvalidInput(
                "type_mismatch", f"row {number} is a {type(row).__name__}, expected a dict of field values", row=number
            )
    named = [field for field in schema.user_fields if any(field.name in row for row in rows)]
    arrays = [column_from_values(field, [row.get(field.name) for row in rows]) for field in named]
    extras = _dynamic_values(rows, schema)
    dynamic = schema.dynamic_field
    if extras is not None and dynamic is not None:
        named.append(dynamic)
        arrays.append(column_from_values(dynamic, extras))
    if rows and not named:
        # A batch without columns has no rows: they would be lost.
        raise InvalidInput("missing_field", "row 0 has no value for any field", row=0)
    return batch_from_columns(named, arrays)


def batch_from_columns(fields: Sequence[Field], arrays: Sequence[pa.Array]) -> pa.RecordBatch:
    """A batch of columns that already have their fields' layout."""
    return pa.RecordBatch.from_arrays(list(arrays), schema=pa.schema([arrow_field(field) for field in fields]))


def _dynamic_values(rows: Sequence[Mapping[str, Any]], schema: Schema) -> list[dict[str, Any]] | None:
    """Every row's keys outside the schema, `$meta` itself spread; None when no row has any."""
    declared = {field.name for field in schema.user_fields}
    extras: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        extra: dict[str, Any] = {}
        for key, value in row.items():
            if key in declared:
                continue
            if schema.dynamic_field is None:
                raise InvalidInput(
                    "unknown_field",
                    f"row {number} has a value for {key!r}, which is no field of the schema; "
                    "enable_dynamic_field would store it",
                    field=str(key),
                    row=number,
                )
            if not isinstance(key, str):
                raise InvalidInput("type_mismatch", f"row {number} has key {key!r}, expected a string", row=number)
            if key == DYNAMIC_FIELD_NAME:
                if not isinstance(value, Mapping):
                    raise InvalidInput("type_mismatch", f"row {number}: $meta must be a dict", field=key, row=number)
                extra.update(value)
            else:
                extra[key] = value
        extras.append(extra)
    return extras if any(extras) else None


def rows_from_batch(batch: pa.RecordBatch, fields: Sequence[Field]) -> list[dict[str, Any]]:
    """One dict a row; `fields` describe the columns by name, and the keys of `$meta` are spread into the row."""
    by_name = {field.name: field for field in fields}
    rows: list[dict[str, Any]] = [{} for _ in range(batch.num_rows)]
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        field = by_name[name]
        values = python_values(column, field)
        if field.is_dynamic:
            for row, value in zip(rows, values, strict=True):
                row.update({key: item for key, item in (value or {}).items() if key not in by_name})
        else:
            for row, value in zip(rows, values, strict=True):
                row[name] = value
    return rows


def python_values(column: pa.Array, field: Field) -> list[Any]:
    """A column as Python values.

    Vectors are lists of floats or ints, bits are bytes, sparse vectors and structs dicts, times ISO 8601 texts,
    geometries WKT.
    """
    data_type = field.data_type
    if data_type is DataType.TIMESTAMPTZ:
        return list(texts_from_instants(column, field))
    if field.is_struct_array:
        return struct_rows(column, field, python_values)
    if data_type is DataType.GEOMETRY:
        return list(texts_from_geometries(column))
    if data_type is DataType.JSON:
        return [None if text is None else _json_decode(text) for text in column.to_pylist()]
    if data_type is DataType.SPARSE_FLOAT_VECTOR:
        vectors = sparse_rows(column)
        pairs = (vectors.row(number) for number in range(len(vectors)))
        values: list[Any] = [dict(zip(i.tolist(), v.tolist(), strict=True)) for i, v in pairs]
    elif data_type is DataType.BFLOAT16_VECTOR:
        values = list(float32_from_bfloat16(dense_matrix(column, field)).tolist())
    elif data_type is DataType.BINARY_VECTOR:
        values = [row.tobytes() for row in dense_matrix(column, field)]
    elif data_type.is_vector:
        values = list(dense_matrix(column, field).tolist())
    else:
        return list(column.to_pylist())
    if column.null_count:
        values = [value if valid else None for value, valid in zip(values, column.is_valid().to_pylist(), strict=True)]
    return values
