"""Partition keys through pymilvus: rows found by key, and isolation, under which every search is for one key."""

from collections.abc import Callable
from typing import Any

import pytest
from pymilvus import AnnSearchRequest, DataType, MilvusClient, RRFRanker
from pymilvus.exceptions import MilvusException

Create = Callable[..., str]


@pytest.fixture
def create(client: MilvusClient, name: str) -> Create:
    """Makes a collection of 100 rows of 10 tenants with the given properties."""

    def made(properties: dict[str, Any], *, key: bool = True) -> str:
        schema = client.create_schema()
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("tenant", DataType.VARCHAR, max_length=20, is_partition_key=key)
        schema.add_field("size", DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
        index = client.prepare_index_params()
        index.add_index("vector", index_type="HNSW", metric_type="L2")
        client.create_collection(name, schema=schema, index_params=index, properties=properties)
        rows = [{"id": row, "tenant": f"t{row % 10}", "size": row, "vector": [row, 0]} for row in range(100)]
        client.insert(name, rows)
        return name

    return made


def _found(client: MilvusClient, collection: str, text: str) -> list[int]:
    return [hit["id"] for hit in client.search(collection, data=[[0, 0]], limit=20, filter=text)[0]]


@pytest.mark.parametrize("text", ["tenant == 't3'", "size >= 0 and tenant == 't3'", "tenant in ['t3']"])
def test_a_search_for_one_key(client: MilvusClient, create: Create, text: str) -> None:
    collection = create({"partitionkey.isolation": True})
    assert client.describe_collection(collection)["properties"]["partitionkey.isolation"] == "True"
    for _ in ("growing", "sealed"):
        assert _found(client, collection, text) == list(range(3, 100, 10))
        client.flush(collection)


@pytest.mark.parametrize(
    "text",
    ["", "size > 3", "tenant in ['t1', 't2']", "tenant == 't1' or size == 3", "tenant != 't1'", "not (tenant == 't1')",
     "tenant > 't1'", "tenant == 't1' or tenant == 't2'", "tenant == 't1' and tenant == 't2'"],
)  # fmt: skip
def test_a_search_for_no_key_or_several_is_refused(client: MilvusClient, create: Create, text: str) -> None:
    collection = create({"partitionkey.isolation": "true"})
    with pytest.raises(MilvusException, match="partition keys are isolated") as raised:
        _found(client, collection, text)
    assert raised.value.code == 1100
    one = AnnSearchRequest([[0.0, 0.0]], "vector", {}, 3, expr="tenant == 't1'")
    several = AnnSearchRequest([[0.0, 0.0]], "vector", {}, 3, expr=text)
    with pytest.raises(MilvusException, match="partition keys are isolated"):
        client.hybrid_search(collection, [one, several], RRFRanker(), 3)
    assert len(client.hybrid_search(collection, [one, one], RRFRanker(), 3)[0]) == 3
    assert len(client.query(collection, filter="tenant in ['t1', 't2']", output_fields=["id"])) == 20


def test_isolation_comes_and_goes(client: MilvusClient, create: Create) -> None:
    collection = create({})
    assert len(_found(client, collection, "")) == 20
    client.alter_collection_properties(collection, {"partitionkey.isolation": True})
    with pytest.raises(MilvusException, match="allows any of them"):
        _found(client, collection, "")
    client.drop_collection_properties(collection, ["partitionkey.isolation"])
    assert len(_found(client, collection, "")) == 20


def test_isolation_needs_a_partition_key(client: MilvusClient, create: Create) -> None:
    with pytest.raises(MilvusException, match="needs a partition key"):
        create({"partitionkey.isolation": True}, key=False)
    collection = create({"partitionkey.isolation": False}, key=False)
    for value, told in ((True, "needs a partition key"), ("perhaps", "expected true or false")):
        with pytest.raises(MilvusException, match=told):
            client.alter_collection_properties(collection, {"partitionkey.isolation": value})
    assert len(_found(client, collection, "")) == 20
