"""Number columns as NumPy arrays and back, without copies.

Arrow's own conversions ask on first use whether pandas is there, which imports it where it is installed: a fifth of a
second before the first answer. These go by the buffers.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["are_numbers", "boolean_values", "full_numbers", "number_array", "number_values"]

_NUMBER_TYPES: Final = (
    (np.int8, pa.int8()),
    (np.int16, pa.int16()),
    (np.int32, pa.int32()),
    (np.int64, pa.int64()),
    (np.uint8, pa.uint8()),
    (np.uint16, pa.uint16()),
    (np.uint32, pa.uint32()),
    (np.uint64, pa.uint64()),
    (np.float16, pa.float16()),
    (np.float32, pa.float32()),
    (np.float64, pa.float64()),
)
_ARROW_TYPES: Final = {np.dtype(numpy): arrow for numpy, arrow in _NUMBER_TYPES}
_DTYPES: Final[dict[int, np.dtype[Any]]] = {arrow.id: np.dtype(numpy) for numpy, arrow in _NUMBER_TYPES}


def number_array(values: npt.NDArray[Any], *, present: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """A column over a one-dimensional array of numbers, sharing its memory (made contiguous if it is not).

    Rows that are not `present` are null; None means that all are.
    """
    contiguous = np.ascontiguousarray(values)
    kind, count = _ARROW_TYPES[contiguous.dtype], len(contiguous)
    if present is None or present.all():
        return pa.Array.from_buffers(kind, count, [None, pa.py_buffer(contiguous)], 0)
    validity = pa.py_buffer(np.packbits(present, bitorder="little"))
    return pa.Array.from_buffers(kind, count, [validity, pa.py_buffer(contiguous)])


def number_values(column: pa.Array) -> npt.NDArray[Any]:
    """The numbers of an integer or float column, one a row: a view; null rows hold anything."""
    dtype = _DTYPES[column.type.id]
    buffer = column.buffers()[1]
    if len(column) == 0 or buffer is None:
        return np.zeros(len(column), dtype)
    return np.frombuffer(buffer, dtype, count=len(column), offset=column.offset * dtype.itemsize)


def are_numbers(column: pa.Array) -> bool:
    """Whether a column is of integers or floats and has a value in every row."""
    return column.type.id in _DTYPES and column.null_count == 0


def full_numbers(column: pa.Array) -> npt.NDArray[Any] | None:
    """`number_values` where every row has one; None of a column with nulls or of another type."""
    return number_values(column) if are_numbers(column) else None


def boolean_values(column: pa.Array) -> npt.NDArray[np.bool_]:
    """The truth values of a boolean column, one a row (a copy); null rows hold anything."""
    buffer = column.buffers()[1]
    if len(column) == 0 or buffer is None:
        return np.zeros(len(column), np.bool_)
    packed = np.frombuffer(buffer, np.uint8)[column.offset // 8 :]
    bits = np.unpackbits(packed, count=column.offset % 8 + len(column), bitorder="little")
    return bits[column.offset % 8 :].view(np.bool_)
