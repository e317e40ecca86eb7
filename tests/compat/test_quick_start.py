"""Programs as the quick start writes them: a dimension, rows, searches."""

import numpy as np
import pytest
from pymilvus import DataType, MilvusClient, build_bloom_filter, build_roaring_bitmap
from pymilvus.exceptions import MilvusException

from tests.compat.conftest import Connected

_RNG = np.random.default_rng(11)
_VECTORS = _RNG.normal(size=(60, 8)).astype(np.float32)
_COLORS = ("red", "green", "blue")


def _rows() -> list[dict[str, object]]:
    return [
        {"id": number, "vector": vector.tolist(), "color": _COLORS[number % 3], "size": number}
        for number, vector in enumerate(_VECTORS)
    ]


@pytest.fixture
def filled(client: MilvusClient, name: str) -> str:
    client.create_collection(name, dimension=8)
    inserted = client.insert(name, _rows())
    assert (inserted["insert_count"], inserted["ids"]) == (60, list(range(60)))
    return name


def test_what_a_new_collection_looks_like(client: MilvusClient, name: str) -> None:
    client.create_collection(name, dimension=8, auto_id=True, metric_type="L2", id_type="string", max_length=20)
    assert client.has_collection(name)
    assert name in client.list_collections()
    described = client.describe_collection(name)
    key, vector = described["fields"]
    assert (key["name"], key["is_primary"], key["auto_id"], key["params"]) == ("id", True, True, {"max_length": 20})
    assert (vector["name"], vector["params"]) == ("vector", {"dim": 8})
    assert described["enable_dynamic_field"]
    assert described["consistency_level_name"] == "Bounded"
    assert client.list_indexes(name) == ["vector"]
    index = client.describe_index(name, "vector")
    assert (index["index_type"], index["metric_type"], index["state"]) == ("AUTOINDEX", "L2", "Finished")
    assert str(client.get_load_state(name)["state"]) == "Loaded"


def test_search_finds_the_nearest(client: MilvusClient, filled: str) -> None:
    queries = _VECTORS[[3, 40]]
    hits = client.search(filled, data=queries.tolist(), limit=5, output_fields=["color", "size"])
    unit = _VECTORS / np.linalg.norm(_VECTORS, axis=1, keepdims=True)
    for query, found in zip((3, 40), hits, strict=True):
        cosines = unit @ unit[query]
        best = np.argsort(-cosines)[:5]
        assert [hit["id"] for hit in found] == best.tolist()
        np.testing.assert_allclose([hit["distance"] for hit in found], cosines[best], rtol=1e-5)
        assert found[0]["entity"] == {"color": _COLORS[query % 3], "size": query}


def test_filters_offsets_and_ranges(client: MilvusClient, filled: str) -> None:
    query = [_VECTORS[3].tolist()]
    every = client.search(filled, data=query, limit=20, filter="color == 'red' and size < 50")[0]
    assert {hit["id"] for hit in every} == {number for number in range(50) if number % 3 == 0}
    page = client.search(filled, data=query, limit=4, offset=2, filter="color == 'red' and size < 50")[0]
    assert [hit["id"] for hit in page] == [hit["id"] for hit in every][2:6]
    inside = client.search(filled, data=query, limit=20, search_params={"params": {"radius": 0.2, "range_filter": 0.9}})
    assert inside[0]
    assert all(0.2 < hit["distance"] <= 0.9 for hit in inside[0])
    rounded = client.search(filled, data=query, limit=3, round_decimal=2)[0]
    assert all(abs(hit["distance"] - round(hit["distance"], 2)) < 1e-6 for hit in rounded)
    chosen = client.search(filled, data=query, limit=9, filter="size in {s}", filter_params={"s": [1, 2]})[0]
    assert {hit["id"] for hit in chosen} == {1, 2}
    nothing = client.search(filled, data=query, limit=3, filter="size > 1000", output_fields=["*"])
    assert [list(hits) for hits in nothing] == [[]]


def test_query_and_get(client: MilvusClient, filled: str) -> None:
    rows = client.query(filled, filter="size >= 10 and size < 13", output_fields=["color"])
    assert list(rows) == [{"id": number, "color": _COLORS[number % 3]} for number in (10, 11, 12)]
    full = client.get(filled, ids=[7])[0]
    assert full["color"] == "green"
    np.testing.assert_array_equal(np.array(full["vector"], np.float32), _VECTORS[7])
    assert [row["id"] for row in client.query(filled, filter="", limit=3, offset=2, output_fields=["id"])] == [2, 3, 4]
    assert client.query(filled, filter="size < 5", output_fields=["count(*)"])[0]["count(*)"] == 5
    assert list(client.query(filled, filter="size > 1000")) == []
    assert list(client.get(filled, ids=[1000])) == []


def test_delete_and_upsert(client: MilvusClient, filled: str) -> None:
    assert client.delete(filled, ids=[0, 1, 1000])["delete_count"] == 2
    assert client.delete(filled, filter="size >= {low}", filter_params={"low": 55})["delete_count"] == 5
    assert client.get_collection_stats(filled) == {"row_count": 53}
    changed = {"id": 5, "vector": [1.0] * 8, "color": "black"}
    upserted = client.upsert(filled, [changed])
    assert (upserted["upsert_count"], upserted["ids"]) == (1, [5])
    assert dict(client.get(filled, ids=[5])[0]) == changed
    assert client.search(filled, data=[[1.0] * 8], limit=1)[0][0]["id"] == 5


def test_flush_and_compact(client: MilvusClient, filled: str) -> None:
    client.flush(filled)
    client.delete(filled, ids=list(range(40)))
    job = client.compact(filled)
    assert client.get_compaction_state(job) == "Completed"
    assert client.get_collection_stats(filled) == {"row_count": 20}
    assert len(client.search(filled, data=[_VECTORS[3].tolist()], limit=60)[0]) == 20


