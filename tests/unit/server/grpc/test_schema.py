"""Schemas from the protocol, and to it."""

from typing import Any

import pytest

from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.server.grpc.schema import decode_schema, schema_from_message, schema_to_message
from elanus.server.grpc.stubs import common_pb2, schema_pb2
from elanus.service.requests.collections import CollectionInfo


def _without_ids(schema: Schema) -> list[Field]:
    return [field.with_id(-1) for field in schema.fields]


def test_there_and_back(books: CollectionInfo) -> None:
    message = schema_to_message(books.schema, name="books", version=3)
    again = decode_schema(message.SerializeToString())
    assert list(again.fields) == _without_ids(books.schema)
    assert again.enable_dynamic_field
    assert again.description == "what was read"
    assert (message.name, message.version) == ("books", 3)
    assert [field.fieldID for field in message.fields] == [100, 101, 102, 103, 104, 105, 106]
    assert all(field.name != "$meta" for field in message.fields)


@pytest.mark.parametrize("data_type", list(DataType))
def test_every_type_keeps_its_number(data_type: DataType) -> None:
    message = schema_pb2.CollectionSchema()
    field = message.fields.add(name="f", data_type=int(data_type))
    if data_type is DataType.ARRAY:
        field.element_type = int(DataType.DOUBLE)
    read = schema_from_message(message).fields[0]
    assert read.data_type is data_type
    assert read.element_type is (DataType.DOUBLE if data_type is DataType.ARRAY else None)


def _field(**options: Any) -> Any:
    return schema_pb2.CollectionSchema(fields=[schema_pb2.FieldSchema(**{"name": "f", "data_type": 5, **options})])


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (schema_pb2.CollectionSchema(functions=[schema_pb2.FunctionSchema(name="b")]), "a function in a schema"),
        (schema_pb2.CollectionSchema(external_source="s3://x"), "an external collection"),
        (schema_pb2.CollectionSchema(enable_namespace=True), "a schema with namespaces"),
        (schema_pb2.CollectionSchema(file_resource_ids=[1]), "a file resource"),
        (_field(is_function_output=True), "field 'f': a function output"),
        (_field(external_field="x"), "field 'f': an external field"),
        (_field(data_type=200), "field 'f': type ArrayOfStruct"),
        (_field(data_type=106), "field 'f': type ArrayOfVector"),
        (_field(type_params=[common_pb2.KeyValuePair(key="enable_match", value="true")]), "field 'f': enable_match"),
    ],
)
def test_later_parts_are_refused_by_name(message: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=f"{told}.* is not supported yet") as raised:
        schema_from_message(message)
    assert raised.value.kind == "not_supported"


@pytest.mark.parametrize("number", [0, 77, 999])
def test_numbers_that_are_no_type(number: int) -> None:
    with pytest.raises(InvalidInput, match=f"data type {number}, which does not exist"):
        schema_from_message(_field(data_type=number))


def test_a_size_that_is_no_number() -> None:
    pair = common_pb2.KeyValuePair(key="max_length", value="long")
    with pytest.raises(InvalidInput, match="field 'f': max_length is 'long'"):
        schema_from_message(_field(data_type=21, type_params=[pair]))


def test_bytes_that_are_no_schema() -> None:
    with pytest.raises(InvalidInput, match="cannot be decoded") as raised:
        decode_schema(b"\xff\xff\xff")
    assert raised.value.kind == "malformed_request"


def test_auto_id_of_the_collection_is_that_of_its_key() -> None:
    message = schema_pb2.CollectionSchema(autoID=True)
    message.fields.add(name="id", data_type=5, is_primary_key=True)
    message.fields.add(name="other", data_type=5)
    read = schema_from_message(message)
    assert [field.auto_id for field in read.fields] == [True, False]


@pytest.mark.parametrize(
    ("data_type", "slot", "value", "expected"),
    [
        (DataType.BOOL, "bool_data", True, True),
        (DataType.INT8, "long_data", 7, 7),
        (DataType.INT32, "int_data", -1, -1),
        (DataType.INT64, "long_data", 1 << 60, 1 << 60),
        (DataType.FLOAT, "float_data", 0.5, 0.5),
        (DataType.DOUBLE, "long_data", 2, 2.0),
        (DataType.VARCHAR, "string_data", "x", "x"),
    ],
)
def test_default_values(data_type: DataType, slot: str, value: Any, expected: Any) -> None:
    default = schema_pb2.ValueField(**{slot: value})
    read = schema_from_message(_field(data_type=int(data_type), default_value=default)).fields[0]
    assert read.default_value == expected
    assert type(read.default_value) is type(expected)
    message = schema_to_message(Schema((read,)), name="c").fields[0]
    assert schema_from_message(schema_pb2.CollectionSchema(fields=[message])).fields[0].default_value == expected


@pytest.mark.parametrize(
    ("data_type", "slot", "value"), [(5, "string_data", "1"), (21, "long_data", 1), (1, "int_data", 1)]
)
def test_a_default_of_another_type(data_type: int, slot: str, value: Any) -> None:
    default = schema_pb2.ValueField(**{slot: value})
    with pytest.raises(InvalidInput, match="has default value"):
        schema_from_message(_field(data_type=data_type, default_value=default))


def test_an_empty_default_is_none() -> None:
    assert schema_from_message(_field(default_value=schema_pb2.ValueField())).fields[0].default_value is None
