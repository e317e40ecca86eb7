"""Python values and NumPy arrays of one field into a column of its layout.

Wrong values are refused with the row they are in. The fast paths convert a whole column at once; only when that fails
are the rows looked at one by one to name the culprit.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.geometries import geometries_from_values
from elanus.columns.instants import instants_from_arrow, instants_from_values
from elanus.columns.layout import arrow_type
from elanus.columns.structs import struct_column
from elanus.columns.vectors import (
    SparseRows,
    bfloat16_from_float32,
    dense_array,
    element_dtype,
    row_elements,
    row_width_bytes,
    sparse_array,
)
from elanus.errors import InvalidInput
from elanus.schema.field import Field
from elanus.schema.types import DataType

__all__ = ["column_from_ndarray", "column_from_values", "default_scalar", "json_text"]

_PYTHON_TYPES: Final[dict[DataType, tuple[type, ...]]] = {
    DataType.BOOL: (bool, np.bool_),
    DataType.INT8: (int, np.integer),
    DataType.INT16: (int, np.integer),
    DataType.INT32: (int, np.integer),
    DataType.INT64: (int, np.integer),
    DataType.FLOAT: (int, float, np.integer, np.floating),
    DataType.DOUBLE: (int, float, np.integer, np.floating),
    DataType.VARCHAR: (str,),
}
_ROW_BY_ROW: Final = {DataType.JSON, DataType.SPARSE_FLOAT_VECTOR, DataType.ARRAY, DataType.GEOMETRY}
_json_encode: Final[Callable[[Any], bytes]] = msgspec.json.Encoder().encode


def json_text(value: Any) -> str:
    """A JSON value as compact text, keys in the order given.

    Raises:
        TypeError: something JSON has no form for.
    """
    return _json_encode(value).decode()


def column_from_values(field: Field, values: Sequence[Any]) -> pa.Array:
    """A column from one Python value a row; None is null (whether null is allowed is checked elsewhere).

    Raises:
        InvalidInput: a value of the wrong type, size or range, with field and row.
    """
    data_type = field.data_type
    if data_type is DataType.JSON:
        return pa.array([_json_value(field, row, value) for row, value in enumerate(values)], pa.string())
    if data_type is DataType.TIMESTAMPTZ:
        return instants_from_values(field, values)
    if data_type is DataType.GEOMETRY:
        return geometries_from_values(field, values)
    if data_type is DataType.SPARSE_FLOAT_VECTOR:
        return _sparse_column(field, values)
    if data_type.is_vector:
        return _dense_column(field, values)
    if field.is_struct_array:
        return struct_column(field, values, column_from_values)
    if data_type is DataType.ARRAY:
        return _list_column(field, values)
    return _scalar_column(field, values)


def default_scalar(field: Field) -> pa.Scalar:
    """The default value of a field, in its layout."""
    return column_from_values(field, [field.default_value])[0]


def column_from_ndarray(field: Field, values: npt.NDArray[Any]) -> pa.Array:
    """A column from a NumPy array, one row an element (or one row a matrix row, for vectors).

    Shares memory where dtype and order already fit.

    Raises:
        InvalidInput: a shape or dtype that does not fit the field.
    """
    if values.dtype == object or field.data_type in {
        DataType.JSON,
        DataType.SPARSE_FLOAT_VECTOR,
        DataType.ARRAY,
        DataType.GEOMETRY,
    }:
        return column_from_values(field, values.tolist() if field.data_type is DataType.JSON else list(values))
    if field.is_vector:
        if np.ma.is_masked(values):
            raise InvalidInput(
                "type_mismatch",
                f"field {field.name!r} got a masked array; give a list with None for rows without a vector",
                field=field.name,
            )
        return dense_array(_dense_elements(field, values), field)
    if values.ndim != 1:
        raise InvalidInput(
            "type_mismatch", f"field {field.name!r} got an array of shape {values.shape}, expected one value a row",
            field=field.name,
        )  # fmt: skip
    if field.data_type is DataType.TIMESTAMPTZ:
        if values.dtype.kind == "M":
            return _instants_from_datetime64(field, values)
        if values.dtype.kind != "U":
            raise _mismatch(field, values.dtype)
        return instants_from_values(field, values.tolist())
    accepted = {
        DataType.BOOL: "b",
        DataType.VARCHAR: "UT",
        DataType.FLOAT: "iuf",
        DataType.DOUBLE: "iuf",
    }.get(field.data_type, "iu")
    if values.dtype.kind not in accepted:
        raise _mismatch(field, values.dtype)
    try:
        return pa.array(values).cast(arrow_type(field), safe=field.data_type is not DataType.FLOAT)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
        # Values out of range, a byte order or width that Arrow does not know, or text that is not Unicode.
        return _scalar_column(field, values.tolist())


def _instants_from_datetime64(field: Field, values: npt.NDArray[Any]) -> pa.Array:
    """NumPy's times have no zone: they are in the field's. NaT is null."""
    unit = np.datetime_data(values.dtype)[0]
    if unit not in {"s", "ms", "us", "ns"}:
        values = values.astype("datetime64[s]")
    return instants_from_arrow(field, pa.array(values))


def _scalar_column(field: Field, values: Sequence[Any]) -> pa.Array:
    accepted = _PYTHON_TYPES[field.data_type]
    for row, value in enumerate(values):
        if value is not None and (
            not isinstance(value, accepted) or (isinstance(value, bool) and field.data_type is not DataType.BOOL)
        ):
            raise _mismatch(field, value, row)
    try:
        return pa.array(values, arrow_type(field))
    except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
        return pa.array([_checked(field, row, value) for row, value in enumerate(values)], arrow_type(field))


def _checked(field: Field, row: int, value: Any) -> Any:
    """A value that Arrow takes. Arrow refuses whole numbers that float32 cannot hold; they are rounded like others."""
    try:
        if field.data_type is DataType.FLOAT and value is not None:
            value = float(value)
        elif field.element_type is DataType.FLOAT and value is not None:
            value = [float(element) for element in value]
        pa.scalar(value, arrow_type(field))
    except (pa.ArrowInvalid, OverflowError):
        raise InvalidInput(
            "out_of_range",
            f"field {field.name!r} got {_short(value)} in row {row}, expected a {field.type_label()}",
            field=field.name,
            row=row,
        ) from None
    except UnicodeEncodeError:
        raise InvalidInput(
            "invalid_value",
            f"field {field.name!r} got a string that is not valid Unicode in row {row}",
            field=field.name,
            row=row,
        ) from None
    return value


def _list_column(field: Field, values: Sequence[Any]) -> pa.Array:
    assert field.element_type is not None
    accepted = _PYTHON_TYPES[field.element_type]
    rows: list[list[Any] | None] = []
    for row, value in enumerate(values):
        if value is None:
            rows.append(None)
            continue
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence | np.ndarray):
            raise _mismatch(field, value, row)
        rows.append(value.tolist() if isinstance(value, np.ndarray) else list(value))
        for element in rows[-1] or ():
            if not isinstance(element, accepted) or (
                isinstance(element, bool) and field.element_type is not DataType.BOOL
            ):
                raise _mismatch(field, element, row)
    try:
        return pa.array(rows, arrow_type(field))
    except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
        return pa.array([_checked(field, row, elements) for row, elements in enumerate(rows)], arrow_type(field))


def _dense_column(field: Field, values: Sequence[Any]) -> pa.Array:
    valid = np.fromiter((value is not None for value in values), np.bool_, len(values))
    present = [value for value in values if value is not None]
    width = row_elements(field)
    matrix = np.zeros((len(values), width), element_dtype(field.data_type))
    if present:
        matrix[valid] = _stack(field, present, np.flatnonzero(valid))
    return dense_array(matrix, field, valid=None if valid.all() else valid)


def _stack(field: Field, present: list[Any], rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    forms = {_form(value) for value in present}
    if len(forms) > 1:
        # Put together, packed rows would be read as the numbers of the others.
        return np.concatenate(
            [_one_vector(field, row, value) for value, row in zip(present, rows.tolist(), strict=True)]
        )
    if forms == {"bytes"}:
        present = [_unpacked(field, row, value) for value, row in zip(present, rows.tolist(), strict=True)]
    try:
        stacked = np.array(present)
        if stacked.ndim != 2 or stacked.dtype == object:
            raise ValueError(stacked.shape)
        return _dense_elements(field, stacked)
    except (ValueError, TypeError, InvalidInput):
        for value, row in zip(present, rows.tolist(), strict=True):
            _one_vector(field, row, value)
        raise


def _form(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return "bytes"
    return value.dtype.name if isinstance(value, np.ndarray) else "numbers"


def _unpacked(field: Field, row: int, value: bytes | bytearray | memoryview) -> npt.NDArray[Any]:
    size_bytes = memoryview(value).nbytes
    if size_bytes != row_width_bytes(field):
        raise InvalidInput(
            "dimension_mismatch",
            f"field {field.name!r} got a vector of {size_bytes} bytes in row {row}, "
            f"expected {row_width_bytes(field)} ({field.type_label()})",
            field=field.name,
            row=row,
        )
    return np.frombuffer(value, element_dtype(field.data_type))


def _one_vector(field: Field, row: int, value: Any) -> npt.NDArray[Any]:
    """One row as a matrix of the field's element type, refused with its number."""
    try:
        one = _unpacked(field, row, value) if _form(value) == "bytes" else np.array(value)
    except InvalidInput:
        raise
    except ValueError:
        raise _mismatch(field, value, row) from None
    if one.ndim != 1 or one.dtype == object:
        raise _mismatch(field, value, row)
    try:
        return _dense_elements(field, one.reshape(1, -1))
    except InvalidInput as error:
        raise InvalidInput(error.kind, f"{error.message} (row {row})", field=field.name, row=row) from None


