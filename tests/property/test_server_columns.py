"""Columns over the wire, against the slow way round: pymilvus packs and unpacks them row by row."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st
from pymilvus.client.field_data_extractors import decode_cell, decode_range, physical_index
from pymilvus.client.prepare import Prepare

from elanus.columns.rows import python_values
from elanus.columns.values import column_from_values
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.server.grpc.field_data_reader import column_from_field_data
from elanus.server.grpc.field_data_writer import field_data_from_column
from elanus.server.grpc.sparse_bytes import bytes_from_sparse, sparse_from_bytes
from elanus.server.grpc.stubs import schema_pb2
from elanus.server.rest.json_rows import batch_from_json, rows_to_json

_DIM = 16
_FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)


def _integers(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


_SCALARS: dict[DataType, st.SearchStrategy[Any]] = {
    DataType.BOOL: st.booleans(),
    DataType.INT8: _integers(8),
    DataType.INT16: _integers(16),
    DataType.INT32: _integers(32),
    DataType.INT64: _integers(64),
    DataType.FLOAT: _FLOAT32,
    DataType.DOUBLE: st.floats(allow_nan=False, allow_infinity=False),
    DataType.VARCHAR: _TEXT,
}
_HALVES = st.floats(width=16, allow_nan=False, allow_infinity=False)
_VECTORS: dict[DataType, st.SearchStrategy[Any]] = {
    DataType.FLOAT_VECTOR: st.lists(_FLOAT32, min_size=_DIM, max_size=_DIM),
    DataType.FLOAT16_VECTOR: st.lists(_HALVES, min_size=_DIM, max_size=_DIM).map(lambda row: np.array(row, np.float16)),
    DataType.BFLOAT16_VECTOR: st.lists(_HALVES, min_size=_DIM, max_size=_DIM),
    DataType.INT8_VECTOR: st.lists(_integers(8), min_size=_DIM, max_size=_DIM).map(lambda row: np.array(row, np.int8)),
    DataType.BINARY_VECTOR: st.binary(min_size=_DIM // 8, max_size=_DIM // 8),
    DataType.SPARSE_FLOAT_VECTOR: st.dictionaries(st.integers(0, 2**32 - 2), _FLOAT32, max_size=5),
}


@st.composite
def _columns(draw: st.DrawFn) -> tuple[Field, list[Any]]:
    """A field of any type and a value for each row, None where it is null."""
    data_type = draw(st.sampled_from([*_SCALARS, *_VECTORS, DataType.JSON, DataType.ARRAY]))
    element_type = None
    if data_type is DataType.ARRAY:
        element_type = draw(st.sampled_from(list(_SCALARS)))
        values: st.SearchStrategy[Any] = st.lists(_SCALARS[element_type], max_size=4)
    elif data_type is DataType.JSON:
        # The client takes text for JSON that is written already.
        values = _JSON.filter(lambda value: value is not None and not isinstance(value, str))
    else:
        values = {**_SCALARS, **_VECTORS}[data_type]
    nullable = draw(st.booleans())
    dim = _DIM if data_type in _VECTORS and data_type is not DataType.SPARSE_FLOAT_VECTOR else None
    field = Field("f", data_type, nullable=nullable, dim=dim, element_type=element_type, max_capacity=8)
    rows = draw(st.lists(st.none() | values if nullable else values, min_size=1, max_size=6))
    return field, rows


def _packed(field: Field, rows: Sequence[Any]) -> Any:
    """The column as pymilvus makes it of rows."""
    info = {
        "name": field.name,
        "type": int(field.data_type),
        "nullable": field.nullable,
        "element_type": int(field.element_type or 0),
        "params": {"dim": field.dim or 0, "max_length": 100, "max_capacity": 8},
    }
    request = Prepare.row_insert_param("c", [{"f": row} for row in rows], "", [info])
    return request.fields_data[0]


@given(_columns())
def test_the_reader_gives_what_the_rows_give(column: tuple[Field, list[Any]]) -> None:
    field, rows = column
    expected = column_from_values(field, rows)
    message = _packed(field, rows)
    for sent in (message, schema_pb2.FieldData.FromString(message.SerializeToString())):
        read = column_from_field_data(sent, field, row_count=len(rows))
        assert read.type.equals(expected.type)
        read.validate(full=True)
        assert python_values(read, field) == python_values(expected, field)


def _unpacked(message: Any, field: Field, row_count: int) -> list[Any]:
    """The rows as pymilvus makes them of a column in a search result."""
    if field.data_type in _SCALARS:
        return list(decode_range(message, 0, row_count))
    cells = [
        decode_cell(message, row, physical_index_override=physical_index(message, row)) for row in range(row_count)
    ]
    return [cell if cell is None or isinstance(cell, dict | bytes | int | bool) else list(cell) for cell in cells]


def _bytes_of_row(field: Field, value: Any) -> Any:
    """Vectors that pymilvus gives as bytes."""
    if value is None or isinstance(value, bytes):
        return value
    if field.data_type is DataType.FLOAT16_VECTOR:
        return np.array(value, np.float16).tobytes()
    if field.data_type is DataType.INT8_VECTOR:
        return np.array(value, np.int8).tobytes()
    return (np.array(value, np.float32).view(np.uint32) >> 16).astype(np.uint16).tobytes()


@given(_columns())
def test_pymilvus_reads_what_the_writer_writes(column: tuple[Field, list[Any]]) -> None:
    field, rows = column
    stored = column_from_values(field, rows)
    expected = python_values(stored, field)
    if field.data_type in {DataType.FLOAT16_VECTOR, DataType.BFLOAT16_VECTOR, DataType.INT8_VECTOR}:
        expected = [_bytes_of_row(field, value) for value in expected]
    message = field_data_from_column(stored, field)
    again = schema_pb2.FieldData.FromString(message.SerializeToString())
    assert again == message
    if field.data_type is DataType.JSON:
        cells = [decode_cell(message, row) for row in range(len(rows))]
        assert orjson.dumps(cells) == orjson.dumps(
            [orjson.loads(text) if text else None for text in stored.to_pylist()]
        )
    else:
        assert _unpacked(message, field, len(rows)) == expected


@given(_columns())
def test_the_writer_and_the_reader_are_inverse(column: tuple[Field, list[Any]]) -> None:
    field, rows = column
    stored = column_from_values(field, rows)
    again = column_from_field_data(field_data_from_column(stored, field), field, row_count=len(rows))
    assert python_values(again, field) == python_values(stored, field)
    start = len(rows) // 2
    part = column_from_field_data(field_data_from_column(stored[start:], field), field, row_count=len(rows) - start)
    assert python_values(part, field) == python_values(stored, field)[start:]


@given(st.lists(_VECTORS[DataType.SPARSE_FLOAT_VECTOR], max_size=6))
def test_sparse_vectors_as_bytes(rows: list[dict[int, float]]) -> None:
    pairs = [b"".join(np.array([(i, row[i])], "<u4,<f4").tobytes() for i in sorted(row)) for row in rows]
    read = sparse_from_bytes(pairs, what="test")
    indices = [dict(zip(*(part.tolist() for part in read.row(number)), strict=True)) for number in range(len(rows))]
    assert indices == rows
    assert bytes_from_sparse(read) == pairs


@given(_columns())
def test_rows_of_rest_come_back_as_they_were_stored(column: tuple[Field, list[Any]]) -> None:
    field, rows = column
    schema = Schema((field,))
    stored = batch_from_json([{"f": row} for row in rows], schema)
    text = orjson.dumps(rows_to_json(stored, [field], allow_int64=True), option=orjson.OPT_SERIALIZE_NUMPY)
    again = batch_from_json(orjson.loads(text), schema)
    assert python_values(again.column("f"), field) == python_values(stored.column("f"), field)
    short = orjson.dumps(rows_to_json(stored, [field], allow_int64=False), option=orjson.OPT_SERIALIZE_NUMPY)
    again = batch_from_json(orjson.loads(short), schema)
    assert python_values(again.column("f"), field) == python_values(stored.column("f"), field)
