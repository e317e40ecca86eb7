"""Vector columns as arrays for kernels, and back. Views where the layout allows, which is always for stored columns."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.layout import SPARSE_TYPE, arrow_type
from elanus.columns.numbers import number_array, number_values
from elanus.schema.field import Field
from elanus.schema.types import DataType

__all__ = [
    "SparseRows",
    "VectorLists",
    "bfloat16_from_float32",
    "dense_array",
    "dense_matrix",
    "element_dtype",
    "float32_from_bfloat16",
    "row_elements",
    "row_width_bytes",
    "sparse_array",
    "sparse_rows",
]

_ELEMENT_DTYPES: Final[dict[DataType, np.dtype[Any]]] = {
    DataType.FLOAT_VECTOR: np.dtype(np.float32),
    DataType.FLOAT16_VECTOR: np.dtype(np.float16),
    DataType.BFLOAT16_VECTOR: np.dtype(np.uint16),
    DataType.INT8_VECTOR: np.dtype(np.int8),
    DataType.BINARY_VECTOR: np.dtype(np.uint8),
}


def element_dtype(data_type: DataType) -> np.dtype[Any]:
    """The NumPy type of one element of a dense vector; bfloat16 travels as uint16, bits as packed uint8."""
    return _ELEMENT_DTYPES[data_type]


def row_elements(field: Field) -> int:
    """Elements of `element_dtype` in one row."""
    assert field.dim is not None
    return field.dim // 8 if field.data_type is DataType.BINARY_VECTOR else field.dim


def row_width_bytes(field: Field) -> int:
    """Bytes of one dense vector."""
    return row_elements(field) * element_dtype(field.data_type).itemsize


def dense_matrix(column: pa.Array, field: Field) -> npt.NDArray[Any]:
    """The vectors of a dense column, `(row_count, elements)` of `element_dtype`, C order, read-only view.

    Rows that are null have undefined contents.
    """
    width = row_elements(field)
    dtype = element_dtype(field.data_type)
    count = len(column)
    if isinstance(column, pa.FixedSizeListArray):
        buffer = column.values.buffers()[1]
        start = (column.offset * width + column.values.offset) * dtype.itemsize
    else:
        buffer = column.buffers()[1]
        start = column.offset * width * dtype.itemsize
    if count == 0 or buffer is None:
        return np.empty((0, width), dtype)
    matrix = np.frombuffer(buffer, dtype, count * width, start).reshape(count, width)
    matrix.flags.writeable = False  # a column in memory is as immutable as one in a mapped file
    return matrix


def dense_array(matrix: npt.NDArray[Any], field: Field, *, valid: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """A dense column over `matrix` (`element_dtype`, C order), sharing memory; rows where `valid` is false are null."""
    assert matrix.dtype == element_dtype(field.data_type), (matrix.dtype, field.type_label())
    assert matrix.flags.c_contiguous
    assert matrix.shape[1] == row_elements(field)
    column_type = arrow_type(field)
    null_count = 0 if valid is None else int(len(matrix) - np.count_nonzero(valid))
    bitmap = None if null_count == 0 or valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    data = pa.py_buffer(matrix)
    if pa.types.is_fixed_size_list(column_type):
        child = pa.Array.from_buffers(column_type.value_type, matrix.size, [None, data], 0)
        return pa.Array.from_buffers(column_type, len(matrix), [bitmap], null_count, children=[child])
    return pa.Array.from_buffers(column_type, len(matrix), [bitmap, data], null_count)


@dataclass(frozen=True, slots=True)
class SparseRows:
    """Sparse vectors in compressed rows: row i has `indices[offsets[i]:offsets[i+1]]`, ascending, and their values.

    Attributes:
        offsets: int32, one more than rows; the first need not be 0.
        indices: uint32.
        values: float32.
    """

    offsets: npt.NDArray[np.int32]
    indices: npt.NDArray[np.uint32]
    values: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def row(self, number: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        """Indices and values of one row (views)."""
        start, stop = int(self.offsets[number]), int(self.offsets[number + 1])
        return self.indices[start:stop], self.values[start:stop]


@dataclass(frozen=True, slots=True)
class VectorLists:
    """Lists of dense vectors: list i is `vectors[offsets[i]:offsets[i + 1]]`, of at least one vector.

    Attributes:
        offsets: int64, one more than lists, from 0.
        vectors: (vector_count, elements) of the element type.
    """

    offsets: npt.NDArray[np.int64]
    vectors: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def matrix(self, number: int) -> npt.NDArray[Any]:
        """The vectors of one list (a view)."""
        return self.vectors[int(self.offsets[number]) : int(self.offsets[number + 1])]


def sparse_rows(column: pa.Array) -> SparseRows:
    """A sparse column as compressed rows (views). Null rows are empty."""
    assert column.type.equals(SPARSE_TYPE), column.type
    count = len(column)
    offset_buffer = column.buffers()[1]
    if count == 0 or offset_buffer is None:
        return SparseRows(np.zeros(1, np.int32), np.empty(0, np.uint32), np.empty(0, np.float32))
    offsets = np.frombuffer(offset_buffer, np.int32, count + 1, column.offset * 4)
    items = column.values
    indices = number_values(items.field(0))
    values = number_values(items.field(1))
    return SparseRows(offsets, indices, values)


def sparse_array(rows: SparseRows, *, valid: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """A sparse column over `rows`, sharing memory; rows where `valid` is false are null and must be empty."""
    items = pa.StructArray.from_arrays(
        [number_array(rows.indices), number_array(rows.values)],
        fields=list(SPARSE_TYPE.value_type),
    )
    null_count = 0 if valid is None else int(len(rows) - np.count_nonzero(valid))
    bitmap = None if null_count == 0 or valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    offsets = np.ascontiguousarray(rows.offsets, np.int32)
    return pa.Array.from_buffers(SPARSE_TYPE, len(rows), [bitmap, pa.py_buffer(offsets)], null_count, children=[items])


def bfloat16_from_float32(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """The nearest bfloat16 of each value, ties to even; NaN stays NaN, overflow becomes infinity."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    quiet_nan = (bits >> np.uint32(16)) | np.uint32(0x40)
    return np.where(np.isnan(values), quiet_nan, rounded).astype(np.uint16)


def float32_from_bfloat16(values: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """The exact float32 of each bfloat16."""
    return (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