def _dense_elements(field: Field, matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`matrix` as C-ordered rows of the field's element type; numbers are converted, packed forms taken as they are."""
    width = row_elements(field)
    dtype = element_dtype(field.data_type)
    if matrix.ndim != 2 or matrix.shape[1] != width:
        got = matrix.shape[1] if matrix.ndim == 2 else matrix.shape
        raise InvalidInput(
            "dimension_mismatch",
            f"field {field.name!r} got a vector of {got} elements, expected {width} ({field.type_label()})",
            field=field.name,
        )
    name = matrix.dtype.name
    if field.data_type is DataType.BFLOAT16_VECTOR:
        if name == "uint16":
            return np.ascontiguousarray(matrix, np.uint16)
        if name == "bfloat16":
            return np.ascontiguousarray(matrix).view(np.uint16)
        _check_number(field, matrix)
        with np.errstate(over="ignore"):
            return bfloat16_from_float32(matrix.astype(np.float32))
    if field.data_type in {DataType.INT8_VECTOR, DataType.BINARY_VECTOR}:
        if matrix.dtype.kind not in "iu":
            raise _mismatch(field, matrix.dtype)
        bounds = np.iinfo(dtype)
        if matrix.dtype != dtype and matrix.size and (matrix.min() < bounds.min or matrix.max() > bounds.max):
            raise InvalidInput(
                "out_of_range",
                f"field {field.name!r} got a vector element outside {bounds.min} to {bounds.max}",
                field=field.name,
            )
        return np.ascontiguousarray(matrix, dtype)
    _check_number(field, matrix)
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(matrix, dtype)


def _check_number(field: Field, matrix: npt.NDArray[Any]) -> None:
    if matrix.dtype.kind not in "iuf" and matrix.dtype.name != "bfloat16":
        raise _mismatch(field, matrix.dtype)


def _sparse_column(field: Field, values: Sequence[Any]) -> pa.Array:
    valid = np.fromiter((value is not None for value in values), np.bool_, len(values))
    rows = [_sparse_row(field, row, value) for row, value in enumerate(values)]
    offsets = np.zeros(len(rows) + 1, np.int32)
    np.cumsum([len(indices) for indices, _ in rows], out=offsets[1:])
    indices = np.concatenate([item[0] for item in rows]) if rows else np.empty(0, np.uint32)
    numbers = np.concatenate([item[1] for item in rows]) if rows else np.empty(0, np.float32)
    return sparse_array(SparseRows(offsets, indices, numbers), valid=None if valid.all() else valid)


def _sparse_row(field: Field, row: int, value: Any) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
    """One sparse vector sorted by index, from {index: value}, (index, value) pairs or a one-row scipy matrix."""
    if value is None:
        return np.empty(0, np.uint32), np.empty(0, np.float32)
    if hasattr(value, "tocoo"):
        coordinates = value.tocoo()
        if len(coordinates.shape) == 2 and coordinates.shape[0] != 1:
            raise InvalidInput(
                "type_mismatch",
                f"field {field.name!r} got a sparse matrix of {coordinates.shape[0]} rows in row {row}, expected one",
                field=field.name,
                row=row,
            )
        pairs = list(zip(coordinates.coords[-1].tolist(), coordinates.data.tolist(), strict=True))
    elif isinstance(value, Mapping):
        pairs = list(value.items())
    else:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            raise _mismatch(field, value, row)
        pairs = list(value)
    for pair in pairs:
        if (
            not isinstance(pair, Sequence)
            or len(pair) != 2
            or isinstance(pair[0], bool)
            or not isinstance(pair[0], int | np.integer)
            or isinstance(pair[1], bool)
            or not isinstance(pair[1], int | float | np.floating | np.integer)
        ):
            raise _mismatch(field, value, row)
        if not 0 <= pair[0] < 2**32 - 1:
            raise InvalidInput(
                "out_of_range",
                f"field {field.name!r} got sparse index {pair[0]} in row {row}, expected 0 to {2**32 - 2}",
                field=field.name,
                row=row,
            )
    pairs.sort()
    indices = np.array([pair[0] for pair in pairs], np.uint32)
    if len(indices) > 1 and bool((indices[1:] == indices[:-1]).any()):
        raise InvalidInput(
            "invalid_value", f"field {field.name!r} got a sparse vector with a repeated index in row {row}",
            field=field.name, row=row,
        )  # fmt: skip
    try:
        with np.errstate(over="ignore"):
            return indices, np.array([float(pair[1]) for pair in pairs], np.float32)
    except OverflowError:
        raise InvalidInput(
            "out_of_range", f"field {field.name!r} got a number beyond every float in row {row}",
            field=field.name, row=row,
        ) from None  # fmt: skip


def _json_value(field: Field, row: int, value: Any) -> str | None:
    if value is None:
        return None
    try:
        _check_json(value)
        return json_text(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            "type_mismatch",
            f"field {field.name!r} got a value in row {row} that JSON cannot hold: {error}",
            field=field.name,
            row=row,
        ) from None


def _check_json(value: Any) -> None:
    """Refuses what the encoder would change without a word: NaN to null, keys that are no text to text, bytes to text.

    Raises:
        TypeError: bytes, or a key that is no text.
        ValueError: NaN or infinity.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("NaN and infinity are not JSON numbers")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"key {key!r} is no string")
            _check_json(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            _check_json(item)
    elif isinstance(value, bytes | bytearray | memoryview):
        raise TypeError("bytes are no JSON value")


def _mismatch(field: Field, got: Any, row: int | None = None) -> InvalidInput:
    what = f"dtype {got}" if isinstance(got, np.dtype) else f"{_short(got)} ({type(got).__name__})"
    where = "" if row is None else f" in row {row}"
    return InvalidInput(
        "type_mismatch",
        f"field {field.name!r} got {what}{where}, expected a {field.type_label()}",
        field=field.name,
        row=row,
    )


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # a whole number of more digits than Python writes
        return "a very large number"
    return text if len(text) <= 60 else text[:57] + "..."
