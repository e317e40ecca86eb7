"""What clients are told when something is wrong: the codes they know."""

from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest
from pymilvus import DataType, Function, FunctionType, MilvusClient
from pymilvus.exceptions import MilvusException


@pytest.fixture
def filled(client: MilvusClient, name: str) -> str:
    client.create_collection(name, dimension=4)
    client.insert(name, [{"id": number, "vector": [float(number)] * 4, "size": number} for number in range(9)])
    return name


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda client, name: client.describe_collection("nobody"), 100),
        (lambda client, name: client.insert("nobody", [{"id": 1}]), 100),
        (lambda client, name: client.search("nobody", data=[[0.0] * 4], limit=1), 100),
        (lambda client, name: client.query(name, filter="id > 0", partition_names=["nobody"]), 200),
        (lambda client, name: client.describe_alias("nobody"), 1600),
        (lambda client, name: client.describe_database("nobody"), 800),
        (lambda client, name: client.query(name, filter="id >"), 1100),
        (lambda client, name: client.query(name, filter=""), 1100),
        (lambda client, name: client.search(name, data=[[0.0] * 5], limit=1), 1100),
        (lambda client, name: client.search(name, data=[[0.0] * 4], limit=20_000), 1100),
        (lambda client, name: client.search(name, data=[[0.0] * 4], limit=1, anns_field="nobody"), 1700),
        (
            lambda client, name: client.search(name, data=[[0.0] * 4], limit=1, search_params={"metric_type": "L2"}),
            1100,
        ),
        (lambda client, name: client.create_collection("1bad", dimension=4), 1100),
        (lambda client, name: client.create_collection("bad", dimension=1), 1100),
        (lambda client, name: client.get_compaction_state(12345), 65535),
    ],
)
def test_codes(client: MilvusClient, filled: str, ask: Callable[[MilvusClient, str], Any], code: int) -> None:
    with pytest.raises(MilvusException) as raised:
        ask(client, filled)
    assert raised.value.code == code, raised.value.message
    assert raised.value.message
    assert raised.value.is_input_error is (code == 1100)


def test_what_is_so_already(client: MilvusClient, filled: str) -> None:
    client.create_collection(filled, dimension=4)
    assert client.get_collection_stats(filled) == {"row_count": 9}
    client.create_partition(filled, "p")
    client.create_partition(filled, "p")
    assert client.list_partitions(filled) == ["_default", "p"]
    client.release_collection(filled)
    client.drop_partition(filled, "nobody")
    client.drop_collection("nobody")


def test_names_that_are_taken(client: MilvusClient, filled: str) -> None:
    client.create_alias(filled, "errors_alias")
    other = f"{filled}_other"
    client.create_collection(other, dimension=4)
    for ask in (
        lambda: client.create_collection(filled, dimension=5),
        lambda: client.create_collection("errors_alias", dimension=4),
        lambda: client.create_alias(other, "errors_alias"),
        lambda: client.create_database("default"),
    ):
        with pytest.raises(MilvusException, match=r"exist|already"):
            ask()  # type: ignore[no-untyped-call]
    client.drop_alias("errors_alias")
    client.drop_collection(other)


def test_rows_are_refused_whole(client: MilvusClient, filled: str) -> None:
    rows = [{"id": 100, "vector": [0.0] * 4}, {"id": 101, "vector": [0.0, float("nan"), 0.0, 0.0]}]
    with pytest.raises(MilvusException) as raised:
        client.insert(filled, rows)
    assert raised.value.code == 1100
    assert "row 1" in raised.value.message
    assert client.get_collection_stats(filled) == {"row_count": 9}


def test_text_that_is_too_long(client: MilvusClient, name: str) -> None:
    schema = client.create_schema()
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=5)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    client.create_collection(name, schema=schema)
    # Three characters, nine bytes: the client counts the one, the server the other.
    with pytest.raises(MilvusException, match="exceeds max length 5") as raised:
        client.insert(name, [{"id": "\u20ac" * 3, "vector": [0.0, 1.0]}])
    assert raised.value.code == 1100


@pytest.mark.parametrize(
    "ask",
    [
        lambda client, name: client.search(name, data=["text"], limit=1),
        lambda client, name: client.upsert(name, [{"id": 1, "size": 2}], field_ops={"size": "array_append"}),
        lambda client, name: client.load_collection(name, resource_groups=["mine"]),
    ],
)
def test_what_later_versions_bring_is_refused(
    client: MilvusClient, filled: str, ask: Callable[[MilvusClient, str], Any]
) -> None:
    with pytest.raises(MilvusException, match="not supported yet"):
        ask(client, filled)


def test_rows_are_divided_by_a_clustering_key_only(client: MilvusClient, filled: str) -> None:
    with pytest.raises(MilvusException, match="has no clustering key"):
        client.compact(filled, is_clustering=True)


def test_functions_in_a_schema_are_refused(client: MilvusClient) -> None:
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("text", DataType.VARCHAR, max_length=100, enable_analyzer=True)
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_function(Function("bm25", FunctionType.BM25, ["text"], ["sparse"]))
    with pytest.raises(MilvusException, match="a function in a schema is not supported yet"):
        client.create_collection("with_function", schema=schema)
    assert not client.has_collection("with_function")


def test_calls_of_later_versions(client: MilvusClient) -> None:
    with pytest.raises(grpc.RpcError, match="CreateRole is not supported by Elanus yet"):
        client.create_role("reader")


def test_a_request_of_many_megabytes(client: MilvusClient, name: str) -> None:
    client.create_collection(name, dimension=768)
    rows = np.random.default_rng(1).random((1500, 768), np.float32)
    client.insert(name, [{"id": number, "vector": row} for number, row in enumerate(rows)])
    hits = client.search(name, data=[rows[700]], limit=1500, output_fields=["vector"])[0]
    assert hits[0]["id"] == 700
    assert len(hits) == 1500
    np.testing.assert_array_equal(np.array(hits[0]["entity"]["vector"], np.float32), rows[700])
