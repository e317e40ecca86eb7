"""Query vectors: from the bytes of a placeholder group to an array in the element type of the field searched."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from elanus.columns.vectors import SparseRows, VectorLists, bfloat16_from_float32, element_dtype, row_elements
from elanus.errors import InvalidInput
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.server.grpc.sparse_bytes import sparse_from_bytes
from elanus.server.grpc.stubs import common_pb2
from elanus.server.refusals import not_supported

__all__ = ["query_vectors"]

_EMBEDDING_LISTS: Final = range(300, 306)
_NOT_FINITE: Final = ("not_finite", "NaN or infinity, expected finite numbers")
_FROM_FLOATS: Final = frozenset({DataType.FLOAT16_VECTOR, DataType.BFLOAT16_VECTOR})


def query_vectors(group: bytes, field: Field) -> npt.NDArray[Any] | SparseRows | VectorLists:
    """The vectors of a search request, `(query_count, elements)` of the field's element type, or sparse rows.

    A vector member of an array of structs is searched with lists of vectors for rows, or with vectors for elements.

    Float queries are taken for half-precision fields as well and rounded.

    Raises:
        InvalidInput: no vectors, a type or dimension other than the field's, or NaN or infinity in a vector.
    """
    placeholder = _placeholder(group)
    sent = placeholder.type
    if sent in _EMBEDDING_LISTS:
        return _lists(list(placeholder.values), field, sent)
    if sent in {int(DataType.VARCHAR), int(DataType.INT64)}:
        raise not_supported("a search with text or ids in place of vectors")
    if placeholder.element_level and "[" not in field.name:
        raise InvalidInput(
            "invalid_argument", f"field {field.name!r} is in no array of structs whose elements could be searched"
        )
    values = list(placeholder.values)
    if not values:
        raise InvalidInput("invalid_argument", "the search has no query vectors, expected at least one")
    as_floats = sent == DataType.FLOAT_VECTOR and field.data_type in _FROM_FLOATS
    if sent != field.data_type and not as_floats:
        got = common_pb2.PlaceholderType.Name(sent) if sent in common_pb2.PlaceholderType.values() else sent
        raise InvalidInput(
            "type_mismatch",
            f"vector type must be the same: field {field.name!r} is a {field.type_label()}, but the query is a {got}",
            field=field.name,
        )
    if sent == DataType.SPARSE_FLOAT_VECTOR:
        return _sparse_queries(values, field)
    return _finite(_dense_queries(values, field, DataType(sent)), field, as_floats=as_floats)


def _lists(values: list[bytes], field: Field, sent: int) -> VectorLists:
    """Lists of vectors, one a value, end to end in its bytes."""
    vector_type = DataType(sent - _EMBEDDING_LISTS.start + DataType.BINARY_VECTOR)
    as_floats = vector_type is DataType.FLOAT_VECTOR and field.data_type in _FROM_FLOATS
    if "[" not in field.name or (vector_type is not field.data_type and not as_floats):
        told = f"field {field.name!r} is a {field.type_label()}, but the query is a list of {vector_type.label}"
        raise InvalidInput("type_mismatch", told, field=field.name)
    width = row_elements(field) * element_dtype(vector_type).itemsize
    counts = [len(value) // width for value in values]
    wrong = next((row for row, value in enumerate(values) if not value or len(value) % width), None)
    if wrong is not None or not values:
        told = (
            "the query has no lists" if wrong is None else f"list {wrong} of the query has {len(values[wrong])} bytes"
        )
        raise InvalidInput(
            "dimension_mismatch", f"{told}, expected a multiple of {width} ({field.type_label()})", field=field.name
        )
    joined = b"".join(values)
    single = [joined[start : start + width] for start in range(0, len(joined), width)]
    matrix = _finite(_dense_queries(single, field, vector_type), field, as_floats=as_floats)
    return VectorLists(np.concatenate(([0], np.cumsum(counts))), matrix)


def _finite(matrix: npt.NDArray[Any], field: Field, *, as_floats: bool) -> npt.NDArray[Any]:
    """Query vectors in the element type of the field, none of them with NaN or infinity."""
    if as_floats and field.data_type is DataType.BFLOAT16_VECTOR:
        matrix = bfloat16_from_float32(matrix)
    elif as_floats:
        # What is too large becomes infinite here and is refused below.
        with np.errstate(over="ignore"):
            matrix = matrix.astype(np.float16)
    _refuse_first(_rows_not_finite(matrix, field.data_type), field, _NOT_FINITE)
    return matrix


def _placeholder(group: bytes) -> common_pb2.PlaceholderValue:
    message = common_pb2.PlaceholderGroup()
    try:
        message.ParseFromString(group)
    except DecodeError as error:
        raise InvalidInput("malformed_request", f"the placeholder group cannot be decoded: {error}") from None
    if len(message.placeholders) != 1:
        raise InvalidInput(
            "invalid_argument",
            f"the search has {len(message.placeholders)} placeholders, expected one with all vectors",
        )
    return message.placeholders[0]


def _dense_queries(values: list[bytes], field: Field, sent: DataType) -> npt.NDArray[Any]:
    dtype = element_dtype(sent)
    width = row_elements(field) * dtype.itemsize
    for row, value in enumerate(values):
        if len(value) != width:
            bits = 8 if sent is DataType.BINARY_VECTOR else 1
            raise InvalidInput(
                "dimension_mismatch",
                f"vector dimension mismatch: query vector {row} has {len(value) * bits // dtype.itemsize} dimensions "
                f"({len(value)} bytes), expected {field.dim} ({field.type_label()})",
                field=field.name,
                row=row,
            )
    data = values[0] if len(values) == 1 else b"".join(values)
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False).reshape(len(values), -1)


def _rows_not_finite(matrix: npt.NDArray[Any], data_type: DataType) -> npt.NDArray[np.bool_]:
    if data_type is DataType.BFLOAT16_VECTOR:
        # All ones in the exponent of a bfloat16 mean NaN or infinity.
        wrong = (matrix & np.uint16(0x7F80)) == np.uint16(0x7F80)
    else:
        wrong = ~np.isfinite(matrix)
    rows: npt.NDArray[np.bool_] = wrong.any(axis=1)
    return rows


def _sparse_queries(values: list[bytes], field: Field) -> SparseRows:
    rows = sparse_from_bytes(values, what=f"query for field {field.name!r}")
    row_numbers = np.repeat(np.arange(len(rows)), np.diff(rows.offsets))
    wrong = np.zeros(len(rows), np.bool_)
    wrong[row_numbers[~np.isfinite(rows.values)]] = True
    _refuse_first(wrong, field, _NOT_FINITE)
    falling = (rows.indices[1:] <= rows.indices[:-1]) & (row_numbers[1:] == row_numbers[:-1])
    wrong[row_numbers[1:][falling]] = True
    _refuse_first(wrong, field, ("invalid_value", "sparse indices that are not ascending and distinct"))
    return rows


def _refuse_first(wrong: npt.NDArray[np.bool_], field: Field, error: tuple[str, str]) -> None:
    """Raises for the first query vector marked in `wrong`; `error` is the kind, and what the vector has."""
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    raise InvalidInput(
        error[0],
        f"query vector {row} for field {field.name!r} ({field.type_label()}) has {error[1]}",
        field=field.name,
        row=row,
    )
