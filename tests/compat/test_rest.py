"""The REST interface of a running server, with requests as the documentation shows them."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from elanus.app.compose import local_service
from elanus.server.serve import start
from elanus.settings import Settings

Post = Callable[..., Any]


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    settings = Settings(durability="none", port=0, management_port=0, server_thread_count=2)
    service = local_service(tmp_path_factory.mktemp("rest"), settings)
    server = start(service, settings)
    client = httpx.Client(base_url=f"http://{server.address}/v2/vectordb/", timeout=30)

    def send(route: str, body: dict[str, Any], **headers: str) -> Any:
        reply = client.post(route, json=body, headers={"Authorization": "Bearer root:Milvus", **headers})
        assert reply.status_code == 200
        return reply.json()

    yield send
    client.close()
    server.stop(5)
    service.close()


_ROWS = [
    {"id": number, "vector": [float(number), 1.0], "color": ["red", "green"][number % 2], "big": (1 << 60) + number}
    for number in range(10)
]


@pytest.fixture
def quick(post: Post) -> Iterator[str]:
    assert post("collections/create", {"collectionName": "quick", "dimension": 2, "metricType": "L2"})["code"] == 0
    reply = post("entities/insert", {"collectionName": "quick", "data": _ROWS})
    assert reply["data"] == {"insertCount": 10, "insertIds": list(range(10))}
    yield "quick"
    assert post("collections/drop", {"collectionName": "quick"}) == {"code": 0, "data": {}}


def test_a_quick_collection(post: Post, quick: str) -> None:
    assert quick in post("collections/list", {})["data"]
    assert post("collections/has", {"collectionName": quick})["data"] == {"has": True}
    described = post("collections/describe", {"collectionName": quick})["data"]
    assert described["load"] == "LoadStateLoaded"
    assert described["indexes"] == [{"fieldName": "vector", "indexName": "vector", "metricType": "L2"}]
    assert post("collections/get_stats", {"collectionName": quick})["data"] == {"rowCount": 10}


def test_hybrid_search(post: Post, quick: str) -> None:
    part = {"annsField": "vector", "limit": 3}
    body = {
        "collectionName": quick,
        "search": [{**part, "data": [[0.0, 1.0]]}, {**part, "data": [[9.0, 1.0]], "filter": "id != 9"}],
        "rerank": {"strategy": "weighted", "params": {"weights": [1.0, 0.5]}},
        "limit": 3,
        "outputFields": ["color"],
    }
    reply = post("entities/hybrid_search", body)
    assert [hit["id"] for hit in reply["data"]] == [0, 1, 8]
    assert reply["data"][0] == {"id": 0, "distance": 1.0, "color": "red"}
    body["functionScore"] = {"functions": [{"name": "f", "type": "Rerank", "params": {"reranker": "rrf", "k": 9}}]}
    assert [hit["distance"] for hit in post("entities/hybrid_search", body)["data"]] == pytest.approx(
        [0.1, 0.1, 1 / 11]
    )
    body["rerank"] = {"strategy": "magic"}
    del body["functionScore"]
    assert "unsupported rank type 'magic'" in post("entities/hybrid_search", body)["message"]


def test_search(post: Post, quick: str) -> None:
    body = {
        "collectionName": quick,
        "data": [[3.0, 1.0], [8.0, 1.0]],
        "annsField": "vector",
        "filter": 'color == "red"',
        "limit": 2,
        "outputFields": ["color"],
    }
    reply = post("entities/search", body)
    assert reply["topks"] == [2, 2]
    assert reply["data"] == [
        {"id": 2, "distance": 1.0, "color": "red"},
        {"id": 4, "distance": 1.0, "color": "red"},
        {"id": 8, "distance": 0.0, "color": "red"},
        {"id": 6, "distance": 4.0, "color": "red"},
    ]
    ranged = post("entities/search", {**body, "searchParams": {"params": {"radius": 1.5, "range_filter": 0.5}}})
    assert [hit["id"] for hit in ranged["data"]] == [2, 4]


def test_query_get_upsert_and_delete(post: Post, quick: str) -> None:
    reply = post("entities/query", {"collectionName": quick, "filter": "id < 2", "outputFields": ["color", "big"]})
    assert reply["data"] == [
        {"id": number, "color": _ROWS[number]["color"], "big": _ROWS[number]["big"]} for number in (0, 1)
    ]
    texts = post(
        "entities/get",
        {"collectionName": quick, "id": ["1"], "outputFields": ["id"]},
        **{"Accept-Type-Allow-Int64": "false"},
    )
    assert texts["data"] == [{"id": "1"}]
    post("entities/upsert", {"collectionName": quick, "data": {"id": 1, "vector": [9.0, 9.0], "color": "blue"}})
    assert post("entities/get", {"collectionName": quick, "id": 1})["data"] == [
        {"id": 1, "vector": [9.0, 9.0], "color": "blue"}
    ]
    assert post("entities/delete", {"collectionName": quick, "filter": "id in [1, 2]"})["code"] == 0
    counted = post("entities/query", {"collectionName": quick, "outputFields": ["count(*)"]})
    assert counted["data"] == [{"count(*)": 8}]


def test_a_collection_with_a_schema(post: Post) -> None:
    fields = [
        {"fieldName": "my_id", "dataType": "VarChar", "isPrimary": True, "elementTypeParams": {"max_length": "20"}},
        {"fieldName": "my_vector", "dataType": "FloatVector", "elementTypeParams": {"dim": "2"}},
        {"fieldName": "bits", "dataType": "BinaryVector", "elementTypeParams": {"dim": 16}},
        {"fieldName": "sparse", "dataType": "SparseFloatVector", "nullable": True},
        {"fieldName": "year", "dataType": "Int16", "nullable": True, "defaultValue": "1999"},
    ]
    create = {
        "collectionName": "full",
        "schema": {"autoId": False, "enableDynamicField": False, "fields": fields},
        "indexParams": [
            {
                "fieldName": "my_vector",
                "metricType": "COSINE",
                "indexName": "nearest",
                "params": {"index_type": "HNSW", "M": 8},
            },
            {"fieldName": "bits", "metricType": "HAMMING"},
            {"fieldName": "sparse", "metricType": "IP", "indexType": "SPARSE_INVERTED_INDEX"},
            {"fieldName": "year", "indexName": "by_year", "params": {"index_type": "STL_SORT"}},
        ],
    }
    assert post("collections/create", create) == {"code": 0, "data": {}}
    assert post("collections/get_load_state", {"collectionName": "full"})["data"]["loadState"] == "LoadStateLoaded"
    rows = [
        {"my_id": "a", "my_vector": [1, 0], "bits": [1, 255], "sparse": {"3": 0.5}, "year": 2001},
        {"my_id": "b", "my_vector": [0, 1], "bits": "Af8="},
    ]
    assert post("entities/insert", {"collectionName": "full", "data": rows})["data"]["insertIds"] == ["a", "b"]
    found = post("entities/query", {"collectionName": "full", "filter": "year > 0"})["data"]
    assert found == [
        {"my_id": "a", "my_vector": [1.0, 0.0], "bits": "Af8=", "sparse": {"3": 0.5}, "year": 2001},
        {"my_id": "b", "my_vector": [0.0, 1.0], "bits": "Af8=", "sparse": None, "year": 1999},
    ]
    search = {"collectionName": "full", "limit": 1, "outputFields": ["my_id"]}
    hit = post("entities/search", {**search, "annsField": "my_vector", "data": [[0.1, 1]]})["data"][0]
    assert (hit["id"], hit["my_id"]) == ("b", "b")
    assert (
        post("entities/search", {**search, "annsField": "sparse", "data": [{"3": 2.0}]})["data"][0]["distance"] == 1.0
    )
    assert post("entities/search", {**search, "annsField": "bits", "data": ["AAA="]})["data"][0]["distance"] == 9.0
    assert set(post("indexes/list", {"collectionName": "full"})["data"]) >= {"nearest", "by_year"}
    described = post("indexes/describe", {"collectionName": "full", "indexName": "nearest"})["data"][0]
    assert (described["indexType"], described["metricType"], described["indexState"]) == ("HNSW", "COSINE", "Finished")
    post("collections/drop", {"collectionName": "full"})


def test_partitions_aliases_and_databases(post: Post, quick: str) -> None:
    assert post("partitions/create", {"collectionName": quick, "partitionName": "january"})["code"] == 0
    assert post("partitions/list", {"collectionName": quick})["data"] == ["_default", "january"]
    assert post("partitions/has", {"collectionName": quick, "partitionName": "may"})["data"] == {"has": False}
    post("aliases/create", {"collectionName": quick, "aliasName": "bob"})
    assert post("aliases/list", {"collectionName": quick})["data"] == ["bob"]
    assert post("aliases/describe", {"aliasName": "bob"})["data"] == {
        "aliasName": "bob",
        "collectionName": quick,
        "dbName": "default",
    }
    post("aliases/drop", {"aliasName": "bob"})
    post("databases/create", {"dbName": "cellar"})
    assert post("databases/list", {})["data"] == ["default", "cellar"]
    post("collections/create", {"dbName": "cellar", "collectionName": "wine", "dimension": 2})
    assert post("collections/list", {"dbName": "cellar"})["data"] == ["wine"]
    assert post("databases/drop", {"dbName": "cellar"})["code"] != 0
    post("collections/drop", {"dbName": "cellar", "collectionName": "wine"})
    assert post("databases/drop", {"dbName": "cellar"})["code"] == 0


@pytest.mark.parametrize(
    ("route", "body", "code"),
    [
        ("collections/describe", {"collectionName": "nobody"}, 100),
        ("collections/describe", {}, 1802),
        ("entities/query", {"collectionName": "quick", "filter": "id >"}, 1100),
        ("entities/search", {"collectionName": "quick", "data": [[1]], "annsField": "vector"}, 1100),
        ("entities/hybrid_search", {"collectionName": "quick"}, 1802),
        ("databases/describe", {"dbName": "nobody"}, 800),
    ],
)
def test_errors(post: Post, quick: str, route: str, body: dict[str, Any], code: int) -> None:
    reply = post(route, body)
    assert reply["code"] == code
    assert reply["message"]
    assert "data" not in reply


def test_order_and_groups(post: Post, quick: str) -> None:
    body = {"collectionName": quick, "filter": "id > 1", "orderByFields": ["id:desc"], "limit": 2}
    found = post("entities/query", {**body, "outputFields": ["color"]})["data"]
    assert found == [{"id": 9, "color": "green"}, {"id": 8, "color": "red"}]
    outputs = ["count(*)", "max(id)", "sum(id)", "avg(id)"]
    totals = post("entities/query", {"collectionName": quick, "outputFields": outputs})["data"]
    assert totals == [{"count(*)": 10, "max(id)": 9, "sum(id)": 45, "avg(id)": 4.5}]
    groups = {"collectionName": quick, "groupByFields": ["id"], "outputFields": ["id", "count(*)"], "limit": 2}
    assert post("entities/query", {**groups, "orderByFields": ["id:desc"]})["data"] == [
        {"id": 9, "count(*)": 1},
        {"id": 8, "count(*)": 1},
    ]
    refused = post("entities/query", {**body, "orderByFields": ["vector"]})
    assert refused["code"] == 1100
    assert "'vector' is a FloatVector" in refused["message"]


def test_explain(post: Post, quick: str) -> None:
    told = post("entities/explain", {"collectionName": quick, "filter": "id < 3"})["data"]
    assert told["text"].startswith(f"query of {quick}\n  filter: id < 3")
    assert told["explanation"]["segments"][0]["matched_count"] == 3
    told = post("entities/explain", {"collectionName": quick, "data": [[0.0, 1.0]], "limit": 2})["data"]
    assert told["explanation"]["target"]["limit"] == 2
    assert "exact scan" in told["text"]


def test_times(post: Post) -> None:
    """Zones and parts of times, as pymilvus has them."""
    fields: list[dict[str, Any]] = [
        {"fieldName": "id", "dataType": "Int64", "isPrimary": True},
        {"fieldName": "seen", "dataType": "Timestamptz", "nullable": True},
        {"fieldName": "vector", "dataType": "FloatVector", "elementTypeParams": {"dim": 2}},
    ]
    created = {
        "collectionName": "times",
        "schema": {"fields": fields},
        "indexParams": [{"fieldName": "vector", "indexName": "vector", "metricType": "L2"}],
    }
    assert post("collections/create", created)["code"] == 0
    zone = {"collectionName": "times", "properties": {"timezone": "Asia/Tokyo"}}
    assert post("collections/alter_properties", zone)["code"] == 0
    rows = [
        {"id": 1, "seen": "2025-05-01 12:00:00", "vector": [0, 1]},
        {"id": 2, "seen": None, "vector": [0, 2]},
    ]
    assert post("entities/insert", {"collectionName": "times", "data": rows})["code"] == 0
    query = {"collectionName": "times", "filter": "id > 0", "outputFields": ["seen"]}
    found = post("entities/query", {**query, "timezone": "UTC"})["data"]
    assert [row["seen"] for row in found] == ["2025-05-01T03:00:00Z", None]
    found = post("entities/query", {**query, "filter": "seen < ISO '2025-05-02'", "timeFields": "year, month"})["data"]
    assert found == [{"id": 1, "seen": [2025, 5]}]
    search = {"collectionName": "times", "data": [[0, 1]], "limit": 1, "outputFields": ["seen"]}
    assert post("entities/search", search)["data"][0]["seen"] == "2025-05-01T12:00:00+09:00"
    in_paris = post("entities/search", {**search, "timezone": "Europe/Paris"})["data"]
    assert in_paris[0]["seen"] == "2025-05-01T05:00:00+02:00"
    assert post("collections/drop", {"collectionName": "times"})["code"] == 0


@pytest.fixture
def books(post: Post) -> Iterator[str]:
    """As the documentation makes an array of structs through REST."""
    schema = {
        "fields": [
            {"fieldName": "id", "dataType": "Int64", "isPrimary": True},
            {"fieldName": "age", "dataType": "Int32"},
            {"fieldName": "title", "dataType": "FloatVector", "elementTypeParams": {"dim": "2"}},
        ],
        "structArrayFields": [
            {
                "name": "chunks",
                "elementTypeParams": {"max_capacity": 4},
                "fields": [
                    {"fieldName": "page", "dataType": "Int16"},
                    {"fieldName": "emb", "dataType": "FloatVector", "elementTypeParams": {"dim": "2"}},
                ],
            }
        ],
    }
    indexes = [
        {"fieldName": "title", "indexName": "title", "indexType": "FLAT", "metricType": "IP"},
        {"fieldName": "chunks[emb]", "indexName": "emb", "indexType": "HNSW", "metricType": "IP"},
    ]
    made = post("collections/create", {"collectionName": "books", "schema": schema, "indexParams": indexes})
    assert made["code"] == 0, made
    rows = [
        {
            "id": key,
            "age": 10 * key,
            "title": [10.0 - key, 0.0],
            "chunks": [{"page": key, "emb": [float(key), 0.0]}, {"page": key + 10, "emb": [float(-key), 1.0]}],
        }
        for key in range(5)
    ]
    assert post("entities/insert", {"collectionName": "books", "data": rows})["code"] == 0
    yield "books"
    post("collections/drop", {"collectionName": "books"})


def test_elements_and_lists(post: Post, books: str) -> None:
    described = post("collections/describe", {"collectionName": books})["data"]["fields"]
    assert [inner["name"] for inner in described[-1]["fields"]] == ["page", "emb"]
    body = {"collectionName": books, "annsField": "chunks[emb]", "limit": 3, "outputFields": ["chunks[page]"]}
    reply = post("entities/search", {**body, "data": [[1.0, 0.0]]})
    assert [(hit["id"], hit["offset"], hit["distance"]) for hit in reply["data"]] == [
        (4, 0, 4.0),
        (3, 0, 3.0),
        (2, 0, 2.0),
    ]
    assert reply["data"][0]["chunks"][0] == {"page": 4}
    text = "element_filter(chunks, $[page] > 11)"
    reply = post("entities/search", {**body, "data": [[-1.0, 0.0]], "filter": text})
    assert [(hit["id"], hit["offset"]) for hit in reply["data"]] == [(4, 1), (3, 1), (2, 1)]
    reply = post("entities/search", {**body, "data": [[1.0, 0.0]], "groupingField": "id"})
    assert [hit["id"] for hit in reply["data"]] == [4, 3, 2]
    reply = post("entities/search", {**body, "data": [[[1.0, 0.0], [0.0, 1.0]]]})
    assert [(hit["id"], hit["distance"]) for hit in reply["data"]] == [(4, 5.0), (3, 4.0), (2, 3.0)]
    assert "offset" not in reply["data"][0]


def test_rankers_keys_and_fields(post: Post, books: str) -> None:
    decay = {
        "name": "d", "type": "Rerank", "inputFieldNames": ["age"],
        "params": {"reranker": "decay", "function": "linear", "origin": 40, "scale": 20, "decay": 0.5},
    }  # fmt: skip
    body = {"collectionName": books, "annsField": "title", "limit": 5}
    reply = post("entities/search", {**body, "data": [[1.0, 0.0]], "functionScore": {"functions": [decay]}})
    assert [(hit["id"], hit["distance"]) for hit in reply["data"]] == [
        (4, 6.0),
        (3, 5.25),
        (2, 4.0),
        (1, 2.25),
        (0, 0.0),
    ]
    boost = {"name": "b", "type": "Rerank", "params": {"reranker": "boost", "weight": 2, "filter": "age > 30"}}
    reply = post("entities/search", {**body, "data": [[1.0, 0.0]], "functionScore": {"functions": [boost]}})
    assert (reply["data"][0]["id"], reply["data"][0]["distance"]) == (4, 12.0)
    assert post("entities/search", {**body, "data": [[1.0, 0.0]], "functionScore": {"functions": []}})["code"] == 1802
    reply = post("entities/search", {**body, "ids": [2], "limit": 1})
    assert (reply["data"][0]["id"], reply["data"][0]["distance"]) == (0, 80.0)
    field = {"fieldName": "more", "dataType": "VarChar", "nullable": True, "elementTypeParams": {"max_length": 3}}
    assert post("collections/fields/add", {"collectionName": books, "schema": field}) == {"code": 0, "data": {}}
    change = {"collectionName": books, "fieldName": "more", "fieldParams": {"max_length": 5}}
    assert post("collections/fields/alter_properties", change) == {"code": 0, "data": {}}
    row = {"id": 9, "age": 1, "title": [0.0, 0.0], "chunks": [], "more": "12345"}
    assert post("entities/insert", {"collectionName": books, "data": [row]})["code"] == 0
    reply = post("entities/query", {"collectionName": books, "filter": "id > 3", "outputFields": ["more"]})
    assert [(found["id"], found["more"]) for found in reply["data"]] == [(4, None), (9, "12345")]
