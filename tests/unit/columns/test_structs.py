"""Columns of arrays of structs: lists of dicts in and out, one member by itself, and what is refused, with its row."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.columns.check import check_column
from elanus.columns.rows import python_values
from elanus.columns.structs import struct_member, with_members
from elanus.columns.tables import batch_from_arrow
from elanus.columns.taking import take_rows
from elanus.columns.values import column_from_values
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.unit.columns.every_type import FIELDS, values_of

_MEMBERS = tuple(
    replace(field, nullable=False)
    for field in FIELDS
    if field.data_type not in {DataType.ARRAY, DataType.JSON, DataType.SPARSE_FLOAT_VECTOR, DataType.TIMESTAMPTZ}
)
_FIELD = Field(
    "chunks",
    DataType.ARRAY,
    element_type=DataType.STRUCT,
    max_capacity=3,
    nullable=True,
    struct_fields=_MEMBERS,
    field_id=300,
)
_ROWS = st.lists(
    st.none() | st.lists(st.fixed_dictionaries({field.name: values_of(field) for field in _MEMBERS}), max_size=3),
    max_size=5,
)


@given(_ROWS, st.integers(0, 5), st.randoms(use_true_random=False))
def test_rows_come_back_whole_and_in_any_part(rows: list[Any], start: int, choose: Any) -> None:
    column = column_from_values(_FIELD, rows)
    check_column(_FIELD, column)
    assert python_values(column, _FIELD) == rows
    part = column.slice(min(start, len(rows)))
    assert python_values(part, _FIELD) == rows[start:]
    order = [choose.randrange(len(rows)) for _ in range(4)] if rows else []
    assert python_values(take_rows(column, np.array(order, np.int64)), _FIELD) == [rows[row] for row in order]
    joined = pa.concat_arrays([part, column])
    assert python_values(joined, _FIELD) == [*rows[start:], *rows]
    member = _MEMBERS[choose.randrange(len(_MEMBERS))]
    lists = struct_member(part, member.name)
    assert lists.null_count == sum(row is None for row in rows[start:])
    assert python_values(lists.flatten(), member) == [item[member.name] for row in rows[start:] for item in row or ()]
    few = replace(_FIELD, struct_fields=(member,))
    assert python_values(with_members(part, few), few) == [
        None if row is None else [{member.name: item[member.name]} for item in row] for row in rows[start:]
    ]
    table = pa.table({"chunks": pa.chunked_array([column, part])})
    schema = Schema((_FIELD,))
    assert python_values(batch_from_arrow(table, schema).column(0), _FIELD) == [*rows, *rows[start:]]


_SMALL = replace(
    _FIELD,
    struct_fields=(
        Field("text", DataType.VARCHAR, max_length=3),
        Field("n", DataType.INT8),
        Field("q", DataType.FLOAT),
        Field("e", DataType.FLOAT_VECTOR, dim=2),
    ),
)


def _element(**changes: Any) -> dict[str, Any]:
    return {"text": "a", "n": 1, "q": 0.5, "e": [1, 2], **changes}


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        (5, "type_mismatch", "got a int in row 2, expected a list of dicts"),
        ({"text": "a"}, "type_mismatch", "got a dict in row 2"),
        ("abc", "type_mismatch", "got a str in row 2"),
        ([5], "type_mismatch", "an element that is a int, expected a dict of e, n, q, text, in row 2"),
        ([{}], "type_mismatch", "an element with nothing, expected e, n, q, text, in row 2"),
        ([_element(), {**_element(), "z": 1}], "type_mismatch", "an element with e, n, q, text, z, expected"),
        ([_element(n=None)], "type_mismatch", "an element without a value for 'n'"),
        ([_element(), _element(n=300)], "out_of_range", "a wrong 'n' in row 2: field 'n' got 300"),
        ([_element(n="x")], "type_mismatch", "a wrong 'n' in row 2"),
        ([_element(), _element(text="abcd")], "length_exceeded", r"'chunks\[text\]' has a string of 4 bytes in row 2"),
        ([_element(), _element(e=[1])], "dimension_mismatch", "a wrong 'e' in row 2"),
        ([_element(e=[1, float("nan")])], "not_finite", r"'chunks\[e\]' has NaN or infinity in the vector of row 2"),
        ([_element(), _element(q=float("inf"))], "not_finite", r"'chunks\[q\]' is inf in row 2"),
        ([_element()] * 4, "length_exceeded", "has 4 elements in row 2, which exceeds max capacity 3"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_row(value: Any, kind: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told) as raised:
        check_column(_SMALL, column_from_values(_SMALL, [[_element()] * 3, None, value]))
    assert (raised.value.kind, raised.value.field, raised.value.row) == (kind, "chunks", 2)
