"""Rows as JSON objects, in and out."""

import base64
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest

from elanus.columns.rows import batch_from_rows, python_values
from elanus.columns.vectors import SparseRows, bfloat16_from_float32
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.server.rest.json_rows import batch_from_json, json_ids, key_column, rows_to_json, vectors_from_json

_SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True),
        Field("ratio", DataType.FLOAT, nullable=True),
        Field("exact", DataType.DOUBLE, nullable=True),
        Field("name", DataType.VARCHAR, nullable=True),
        Field("info", DataType.JSON, nullable=True),
        Field("tags", DataType.ARRAY, element_type=DataType.FLOAT, max_capacity=4, nullable=True),
        Field("vector", DataType.FLOAT_VECTOR, dim=2, nullable=True),
        Field("half", DataType.FLOAT16_VECTOR, dim=2, nullable=True),
        Field("brain", DataType.BFLOAT16_VECTOR, dim=2, nullable=True),
        Field("bytes", DataType.INT8_VECTOR, dim=2, nullable=True),
        Field("bits", DataType.BINARY_VECTOR, dim=16, nullable=True),
        Field("sparse", DataType.SPARSE_FLOAT_VECTOR, nullable=True),
    ),
    enable_dynamic_field=True,
)


def _values(row: dict[str, Any]) -> dict[str, Any]:
    batch = batch_from_json([row], _SCHEMA)
    return {name: python_values(batch.column(name), _SCHEMA.field(name))[0] for name in batch.schema.names}


@pytest.mark.parametrize(
    ("name", "sent", "stored"),
    [
        ("id", 5, 5),
        ("id", "-9007199254740993", -9007199254740993),
        ("info", {"a": [1]}, {"a": [1]}),
        ("info", '{"a": [1]}', {"a": [1]}),
        ("info", None, None),
        ("vector", [0.5, 1], [0.5, 1.0]),
        ("vector", base64.b64encode(np.array([0.5, 1], np.float32).tobytes()).decode(), [0.5, 1.0]),
        ("half", [0.5, 1], [0.5, 1.0]),
        ("brain", [0.5, 1], [0.5, 1.0]),
        ("brain", base64.b64encode(bfloat16_from_float32(np.array([2, 3], np.float32)).tobytes()).decode(), [2.0, 3.0]),
        ("bytes", [-1, 5], [-1, 5]),
        ("bits", [1, 255], b"\x01\xff"),
        ("bits", "Af8=", b"\x01\xff"),
        ("sparse", {"7": 0.5, "3": 1}, {3: 1.0, 7: 0.5}),
        ("sparse", {"indices": [3, 7], "values": [1, 0.5]}, {3: 1.0, 7: 0.5}),
        ("sparse", [[3, 1.0]], {3: 1.0}),
        ("sparse", {}, {}),
    ],
)
def test_values_clients_send(name: str, sent: Any, stored: Any) -> None:
    assert _values({name: sent}) == {name: stored}


