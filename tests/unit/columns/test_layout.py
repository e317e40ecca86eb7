"""The Arrow type of every data type: the file format, which never changes."""

import pyarrow as pa
import pytest

from elanus.columns.layout import FIELD_ID_KEY, SPARSE_TYPE, TIMESTAMP_COLUMN, arrow_field, arrow_schema, arrow_type
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.unit.columns.every_type import FIELD_OF, FIELDS

_FORMAT = {
    "f_bool": "bool",
    "f_int8": "int8",
    "f_int16": "int16",
    "f_int32": "int32",
    "f_int64": "int64",
    "f_float": "float",
    "f_double": "double",
    "f_varchar": "string",
    "f_json": "string",
    "f_array_bool": "list<item: bool not null>",
    "f_array_int8": "list<item: int8 not null>",
    "f_array_int16": "list<item: int16 not null>",
    "f_array_int32": "list<item: int32 not null>",
    "f_array_int64": "list<item: int64 not null>",
    "f_array_float": "list<item: float not null>",
    "f_array_double": "list<item: double not null>",
    "f_array_varchar": "list<item: string not null>",
    "f_float_vector": "fixed_size_list<item: float not null>[16]",
    "f_float16_vector": "fixed_size_list<item: halffloat not null>[16]",
    "f_bfloat16_vector": "fixed_size_binary[32]",
    "f_int8_vector": "fixed_size_list<item: int8 not null>[16]",
    "f_binary_vector": "fixed_size_binary[2]",
    "f_sparse": "list<item: struct<index: uint32 not null, value: float not null> not null>",
    "f_timestamptz": "int64",
}


def test_types_are_those_of_the_file_format() -> None:
    assert {field.name: str(arrow_type(field)) for field in FIELDS} == _FORMAT
    assert arrow_type(FIELD_OF[DataType.SPARSE_FLOAT_VECTOR]).equals(SPARSE_TYPE)
    assert TIMESTAMP_COLUMN == "$timestamp"


def test_a_column_carries_the_id_of_its_field() -> None:
    field = Field("x", DataType.INT8, field_id=117)
    assert arrow_field(field).metadata == {FIELD_ID_KEY: b"117"}
    assert FIELD_ID_KEY == b"elanus.field_id"
    schema = arrow_schema([field, field.with_id(118)])
    assert [item.metadata[FIELD_ID_KEY] for item in schema] == [b"117", b"118"]


def test_types_that_are_not_stored_have_no_layout() -> None:
    with pytest.raises(AssertionError):
        arrow_type(Field("x", DataType.FLOAT_VECTOR))
    with pytest.raises(AssertionError):
        arrow_type(Field("x", DataType.TEXT))


def test_sparse_offsets_are_32_bits() -> None:
    assert pa.types.is_list(SPARSE_TYPE)
    assert not pa.types.is_large_list(SPARSE_TYPE)
