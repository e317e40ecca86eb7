"""Columns from the protocol and to it: single cases. `tests/property` has the rest."""

import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from elanus.columns.check import check_column
from elanus.columns.layout import arrow_type
from elanus.columns.rows import python_values
from elanus.columns.values import column_from_values
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.server.grpc.field_data_reader import batch_from_fields_data, column_from_field_data
from elanus.server.grpc.field_data_writer import count_field_data, field_data_from_column, ids_from_column
from elanus.server.grpc.stubs import schema_pb2

_KEY = Field("id", DataType.INT64, is_primary=True)
_SMALL = Field("small", DataType.INT8, nullable=True)
_NAME = Field("name", DataType.VARCHAR, nullable=True)
_INFO = Field("info", DataType.JSON)
_TAGS = Field("tags", DataType.ARRAY, element_type=DataType.INT16, max_capacity=4, nullable=True)
_VECTOR = Field("vector", DataType.FLOAT_VECTOR, dim=2, nullable=True)
_HALF = Field("half", DataType.FLOAT16_VECTOR, dim=2)
_BRAIN = Field("brain", DataType.BFLOAT16_VECTOR, dim=2)
_BITS = Field("bits", DataType.BINARY_VECTOR, dim=16)
_BYTES = Field("bytes", DataType.INT8_VECTOR, dim=3)
_SPARSE = Field("sparse", DataType.SPARSE_FLOAT_VECTOR, nullable=True)
_SCHEMA = Schema((_KEY, _SMALL, _NAME, _INFO, _TAGS, _VECTOR, _HALF, _BRAIN, _BITS, _BYTES, _SPARSE), True)


def _message(field: Field, **parts: Any) -> Any:
    return schema_pb2.FieldData(type=int(field.data_type), field_name=field.name, **parts)


def _scalars(field: Field, slot: str, values: list[Any], valid: list[bool] | None = None) -> Any:
    message = _message(field, valid_data=valid or [])
    getattr(message.scalars, slot).data.extend(values)
    return message


def _read(message: Any, field: Field, row_count: int) -> list[Any]:
    column = column_from_field_data(message, field, row_count=row_count)
    assert column.type.equals(arrow_type(field))
    assert len(column) == row_count
    column.validate(full=True)
    return python_values(column, field)


def test_nulls_come_compact_or_padded() -> None:
    valid = [True, False, True]
    assert _read(_scalars(_SMALL, "int_data", [1, 3], valid), _SMALL, 3) == [1, None, 3]
    assert _read(_scalars(_SMALL, "int_data", [1, 9, 3], valid), _SMALL, 3) == [1, None, 3]
    assert _read(_scalars(_NAME, "string_data", ["a", "c"], valid), _NAME, 3) == ["a", None, "c"]
    assert _read(_scalars(_NAME, "string_data", ["a", "", "c"], valid), _NAME, 3) == ["a", None, "c"]


@pytest.mark.parametrize("field", [_SMALL, _NAME, _TAGS, _VECTOR, _SPARSE], ids=lambda field: field.name)
def test_a_column_of_nulls_has_no_values_at_all(field: Field) -> None:
    assert _read(_message(field, valid_data=[False] * 3), field, 3) == [None] * 3


def test_no_rows() -> None:
    assert _read(_scalars(_KEY, "long_data", []), _KEY, 0) == []
    assert _read(_message(_VECTOR), _VECTOR, 0) == []


def test_arrays_with_nulls_and_empty_rows() -> None:
    message = _message(_TAGS, valid_data=[True, False, True])
    cells = message.scalars.array_data.data
    cells.add().int_data.data.extend([1, 2])
    cells.add()
    assert _read(message, _TAGS, 3) == [[1, 2], None, []]


def test_half_precision_from_bytes_and_from_floats() -> None:
    rows = np.array([[0.5, 1.0], [-2.0, 3.0]], np.float16)
    packed = _message(_HALF, vectors=schema_pb2.VectorField(dim=2, float16_vector=rows.tobytes()))
    floats = _message(_HALF, vectors=schema_pb2.VectorField(dim=2))
    floats.vectors.float_vector.data.extend(rows.ravel().tolist())
    assert _read(packed, _HALF, 2) == _read(floats, _HALF, 2) == rows.tolist()


