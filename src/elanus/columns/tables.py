"""Tables from other libraries into a batch: pyarrow, pandas, polars, and mappings of columns."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa

from elanus.columns.check import check_column
from elanus.columns.instants import instants_from_arrow
from elanus.columns.layout import arrow_type
from elanus.columns.rows import batch_from_columns, python_values
from elanus.columns.values import column_from_ndarray, column_from_values
from elanus.columns.vectors import dense_array, element_dtype, row_elements
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import DYNAMIC_FIELD_NAME, Field
from elanus.schema.types import DataType

__all__ = ["batch_from_arrow", "batch_from_mapping", "table_of"]

_PACKED_VECTORS: Final = {DataType.BFLOAT16_VECTOR, DataType.BINARY_VECTOR}


def table_of(data: object) -> pa.Table | None:
    """`data` as an Arrow table if it is one, a record batch, or a pandas or polars frame; else None."""
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    library = type(data).__module__.partition(".")[0] if type(data).__name__ == "DataFrame" else ""
    if library == "pandas":
        return pa.Table.from_pandas(data, preserve_index=False)
    if library == "polars":
        return data.to_arrow()  # type: ignore[attr-defined]
    return None


def batch_from_mapping(columns: Mapping[str, Any], schema: Schema) -> pa.RecordBatch:
    """A batch from one array or list a field.

    Raises:
        InvalidInput: columns of different lengths, an unknown field, or values that do not fit.
    """
    lengths = {name: _length(name, values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise InvalidInput("row_count_mismatch", f"columns differ in length: {told}")
    fields, arrays = [], []
    extras: dict[str, list[Any]] = {}
    for name, values in columns.items():
        field = schema.find(name)
        if field is None:
            extras[name] = _plain_values(values)
            continue
        fields.append(field)
        if isinstance(values, pa.Array | pa.ChunkedArray):
            arrays.append(_column_from_arrow(field, values))
        elif isinstance(values, np.ndarray):
            arrays.append(column_from_ndarray(field, values))
        else:
            arrays.append(column_from_values(field, values))
    if extras:
        dynamic = _dynamic(schema, next(iter(extras)))
        given = columns.get(DYNAMIC_FIELD_NAME)
        if given is not None:
            position = fields.index(dynamic)
            fields.pop(position)
            given = arrays.pop(position)
        fields.append(dynamic)
        arrays.append(_merge_keys(dynamic, given, extras))
    return batch_from_columns(fields, arrays)


def batch_from_arrow(table: pa.Table, schema: Schema) -> pa.RecordBatch:
    """A batch from a table whose columns are named after fields; other columns go to `$meta`.

    Vectors may be lists or fixed-size lists of any number type, or packed bytes. Shares memory where the layout fits
    and the table is one chunk.

    Raises:
        InvalidInput: an unknown column without a dynamic field, or values that do not fit.
    """
    repeated = [name for name in table.column_names if table.column_names.count(name) > 1]
    if repeated:
        raise InvalidInput("invalid_argument", f"the table has several columns called {repeated[0]!r}")
    return batch_from_mapping({name: table.column(name) for name in table.column_names}, schema)


def _length(name: object, values: Any) -> int:
    if not isinstance(name, str):
        raise InvalidInput("type_mismatch", f"column name {name!r} is no string")
    if not isinstance(values, str | bytes | Mapping):
        try:
            return len(values)
        except TypeError:  # a scalar, an iterator, an array without dimensions, a sparse matrix
            pass
    raise InvalidInput(
        "type_mismatch",
        f"column {name!r} is a {type(values).__name__}, expected a list or array with one value a row",
        field=name,
    )


def _dynamic(schema: Schema, name: str) -> Field:
    dynamic = schema.dynamic_field
    if dynamic is None:
        raise InvalidInput(
            "unknown_field",
            f"column {name!r} is no field of the schema; enable_dynamic_field would store it",
            field=name,
        )
    return dynamic


def _plain_values(values: Any) -> list[Any]:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return list(values.to_pylist())
    return list(values.tolist()) if isinstance(values, np.ndarray) else list(values)


def _merge_keys(dynamic: Field, given: pa.Array | None, extras: Mapping[str, list[Any]]) -> pa.Array:
    """The values of `$meta`: those given for it, and the columns that are no fields."""
    rows = [dict(zip(extras, row, strict=True)) for row in zip(*extras.values(), strict=True)]
    if given is not None:
        check_column(replace(dynamic, nullable=True), given)
        rows = [{**(before or {}), **row} for before, row in zip(python_values(given, dynamic), rows, strict=True)]
    return column_from_values(dynamic, rows)


def _column_from_arrow(field: Field, column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # combine_chunks keeps chunks that together pass 2 GiB
            column = pa.concat_arrays(column.chunks)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    target = arrow_type(field)
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), target)
    if field.data_type is DataType.GEOMETRY or field.is_struct_array:
        return column_from_values(field, column.to_pylist())
    if field.data_type is DataType.TIMESTAMPTZ:
        if pa.types.is_timestamp(column.type):
            return instants_from_arrow(field, column)
        return column_from_values(field, column.to_pylist())
    if column.type.equals(target):
        return _without_hidden_elements(column)
    if field.data_type is DataType.JSON:
        return column.cast(target) if _is_text(column.type) else column_from_values(field, column.to_pylist())
    if field.data_type is DataType.SPARSE_FLOAT_VECTOR:
        return _sparse_from_arrow(field, column)
    if field.is_vector:
        return _vectors_from_arrow(field, column)
    if not _may_cast(column.type, target):
        return column_from_values(field, column.to_pylist())
    try:
        return column.cast(target, safe=field.data_type is not DataType.FLOAT)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return column_from_values(field, column.to_pylist())


def _without_hidden_elements(column: pa.Array) -> pa.Array:
    """The column; a null row of a foreign list array may have elements, which taking leaves out."""
    return column.take(pa.array(np.arange(len(column)))) if column.null_count and _is_list(column.type) else column


def _sparse_from_arrow(field: Field, column: pa.Array) -> pa.Array:
    """From lists of structs as we write them, whatever the widths of their numbers, or of maps or pairs."""
    if _is_list(column.type) or pa.types.is_large_list(column.type):
        element = column.type.value_type
        if pa.types.is_struct(element) and [item.name for item in element] == ["index", "value"]:
            try:
                return _without_hidden_elements(column.cast(arrow_type(field)))
            except pa.ArrowInvalid as error:
                raise InvalidInput(
                    "type_mismatch", f"field {field.name!r} got {column.type}: {error}", field=field.name
                ) from error
    return column_from_values(field, column.to_pylist())


def _may_cast(given: pa.DataType, target: pa.DataType) -> bool:
    """Whether Arrow's cast keeps what is meant: it also reads numbers from text, and truth values from numbers."""
    if pa.types.is_list(target):
        nested = _is_list(given) or pa.types.is_large_list(given) or pa.types.is_fixed_size_list(given)
        return nested and _may_cast(given.value_type, target.value_type)
    if pa.types.is_boolean(target):
        return bool(pa.types.is_boolean(given))
    if pa.types.is_string(target):
        return _is_text(given) or pa.types.is_binary(given) or pa.types.is_large_binary(given)
    return bool(pa.types.is_integer(given) or pa.types.is_floating(given) or pa.types.is_decimal(given))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind))


def _vectors_from_arrow(field: Field, column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return column_from_values(field, column.to_pylist())
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        raise InvalidInput(
            "type_mismatch",
            f"field {field.name!r} got a column of {kind}, expected {field.type_label()}",
            field=field.name,
        )
    width = row_elements(field)
    element = element_dtype(field.data_type)
    numbers = column.flatten()
    regular = column.null_count == 0 and numbers.null_count == 0 and len(numbers) == len(column) * width
    if regular and field.data_type not in _PACKED_VECTORS and _row_lengths_equal(column, width):
        matrix = numbers.to_numpy(zero_copy_only=False).reshape(len(column), width)
        if matrix.dtype == element:
            return dense_array(matrix, field)
        return column_from_ndarray(field, matrix)
    return column_from_values(field, column.to_pylist())


def _row_lengths_equal(column: pa.Array, width: int) -> bool:
    if pa.types.is_fixed_size_list(column.type):
        return bool(column.type.list_size == width)
    lengths = np.diff(column.offsets.to_numpy(zero_copy_only=False))
    return bool((lengths == width).all())
