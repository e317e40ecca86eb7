"""Searches with the vectors of stored rows, by their primary keys, through pymilvus."""

import pytest
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException


@pytest.fixture(params=["int", "text"])
def rows(request: pytest.FixtureRequest, client: MilvusClient, name: str) -> str:
    schema = client.create_schema()
    is_text = request.param == "text"
    schema.add_field("id", DataType.VARCHAR if is_text else DataType.INT64, is_primary=True, max_length=9)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2, nullable=True)
    schema.add_field("words", DataType.SPARSE_FLOAT_VECTOR)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    index.add_index("words", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    client.create_collection(name, schema=schema, index_params=index)
    client.insert(
        name,
        [
            {
                "id": str(key) if is_text else key,
                "vector": None if key == 5 else [float(key), 0.0],
                "words": {1: 1.0 + key, 7 + key: 1.0},
            }
            for key in range(6)
        ],
    )
    return name


def _key(client: MilvusClient, rows: str, number: int) -> int | str:
    primary = client.describe_collection(rows)["fields"][0]
    return str(number) if primary["type"] is DataType.VARCHAR else number


def test_the_vectors_of_rows(client: MilvusClient, rows: str) -> None:
    keys = [_key(client, rows, number) for number in (3, 0, 3)]
    for _ in ("growing", "sealed"):
        by_keys = client.search(rows, ids=keys, anns_field="vector", limit=3)
        by_data = client.search(rows, data=[[3.0, 0.0], [0.0, 0.0], [3.0, 0.0]], anns_field="vector", limit=3)
        assert [[(hit["id"], hit["distance"]) for hit in hits] for hits in by_keys] == [
            [(hit["id"], hit["distance"]) for hit in hits] for hits in by_data
        ]
        assert by_keys[0][0]["id"] == keys[0]
        sparse = client.search(rows, ids=keys[:1], anns_field="words", limit=1)
        assert [(hit["id"], hit["distance"]) for hit in sparse[0]] == [(_key(client, rows, 5), 24.0)]
        client.flush(rows)


def test_what_is_refused(client: MilvusClient, rows: str) -> None:
    with pytest.raises(MilvusException, match="no row with the primary key"):
        client.search(rows, ids=[_key(client, rows, 0), _key(client, rows, 77)], anns_field="vector", limit=3)
    with pytest.raises(MilvusException, match="has no 'vector'"):
        client.search(rows, ids=[_key(client, rows, 5)], anns_field="vector", limit=3)
    wrong = 1 if isinstance(_key(client, rows, 0), str) else "1"
    with pytest.raises(MilvusException, match="primary key"):
        client.search(rows, ids=[wrong], anns_field="vector", limit=3)