def test_brain_floats_are_rounded_to_even() -> None:
    message = _message(_BRAIN, vectors=schema_pb2.VectorField(dim=2))
    message.vectors.float_vector.data.extend([1.00390625, 1.01171875])
    assert _read(message, _BRAIN, 1) == [[1.0, 1.015625]]


def test_a_half_that_is_too_large_is_refused_when_checked() -> None:
    message = _message(_HALF, vectors=schema_pb2.VectorField(dim=2))
    message.vectors.float_vector.data.extend([1.0, 1e6])
    column = column_from_field_data(message, _HALF, row_count=1)
    with pytest.raises(InvalidInput, match="NaN or infinity in the vector of row 0"):
        check_column(_HALF, column)


def test_bits_and_bytes() -> None:
    bits = _message(_BITS, vectors=schema_pb2.VectorField(dim=16, binary_vector=b"\x01\x02\x03\x04"))
    assert _read(bits, _BITS, 2) == [b"\x01\x02", b"\x03\x04"]
    numbers = _message(_BYTES, vectors=schema_pb2.VectorField(dim=3, int8_vector=b"\x01\xff\x80"))
    assert _read(numbers, _BYTES, 1) == [[1, -1, -128]]


def test_sparse_vectors_with_nulls() -> None:
    contents = [struct.pack("<IfIf", 1, 0.5, 7, 2.0), b""]
    message = _message(_SPARSE, valid_data=[False, True, True])
    message.vectors.sparse_float_vector.contents.extend(contents)
    assert _read(message, _SPARSE, 3) == [None, {1: 0.5, 7: 2.0}, {}]


@pytest.mark.parametrize(
    ("message", "field", "kind", "told"),
    [
        (_scalars(_KEY, "long_data", [1]), _KEY, "row_count_mismatch", "has 1 values, expected 2"),
        (_scalars(_KEY, "int_data", [1, 2]), _KEY, "type_mismatch", "values come in long_data, but int_data was sent"),
        (_scalars(_SMALL, "int_data", [1, 200]), _SMALL, "out_of_range", "got 200 in row 1, expected -128 to 127"),
        (_scalars(_NAME, "string_data", ["a"], [True]), _NAME, "row_count_mismatch", "has 1 valid_data flags"),
        (_scalars(_INFO, "json_data", [b"{}", b"\xff"]), _INFO, "invalid_value", "JSON that is not UTF-8 in value 1"),
        (
            _message(_VECTOR, vectors=schema_pb2.VectorField(dim=3)),
            _VECTOR,
            "dimension_mismatch",
            "vectors of 3 dimensions, expected 2",
        ),
        (
            _message(_HALF, vectors=schema_pb2.VectorField(dim=2, float16_vector=b"12345")),
            _HALF,
            "dimension_mismatch",
            "5 bytes of vectors, expected a multiple of 2",
        ),
        (
            _message(_BITS, vectors=schema_pb2.VectorField(dim=16, binary_vector=b"123")),
            _BITS,
            "dimension_mismatch",
            "3 vector elements, expected a multiple of 2",
        ),
        (
            _message(_BYTES, vectors=schema_pb2.VectorField(dim=3, binary_vector=b"123")),
            _BYTES,
            "type_mismatch",
            "vectors come in int8_vector, but binary_vector was sent",
        ),
        (
            _message(_SPARSE, vectors=schema_pb2.VectorField(sparse_float_vector={"contents": [b"1234567", b""]})),
            _SPARSE,
            "invalid_value",
            "sparse vector 0 has 7 bytes",
        ),
        (_scalars(_KEY, "long_data", [1, 2]), _NAME, "type_mismatch", "should be a VarChar, but got a Int64"),
    ],
)
def test_what_does_not_fit_is_refused(message: Any, field: Field, kind: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told) as raised:
        column_from_field_data(message, field, row_count=2)
    assert raised.value.kind == kind


def test_elements_of_an_array_are_checked_with_their_row() -> None:
    outside = _message(_TAGS, valid_data=[False, True, True])
    outside.scalars.array_data.data.add().int_data.data.extend([1])
    outside.scalars.array_data.data.add().int_data.data.extend([2, 40_000])
    with pytest.raises(InvalidInput, match="got 40000 in row 2, expected -32768 to 32767"):
        column_from_field_data(outside, _TAGS, row_count=3)
    other = _message(_TAGS)
    other.scalars.array_data.data.add().string_data.data.append("x")
    with pytest.raises(InvalidInput, match="row 0 has elements in string_data, expected int_data"):
        column_from_field_data(other, _TAGS, row_count=1)
    typed = _message(_TAGS)
    typed.scalars.array_data.element_type = int(DataType.DOUBLE)
    with pytest.raises(InvalidInput, match="sent as data type 11"):
        column_from_field_data(typed, _TAGS, row_count=0)


