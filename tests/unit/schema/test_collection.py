"""A schema finds its fields, adds `$meta`, and gives ids that stay."""

import pytest

from elanus.errors import NotFound
from elanus.schema.collection import FIRST_FIELD_ID, Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType

_KEY = Field("id", DataType.INT64, is_primary=True)
_GROUP = Field("group", DataType.VARCHAR, max_length=8, is_partition_key=True)
_VECTOR = Field("v", DataType.FLOAT_VECTOR, dim=2)


def test_the_dynamic_field_comes_last_and_once() -> None:
    schema = Schema((_KEY, _VECTOR), enable_dynamic_field=True)
    assert [field.name for field in schema.fields] == ["id", "v", "$meta"]
    assert schema.dynamic_field is schema.fields[-1]
    assert [field.name for field in schema.user_fields] == ["id", "v"]
    again = schema.with_fields(schema.fields)
    assert again == schema
    assert Schema((_KEY, _VECTOR)).dynamic_field is None


def test_fields_are_found_by_what_they_are() -> None:
    schema = Schema((_VECTOR, _GROUP, _KEY))
    assert schema.primary_field is _KEY
    assert schema.partition_key_field is _GROUP
    assert schema.vector_fields == (_VECTOR,)
    assert Schema((_KEY,)).partition_key_field is None


def test_a_missing_field_is_named_with_those_there_are() -> None:
    schema = Schema((_KEY, _VECTOR), enable_dynamic_field=True)
    assert schema.find("nothing") is None
    with pytest.raises(NotFound, match=r"no field 'nothing'; the fields are id, v$") as caught:
        schema.field("nothing")
    assert caught.value.field == "nothing"


def test_ids_are_given_once_and_kept() -> None:
    schema = Schema((_KEY, _VECTOR), enable_dynamic_field=True).with_ids()
    assert [field.field_id for field in schema.fields] == [FIRST_FIELD_ID, 101, 102]
    grown = schema.with_fields([*schema.fields, Field("new", DataType.BOOL)]).with_ids(110)
    assert [field.field_id for field in grown.fields] == [100, 101, 102, 110]
    assert FIRST_FIELD_ID == 100


def test_a_list_of_fields_becomes_a_tuple() -> None:
    assert Schema([_KEY, _VECTOR]).fields == (_KEY, _VECTOR)  # type: ignore[arg-type]
