"""Collections, partitions, aliases, databases and indexes by name."""

import pytest
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException

from tests.compat.conftest import Connected


def _plain(client: MilvusClient, name: str, *, key: bool = False) -> None:
    schema = client.create_schema(description="for names")
    schema.add_field("id", DataType.INT64, is_primary=True, description="the key")
    schema.add_field("group", DataType.INT64, is_partition_key=key)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    client.create_collection(name, schema=schema, num_shards=2, properties={"collection.ttl.seconds": "3600"})


def _index(client: MilvusClient, name: str) -> None:
    index = client.prepare_index_params("vector", index_type="HNSW", metric_type="L2", M=8, efConstruction=64)
    client.create_index(name, index)


def test_the_schema_route_without_index(client: MilvusClient, name: str) -> None:
    _plain(client, name)
    described = client.describe_collection(name)
    assert (described["description"], described["num_shards"]) == ("for names", 2)
    assert described["properties"]["collection.ttl.seconds"] == "3600"
    assert [field["description"] for field in described["fields"]] == ["the key", "", ""]
    assert str(client.get_load_state(name)["state"]) == "NotLoad"
    assert client.list_indexes(name) == []
    assert client.describe_index(name, "vector") is None
    with pytest.raises(MilvusException) as raised:
        client.load_collection(name)
    assert raised.value.code == 700


def test_indexes(client: MilvusClient, name: str) -> None:
    _plain(client, name)
    _index(client, name)
    assert client.list_indexes(name) == ["vector"]
    described = client.describe_index(name, "vector")
    assert {key: described[key] for key in ("index_type", "metric_type", "M", "efConstruction")} == {
        "index_type": "HNSW",
        "metric_type": "L2",
        "M": "8",
        "efConstruction": "64",
    }
    client.alter_index_properties(name, "vector", {"mmap.enabled": True})
    assert client.describe_index(name, "vector")["mmap.enabled"].lower() == "true"
    client.drop_index_properties(name, "vector", ["mmap.enabled"])
    assert "mmap.enabled" not in client.describe_index(name, "vector")
    client.load_collection(name)
    with pytest.raises(MilvusException, match="release"):
        client.drop_index(name, "vector")
    client.release_collection(name)
    assert str(client.get_load_state(name)["state"]) == "NotLoad"
    client.drop_index(name, "vector")
    assert client.list_indexes(name) == []


def test_searching_needs_a_loaded_collection(client: MilvusClient, name: str) -> None:
    _plain(client, name)
    _index(client, name)
    for read in (
        lambda: client.search(name, data=[[0.0, 1.0]], limit=1),
        lambda: client.query(name, filter="id > 0"),
    ):
        with pytest.raises(MilvusException) as raised:
            read()  # type: ignore[no-untyped-call]
        assert raised.value.code == 101
    client.load_collection(name)
    assert list(client.search(name, data=[[0.0, 1.0]], limit=1)[0]) == []


def test_partitions(client: MilvusClient, name: str) -> None:
    _plain(client, name)
    _index(client, name)
    client.create_partition(name, "left")
    client.create_partition(name, "right")
    assert client.list_partitions(name) == ["_default", "left", "right"]
    assert client.has_partition(name, "left")
    client.load_collection(name)
    for number, partition in enumerate(["_default", "left", "right"]):
        client.insert(name, [{"id": number, "group": 0, "vector": [float(number), 0.0]}], partition_name=partition)
    assert client.get_partition_stats(name, "left") == {"row_count": 1}
    hits = client.search(name, data=[[0.0, 0.0]], limit=9, partition_names=["left", "right"])[0]
    assert [hit["id"] for hit in hits] == [1, 2]
    assert [row["id"] for row in client.query(name, filter="id >= 0", partition_names=["right"])] == [2]
    assert client.delete(name, filter="id >= 0", partition_name="left")["delete_count"] == 1
    client.release_partitions(name, ["left"])
    client.drop_partition(name, "left")
    assert not client.has_partition(name, "left")


def test_loading_single_partitions(client: MilvusClient, name: str) -> None:
    _plain(client, name)
    _index(client, name)
    client.create_partition(name, "left")
    client.load_partitions(name, ["left"])
    assert str(client.get_load_state(name, "left")["state"]) == "Loaded"
    assert str(client.get_load_state(name, "_default")["state"]) == "NotLoad"
    client.release_partitions(name, ["left"])
    assert str(client.get_load_state(name, "left")["state"]) == "NotLoad"