def test_query_iterator(client: MilvusClient, filled: str) -> None:
    iterator = client.query_iterator(filled, batch_size=7, filter="size > 9", output_fields=["color"])
    seen: list[int] = []
    while batch := iterator.next():
        assert len(batch) <= 7
        seen += [row["id"] for row in batch]
        # The iterator reads the state it began on.
        client.delete(filled, ids=[59])
    iterator.close()
    assert seen == list(range(10, 60))


@pytest.mark.parametrize("metric", ["COSINE", "L2", "IP"])
def test_search_iterator(client: MilvusClient, name: str, metric: str) -> None:
    client.create_collection(name, dimension=8, metric_type=metric)
    client.insert(name, _rows())
    iterator = client.search_iterator(name, data=[_VECTORS[0].tolist()], batch_size=10, output_fields=["size"])
    hits: list[tuple[float, int]] = []
    while page := iterator.next():
        hits += [(hit.distance, hit.id) for hit in page]
    iterator.close()
    assert sorted(key for _, key in hits) == list(range(60))
    distances = [distance for distance, _ in hits]
    assert distances == sorted(distances, reverse=metric != "L2")


def test_grouping(client: MilvusClient, name: str) -> None:
    """The best hits of each color; rows without one are a group."""
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("color", DataType.VARCHAR, max_length=20, nullable=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    indexes = client.prepare_index_params()
    indexes.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_collection(name, schema=schema, index_params=indexes)
    colors = ["red", "red", "blue", None, "red", "blue", None, "green"]
    client.insert(name, [{"id": key, "color": color, "vector": [float(key), 0.0]} for key, color in enumerate(colors)])
    one = client.search(name, data=[[0.0, 0.0]], limit=3, group_by_field="color", output_fields=["color"])[0]
    assert [(hit["id"], hit["entity"]["color"]) for hit in one] == [(0, "red"), (2, "blue"), (3, None)]
    two = client.search(name, data=[[0.0, 0.0]], limit=4, group_by_field="color", group_size=2, strict_group_size=True)[
        0
    ]
    assert [hit["id"] for hit in two] == [0, 1, 2, 5, 3, 6, 7]
    assert [hit["id"] for hit in client.search(name, [[7.0, 0.0]], limit=2, offset=1, group_by_field="color")[0]] == [
        6,
        5,
    ]
    for wrong, told in (
        ({"group_by_field": "vector"}, "cannot group by 'vector'"),
        ({"group_by_field": "color", "group_size": 11}, "group_size is 11, expected 1 to 10"),
        ({"group_by_field": "color", "search_params": {"params": {"radius": 3.0}}}, "takes no range"),
    ):
        with pytest.raises(MilvusException, match=told):
            client.search(name, [[0.0, 0.0]], limit=2, **wrong)


def test_a_search_iterator_over_equal_scores_while_rows_come(client: MilvusClient, name: str) -> None:
    """Every row in range once, over the state in which it began, whatever is written meanwhile."""
    client.create_collection(name, dimension=8, metric_type="L2")
    rows = [{"id": key, "vector": [float(key % 3)] + [0.0] * 7, "even": key % 2 == 0} for key in range(300)]
    client.insert(name, rows)
    iterator = client.search_iterator(
        name, data=[[0.0] * 8], batch_size=7, filter="even == true", search_params={"params": {"radius": 3.0}}
    )
    assert type(iterator).__name__ == "SearchIteratorV2"
    found: list[int] = []
    while page := iterator.next():
        found += page.ids()
        client.insert(name, [{"id": 1000 + len(found), "vector": [0.0] * 8, "even": True}])
    iterator.close()
    assert len(found) == 100
    assert sorted(found) == [key for key in range(0, 300, 2) if key % 3 < 2]


def test_a_search_iterator_with_a_limit_and_a_filter_of_the_clients(client: MilvusClient, name: str) -> None:
    client.create_collection(name, dimension=8, metric_type="COSINE")
    client.insert(name, _rows())
    iterator = client.search_iterator(
        name,
        data=[_VECTORS[0].tolist()],
        batch_size=4,
        limit=10,
        external_filter_func=lambda hits: [hit for hit in hits if hit.id % 2],
    )
    found: list[int] = []
    while page := iterator.next():
        found += page.ids()
    assert len(found) == 10
    assert all(key % 2 for key in found)


def test_a_client_of_another_database(connected: Connected) -> None:
    connected.client.create_database("attic")
    other = connected.another(db_name="attic")
    other.create_collection("boxes", dimension=4)
    assert other.list_collections() == ["boxes"]
    assert "boxes" not in connected.client.list_collections()
    other.drop_collection("boxes")
    connected.client.drop_database("attic")
    other.close()


def test_the_server_says_what_it_is(client: MilvusClient) -> None:
    version = client.get_server_version()
    assert version.startswith("3.0.0+elanus.")
    assert client.get_server_version(detail=True)["version"] == version


def test_a_filter_against_sets_the_client_built(client: MilvusClient, name: str) -> None:
    client.create_collection(name, dimension=2)
    client.insert(name, [{"id": number, "vector": [0, 1], "color": f"c{number}"} for number in range(20)])
    params = {
        "b": build_bloom_filter([3, 5, 99], 0.0001),
        "r": build_roaring_bitmap([4, 5, 6]),
        "c": build_bloom_filter(["c5"]),
    }
    text = "bloom_match(id, {b}) and membership_match(id, {r}, type=roaring) and bloom_match(color, {c})"
    assert [row["id"] for row in client.query(name, filter=text, filter_params=params)] == [5]
