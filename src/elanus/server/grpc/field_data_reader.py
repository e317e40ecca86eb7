"""The columns of an insert: from the protocol's `FieldData` to a batch in column layout.

Whole columns are converted at once. Where a row has no value the protocol sends a flag in `valid_data` and, from most
clients, no value; from some a placeholder. Both forms are taken, told apart by the number of values.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.layout import arrow_type
from elanus.columns.rows import batch_from_columns
from elanus.columns.values import column_from_values
from elanus.columns.vectors import (
    SparseRows,
    bfloat16_from_float32,
    dense_array,
    element_dtype,
    row_elements,
    sparse_array,
)
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.server.grpc.slots import PACKED_VECTOR_SLOTS, SCALAR_SLOTS, SLOT_DTYPES
from elanus.server.grpc.sparse_bytes import sparse_from_bytes
from elanus.server.grpc.struct_arrays import struct_column_from_field_data
from elanus.server.grpc.stubs import schema_pb2

__all__ = ["batch_from_fields_data", "column_from_field_data"]

Valid = npt.NDArray[np.bool_] | None

_NARROW_INTEGERS: Final[dict[DataType, type[np.int8 | np.int16]]] = {DataType.INT8: np.int8, DataType.INT16: np.int16}


def batch_from_fields_data(
    fields_data: Iterable[schema_pb2.FieldData], schema: Schema, *, row_count: int
) -> pa.RecordBatch:
    """A batch of the columns sent, in their order.

    Raises:
        InvalidInput: a column no field takes, one sent twice, or values that do not fit.
    """
    fields: list[Field] = []
    columns: list[pa.Array] = []
    for message in fields_data:
        field = _field_of(message, schema)
        if field in fields:
            raise InvalidInput("invalid_argument", f"field {field.name!r} was sent twice", field=field.name)
        fields.append(field)
        columns.append(column_from_field_data(message, field, row_count=row_count))
    if row_count and not columns:
        raise InvalidInput("missing_field", f"{row_count} rows were sent without any column")
    return batch_from_columns(fields, columns)


def _field_of(message: schema_pb2.FieldData, schema: Schema) -> Field:
    field = schema.dynamic_field if message.is_dynamic else schema.find(message.field_name)
    if field is not None:
        return field
    if message.is_dynamic:
        raise InvalidInput(
            "unknown_field", "dynamic keys were sent, but the collection was made without enable_dynamic_field"
        )
    names = ", ".join(item.name for item in schema.user_fields)
    raise InvalidInput(
        "unknown_field",
        f"the collection has no field {message.field_name!r}; the fields are {names}",
        field=message.field_name,
    )


def column_from_field_data(message: schema_pb2.FieldData, field: Field, *, row_count: int) -> pa.Array:
    """One column of `row_count` rows in the layout of `field`.

    Raises:
        InvalidInput: another type than the field's, a wrong number of rows, or values that do not fit.
    """
    if field.is_struct_array and message.WhichOneof("field") == "struct_arrays":
        return struct_column_from_field_data(message, field, row_count=row_count, read_arrays=_array_column)
    if message.type != field.data_type or field.is_struct_array:
        got = schema_pb2.DataType.Name(message.type) if message.type in schema_pb2.DataType.values() else message.type
        raise InvalidInput(
            "type_mismatch",
            f"the input data type is inconsistent with the schema: field {field.name!r} should be a "
            f"{field.data_type.label}, but got a {got}",
            field=field.name,
        )
    valid = _valid_rows(message, field, row_count)
    data_type = field.data_type
    if data_type is DataType.SPARSE_FLOAT_VECTOR:
        return _sparse_column(message, field, row_count, valid)
    if field.is_vector:
        return _dense_column(message, field, row_count, valid)
    if data_type is DataType.ARRAY:
        return _array_column(message, field, row_count)
    if data_type in {DataType.TIMESTAMPTZ, DataType.GEOMETRY}:
        return _parsed(message, field, row_count, valid)
    if data_type in {DataType.VARCHAR, DataType.JSON}:
        return _spread(_texts(message, field), field, row_count, valid)
    return _number_column(message, field, row_count, valid)


def _array_column(message: schema_pb2.FieldData, field: Field, row_count: int) -> pa.Array:
    valid = _valid_rows(message, field, row_count)
    return _spread(_arrays(message, field, valid), field, row_count, valid)


def _valid_rows(message: schema_pb2.FieldData, field: Field, row_count: int) -> Valid:
    """Which rows have a value; None when all do."""
    if not message.valid_data:
        return None
    valid = np.array(message.valid_data, np.bool_)
    if len(valid) != row_count:
        raise _wrong_count(field, len(valid), row_count, "valid_data flags")
    return None if valid.all() else valid


def _scalar_values(message: schema_pb2.FieldData, field: Field, slot: str) -> Any:
    """The repeated values of the arm `slot`; empty when no arm is set, as clients leave a column of nulls."""
    arm = message.scalars.WhichOneof("data")
    if message.WhichOneof("field") == "vectors" or arm not in {slot, None}:
        raise InvalidInput(
            "type_mismatch",
            f"field {field.name!r} is a {field.type_label()}, whose values come in {slot}, but {arm} was sent",
            field=field.name,
        )
    return getattr(message.scalars, slot).data


def _number_column(message: schema_pb2.FieldData, field: Field, row_count: int, valid: Valid) -> pa.Array:
    slot = SCALAR_SLOTS[field.data_type]
    values = np.array(_scalar_values(message, field, slot), SLOT_DTYPES[slot])
    if valid is not None and len(values) == np.count_nonzero(valid):
        spread = np.zeros(row_count, values.dtype)
        spread[valid] = values
        values = spread
    if len(values) != row_count:
        raise _wrong_count(field, len(values), row_count, "values")
    _check_narrow(field, field.data_type, values, lambda place: place)
    column_type = arrow_type(field)
    numbers = values.astype(column_type.to_pandas_dtype(), copy=False)
    return pa.array(numbers, column_type, mask=None if valid is None else ~valid)


def _check_narrow(field: Field, data_type: DataType, values: npt.NDArray[Any], row_of: Callable[[int], int]) -> None:
    """Refuses integers outside the type: the wire has no type narrower than 32 bits."""
    narrow = _NARROW_INTEGERS.get(data_type)
    if narrow is None:
        return
    bounds = np.iinfo(narrow)
    outside = (values < bounds.min) | (values > bounds.max)
    if not outside.any():
        return
    place = int(np.argmax(outside))
    row = row_of(place)
    raise InvalidInput(
        "out_of_range",
        f"field {field.name!r} got {values[place]} in row {row}, expected {bounds.min} to {bounds.max}",
        field=field.name,
        row=row,
    )


def _spread(values: pa.Array, field: Field, row_count: int, valid: Valid) -> pa.Array:
    """`values` with nulls put between them where rows have none."""
    if valid is None:
        if len(values) != row_count:
            raise _wrong_count(field, len(values), row_count, "values")
        return values
    if len(values) == np.count_nonzero(valid):
        places = np.cumsum(valid) - 1
    elif len(values) == row_count:
        places = np.arange(row_count)
    else:
        raise _wrong_count(field, len(values), row_count, "values")
    return values.take(pa.array(places, pa.int64(), mask=~valid))


def _texts(message: schema_pb2.FieldData, field: Field) -> pa.Array:
    slot = SCALAR_SLOTS[field.data_type]
    values = list(_scalar_values(message, field, slot))
    if field.data_type is DataType.VARCHAR:
        return pa.array(values, pa.string())
    try:
        return pa.array(values, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        row = next(number for number, value in enumerate(values) if not _is_utf8(value))
        raise InvalidInput(
            "invalid_value",
            f"field {field.name!r} has JSON that is not UTF-8 in value {row}",
            field=field.name,
            row=row,
        ) from None


def _parsed(message: schema_pb2.FieldData, field: Field, row_count: int, valid: Valid) -> pa.Array:
    """Times and geometries, which come as texts; what stands in rows marked null is not looked at."""
    texts = pa.array(list(_scalar_values(message, field, SCALAR_SLOTS[field.data_type])), pa.string())
    return column_from_values(field, _spread(texts, field, row_count, valid).to_pylist())


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _arrays(message: schema_pb2.FieldData, field: Field, valid: Valid) -> pa.Array:
    element_type = field.element_type
    assert element_type is not None
    cells = _scalar_values(message, field, "array_data")
    sent_type = message.scalars.array_data.element_type
    if sent_type not in {0, int(element_type)}:
        raise InvalidInput(
            "type_mismatch",
            f"field {field.name!r} is a {field.type_label()}, but its elements were sent as data type {sent_type}",
            field=field.name,
        )
    rows: Sequence[int] = range(len(cells))
    if valid is not None and len(cells) == np.count_nonzero(valid):
        rows = np.flatnonzero(valid).tolist()
    slot = SCALAR_SLOTS[element_type]
    elements: list[Any] = []
    offsets = np.zeros(len(cells) + 1, np.int32)
    for number, cell in enumerate(cells):
        arm = cell.WhichOneof("data")
        if arm not in {slot, None}:
            row = rows[number]
            raise InvalidInput(
                "type_mismatch",
                f"field {field.name!r} is a {field.type_label()}, but row {row} has elements in {arm}, expected {slot}",
                field=field.name,
                row=row,
            )
        if arm is not None:
            elements.extend(getattr(cell, slot).data)
        offsets[number + 1] = len(elements)
    column_type = arrow_type(field)
    if element_type is DataType.VARCHAR:
        values = pa.array(elements, pa.string())
    else:
        numbers = np.array(elements, SLOT_DTYPES[slot])
        _check_narrow(
            field, element_type, numbers, lambda place: rows[int(np.searchsorted(offsets, place, "right")) - 1]
        )
        values = pa.array(numbers.astype(column_type.value_type.to_pandas_dtype(), copy=False), column_type.value_type)
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=column_type)


def _dense_column(message: schema_pb2.FieldData, field: Field, row_count: int, valid: Valid) -> pa.Array:
    matrix = _dense_rows(message, field)
    if valid is not None and len(matrix) == np.count_nonzero(valid):
        spread = np.zeros((row_count, matrix.shape[1]), matrix.dtype)
        spread[valid] = matrix
        matrix = spread
    if len(matrix) != row_count:
        raise _wrong_count(field, len(matrix), row_count, "vectors")
    return dense_array(matrix, field, valid=valid)


def _dense_rows(message: schema_pb2.FieldData, field: Field) -> npt.NDArray[Any]:
    """The vectors sent, `(vector_count, elements)` of the field's element type."""
    vectors = message.vectors
    width, dtype = row_elements(field), element_dtype(field.data_type)
    if vectors.dim not in {0, field.dim}:
        raise InvalidInput(
            "dimension_mismatch",
            f"field {field.name!r} got vectors of {vectors.dim} dimensions, expected {field.dim} "
            f"({field.type_label()})",
            field=field.name,
        )
    slot = PACKED_VECTOR_SLOTS.get(field.data_type, "float_vector")
    arm = vectors.WhichOneof("data")
    if arm is None:
        return np.empty((0, width), dtype)
    if arm == slot != "float_vector":
        elements = _from_bytes(getattr(vectors, slot), field, dtype)
    elif arm == "float_vector" and field.data_type in {
        DataType.FLOAT_VECTOR,
        DataType.FLOAT16_VECTOR,
        DataType.BFLOAT16_VECTOR,
    }:
        elements = _from_floats(np.array(vectors.float_vector.data, np.float32), field.data_type)
    else:
        raise InvalidInput(
            "type_mismatch",
            f"field {field.name!r} is a {field.type_label()}, whose vectors come in {slot}, but {arm} was sent",
            field=field.name,
        )
    if len(elements) % width:
        raise InvalidInput(
            "dimension_mismatch",
            f"field {field.name!r} got {len(elements)} vector elements, expected a multiple of {width} "
            f"({field.type_label()}); vectors of different lengths?",
            field=field.name,
        )
    return elements.reshape(-1, width)


