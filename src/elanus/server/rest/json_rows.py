"""Rows as JSON objects: into a batch, and out of one.

JSON has no bytes, no single precision and, for some clients, no 64-bit integers. Vectors of bits come as base64 or
lists of bytes and go as base64, sparse vectors have their indices as keys, and long integers may be text.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from elanus.columns.geometries import texts_from_geometries
from elanus.columns.instants import texts_from_instants
from elanus.columns.rows import batch_from_rows
from elanus.columns.structs import struct_rows
from elanus.columns.values import column_from_values
from elanus.columns.vectors import (
    SparseRows,
    VectorLists,
    dense_matrix,
    element_dtype,
    float32_from_bfloat16,
    row_width_bytes,
    sparse_rows,
)
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType

__all__ = ["batch_from_json", "json_ids", "key_column", "rows_to_json", "vectors_from_json"]

_raw_keys: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_INTEGER: Final = re.compile(r"[+-]?\d{1,19}\Z")


def batch_from_json(rows: Sequence[Any], schema: Schema) -> pa.RecordBatch:
    """A batch of rows that are JSON objects.

    Raises:
        InvalidInput: a row that is none, a key no field takes, or a value that does not fit.
    """
    converters = {field.name: convert for field in schema.user_fields if (convert := _converter(field)) is not None}
    converted: list[Any] = []
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise InvalidInput(
                "type_mismatch",
                f"row {number} is a {type(row).__name__}, expected an object of fields",
                row=number,
            )
        changed = {name: converters[name](value, number) for name, value in row.items() if name in converters}
        converted.append({**row, **changed})
    return batch_from_rows(converted, schema)


def _converter(field: Field) -> Callable[[Any, int], Any] | None:
    """What turns a JSON value of the field into a Python one; None when they are the same."""
    data_type = field.data_type
    if field.is_struct_array:
        return _struct_converter(field)
    if data_type is DataType.INT64:
        return lambda value, _row: int(value) if isinstance(value, str) and _INTEGER.match(value) else value
    if data_type is DataType.JSON:
        return lambda value, row: _json_text_value(field, value, row) if isinstance(value, str) else value
    if data_type is DataType.SPARSE_FLOAT_VECTOR:
        return lambda value, row: _sparse_value(field, value, row) if isinstance(value, Mapping) else value
    if data_type.is_vector:
        return lambda value, row: _packed_value(field, value, row)
    return None


def _struct_converter(field: Field) -> Callable[[Any, int], Any] | None:
    """What turns the members of every struct; structs that are none are left to be refused with their row."""
    converters = {inner.name: convert for inner in field.struct_fields if (convert := _converter(inner)) is not None}

    def converted(element: Any, row: int) -> Any:
        if not isinstance(element, Mapping):
            return element
        return {name: converters[name](item, row) if name in converters else item for name, item in element.items()}

    return lambda value, row: [converted(element, row) for element in value] if isinstance(value, list) else value


def _json_text_value(field: Field, text: str, row: int) -> Any:
    """A JSON field's value that was sent as text, as Milvus's own clients do."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(
            "invalid_value", f"field {field.name!r} has invalid JSON in row {row}: {error}", field=field.name, row=row
        ) from None


def _sparse_value(field: Field, value: Mapping[str, Any], row: int) -> Any:
    """`{"7": 0.5}`, or `{"indices": [7], "values": [0.5]}`."""
    if value.keys() == {"indices", "values"}:
        indices, values = value["indices"], value["values"]
        if isinstance(indices, list) and isinstance(values, list) and len(indices) == len(values):
            return list(zip(indices, values, strict=True))
        raise InvalidInput(
            "invalid_value",
            f"field {field.name!r}: indices and values of row {row} are not lists of one length",
            field=field.name,
            row=row,
        )
    try:
        return {int(index): number for index, number in value.items()}
    except ValueError:
        raise InvalidInput(
            "type_mismatch",
            f"field {field.name!r} has a sparse vector in row {row} whose keys are not all integers",
            field=field.name,
            row=row,
        ) from None


def _packed_value(field: Field, value: Any, row: int) -> Any:
    """A dense vector: text is base64 of its bytes."""
    if not isinstance(value, str):
        return value
    try:
        data = base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise InvalidInput(
            "type_mismatch",
            f"field {field.name!r} has text in row {row} that is no base64 of a vector: {error}",
            field=field.name,
            row=row,
        ) from None
    if len(data) != row_width_bytes(field):
        raise InvalidInput(
            "dimension_mismatch",
            f"field {field.name!r} has {len(data)} bytes in row {row}, expected {row_width_bytes(field)} "
            f"({field.type_label()})",
            field=field.name,
            row=row,
        )
    elements = np.frombuffer(data, element_dtype(field.data_type).newbyteorder("<"))
    # As numbers, so that rows of both forms can stand in one column.
    return float32_from_bfloat16(elements) if field.data_type is DataType.BFLOAT16_VECTOR else elements


