"""Whether the values of a column may be stored in a field. A batch is refused whole at the first wrong value."""

from dataclasses import replace
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.instants import check_instants
from elanus.columns.layout import arrow_type
from elanus.columns.vectors import dense_matrix, float32_from_bfloat16, sparse_rows
from elanus.errors import InvalidInput
from elanus.kernels.bits import bit_count
from elanus.kernels.compare import between
from elanus.schema.field import Field
from elanus.schema.types import DataType

__all__ = ["JSON_BYTES_MAX", "check_column", "check_keys"]

JSON_BYTES_MAX: Final = 65_536

JSON_DEPTH_MAX: Final = 200

_FLOAT_MAX: Final = float(np.finfo(np.float32).max)

_json_any: Final = msgspec.json.Decoder().decode
_json_object: Final = msgspec.json.Decoder(dict[str, Any]).decode


def check_column(field: Field, column: pa.Array) -> None:
    """Checks nulls, lengths, capacity, JSON syntax, and that vectors and numbers are finite.

    Raises:
        InvalidInput: with the field and the first row that is wrong.
        AssertionError: the column does not have the layout of the field (an adapter's mistake).
    """
    assert column.type.equals(arrow_type(field)), (field.name, column.type)
    if column.null_count and not field.nullable:
        row = _first_true(~column.is_valid().to_numpy(zero_copy_only=False))
        raise InvalidInput(
            "null_not_allowed",
            f"field {field.name!r} is null in row {row}, but it is neither nullable nor has a default value",
            field=field.name,
            row=row,
        )
    data_type = field.data_type
    if data_type is DataType.VARCHAR:
        _check_length(field, column, field.length_max, unit_rows=None)
    elif data_type is DataType.JSON:
        _check_json(field, column)
    elif data_type is DataType.ARRAY:
        _check_array(field, column)
    elif data_type is DataType.TIMESTAMPTZ:
        check_instants(field, column)
    elif data_type in {DataType.FLOAT, DataType.DOUBLE}:
        _check_finite_numbers(field, column)
    elif data_type is DataType.SPARSE_FLOAT_VECTOR:
        _check_sparse(field, column)
    elif data_type in {DataType.FLOAT_VECTOR, DataType.FLOAT16_VECTOR, DataType.BFLOAT16_VECTOR}:
        _check_finite_matrix(field, column)


def check_keys(field: Field, keys: pa.Array) -> None:
    """Checks primary keys to look up: their type, and that none is null (its place would be taken for a key).

    Raises:
        InvalidInput: they do not fit `field`.
    """
    if not keys.type.equals(arrow_type(field)):
        raise InvalidInput(
            "type_mismatch", f"primary keys are {keys.type}, expected {field.type_label()}", field=field.name
        )
    if keys.null_count:
        row = _first_true(~keys.is_valid().to_numpy(zero_copy_only=False))
        raise InvalidInput("null_not_allowed", f"primary key {row} is null", field=field.name, row=row)


def _check_length(field: Field, strings: pa.Array, length_max: int, *, unit_rows: npt.NDArray[np.int64] | None) -> None:
    """Byte lengths; `unit_rows` maps array elements back to the row they are in."""
    lengths = pc.binary_length(strings)
    longest = pc.max(lengths).as_py()
    if longest is None or longest <= length_max:
        return
    element = _first_true(pc.fill_null(pc.greater(lengths, length_max), False).to_numpy(zero_copy_only=False))  # noqa: FBT003
    row = element if unit_rows is None else int(unit_rows[element])
    raise InvalidInput(
        "length_exceeded",
        f"field {field.name!r} has a string of {lengths[element].as_py()} bytes in row {row}, "
        f"which exceeds max length {length_max}",
        field=field.name,
        row=row,
    )


def _check_json(field: Field, column: pa.Array) -> None:
    lengths = pc.binary_length(column)
    longest = pc.max(lengths).as_py()
    if longest is not None and longest > JSON_BYTES_MAX:
        row = _first_true(pc.fill_null(pc.greater(lengths, JSON_BYTES_MAX), False).to_numpy(zero_copy_only=False))  # noqa: FBT003
        raise InvalidInput(
            "length_exceeded",
            f"JSON field {field.name!r} has {lengths[row].as_py()} bytes in row {row}, "
            f"which exceeds max length {JSON_BYTES_MAX}",
            field=field.name,
            row=row,
        )
    decode: Any = _json_object if field.is_dynamic else _json_any
    for row, text in enumerate(column.to_pylist()):
        if text is None:
            continue
        try:
            value = decode(text)
            if text.count("[") + text.count("{") > JSON_DEPTH_MAX and _depth(value) > JSON_DEPTH_MAX:
                raise RecursionError(f"it nests deeper than {JSON_DEPTH_MAX} levels")
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidInput(
                "invalid_value",
                f"field {field.name!r} has invalid JSON in row {row}: {error}",
                field=field.name,
                row=row,
            ) from None


