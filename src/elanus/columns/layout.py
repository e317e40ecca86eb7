"""The Arrow type that stores each data type.

Fixed for good: it is the file format. Vectors are fixed-size lists where Arrow has the element type (so that other
tools read them) and fixed-size binary where it has not (bfloat16, bits). JSON is text, kept as it was written. Times
are microseconds since 1970 in UTC, geometries WKB.
"""

from collections.abc import Iterable
from typing import Final

import pyarrow as pa

from elanus.schema.field import Field
from elanus.schema.types import DataType

__all__ = ["FIELD_ID_KEY", "SPARSE_TYPE", "TIMESTAMP_COLUMN", "arrow_field", "arrow_schema", "arrow_type"]

TIMESTAMP_COLUMN: Final = "$timestamp"
"""The hidden uint64 column with every row's hybrid timestamp."""

FIELD_ID_KEY: Final = b"elanus.field_id"

SPARSE_TYPE: Final = pa.list_(
    pa.field(
        "item",
        pa.struct([pa.field("index", pa.uint32(), nullable=False), pa.field("value", pa.float32(), nullable=False)]),
        nullable=False,
    )
)

_SCALARS: Final = {
    DataType.BOOL: pa.bool_(),
    DataType.INT8: pa.int8(),
    DataType.INT16: pa.int16(),
    DataType.INT32: pa.int32(),
    DataType.INT64: pa.int64(),
    DataType.FLOAT: pa.float32(),
    DataType.DOUBLE: pa.float64(),
    DataType.VARCHAR: pa.string(),
    DataType.JSON: pa.string(),
    DataType.TIMESTAMPTZ: pa.int64(),
    DataType.GEOMETRY: pa.binary(),
    DataType.SPARSE_FLOAT_VECTOR: SPARSE_TYPE,
}
_LIST_ELEMENTS: Final = {
    DataType.FLOAT_VECTOR: pa.float32(),
    DataType.FLOAT16_VECTOR: pa.float16(),
    DataType.INT8_VECTOR: pa.int8(),
}


def arrow_type(field: Field) -> pa.DataType:
    """The type of the column that stores `field`."""
    data_type = field.data_type
    if data_type in _SCALARS:
        return _SCALARS[data_type]
    if data_type is DataType.ARRAY:
        if field.is_struct_array:
            members = [pa.field(inner.name, arrow_type(inner), nullable=False) for inner in field.struct_fields]
            return pa.list_(pa.field("item", pa.struct(members), nullable=False))
        assert field.element_type is not None
        return pa.list_(pa.field("item", _SCALARS[field.element_type], nullable=False))
    assert field.dim is not None, f"field {field.name} of type {data_type.label} has no dim"
    if data_type in _LIST_ELEMENTS:
        return pa.list_(pa.field("item", _LIST_ELEMENTS[data_type], nullable=False), field.dim)
    if data_type is DataType.BFLOAT16_VECTOR:
        return pa.binary(2 * field.dim)
    assert data_type is DataType.BINARY_VECTOR, data_type
    return pa.binary(field.dim // 8)


def arrow_field(field: Field) -> pa.Field:
    """The Arrow field with the name and the id of `field`."""
    return pa.field(field.name, arrow_type(field), metadata={FIELD_ID_KEY: str(field.field_id).encode()})


def arrow_schema(fields: Iterable[Field]) -> pa.Schema:
    """The Arrow schema of a batch with these fields, in their order."""
    return pa.schema([arrow_field(field) for field in fields])
