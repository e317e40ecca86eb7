"""Arrays of structs in the protocol: there and back, and members that are missing or disagree."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.columns.rows import python_values
from elanus.columns.values import column_from_values
from elanus.errors import InvalidInput
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.server.grpc.field_data_reader import column_from_field_data
from elanus.server.grpc.field_data_writer import field_data_from_column
from elanus.server.grpc.stubs import schema_pb2
from tests.unit.columns.every_type import FIELDS, values_of

_MEMBERS = tuple(
    replace(field, nullable=False)
    for field in FIELDS
    if field.data_type not in {DataType.ARRAY, DataType.JSON, DataType.SPARSE_FLOAT_VECTOR, DataType.TIMESTAMPTZ}
)
_FIELD = Field(
    "chunks", DataType.ARRAY, element_type=DataType.STRUCT, max_capacity=3, nullable=True, struct_fields=_MEMBERS
)
_ELEMENTS = st.lists(st.fixed_dictionaries({field.name: values_of(field) for field in _MEMBERS}), max_size=3)


@given(st.lists(st.none() | _ELEMENTS, max_size=4), st.booleans(), st.integers(0, 2))
def test_what_is_written_is_read(rows: list[Any], without_placeholders: bool, skipped: int) -> None:
    """Clients leave out the values of null rows; replies hold empty ones in their place."""
    column = column_from_values(_FIELD, [*[None, []][:skipped], *rows]).slice(skipped)
    message = field_data_from_column(column, _FIELD)
    if without_placeholders:
        for part in message.struct_arrays.fields:
            cells = part.vectors.vector_array.data if part.type == 106 else part.scalars.array_data.data
            for row in reversed(range(len(rows))):
                if rows[row] is None:
                    del cells[row]
    read = column_from_field_data(message, _FIELD, row_count=len(rows))
    assert python_values(read, _FIELD) == rows


_SMALL = replace(
    _FIELD, struct_fields=(Field("n", DataType.INT8), Field("e", DataType.FLOAT_VECTOR, dim=2)), nullable=True
)


def _message() -> schema_pb2.FieldData:
    """Rows of two structs, none, and one."""
    one = {"n": 1, "e": [1.0, 2.0]}
    return field_data_from_column(column_from_values(_SMALL, [[one, one], [], [one]]), _SMALL)


def _shorter(message: Any) -> None:
    message.struct_arrays.fields[0].scalars.array_data.data[2].int_data.data.append(5)


def _null(message: Any) -> None:
    message.struct_arrays.fields[1].valid_data[2] = False


def _renamed(message: Any) -> None:
    message.struct_arrays.fields[1].field_name = "z"


def _twice(message: Any) -> None:
    message.struct_arrays.fields[1].field_name = "n"


def _without(message: Any) -> None:
    del message.struct_arrays.fields[1]


def _odd(message: Any) -> None:
    message.struct_arrays.fields[1].vectors.vector_array.data[0].float_vector.data.append(1.0)


def _bytes(message: Any) -> None:
    message.struct_arrays.fields[1].vectors.vector_array.data[0].binary_vector = b"x"


def _fewer(message: Any) -> None:
    del message.struct_arrays.fields[1].vectors.vector_array.data[0]


def _wide(message: Any) -> None:
    message.struct_arrays.fields[0].scalars.array_data.data[2].int_data.data[0] = 300


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_shorter, "has 2 of 'n' and 1 of 'e' in row 2, expected as many of each"),
        (_null, "has 1 of 'n' and None of 'e' in row 2"),
        (_renamed, "was sent with 'z' which its structs do not have"),
        (_twice, "was sent with 'n' twice"),
        (_without, "was sent without 'e'"),
        (_odd, "has 5 vector elements of 'e' in row 0, expected a multiple of 2"),
        (_bytes, "has vectors of 'e' in binary_vector in row 0, expected float_vector"),
        (_fewer, "has 2 rows of 'e', expected 3"),
        (_wide, r"'chunks\[n\]' got 300 in row 2, expected -128 to 127"),
    ],
)
def test_members_that_do_not_fit_are_refused(change: Callable[[Any], None], told: str) -> None:
    message = _message()
    change(message)
    with pytest.raises(InvalidInput, match=told):
        column_from_field_data(message, _SMALL, row_count=3)
