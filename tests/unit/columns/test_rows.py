"""Rows as dicts into a batch and out of one: named fields, dynamic keys, and what would be lost."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from elanus.columns.layout import FIELD_ID_KEY
from elanus.columns.rows import batch_from_columns, batch_from_rows, python_values, rows_from_batch
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.unit.columns.every_type import SCHEMA, column, sample_values, wide_schema

_SMALL = Schema(
    (Field("id", DataType.INT64, is_primary=True), Field("n", DataType.INT8, nullable=True)), enable_dynamic_field=True
).with_ids()
_CLOSED = Schema(_SMALL.user_fields)


def _sample_rows(row_count: int) -> list[dict[str, Any]]:
    columns = {field.name: sample_values(field, row_count) for field in SCHEMA.fields[1:]}
    return [{"id": row, **{name: values[row] for name, values in columns.items()}} for row in range(row_count)]


def test_rows_of_every_type_come_back() -> None:
    rows = _sample_rows(30)
    batch = batch_from_rows(rows, SCHEMA)
    batch.validate(full=True)
    assert rows_from_batch(batch, SCHEMA.fields) == rows


@pytest.mark.parametrize("start", [1, 9])
def test_slices_of_a_batch_give_their_own_rows(start: int) -> None:
    rows = _sample_rows(30)
    part = batch_from_rows(rows, SCHEMA).slice(start, 12)
    assert rows_from_batch(part, SCHEMA.fields) == rows[start : start + 12]


def test_columns_are_those_some_row_names_in_the_schemas_order() -> None:
    batch = batch_from_rows([{"n": 1}, {"id": 2}], _SMALL)
    assert batch.schema.names == ["id", "n"]
    assert batch.to_pylist() == [{"id": None, "n": 1}, {"id": 2, "n": None}]
    assert batch_from_rows([{"id": 2}], _SMALL).schema.names == ["id"]
    assert [field.metadata[FIELD_ID_KEY] for field in batch.schema] == [b"100", b"101"]


def test_no_rows_make_an_empty_batch() -> None:
    assert batch_from_rows([], _SMALL).num_rows == 0


def test_rows_that_name_nothing_are_refused_not_lost() -> None:
    with pytest.raises(InvalidInput, match="row 0 has no value for any field") as caught:
        batch_from_rows([{}, {}], _SMALL)
    assert caught.value.row == 0
    assert batch_from_rows([{}, {"id": 1}], _SMALL).num_rows == 2


def test_keys_no_field_has_go_to_meta_beside_meta_itself() -> None:
    rows: list[dict[str, Any]] = [
        {"id": 1, "color": "red", "size": [1, 2]},
        {"id": 2},
        {"id": 3, "$meta": {"color": "blue", "n": 5}, "size": None},
    ]
    batch = batch_from_rows(rows, _SMALL)
    assert batch.column("$meta").to_pylist() == [
        '{"color":"red","size":[1,2]}',
        "{}",
        '{"color":"blue","n":5,"size":null}',
    ]
    assert rows_from_batch(batch, _SMALL.fields)[0] == rows[0]


def test_a_dynamic_key_never_hides_a_field() -> None:
    batch = batch_from_rows([{"id": 3, "n": 7, "$meta": {"n": 5, "id": 9}}], _SMALL)
    assert rows_from_batch(batch, _SMALL.fields) == [{"id": 3, "n": 7}]


def test_a_null_meta_is_no_keys() -> None:
    batch = batch_from_columns(_SMALL.fields, [pa.array([1]), pa.array([2], pa.int8()), pa.array([None], pa.string())])
    assert rows_from_batch(batch, _SMALL.fields) == [{"id": 1, "n": 2}]


@pytest.mark.parametrize(
    ("rows", "kind", "expected"),
    [
        ([{"id": 1}, [1]], "type_mismatch", "row 1 is a list, expected a dict"),
        ([{"id": 1}, None], "type_mismatch", "row 1 is a NoneType"),
        ([{"id": 1}, {"id": 2, 5: 1}], "type_mismatch", "row 1 has key 5, expected a string"),
        ([{"id": 1, "$meta": [1]}], "type_mismatch", r"row 0: \$meta must be a dict"),
        ([{"id": 1, "$meta": None}], "type_mismatch", r"row 0: \$meta must be a dict"),
        ([{"id": 1}, {"id": 2, "x": float("nan")}], "type_mismatch", "NaN and infinity"),
        ([{"id": 1}, {"id": 2, "x": {"y": {1: 2}}}], "type_mismatch", "key 1 is no string"),
        ([{"id": 1}, {"id": True}], "type_mismatch", "got True .* in row 1"),
    ],
)
def test_wrong_rows_are_refused_by_number(rows: list[Any], kind: str, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected) as caught:
        batch_from_rows(rows, _SMALL)
    assert caught.value.kind == kind
    assert caught.value.row == len(rows) - 1


def test_without_a_dynamic_field_unknown_keys_are_refused() -> None:
    with pytest.raises(InvalidInput, match="row 1 has a value for 'color', which is no field") as caught:
        batch_from_rows([{"id": 1}, {"id": 2, "color": "red"}], _CLOSED)
    assert (caught.value.kind, caught.value.field, caught.value.row) == ("unknown_field", "color", 1)
    with pytest.raises(InvalidInput, match="no field of the schema"):
        batch_from_rows([{"id": 1, "$meta": {}}], _CLOSED)


def test_nulls_come_back_as_none_for_every_type() -> None:
    for field in SCHEMA.fields[1:]:
        values = [None, *sample_values(field, 5), None]
        assert python_values(column(field, values, offset=3), field) == values


def test_numbers_come_back_as_plain_python() -> None:
    row = _sample_rows(40)[-1]
    batch = batch_from_rows([{name: value for name, value in row.items() if value is not None}], SCHEMA)
    for values in (rows_from_batch(batch, SCHEMA.fields)[0], row):
        for value in values.values():
            items = value if isinstance(value, list) else [value]
            assert not any(isinstance(item, np.generic) for item in items)


def test_every_type_and_dynamic_keys_together() -> None:
    schema = wide_schema()
    rows = [{**row, "extra": {"number": row["id"]}} for row in _sample_rows(10)]
    assert rows_from_batch(batch_from_rows(rows, schema), schema.fields) == rows
