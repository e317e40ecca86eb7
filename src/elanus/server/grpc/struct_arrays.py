"""Arrays of structs in the protocol: one array column a member, each with its own lengths and null flags."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.layout import arrow_type
from elanus.columns.numbers import number_array
from elanus.columns.structs import struct_member
from elanus.columns.vectors import dense_array, dense_matrix, element_dtype, row_elements
from elanus.errors import InvalidInput
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.server.grpc.slots import PACKED_VECTOR_SLOTS
from elanus.server.grpc.stubs import schema_pb2

__all__ = [
    "ARRAY_OF_STRUCT",
    "ARRAY_OF_VECTOR",
    "array_field",
    "struct_column_from_field_data",
    "vector_array_to_message",
]

ARRAY_OF_VECTOR: Final = 106
ARRAY_OF_STRUCT: Final = 200

ReadArrays = Callable[[schema_pb2.FieldData, Field, int], pa.Array]


def struct_column_from_field_data(
    message: schema_pb2.FieldData, field: Field, *, row_count: int, read_arrays: ReadArrays
) -> pa.Array:
    """A column of `row_count` rows from the columns of its members.

    Raises:
        InvalidInput: a member is missing, unknown or sent twice, or members disagree about lengths or nulls.
    """
    sent: dict[str, pa.Array] = {}
    for part in message.struct_arrays.fields:
        name = part.field_name.removeprefix(f"{field.name}[").removesuffix("]")
        inner = field.struct_field(name)
        if inner is None or name in sent:
            raise _wrong(field, f"was sent with {name!r} {'twice' if inner else 'which its structs do not have'}")
        if inner.is_vector:
            sent[name] = _vector_lists(part, field, inner, row_count)
        else:
            sent[name] = read_arrays(part, array_field(field, inner), row_count)
    missing = [inner.name for inner in field.struct_fields if inner.name not in sent]
    if missing:
        raise _wrong(field, f"was sent without {missing[0]!r}")
    members = [sent[inner.name] for inner in field.struct_fields]
    first = members[0]
    lengths = first.value_lengths()
    for inner, member in zip(field.struct_fields, members, strict=True):
        if not member.value_lengths().equals(lengths):
            row = _first_difference(member.value_lengths().to_pylist(), lengths.to_pylist())
            told = (
                f"has {first.value_lengths()[row]} of {field.struct_fields[0].name!r} and {member.value_lengths()[row]}"
            )
            raise _wrong(field, f"{told} of {inner.name!r} in row {row}, expected as many of each", row=row)
    column_type = arrow_type(field)
    structs = pa.StructArray.from_arrays([member.flatten() for member in members], fields=list(column_type.value_type))
    counts = lengths.fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.zeros(row_count + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    mask = None if first.null_count == 0 else first.is_null()
    return pa.ListArray.from_arrays(number_array(offsets), structs, type=column_type, mask=mask)


def array_field(field: Field, inner: Field) -> Field:
    """A scalar member of all structs as an Array field."""
    return replace(
        inner,
        name=f"{field.name}[{inner.name}]",
        data_type=DataType.ARRAY,
        element_type=inner.data_type,
        max_capacity=field.max_capacity,
        nullable=field.nullable,
    )


def vector_array_to_message(column: pa.Array, field: Field, inner: Field) -> schema_pb2.VectorArray:
    """The vectors of one member, a message a row; nothing in those of null rows."""
    assert inner.dim is not None
    lists = struct_member(column, inner.name)
    message = schema_pb2.VectorArray(dim=inner.dim, element_type=int(inner.data_type))
    matrix = dense_matrix(lists.flatten(), inner)
    position = 0
    for length in lists.value_lengths().to_pylist():
        rows = matrix[position : position + (length or 0)]
        position += length or 0
        one = message.data.add(dim=inner.dim)
        if inner.data_type is DataType.FLOAT_VECTOR:
            one.float_vector.data.extend(rows.reshape(-1).tolist())
            one.float_vector.SetInParent()
        else:
            setattr(one, PACKED_VECTOR_SLOTS[inner.data_type], rows.tobytes())
    assert position == len(matrix), field.name
    return message


def _vector_lists(message: schema_pb2.FieldData, field: Field, inner: Field, row_count: int) -> pa.Array:
    """The vectors of one member as lists of vectors."""
    valid = np.array(message.valid_data, np.bool_) if message.valid_data else np.ones(row_count, np.bool_)
    cells = list(message.vectors.vector_array.data)
    if len(valid) != row_count or len(cells) not in {row_count, int(valid.sum())}:
        raise _wrong(field, f"has {len(cells)} rows of {inner.name!r}, expected {row_count}")
    if len(cells) == row_count and not valid.all():
        cells = [cell for cell, is_valid in zip(cells, valid.tolist(), strict=True) if is_valid]
    rows = np.flatnonzero(valid)
    parts = [_matrix(cell, field, inner, row) for cell, row in zip(cells, rows.tolist(), strict=True)]
    counts = np.zeros(row_count, np.int64)
    counts[rows] = [len(part) for part in parts]
    offsets = np.zeros(row_count + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    width = row_elements(inner)
    matrix = np.concatenate(parts) if parts else np.empty((0, width), element_dtype(inner.data_type))
    vectors = dense_array(np.ascontiguousarray(matrix), inner)
    mask = None if valid.all() else pa.array(~valid)
    return pa.ListArray.from_arrays(number_array(offsets), vectors, mask=mask)


def _matrix(cell: schema_pb2.VectorField, field: Field, inner: Field, row: int) -> npt.NDArray[Any]:
    """The vectors of one row, `(count, elements)`."""
    slot = PACKED_VECTOR_SLOTS.get(inner.data_type, "float_vector")
    arm = cell.WhichOneof("data")
    dtype, width = element_dtype(inner.data_type), row_elements(inner)
    if arm is None:
        return np.empty((0, width), dtype)
    if arm != slot:
        raise _wrong(field, f"has vectors of {inner.name!r} in {arm} in row {row}, expected {slot}", row=row)
    if slot == "float_vector":
        elements = np.array(cell.float_vector.data, dtype)
    else:
        data: bytes = getattr(cell, slot)
        if len(data) % dtype.itemsize:
            raise _wrong(field, f"has {len(data)} bytes of {inner.name!r} in row {row}", row=row)
        elements = np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False)
    if len(elements) % width:
        told = f"has {len(elements)} vector elements of {inner.name!r} in row {row}, expected a multiple of {width}"
        raise InvalidInput("dimension_mismatch", f"field {field.name!r} {told}", field=field.name, row=row)
    return elements.reshape(-1, width)


def _first_difference(left: Sequence[Any], right: Sequence[Any]) -> int:
    return next(row for row, pair in enumerate(zip(left, right, strict=True)) if pair[0] != pair[1])


def _wrong(field: Field, told: str, *, row: int | None = None) -> InvalidInput:
    return InvalidInput("invalid_value", f"field {field.name!r} {told}", field=field.name, row=row)