def _from_bytes(data: bytes, field: Field, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if len(data) % dtype.itemsize:
        raise InvalidInput(
            "dimension_mismatch",
            f"field {field.name!r} got {len(data)} bytes of vectors, expected a multiple of {dtype.itemsize}",
            field=field.name,
        )
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False)


def _from_floats(values: npt.NDArray[np.float32], data_type: DataType) -> npt.NDArray[Any]:
    if data_type is DataType.BFLOAT16_VECTOR:
        return bfloat16_from_float32(values)
    # What is too large for float16 becomes infinite here and is refused, with its row, when the column is checked.
    with np.errstate(over="ignore"):
        return values.astype(element_dtype(data_type), copy=False)


def _sparse_column(message: schema_pb2.FieldData, field: Field, row_count: int, valid: Valid) -> pa.Array:
    arm = message.vectors.WhichOneof("data")
    if arm not in {"sparse_float_vector", None} or message.WhichOneof("field") == "scalars":
        raise InvalidInput(
            "type_mismatch",
            f"field {field.name!r} is a {field.type_label()}, whose vectors come in sparse_float_vector, "
            f"but {arm} was sent",
            field=field.name,
        )
    rows = sparse_from_bytes(list(message.vectors.sparse_float_vector.contents), what=f"field {field.name!r}")
    lengths = np.diff(rows.offsets)
    if valid is not None and len(rows) == np.count_nonzero(valid):
        spread = np.zeros(row_count, lengths.dtype)
        spread[valid] = lengths
        lengths = spread
    elif valid is not None and len(rows) == row_count and lengths[~valid].any():
        raise InvalidInput(
            "invalid_value", f"field {field.name!r} has a sparse vector in a row marked null", field=field.name
        )
    if len(lengths) != row_count:
        raise _wrong_count(field, len(rows), row_count, "vectors")
    offsets = np.zeros(row_count + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return sparse_array(SparseRows(offsets, rows.indices, rows.values), valid=valid)


def _wrong_count(field: Field, got: int, row_count: int, what: str) -> InvalidInput:
    return InvalidInput(
        "row_count_mismatch",
        f"field {field.name!r} has {got} {what}, expected {row_count}, one for each row",
        field=field.name,
    )
