"""Every data type there and back, and what is missing, null or dynamic."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException

_RNG = np.random.default_rng(5)
_COUNT = 6


def _collection(client: MilvusClient, name: str, fields: dict[str, dict[str, Any]], **options: Any) -> None:
    schema = client.create_schema(**options)
    schema.add_field("id", DataType.INT64, is_primary=True)
    for field, settings in fields.items():
        schema.add_field(field, **settings)
    if not any("VECTOR" in settings["datatype"].name for settings in fields.values()):
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    index = client.prepare_index_params()
    for field in schema.fields:
        if "VECTOR" in field.dtype.name:
            metric = {DataType.BINARY_VECTOR: "HAMMING", DataType.SPARSE_FLOAT_VECTOR: "IP"}.get(field.dtype, "L2")
            index.add_index(field.name, index_type="AUTOINDEX", metric_type=metric)
    client.create_collection(name, schema=schema, index_params=index)


_SCALARS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "flag": ({"datatype": DataType.BOOL}, [True, False, True]),
    "tiny": ({"datatype": DataType.INT8}, [-128, 0, 127]),
    "short": ({"datatype": DataType.INT16}, [-32768, 0, 32767]),
    "int": ({"datatype": DataType.INT32}, [-(2**31), 0, 2**31 - 1]),
    "long": ({"datatype": DataType.INT64}, [-(2**63), 0, 2**63 - 1]),
    "float": ({"datatype": DataType.FLOAT}, [-1.5, 0.0, 3.25]),
    "double": ({"datatype": DataType.DOUBLE}, [-1.1, 0.0, 1e300]),
    "text": ({"datatype": DataType.VARCHAR, "max_length": 20}, ["", "käse", "\U0001f9c0"]),
    "json": ({"datatype": DataType.JSON}, [{"a": [1, {"b": None}]}, [], {"n": 1.5}]),
    "flags": (
        {"datatype": DataType.ARRAY, "element_type": DataType.BOOL, "max_capacity": 3},
        [[True], [], [False] * 3],
    ),
    "bytes": ({"datatype": DataType.ARRAY, "element_type": DataType.INT8, "max_capacity": 3}, [[-128, 127], [], [1]]),
    "longs": ({"datatype": DataType.ARRAY, "element_type": DataType.INT64, "max_capacity": 3}, [[2**62], [], [-1]]),
    "floats": ({"datatype": DataType.ARRAY, "element_type": DataType.FLOAT, "max_capacity": 3}, [[0.5], [], [1.5]]),
    "doubles": ({"datatype": DataType.ARRAY, "element_type": DataType.DOUBLE, "max_capacity": 3}, [[0.1], [], [2.0]]),
    "texts": (
        {"datatype": DataType.ARRAY, "element_type": DataType.VARCHAR, "max_capacity": 3, "max_length": 9},
        [["a", ""], [], ["ü"]],
    ),
}


def test_scalars(client: MilvusClient, name: str) -> None:
    _collection(client, name, {field: settings for field, (settings, _) in _SCALARS.items()})
    rows = [
        {"id": row, "vector": [0.5, float(row)], **{field: values[row] for field, (_, values) in _SCALARS.items()}}
        for row in range(3)
    ]
    client.insert(name, rows)
    for state in ("growing", "sealed"):
        assert [dict(row) for row in client.query(name, filter="id >= 0", output_fields=["*"])] == rows, state
        hits = client.search(name, data=[[0.0, 1.0]], limit=3, output_fields=list(_SCALARS))[0]
        found = {hit["id"]: hit["entity"] for hit in hits}
        assert found == {row["id"]: {field: row[field] for field in _SCALARS} for row in rows}, state
        client.flush(name)


def _dense(dtype: Any) -> list[Any]:
    return [row.astype(dtype) for row in _RNG.normal(size=(_COUNT, 16))]


_VECTORS: dict[str, tuple[DataType, list[Any]]] = {
    "float": (DataType.FLOAT_VECTOR, [row.tolist() for row in _dense(np.float32)]),
    "float16": (DataType.FLOAT16_VECTOR, _dense(np.float16)),
    "bfloat16": (DataType.BFLOAT16_VECTOR, _dense(ml_dtypes.bfloat16)),
    "int8": (DataType.INT8_VECTOR, [_RNG.integers(-100, 100, 16).astype(np.int8) for _ in range(_COUNT)]),
    "binary": (DataType.BINARY_VECTOR, [_RNG.bytes(2) for _ in range(_COUNT)]),
    "sparse": (
        DataType.SPARSE_FLOAT_VECTOR,
        [{int(i): float(row) + 1 for i in _RNG.choice(100, 5, replace=False)} for row in range(_COUNT)],
    ),
}


def _plain(value: Any) -> Any:
    """A vector as query replies have it."""
    if isinstance(value, np.ndarray):
        return [value.tobytes()]
    return [value] if isinstance(value, bytes) else value


def _inner_product(left: dict[int, float], right: dict[int, float]) -> float:
    return sum(value * right.get(index, 0.0) for index, value in left.items())


@pytest.mark.parametrize("nullable", [False, True])
@pytest.mark.parametrize("kind", list(_VECTORS))
def test_vectors(client: MilvusClient, name: str, kind: str, nullable: bool) -> None:
    data_type, vectors = _VECTORS[kind]
    sizes = {} if kind == "sparse" else {"dim": 16}
    _collection(client, name, {"v": {"datatype": data_type, "nullable": nullable, **sizes}})
    rows = [{"id": number, "v": vector} for number, vector in enumerate(vectors)]
    if nullable:
        rows += [{"id": 100, "v": None}, {"id": 101}]
    client.insert(name, rows)
    for state in ("growing", "sealed"):
        stored = client.query(name, filter="id >= 0", output_fields=["v"])
        for row in range(_COUNT):
            value = stored[row]["v"]
            expected = _plain(vectors[row])
            if kind in {"float", "sparse"}:
                assert value == pytest.approx(expected), state
            else:
                assert value == expected, state
        assert all(row["v"] is None for row in stored[_COUNT:])
        hits = client.search(name, data=[vectors[2]], limit=20, output_fields=["v"])[0]
        if kind == "sparse":
            # Rows that share no index with the query are no hits.
            assert hits[0]["distance"] == pytest.approx(_inner_product(vectors[2], vectors[hits[0]["id"]])), state
        else:
            assert len(hits) == _COUNT, state
            assert (hits[0]["id"], hits[0]["distance"]) == (2, 0.0)
        client.flush(name)


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_half_precision_takes_lists_of_floats(client: MilvusClient, name: str, kind: str) -> None:
    data_type, vectors = _VECTORS[kind]
    _collection(client, name, {"v": {"datatype": data_type, "dim": 16}})
    client.insert(name, [{"id": number, "v": vector.astype(float).tolist()} for number, vector in enumerate(vectors)])
    hits = client.search(name, data=[vectors[4].astype(float).tolist()], limit=1)
    assert hits[0][0]["id"] == 4


def test_missing_null_and_default_values(client: MilvusClient, name: str) -> None:
    fields: dict[str, dict[str, Any]] = {
        "plain": {"datatype": DataType.INT32},
        "nullable": {"datatype": DataType.VARCHAR, "max_length": 9, "nullable": True},
        "default": {"datatype": DataType.INT32, "default_value": 7},
        "both": {"datatype": DataType.DOUBLE, "nullable": True, "default_value": 1.5},
        "json": {"datatype": DataType.JSON, "nullable": True},
        "array": {"datatype": DataType.ARRAY, "element_type": DataType.INT8, "max_capacity": 2, "nullable": True},
    }
    _collection(client, name, fields)
    base = {"vector": [0.0, 1.0], "plain": 1}
    client.insert(name, [{"id": 1, **base}])
    client.insert(
        name, [{"id": 2, **base, "nullable": None, "default": None, "both": None, "json": None, "array": None}]
    )
    client.insert(name, [{"id": 3, **base, "nullable": "x", "default": 8, "both": 2.5, "json": {}, "array": [1]}])
    rows = client.query(name, filter="id > 0", output_fields=["nullable", "default", "both", "json", "array"])
    empty = {"nullable": None, "default": 7, "both": 1.5, "json": None, "array": None}
    assert [dict(row) for row in rows] == [
        {"id": 1, **empty},
        {"id": 2, **empty},
        {"id": 3, "nullable": "x", "default": 8, "both": 2.5, "json": {}, "array": [1]},
    ]
    assert [row["id"] for row in client.query(name, filter="nullable is null", output_fields=["id"])] == [1, 2]
    described = {field["name"]: field for field in client.describe_collection(name)["fields"]}
    assert described["nullable"]["nullable"]
    assert described["default"]["default_value"].int_data == 7
    with pytest.raises(MilvusException, match="plain"):
        client.insert(name, [{"id": 4, "vector": [0.0, 1.0]}])


def test_dynamic_keys(client: MilvusClient, name: str) -> None:
    _collection(client, name, {}, enable_dynamic_field=True)
    client.insert(
        name,
        [
            {"id": 1, "vector": [0.0, 1.0], "color": "red", "deep": {"x": [1]}},
            {"id": 2, "vector": [1.0, 0.0], "size": 5},
            {"id": 3, "vector": [1.0, 1.0]},
        ],
    )
    every = client.query(name, filter="id > 0", output_fields=["*"])
    assert [{key: row[key] for key in row if key != "vector"} for row in every] == [
        {"id": 1, "color": "red", "deep": {"x": [1]}},
        {"id": 2, "size": 5},
        {"id": 3},
    ]
    single = client.query(name, filter="id > 0", output_fields=["color"])
    assert [dict(row) for row in single] == [{"id": 1, "color": "red"}, {"id": 2}, {"id": 3}]
    assert [row["id"] for row in client.query(name, filter="size == 5")] == [2]
    hit = client.search(name, data=[[0.0, 1.0]], limit=1, output_fields=["color"])[0][0]
    assert hit["entity"] == {"color": "red"}
    hit = client.search(name, data=[[0.0, 1.0]], limit=1, output_fields=["*"])[0][0]
    assert hit["entity"]["deep"] == {"x": [1]}


def test_keys_that_are_text_and_made_by_the_server(client: MilvusClient, name: str) -> None:
    schema = client.create_schema(auto_id=True)
    schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=30)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    index = client.prepare_index_params("vector", metric_type="L2")
    client.create_collection(name, schema=schema, index_params=index)
    ids = client.insert(name, [{"vector": [float(row), 0.0]} for row in range(4)])["ids"]
    assert len(set(ids)) == 4
    assert all(isinstance(key, str) and key.isdigit() for key in ids)
    hits = client.search(name, data=[[2.0, 0.0]], limit=2)[0]
    assert hits[0]["key"] == ids[2]
    assert client.delete(name, ids=[ids[2]])["delete_count"] == 1
    assert [row["key"] for row in client.query(name, filter="", limit=9, output_fields=["key"])] == sorted(
        ids[:2] + ids[3:]
    )


def test_partial_updates(client: MilvusClient, name: str) -> None:
    _collection(client, name, {"a": {"datatype": DataType.INT32}, "b": {"datatype": DataType.INT32}})
    client.insert(name, [{"id": 1, "vector": [0.0, 1.0], "a": 1, "b": 2}])
    client.upsert(name, [{"id": 1, "b": 20}], partial_update=True)
    assert dict(client.query(name, filter="id == 1", output_fields=["a", "b"])[0]) == {"id": 1, "a": 1, "b": 20}