def vectors_from_json(values: Sequence[Any], field: Field) -> npt.NDArray[Any] | SparseRows | VectorLists:
    """Query vectors, `(query_count, elements)` of the field's element type, sparse rows, or lists of vectors.

    Lists are for a vector member of an array of structs, `array[member]`: each query is then a list of vectors.

    Raises:
        InvalidInput: values that are no vectors of the field's type and dimension.
    """
    if "[" in field.name and any(isinstance(value, list) and value and _is_vector(value[0]) for value in values):
        matrices = [vectors_from_json(value if isinstance(value, list) else [], field) for value in values]
        dense = [matrix for matrix in matrices if isinstance(matrix, np.ndarray)]
        offsets = np.concatenate(([0], np.cumsum([len(matrix) for matrix in dense])))
        return VectorLists(offsets, np.concatenate(dense))
    convert = _converter(field)
    converted = list(values) if convert is None else [convert(value, row) for row, value in enumerate(values)]
    if not converted or any(value is None for value in converted):
        raise InvalidInput("invalid_argument", "data must be a list of vectors, without nulls", field=field.name)
    column = column_from_values(field, converted)
    return sparse_rows(column) if field.data_type is DataType.SPARSE_FLOAT_VECTOR else dense_matrix(column, field)


def _is_vector(value: Any) -> bool:
    """Whether a value stands for a whole vector: numbers, or packed bytes as text."""
    return isinstance(value, list | str)


def key_column(value: Any, primary: Field) -> pa.Array:
    """Primary keys from one JSON value or a list of them.

    Raises:
        InvalidInput: keys of another type.
    """
    values = value if isinstance(value, list) else [value]
    convert = _converter(primary)
    converted = values if convert is None else [convert(item, row) for row, item in enumerate(values)]
    if any(item is None for item in converted):
        raise InvalidInput("null_not_allowed", "a primary key is null", field=primary.name)
    return column_from_values(primary, converted)


def json_ids(ids: pa.Array, *, allow_int64: bool) -> list[Any]:
    """Primary keys for a reply."""
    values = ids.to_pylist()
    return values if allow_int64 else [str(value) for value in values]


def rows_to_json(batch: pa.RecordBatch, fields: Sequence[Field], *, allow_int64: bool) -> list[dict[str, Any]]:
    """One object a row, for orjson with NumPy values; the keys of `$meta` are spread into it."""
    rows: list[dict[str, Any]] = [{} for _ in range(batch.num_rows)]
    names = {field.name for field in fields}
    for column, field in zip(batch.columns, fields, strict=True):
        if field.is_dynamic:
            for row, text in zip(rows, column.to_pylist(), strict=True):
                raw = _raw_keys(text) if text is not None else {}
                row.update({key: orjson.Fragment(bytes(value)) for key, value in raw.items() if key not in names})
            continue
        values = _json_values(column, field)
        if not allow_int64 and field.data_type is DataType.INT64:
            values = [None if value is None else str(value) for value in values]
        for row, value in zip(rows, values, strict=True):
            row[field.name] = value
    return rows


def _json_values(column: pa.Array, field: Field) -> list[Any]:
    data_type = field.data_type
    if data_type is DataType.SPARSE_FLOAT_VECTOR:
        vectors = sparse_rows(column)
        pairs = (vectors.row(number) for number in range(len(vectors)))
        values: list[Any] = [dict(zip(map(str, i.tolist()), v, strict=True)) for i, v in pairs]
    elif data_type is DataType.BINARY_VECTOR:
        values = [base64.b64encode(row.tobytes()).decode() for row in dense_matrix(column, field)]
    elif data_type is DataType.BFLOAT16_VECTOR:
        values = list(float32_from_bfloat16(dense_matrix(column, field)))
    elif data_type is DataType.FLOAT16_VECTOR:
        values = list(dense_matrix(column, field).astype(np.float32))
    elif field.is_vector:
        values = list(dense_matrix(column, field))
    elif data_type is DataType.FLOAT:
        # Single precision is written with the digits it has, not with those of the double it fits into.
        values = list(column.fill_null(0).to_numpy(zero_copy_only=False))
    elif data_type is DataType.ARRAY and field.element_type is DataType.FLOAT:
        values = [np.array(value or (), np.float32) for value in column.to_pylist()]
    elif data_type is DataType.TIMESTAMPTZ:
        return list(texts_from_instants(column, field))
    elif field.is_struct_array:
        return struct_rows(column, field, _json_values)
    elif data_type is DataType.GEOMETRY:
        return list(texts_from_geometries(column))
    elif data_type is DataType.JSON:
        values = [orjson.Fragment(text or "null") for text in column.to_pylist()]
    else:
        return list(column.to_pylist())
    if column.null_count:
        values = [value if valid else None for value, valid in zip(values, column.is_valid().to_pylist(), strict=True)]
    return values