def test_unknown_keys_are_dynamic() -> None:
    assert _values({"id": 1, "mood": {"x": 2}})["$meta"] == {"mood": {"x": 2}}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (5, "row 0 is a int, expected an object of fields"),
        ({}, "row 0 has no value for any field"),
        ({"id": "five"}, "'five'"),
        ({"info": "{"}, "invalid JSON in row 0"),
        ({"bits": "not base64!"}, "text in row 0 that is no base64"),
        ({"vector": "AAA="}, "2 bytes in row 0, expected 8"),
        ({"vector": [1, 2, 3]}, "vector of 3 elements, expected 2"),
        ({"sparse": {"x": 1}}, "keys are not all integers"),
        ({"sparse": {"indices": [1], "values": []}}, "not lists of one length"),
    ],
)
def test_values_that_do_not_fit(row: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        batch_from_json([row], _SCHEMA)


def test_rows_without_special_fields_are_taken_as_they_are() -> None:
    plain = Schema((Field("n", DataType.INT32), Field("s", DataType.VARCHAR)))
    assert batch_from_json([{"n": 1, "s": "5"}], plain).to_pydict() == {"n": [1], "s": ["5"]}


def _written(rows: list[dict[str, Any]], *, allow_int64: bool = True) -> list[dict[str, Any]]:
    batch = batch_from_rows(rows, _SCHEMA)
    fields = [_SCHEMA.field(name) for name in batch.schema.names]
    text = orjson.dumps(rows_to_json(batch, fields, allow_int64=allow_int64), option=orjson.OPT_SERIALIZE_NUMPY)
    read: list[dict[str, Any]] = orjson.loads(text)
    return read


_FULL: dict[str, Any] = {
    "id": 1 << 60,
    "ratio": 0.1,
    "exact": 0.1,
    "name": "x",
    "info": {"big": 12345678901234567890, "t": True},
    "tags": [0.1, 2.0],
    "vector": [0.1, 1.0],
    "half": [0.5, 1.0],
    "brain": [0.5, 1.0],
    "bytes": [-128, 127],
    "bits": b"\x01\xff",
    "sparse": {3: 0.1},
    "mood": [1, {"a": None}],
}


def test_rows_of_a_reply() -> None:
    [row] = _written([_FULL])
    assert row == {**_FULL, "bits": "Af8=", "sparse": {"3": 0.1}}


def test_single_precision_is_not_written_with_the_digits_of_a_double() -> None:
    batch = batch_from_rows([{"ratio": 0.1, "vector": [0.1, 0.2], "tags": [0.1]}], _SCHEMA)
    fields = [_SCHEMA.field(name) for name in batch.schema.names]
    text = orjson.dumps(rows_to_json(batch, fields, allow_int64=True), option=orjson.OPT_SERIALIZE_NUMPY)
    assert text == b'[{"ratio":0.1,"tags":[0.1],"vector":[0.1,0.2]}]'


def test_nulls_of_a_reply() -> None:
    empty = {"id": 1, **dict.fromkeys([key for key in _FULL if key not in {"id", "mood"}])}
    rows = _written([empty, _FULL])
    assert rows[0] == empty
    assert rows[1]["ratio"] == 0.1


def test_long_integers_as_text() -> None:
    assert _written([_FULL], allow_int64=False)[0]["id"] == str(1 << 60)
    assert json_ids(pa.array([1 << 60]), allow_int64=False) == [str(1 << 60)]
    assert json_ids(pa.array([1 << 60]), allow_int64=True) == [1 << 60]


@pytest.mark.parametrize(
    ("name", "sent", "expected"),
    [
        ("vector", [[0.5, 1], [2, 3]], np.array([[0.5, 1], [2, 3]], np.float32)),
        ("half", [[0.5, 1]], np.array([[0.5, 1]], np.float16)),
        ("bytes", [[-1, 1]], np.array([[-1, 1]], np.int8)),
        ("bits", ["Af8="], np.array([[1, 255]], np.uint8)),
    ],
)
def test_query_vectors(name: str, sent: Any, expected: Any) -> None:
    read = vectors_from_json(sent, _SCHEMA.field(name))
    assert isinstance(read, np.ndarray)
    assert read.dtype == expected.dtype
    np.testing.assert_array_equal(read, expected)


def test_sparse_query_vectors() -> None:
    read = vectors_from_json([{"7": 0.5}, {}], _SCHEMA.field("sparse"))
    assert isinstance(read, SparseRows)
    assert (read.offsets.tolist(), read.indices.tolist(), read.values.tolist()) == ([0, 1, 1], [7], [0.5])


@pytest.mark.parametrize("sent", [[], [None], [0.5, 1.0], ["text"], [[1, 2], [1]]])
def test_what_is_no_query_vector(sent: Any) -> None:
    with pytest.raises(InvalidInput):
        vectors_from_json(sent, _SCHEMA.field("vector"))


def test_keys() -> None:
    assert key_column(5, _SCHEMA.primary_field).to_pylist() == [5]
    assert key_column(["5", 6], _SCHEMA.primary_field).to_pylist() == [5, 6]
    assert key_column("a", Field("k", DataType.VARCHAR, is_primary=True)).to_pylist() == ["a"]
    for wrong in ([None], ["x"], [1.5]):
        with pytest.raises(InvalidInput):
            key_column(wrong, _SCHEMA.primary_field)