def test_a_batch_finds_its_fields() -> None:
    dynamic = schema_pb2.FieldData(type=23, is_dynamic=True)
    dynamic.scalars.json_data.data.extend([b'{"a":1}', b"{}"])
    batch = batch_from_fields_data([_scalars(_KEY, "long_data", [1, 2]), dynamic], _SCHEMA, row_count=2)
    assert batch.schema.names == ["id", "$meta"]
    assert batch.column("$meta").to_pylist() == ['{"a":1}', "{}"]


def test_columns_that_no_field_takes() -> None:
    plain = Schema((_KEY,))
    with pytest.raises(InvalidInput, match="has no field 'small'; the fields are id"):
        batch_from_fields_data([_scalars(_SMALL, "int_data", [1])], plain, row_count=1)
    with pytest.raises(InvalidInput, match="without enable_dynamic_field"):
        batch_from_fields_data([schema_pb2.FieldData(type=23, is_dynamic=True)], plain, row_count=1)
    with pytest.raises(InvalidInput, match="'id' was sent twice"):
        batch_from_fields_data([_scalars(_KEY, "long_data", [1])] * 2, plain, row_count=1)
    with pytest.raises(InvalidInput, match="5 rows were sent without any column"):
        batch_from_fields_data([], plain, row_count=5)
    with pytest.raises(InvalidInput, match="'id' should be a Int64, but got a ArrayOfStruct"):
        batch_from_fields_data([schema_pb2.FieldData(type=200, field_name="id", struct_arrays={})], plain, row_count=1)


def test_replies_mark_nulls_and_keep_scalars_aligned() -> None:
    message = field_data_from_column(column_from_values(_NAME, ["a", None]), _NAME)
    assert list(message.valid_data) == [True, False]
    assert list(message.scalars.string_data.data) == ["a", ""]
    vectors = field_data_from_column(column_from_values(_VECTOR, [None, [1.0, 2.0]]), _VECTOR)
    assert list(vectors.valid_data) == [False, True]
    assert list(vectors.vectors.float_vector.data) == [1.0, 2.0]


def test_replies_without_rows_still_say_their_type() -> None:
    for field in _SCHEMA.fields:
        message = field_data_from_column(pa.array([], arrow_type(field)), field)
        assert message.type == field.data_type
        kind = "vectors" if field.is_vector else "scalars"
        assert message.WhichOneof("field") == kind
        assert getattr(message, kind).WhichOneof("data") is not None


def test_nulls_of_dynamic_keys_are_empty_objects() -> None:
    dynamic = _SCHEMA.dynamic_field
    assert dynamic is not None
    message = field_data_from_column(pa.array(['{"a":1}', None]), dynamic)
    assert list(message.scalars.json_data.data) == [b'{"a":1}', b"{}"]
    assert message.is_dynamic
    assert not message.valid_data


def test_replies_of_a_slice_begin_at_the_slice() -> None:
    column = column_from_values(_VECTOR, [[1.0, 2.0], None, [5.0, 6.0]])
    assert list(field_data_from_column(column[2:], _VECTOR).vectors.float_vector.data) == [5.0, 6.0]
    sparse = column_from_values(_SPARSE, [{1: 1.0}, {2: 2.0}])
    written = field_data_from_column(sparse[1:], _SPARSE).vectors.sparse_float_vector
    assert list(written.contents) == [struct.pack("<If", 2, 2.0)]
    assert written.dim == 3


def test_ids_and_counts() -> None:
    assert list(ids_from_column(pa.array([1, 2], pa.int64())).int_id.data) == [1, 2]
    assert list(ids_from_column(pa.array(["a"], pa.string())).str_id.data) == ["a"]
    assert ids_from_column(pa.array([], pa.string())).WhichOneof("id_field") == "str_id"
    assert list(count_field_data(12).scalars.long_data.data) == [12]