def _depth(value: Any) -> int:
    """Levels of arrays and objects in a JSON value."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth


def _check_array(field: Field, column: pa.Array) -> None:
    lengths = pc.list_value_length(column)
    longest = pc.max(lengths).as_py()
    if longest is not None and field.max_capacity is not None and longest > field.max_capacity:
        row = _first_true(pc.fill_null(pc.greater(lengths, field.max_capacity), False).to_numpy(zero_copy_only=False))  # noqa: FBT003
        raise InvalidInput(
            "length_exceeded",
            f"field {field.name!r} has {lengths[row].as_py()} elements in row {row}, "
            f"which exceeds max capacity {field.max_capacity}",
            field=field.name,
            row=row,
        )
    elements = column.flatten()
    if elements.null_count:
        rows = pc.list_parent_indices(column)
        row = int(rows[_first_true(~elements.is_valid().to_numpy(zero_copy_only=False))].as_py())
        raise InvalidInput(
            "null_not_allowed",
            f"field {field.name!r} has a null element in row {row}; only a whole array may be null",
            field=field.name,
            row=row,
        )
    if field.is_struct_array:
        _check_members(field, column)
    if field.element_type is DataType.VARCHAR:
        parents = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
        _check_length(field, elements, field.length_max, unit_rows=parents)


def _check_members(field: Field, column: pa.Array) -> None:
    """The values inside of structs; what is wrong is told with the row and the name as filters write it."""
    for inner, member in zip(field.struct_fields, column.flatten().flatten(), strict=True):
        try:
            check_column(replace(inner, name=f"{field.name}[{inner.name}]"), member)
        except InvalidInput as error:
            if error.row is None:
                raise
            row = int(pc.list_parent_indices(column)[error.row].as_py())
            told = error.message.replace(f"in row {error.row}", f"in row {row}")
            told = told.replace(f"of row {error.row}", f"of row {row}")
            raise InvalidInput(error.kind, told, field=field.name, row=row) from None


def _check_finite_numbers(field: Field, column: pa.Array) -> None:
    finite = pc.is_finite(column)
    if pc.all(finite).as_py() is False:
        row = _first_true(~pc.fill_null(finite, True).to_numpy(zero_copy_only=False))  # noqa: FBT003
        raise InvalidInput(
            "not_finite",
            f"field {field.name!r} is {column[row].as_py()} in row {row}, expected a finite {field.type_label()}",
            field=field.name,
            row=row,
        )


def _check_finite_matrix(field: Field, column: pa.Array) -> None:
    matrix = dense_matrix(column, field)
    if field.data_type is DataType.BFLOAT16_VECTOR:
        matrix = float32_from_bfloat16(matrix)
    if _is_finite(matrix):
        return
    wrong = ~np.isfinite(matrix).all(axis=1)
    if column.null_count:
        wrong &= column.is_valid().to_numpy(zero_copy_only=False)
    if not wrong.any():
        return
    row = _first_true(wrong)
    raise InvalidInput(
        "not_finite",
        f"field {field.name!r} has NaN or infinity in the vector of row {row}, expected finite numbers",
        field=field.name,
        row=row,
    )


def _is_finite(matrix: npt.NDArray[Any]) -> bool:
    if matrix.dtype == np.float32:
        inside = between(matrix.reshape(-1), -_FLOAT_MAX, _FLOAT_MAX, low_inclusive=True, high_inclusive=True)
        return bool(bit_count(inside) == matrix.size)
    # A sum in double is finite exactly when all these narrower elements are.
    with np.errstate(invalid="ignore"):
        return bool(np.isfinite(matrix.sum(dtype=np.float64)))


def _check_sparse(field: Field, column: pa.Array) -> None:
    vectors = sparse_rows(column)
    first, last = int(vectors.offsets[0]), int(vectors.offsets[-1])
    values, indices = vectors.values[first:last], vectors.indices[first:last]
    rows = np.repeat(np.arange(len(vectors)), np.diff(vectors.offsets))
    finite = np.isfinite(values)
    if not finite.all():
        row = int(rows[_first_true(~finite)])
        raise InvalidInput(
            "not_finite",
            f"field {field.name!r} has NaN or infinity in the vector of row {row}, expected finite numbers",
            field=field.name,
            row=row,
        )
    rising = (indices[1:] > indices[:-1]) | (rows[1:] != rows[:-1])
    if not rising.all():
        row = int(rows[1:][_first_true(~rising)])
        raise InvalidInput(
            "invalid_value",
            f"field {field.name!r} has sparse indices in row {row} that are not ascending and distinct",
            field=field.name,
            row=row,
        )


def _first_true(mask: npt.NDArray[np.bool_]) -> int:
    return int(np.argmax(mask))
