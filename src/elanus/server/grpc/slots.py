"""Where the protocol keeps the values of each type: names of message fields, and their NumPy types."""

from typing import Final

import numpy as np

from elanus.schema.types import DataType

__all__ = ["PACKED_VECTOR_SLOTS", "SCALAR_SLOTS", "SLOT_DTYPES"]

SCALAR_SLOTS: Final[dict[DataType, str]] = {
    DataType.BOOL: "bool_data",
    DataType.INT8: "int_data",
    DataType.INT16: "int_data",
    DataType.INT32: "int_data",
    DataType.INT64: "long_data",
    DataType.FLOAT: "float_data",
    DataType.DOUBLE: "double_data",
    DataType.VARCHAR: "string_data",
    DataType.JSON: "json_data",
    DataType.TIMESTAMPTZ: "string_data",
    DataType.GEOMETRY: "geometry_wkt_data",
    DataType.ARRAY: "array_data",
}
"""The arm of `ScalarField` that holds a scalar type."""

SLOT_DTYPES: Final[dict[str, type[np.generic]]] = {
    "bool_data": np.bool_,
    "int_data": np.int32,
    "long_data": np.int64,
    "float_data": np.float32,
    "double_data": np.float64,
}
"""The NumPy type of one value in a numeric arm."""

PACKED_VECTOR_SLOTS: Final[dict[DataType, str]] = {
    DataType.BINARY_VECTOR: "binary_vector",
    DataType.FLOAT16_VECTOR: "float16_vector",
    DataType.BFLOAT16_VECTOR: "bfloat16_vector",
    DataType.INT8_VECTOR: "int8_vector",
}
"""The arm of `VectorField` that holds vectors as bytes, row after row; float vectors are a list of numbers instead."""
