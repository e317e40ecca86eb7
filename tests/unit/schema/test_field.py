"""A field tells what it may hold."""

import pytest

from elanus.schema.field import UNASSIGNED_ID, Field
from elanus.schema.types import DataType


@pytest.mark.parametrize(
    ("field", "label"),
    [
        (Field("f", DataType.INT64), "Int64"),
        (Field("f", DataType.VARCHAR, max_length=64), "VarChar(64)"),
        (Field("f", DataType.VARCHAR), "VarChar(65535)"),
        (Field("f", DataType.ARRAY, element_type=DataType.INT8, max_capacity=4), "Array<Int8>"),
        (Field("f", DataType.FLOAT_VECTOR, dim=768), "FloatVector(768)"),
        (Field("f", DataType.BINARY_VECTOR, dim=16), "BinaryVector(16)"),
        (Field("f", DataType.SPARSE_FLOAT_VECTOR), "SparseFloatVector"),
        (Field("f", DataType.ARRAY), "Array"),
    ],
)
def test_messages_name_a_type_with_its_sizes(field: Field, label: str) -> None:
    assert field.type_label() == label


def test_only_nullable_default_and_dynamic_fields_may_be_left_out() -> None:
    assert not Field("f", DataType.INT64).may_be_omitted
    assert Field("f", DataType.INT64, nullable=True).may_be_omitted
    assert Field("f", DataType.INT64, default_value=0).may_be_omitted
    assert Field("f", DataType.BOOL, default_value=False).may_be_omitted
    assert Field("$meta", DataType.JSON, is_dynamic=True).may_be_omitted


def test_an_id_is_given_to_a_copy() -> None:
    field = Field("f", DataType.INT64)
    assert field.with_id(100).field_id == 100
    assert field.field_id == UNASSIGNED_ID


def test_length_without_a_limit_is_the_largest() -> None:
    assert Field("f", DataType.VARCHAR).length_max == 65_535
    assert Field("f", DataType.VARCHAR, max_length=0).length_max == 0
