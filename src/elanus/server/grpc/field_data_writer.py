"""The columns of a reply: from column layout to the protocol's `FieldData`.

Where a row is null, scalar columns carry a placeholder and vector columns nothing; `valid_data` says which rows.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.geometries import texts_from_geometries
from elanus.columns.instants import texts_from_instants
from elanus.columns.structs import struct_member
from elanus.columns.vectors import SparseRows, dense_matrix, sparse_rows
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.server.grpc.slots import PACKED_VECTOR_SLOTS, SCALAR_SLOTS
from elanus.server.grpc.sparse_bytes import bytes_from_sparse
from elanus.server.grpc.struct_arrays import (
    ARRAY_OF_STRUCT,
    ARRAY_OF_VECTOR,
    array_field,
    vector_array_to_message,
)
from elanus.server.grpc.stubs import schema_pb2

__all__ = ["count_field_data", "field_data_from_column", "ids_from_column"]

# The wire form of a packed `repeated` field number 1: clients read the same bytes, and building the list number by
# number takes seventy times longer.
_PACKED_TAG: Final = b"\x0a"
_PLACEHOLDERS: Final[dict[DataType, Any]] = {
    DataType.BOOL: False,
    DataType.VARCHAR: "",
    DataType.JSON: "",
}


def field_data_from_column(column: pa.Array, field: Field) -> schema_pb2.FieldData:
    """A column in the protocol's form; nulls of the hidden field of dynamic keys become empty objects."""
    message = schema_pb2.FieldData(
        type=int(field.data_type), field_name=field.name, field_id=max(field.field_id, 0), is_dynamic=field.is_dynamic
    )
    valid: npt.NDArray[np.bool_] | None = None
    if field.is_dynamic:
        if column.null_count:
            column = column.fill_null("{}")
    elif field.nullable or column.null_count:
        valid = column.is_valid().to_numpy(zero_copy_only=False)
        message.valid_data.extend(valid.tolist())
    if field.is_struct_array:
        _write_structs(message, column, field, valid)
    elif field.is_vector:
        _write_vectors(message.vectors, column, field, valid)
    elif field.data_type is DataType.ARRAY:
        _write_arrays(message.scalars.array_data, column, field)
    else:
        _write_scalars(message.scalars, column, field)
    return message


def count_field_data(count: int) -> schema_pb2.FieldData:
    """The one column of an answer to `count(*)`."""
    message = schema_pb2.FieldData(type=int(DataType.INT64), field_name="count(*)")
    message.scalars.long_data.data.append(count)
    return message


def ids_from_column(ids: pa.Array) -> schema_pb2.IDs:
    """Primary keys, int64 or string."""
    message = schema_pb2.IDs()
    if pa.types.is_string(ids.type):
        message.str_id.data.extend(ids.to_pylist())
        message.str_id.SetInParent()
    else:
        message.int_id.data.extend(ids.to_numpy(zero_copy_only=False).tolist())
        message.int_id.SetInParent()
    return message


def _write_scalars(scalars: schema_pb2.ScalarField, column: pa.Array, field: Field) -> None:
    arm = getattr(scalars, SCALAR_SLOTS[field.data_type])
    # An arm without values is not sent unless it is marked; clients take a column without an arm for an error.
    arm.SetInParent()
    if field.data_type is DataType.TIMESTAMPTZ:
        arm.data.extend(text or "" for text in texts_from_instants(column, field))
        return
    if field.data_type is DataType.GEOMETRY:
        arm.data.extend(text or "" for text in texts_from_geometries(column))
        return
    if column.null_count:
        column = column.fill_null(_PLACEHOLDERS.get(field.data_type, 0))
    if field.data_type is DataType.VARCHAR:
        arm.data.extend(column.to_pylist())
    elif field.data_type is DataType.JSON:
        arm.data.extend(column.view(pa.binary()).to_pylist())
    elif field.data_type in {DataType.FLOAT, DataType.DOUBLE}:
        arm.MergeFromString(_packed(column.to_numpy(zero_copy_only=False)))
    else:
        arm.data.extend(column.to_numpy(zero_copy_only=False).tolist())


def _write_structs(
    message: schema_pb2.FieldData, column: pa.Array, field: Field, valid: npt.NDArray[np.bool_] | None
) -> None:
    """A column a member; clients look for the flags of null rows in those."""
    message.type = ARRAY_OF_STRUCT
    del message.valid_data[:]
    message.struct_arrays.SetInParent()
    for inner in field.struct_fields:
        part = message.struct_arrays.fields.add(field_name=inner.name, field_id=max(inner.field_id, 0))
        if valid is not None:
            part.valid_data.extend(valid.tolist())
        if inner.is_vector:
            part.type = ARRAY_OF_VECTOR
            part.vectors.dim = inner.dim or 0
            part.vectors.vector_array.CopyFrom(vector_array_to_message(column, field, inner))
        else:
            part.type = int(DataType.ARRAY)
            _write_arrays(part.scalars.array_data, struct_member(column, inner.name), array_field(field, inner))


def _write_arrays(arrays: schema_pb2.ArrayArray, column: pa.Array, field: Field) -> None:
    assert field.element_type is not None
    arrays.SetInParent()
    arrays.element_type = int(field.element_type)
    slot = SCALAR_SLOTS[field.element_type]
    for values in column.to_pylist():
        arm = getattr(arrays.data.add(), slot)
        arm.SetInParent()
        arm.data.extend(values or ())


def _write_vectors(
    vectors: schema_pb2.VectorField, column: pa.Array, field: Field, valid: npt.NDArray[np.bool_] | None
) -> None:
    if field.data_type is DataType.SPARSE_FLOAT_VECTOR:
        rows = sparse_rows(column)
        contents = bytes_from_sparse(rows)
        if valid is not None:
            contents = [content for content, is_valid in zip(contents, valid.tolist(), strict=True) if is_valid]
        vectors.dim = vectors.sparse_float_vector.dim = _sparse_dim(rows)
        vectors.sparse_float_vector.contents.extend(contents)
        vectors.sparse_float_vector.SetInParent()
        return
    assert field.dim is not None
    vectors.dim = field.dim
    matrix = dense_matrix(column, field)
    if valid is not None and not valid.all():
        matrix = matrix[valid]
    if field.data_type is DataType.FLOAT_VECTOR:
        vectors.float_vector.SetInParent()
        vectors.float_vector.MergeFromString(_packed(matrix))
    else:
        setattr(vectors, PACKED_VECTOR_SLOTS[field.data_type], matrix.tobytes())


def _sparse_dim(rows: SparseRows) -> int:
    used = rows.indices[int(rows.offsets[0]) : int(rows.offsets[-1])]
    return int(used.max()) + 1 if len(used) else 0


def _packed(values: npt.NDArray[Any]) -> bytes:
    data = values.tobytes()
    return _PACKED_TAG + _varint(len(data)) + data if data else b""


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