def test_a_partition_key(client: MilvusClient, name: str) -> None:
    _plain(client, name, key=True)
    _index(client, name)
    client.load_collection(name)
    client.insert(name, [{"id": number, "group": number % 5, "vector": [float(number), 0.0]} for number in range(50)])
    assert client.describe_collection(name)["num_partitions"] == 16
    hits = client.search(name, data=[[0.0, 0.0]], limit=50, filter="group == 3")[0]
    assert [hit["id"] for hit in hits] == list(range(3, 50, 5))
    with pytest.raises(MilvusException):
        client.create_partition(name, "mine")


def test_aliases(client: MilvusClient, name: str) -> None:
    other = f"{name}_other"
    _plain(client, name)
    _plain(client, other)
    client.create_alias(name, "short")
    assert client.describe_alias("short") == {"alias": "short", "collection_name": name, "db_name": "default"}
    assert client.list_aliases(name)["aliases"] == ["short"]
    assert client.describe_collection("short")["collection_name"] == name
    assert client.describe_collection(name)["aliases"] == ["short"]
    client.insert("short", [{"id": 1, "group": 0, "vector": [0.0, 1.0]}])
    assert client.get_collection_stats(name) == {"row_count": 1}
    client.alter_alias(other, "short")
    assert client.describe_alias("short")["collection_name"] == other
    client.drop_alias("short")
    with pytest.raises(MilvusException) as raised:
        client.describe_alias("short")
    assert raised.value.code == 1600
    client.drop_collection(other)


def test_rename_truncate_and_properties(client: MilvusClient, name: str) -> None:
    _plain(client, name)
    client.insert(name, [{"id": 1, "group": 0, "vector": [0.0, 1.0]}])
    renamed = f"{name}_2"
    client.rename_collection(name, renamed)
    assert not client.has_collection(name)
    assert client.get_collection_stats(renamed) == {"row_count": 1}
    client.truncate_collection(renamed)
    assert client.get_collection_stats(renamed) == {"row_count": 0}
    client.alter_collection_properties(renamed, {"mmap.enabled": True})
    assert client.describe_collection(renamed)["properties"]["mmap.enabled"] == "True"
    client.drop_collection_properties(renamed, ["mmap.enabled"])
    assert "mmap.enabled" not in client.describe_collection(renamed)["properties"]
    client.drop_collection(renamed)


def test_databases(connected: Connected) -> None:
    client = connected.client
    client.create_database("shed", properties={"database.max.collections": 5})
    assert "shed" in client.list_databases()
    described = client.describe_database("shed")
    assert (described["name"], described["database.max.collections"]) == ("shed", "5")
    client.alter_database_properties("shed", {"database.replica.number": 1})
    assert client.describe_database("shed")["database.replica.number"] == "1"
    client.drop_database_properties("shed", ["database.replica.number"])
    assert "database.replica.number" not in client.describe_database("shed")
    inside = connected.another()
    inside.use_database("shed")
    inside.create_collection("tools", dimension=2)
    with pytest.raises(MilvusException):
        client.drop_database("shed")
    inside.drop_collection("tools")
    inside.close()
    client.drop_database("shed")
    assert "shed" not in client.list_databases()


def test_a_schema_made_anew_is_noticed(connected: Connected, name: str) -> None:
    """Clients cache schemas; the server's word that one is old makes them ask again."""
    connected.client.create_collection(name, dimension=2)
    connected.client.insert(name, [{"id": 1, "vector": [0.0, 1.0]}])
    other = connected.another()
    other.drop_collection(name)
    other.create_collection(name, dimension=3)
    other.close()
    assert connected.client.insert(name, [{"id": 2, "vector": [0.0, 1.0, 2.0]}])["insert_count"] == 1


def test_a_database_may_have_so_many_collections(client: MilvusClient) -> None:
    client.create_database("narrow", properties={"database.max.collections": 1})
    client.use_database("narrow")
    try:
        client.create_collection("first", dimension=2)
        with pytest.raises(MilvusException, match="has 1 collections"):
            client.create_collection("second", dimension=2)
        assert client.list_collections() == ["first"]
        client.alter_database_properties("narrow", {"database.max.collections": 2})
        client.create_collection("second", dimension=2)
        with pytest.raises(MilvusException, match="expected a whole number"):
            client.alter_database_properties("narrow", {"database.max.collections": "many"})
        client.drop_collection("first")
        client.drop_collection("second")
    finally:
        client.use_database("default")
    client.drop_database("narrow")
