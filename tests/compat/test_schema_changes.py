"""Fields added, altered and dropped through pymilvus, with rows there and rows to come, growing and sealed."""

from typing import Any

import pytest
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException


@pytest.fixture
def rows(client: MilvusClient, name: str) -> str:
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("text", DataType.VARCHAR, max_length=5)
    schema.add_field("tags", DataType.ARRAY, element_type=DataType.INT8, max_capacity=2)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_collection(name, schema=schema, index_params=index)
    client.insert(name, [_row(key) for key in range(3)])
    client.flush(name)
    client.insert(name, [_row(key) for key in range(3, 6)])
    return name


def _row(key: int, **more: Any) -> dict[str, Any]:
    return {"id": key, "text": "t", "tags": [1], "vector": [float(key), 0.0], **more}


def test_a_scalar_field(client: MilvusClient, rows: str) -> None:
    client.add_collection_field(rows, "price", DataType.INT32, nullable=True)
    client.add_collection_field(rows, "shop", DataType.VARCHAR, max_length=8, nullable=True, default_value="here")
    client.insert(rows, [_row(6, price=9), _row(7, shop="there")])
    for _ in ("growing", "sealed"):
        found = client.query(rows, filter="id >= 0", output_fields=["price", "shop"])
        assert [(row["price"], row["shop"]) for row in found] == [
            *[(None, "here")] * 6,
            (9, "here"),
            (None, "there"),
        ]
        assert [row["id"] for row in client.query(rows, filter="price is not null")] == [6]
        assert [row["id"] for row in client.query(rows, filter="shop != 'here'")] == [7]
        hits = client.search(rows, data=[[0.0, 0.0]], limit=3, filter="shop == 'here'", output_fields=["price"])
        assert [hit["id"] for hit in hits[0]] == [0, 1, 2]
        client.flush(rows)
    described = {field["name"]: field for field in client.describe_collection(rows)["fields"]}
    assert described["price"]["nullable"]
    assert described["price"]["field_id"] == max(field["field_id"] for field in described.values()) - 1


def test_a_vector_field(client: MilvusClient, rows: str) -> None:
    client.add_collection_field(rows, "other", DataType.FLOAT_VECTOR, dim=3, nullable=True)
    client.insert(rows, [_row(6, other=[1.0, 0.0, 0.0]), _row(7)])
    index = client.prepare_index_params()
    index.add_index("other", index_type="HNSW", metric_type="L2", params={"M": 8, "efConstruction": 40})
    client.create_index(rows, index)
    for _ in ("growing", "sealed"):
        hits = client.search(rows, data=[[1.0, 0.0, 0.0]], anns_field="other", limit=5)
        assert [hit["id"] for hit in hits[0]] == [6]
        client.flush(rows)


def test_an_array_of_structs(client: MilvusClient, rows: str) -> None:
    chunk = client.create_struct_field_schema()
    chunk.add_field("page", DataType.INT32)
    chunk.add_field("emb", DataType.FLOAT_VECTOR, dim=2)
    client.add_collection_struct_field(rows, "chunks", chunk, max_capacity=3, nullable=True)
    client.insert(rows, [_row(6, chunks=[{"page": 4, "emb": [1.0, 1.0]}])])
    for _ in ("growing", "sealed"):
        found = client.query(rows, filter="id >= 5", output_fields=["chunks[page]"])
        assert [row["chunks"] for row in found] == [None, [{"page": 4}]]
        hits = client.search(
            rows, data=[[1.0, 0.0]], anns_field="chunks[emb]", limit=3, search_params={"metric_type": "L2"}
        )
        assert [(hit["id"], hit["offset"], hit["distance"]) for hit in hits[0]] == [(6, 0, 1.0)]
        client.flush(rows)


def test_sizes_are_altered(client: MilvusClient, rows: str) -> None:
    with pytest.raises(MilvusException, match="exceeds max length"):
        client.insert(rows, [_row(6, text="longer")])
    client.alter_collection_field(rows, "text", {"max_length": 10})
    client.alter_collection_field(rows, "tags", {"max_capacity": 3, "mmap.enabled": True})
    client.insert(rows, [_row(6, text="longer", tags=[1, 2, 3])])
    assert client.get(rows, 6, output_fields=["text", "tags"]) == [{"id": 6, "text": "longer", "tags": [1, 2, 3]}]
    described = {field["name"]: field for field in client.describe_collection(rows)["fields"]}
    assert described["text"]["params"]["max_length"] == 10
    assert described["tags"]["params"]["max_capacity"] == 3
    with pytest.raises(MilvusException, match="cannot be altered"):
        client.alter_collection_field(rows, "vector", {"dim": 4})


def test_a_field_is_dropped(client: MilvusClient, rows: str) -> None:
    client.drop_collection_field(rows, "text")
    client.insert(rows, [{"id": 6, "tags": [], "vector": [6.0, 0.0]}])
    assert {field["name"] for field in client.describe_collection(rows)["fields"]} == {"id", "tags", "vector"}
    assert len(client.query(rows, filter="id >= 0", output_fields=["*"])) == 7
    for field in ("id", "vector"):
        with pytest.raises(MilvusException):
            client.drop_collection_field(rows, field)
    client.add_collection_field(rows, "text", DataType.INT64, nullable=True)
    assert {row["text"] for row in client.query(rows, filter="id >= 0", output_fields=["text"])} == {None}


def test_a_dynamic_field_later(client: MilvusClient, rows: str) -> None:
    with pytest.raises(MilvusException):
        client.insert(rows, [_row(6, color="red")])
    client.alter_collection_properties(rows, {"dynamicfield.enabled": True})
    # The client looks at the schema anew only when it has changed a field itself.
    client.add_collection_field(rows, "price", DataType.INT32, nullable=True)
    client.insert(rows, [_row(6, color="red")])
    assert client.describe_collection(rows)["enable_dynamic_field"]
    for _ in ("growing", "sealed"):
        found = client.query(rows, filter="color == 'red'", output_fields=["color"])
        assert [(row["id"], row["color"]) for row in found] == [(6, "red")]
        client.flush(rows)
    client.add_collection_field(rows, "color", DataType.VARCHAR, max_length=9, nullable=True)
    found = client.query(rows, filter="$meta['color'] == 'red'", output_fields=["color"])
    assert [row["id"] for row in found] == [6]
    assert client.query(rows, filter="color == 'red'") == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"field_name": "m", "data_type": DataType.INT8}, "nullable"),
        ({"field_name": "text", "data_type": DataType.INT8, "nullable": True}, "exists already"),
        ({"field_name": "m", "data_type": DataType.VARCHAR, "nullable": True, "max_length": 70000}, "max_length"),
    ],
)
def test_fields_that_are_refused(client: MilvusClient, rows: str, options: dict[str, Any], told: str) -> None:
    before = client.describe_collection(rows)["fields"]
    with pytest.raises(Exception, match=told):
        client.add_collection_field(rows, **options)
    assert client.describe_collection(rows)["fields"] == before
