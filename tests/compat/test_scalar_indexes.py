"""Indexes on scalar fields through pymilvus: what is accepted and refused, what is described, and that answers stay."""

from typing import Any

import pytest
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException

from tests.compat.conftest import Connected

_ROW_COUNT = 1500
_FILTERS = (
    "number == 77",
    "100 <= number < 130",
    "number in [3, 5, 7000] or small == 2",
    "number != 77 and small not in [1, 2, 3]",
    "price > 1400.5",
    "flag == true and number < 50",
    "title == 'title 12'",
    "title like 'title 14%'",
    "title like '%le 7_'",
    "body like '%grape%'",
    "body like 'word 3%plum%'",
    "title is null or number > 1490",
    "array_contains(tags, 4)",
    "array_contains_any(tags, [1, 2]) and small == 1",
    "array_contains_all(names, ['n1', 'n2'])",
    'doc["price"] < 20',
    'doc["kind"] == "k3" or doc["price"] == 1499',
    'json_contains(doc["list"], 3)',
    'exists doc["rare"]',
    "color == 'c4'",
    'extra["deep"] > 1400',
)


def _row(number: int) -> dict[str, Any]:
    document = {"price": number, "kind": f"k{number % 7}", "list": [number % 5, number % 11]}
    if number % 100 == 0:
        document["rare"] = None
    return {
        "id": number,
        "vector": [float(number), 1.0],
        "number": number,
        "small": number % 9,
        "price": number + 0.25,
        "flag": number % 3 == 0,
        "title": None if number % 10 == 9 else f"title {number % 150}",
        "body": f"word {number} {'grape' if number % 200 == 7 else 'plum'}",
        "tags": [number % 13, number % 6],
        "names": [f"n{number % 3}", f"n{number % 5}"],
        "doc": document,
        "color": f"c{number % 8}",
        "extra": {"deep": number},
    }


@pytest.fixture
def filled(client: MilvusClient, name: str) -> str:
    schema = client.create_schema(enable_dynamic_field=True)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    schema.add_field("number", DataType.INT64)
    schema.add_field("small", DataType.INT8)
    schema.add_field("price", DataType.DOUBLE)
    schema.add_field("flag", DataType.BOOL)
    schema.add_field("title", DataType.VARCHAR, max_length=100, nullable=True)
    schema.add_field("body", DataType.VARCHAR, max_length=100)
    schema.add_field("tags", DataType.ARRAY, element_type=DataType.INT32, max_capacity=5)
    schema.add_field("names", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=5, max_length=10)
    schema.add_field("doc", DataType.JSON)
    client.create_collection(name, schema=schema)
    client.insert(name, [_row(number) for number in range(_ROW_COUNT)])
    client.flush(name)
    vector = client.prepare_index_params()
    vector.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_index(name, vector)
    client.load_collection(name)
    return name


def _create(client: MilvusClient, collection: str, field: str, index_type: str, **options: Any) -> None:
    params = client.prepare_index_params()
    params.add_index(field, index_type=index_type, **options)
    client.create_index(collection, params)


def _answers(client: MilvusClient, collection: str) -> dict[str, list[int]]:
    found = {}
    for text in _FILTERS:
        rows = client.query(collection, filter=text, output_fields=["id"])
        found[text] = [row["id"] for row in rows]
    return found


_PATHS: list[tuple[str, str, dict[str, str]]] = [
    ("doc", "AUTOINDEX", {"json_path": 'doc["price"]', "json_cast_type": "double"}),
    ("doc", "BITMAP", {"json_path": 'doc["kind"]', "json_cast_type": "VARCHAR"}),
    ("doc", "INVERTED", {"json_path": 'doc["list"]', "json_cast_type": "array_double"}),
    ("doc", "INVERTED", {"json_path": 'doc["rare"]', "json_cast_type": "DOUBLE"}),
    ("doc", "INVERTED", {"json_path": "doc", "json_cast_type": "JSON"}),
    ("color", "INVERTED", {"json_path": "color", "json_cast_type": "VARCHAR"}),
    ("extra", "STL_SORT", {"json_path": 'extra["deep"]', "json_cast_type": "DOUBLE"}),
]
_FIELDS = {
    "inverted": dict.fromkeys(("number", "small", "price", "flag", "title", "body", "tags", "names"), "INVERTED"),
    "bitmap": {**dict.fromkeys(("number", "small", "flag", "title", "tags", "names"), "BITMAP"), "price": "STL_SORT"},
    "sorted": {"number": "STL_SORT", "small": "STL_SORT", "price": "STL_SORT", "title": "STL_SORT", "body": "Trie"},
    "ngram": {"title": "NGRAM", "body": "NGRAM", "number": "", "tags": "AUTOINDEX", "flag": "AUTOINDEX"},
}


@pytest.mark.parametrize("family", _FIELDS)
def test_answers_stay_the_same(connected: Connected, filled: str, family: str) -> None:
    client = connected.client
    before = _answers(client, filled)
    assert all(before.values()), [text for text, found in before.items() if not found]
    for field, index_type in _FIELDS[family].items():
        options: dict[str, Any] = {"params": {"min_gram": 2, "max_gram": 3}} if index_type == "NGRAM" else {}
        _create(client, filled, field, index_type, **options)
        described = client.describe_index(filled, field)
        assert described["index_type"] == (index_type.upper() or "AUTOINDEX")
        counted = [described[key] for key in ("state", "total_rows", "indexed_rows", "pending_index_rows")]
        assert counted == ["Finished", _ROW_COUNT, _ROW_COUNT, 0]
    assert set(client.list_indexes(filled)) == {"vector", *_FIELDS[family]}
    collection = connected.service.engine.collection("default", filled)
    unit = connected.service.engine.collection("default", filled).state.sealed[0]
    assert len(unit.entry.indexes) == len(collection.manifest.indexes)
    assert _answers(client, filled) == before
    hits = client.search(filled, data=[[0.0, 1.0]], limit=3, filter="100 <= number < 130", output_fields=["number"])[0]
    assert [hit["id"] for hit in hits] == [100, 101, 102]
    for field in _FIELDS[family]:
        client.drop_index(filled, field)
    assert client.list_indexes(filled) == ["vector"]
    assert _answers(client, filled) == before


def test_paths_inside_documents(client: MilvusClient, filled: str) -> None:
    before = _answers(client, filled)
    names = []
    for number, (field, index_type, params) in enumerate(_PATHS):
        names.append(f"path_{number}")
        _create(client, filled, field, index_type, index_name=names[-1], params=params)
        described = client.describe_index(filled, names[-1])
        assert described["field_name"] == field
        assert described["json_path"] == params["json_path"]
        assert described["json_cast_type"] == params["json_cast_type"].upper()
        assert (described["total_rows"], described["pending_index_rows"]) == (_ROW_COUNT, 0)
    assert _answers(client, filled) == before
    with pytest.raises(MilvusException, match="path_0"):
        _create(client, filled, "doc", "INVERTED", index_name="again", params=_PATHS[0][2])
    client.drop_index(filled, names[0])
    assert set(client.list_indexes(filled)) == {"vector", *names[1:]}
    assert _answers(client, filled) == before


def test_indexes_of_a_new_collection_cover_what_comes(client: MilvusClient, filled: str) -> None:
    _create(client, filled, "number", "STL_SORT")
    client.insert(filled, [_row(number) for number in range(_ROW_COUNT, 2 * _ROW_COUNT)])
    assert client.query(filled, filter="number == 2000", output_fields=["id"]) == [{"id": 2000}]
    client.delete(filled, filter="number in [77, 2000]")
    client.flush(filled)
    assert client.query(filled, filter="number in [77, 78, 2000, 2001]", output_fields=["id"]) == [
        {"id": 78},
        {"id": 2001},
    ]
    client.alter_index_properties(filled, "number", {"mmap.enabled": True})
    assert client.describe_index(filled, "number")["mmap.enabled"] == "True"


@pytest.mark.parametrize(
    ("field", "path", "name"),
    [
        ("color", "color", "color"),
        ('extra["deep"]', 'extra["deep"]', "extra_deep"),
        ('$meta["9 lives"]', '$meta["9 lives"]', "meta_9_lives"),
        ('$meta["日"]', '$meta["日"]', "meta"),
    ],
)
def test_an_index_on_a_dynamic_key_is_named_after_it(
    client: MilvusClient, filled: str, field: str, path: str, name: str
) -> None:
    text = "color == 'c4' and extra[\"deep\"] > 1400"
    before = client.query(filled, filter=text, output_fields=["id"])
    _create(client, filled, field, "AUTOINDEX", params={"json_path": path, "json_cast_type": "varchar"})
    assert client.describe_index(filled, name)["state"] == "Finished"
    assert client.query(filled, filter=text, output_fields=["id"]) == before != []
    client.drop_index(filled, name)
    assert client.list_indexes(filled) == ["vector"]


def test_compaction_by_the_clustering_key(client: MilvusClient, name: str) -> None:
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    schema.add_field("key", DataType.INT64, is_clustering_key=True)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_collection(name, schema=schema, index_params=index)
    for start in (0, 100):
        client.insert(name, [{"id": row, "vector": [row, 0], "key": row % 10} for row in range(start, start + 100)])
        client.flush(name)
    before = client.query(name, filter="key == 3", output_fields=["id"])
    job = client.compact(name, is_clustering=True)
    assert client.get_compaction_state(job) == "Completed"
    assert client.query(name, filter="key == 3", output_fields=["id"]) == before
    assert len(before) == 20


def test_compaction_to_a_target_size(client: MilvusClient, name: str) -> None:
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    client.create_collection(name, schema=schema, index_params=index)
    for start in range(0, 300, 100):
        client.insert(name, [{"id": row, "vector": [row, 0]} for row in range(start, start + 100)])
        client.flush(name)
    before = client.search(name, data=[[120, 0]], limit=50)[0].ids
    job = client.compact(name, target_size=1, target_size_unit="gb")
    assert client.get_compaction_state(job) == "Completed"
    assert client.search(name, data=[[120, 0]], limit=50)[0].ids == before
    client.insert(name, [{"id": 300, "vector": [300, 0]}])
    client.flush(name)
    assert client.optimize(name).status == "success"
    assert client.optimize(name, target_size="1GB").status == "success"
    assert client.search(name, data=[[120, 0]], limit=50)[0].ids == before
    assert len(client.query(name, filter="id >= 0", output_fields=["id"])) == 301


@pytest.mark.parametrize(
    ("field", "index_type", "params", "told"),
    [
        ("number", "NGRAM", {"min_gram": 2, "max_gram": 3}, "does not take fields of type Int64"),
        ("number", "Trie", {}, "does not take fields of type Int64"),
        ("price", "BITMAP", {}, "does not take fields of type Double"),
        ("id", "BITMAP", {}, "primary key"),
        ("flag", "STL_SORT", {}, "does not take fields of type Bool"),
        ("tags", "STL_SORT", {}, "does not take fields of type Array"),
        ("number", "RTREE", {}, "does not take fields of type Int64"),
        ("number", "RTREES", {}, "there is no scalar index type"),
        ("number", "HNSW", {"M": 8}, "there is no scalar index type"),
        ("number", "STL_SORT", {"nlist": 8}, "has no parameter"),
        ("title", "NGRAM", {}, "needs min_gram"),
        ("title", "NGRAM", {"min_gram": 2}, "needs max_gram"),
        ("title", "NGRAM", {"min_gram": 3, "max_gram": 2}, "max_gram"),
        ("title", "NGRAM", {"min_gram": 0, "max_gram": 2}, "min_gram"),
        ("title", "NGRAM", {"min_gram": "two", "max_gram": 2}, "min_gram"),
        ("doc", "INVERTED", {}, "needs json_cast_type"),
        ("doc", "INVERTED", {"json_path": 'doc["a"]', "json_cast_type": "INT"}, "expected one of"),
        ("doc", "INVERTED", {"json_path": "number", "json_cast_type": "DOUBLE"}, "not inside"),
        ("doc", "INVERTED", {"json_path": 'doc["a', "json_cast_type": "DOUBLE"}, "no path"),
        ("doc", "STL_SORT", {"json_path": 'doc["a"]', "json_cast_type": "BOOL"}, "expected one of"),
        ("doc", "BITMAP", {"json_path": 'doc["a"]', "json_cast_type": "DOUBLE"}, "expected one of"),
        ("doc", "BITMAP", {"json_path": 'doc["a"]', "json_cast_type": "ARRAY_VARCHAR"}, "expected one of"),
        ("doc", "STL_SORT", {"json_path": 'doc["a"]', "json_cast_type": "JSON"}, "expected one of"),
        (
            "doc",
            "INVERTED",
            {"json_path": 'doc["a"]', "json_cast_type": "VARCHAR", "json_cast_function": "STRING_TO_DOUBLE"},
            "gives DOUBLE",
        ),
        (
            "doc",
            "AUTOINDEX",
            {"json_path": 'doc["a"]', "json_cast_type": "DOUBLE", "bitmap_cardinality_limit": 1001},
            "1 to 1000",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    client: MilvusClient, name: str, field: str, index_type: str, params: dict[str, Any], told: str
) -> None:
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    schema.add_field("number", DataType.INT64)
    schema.add_field("price", DataType.DOUBLE)
    schema.add_field("flag", DataType.BOOL)
    schema.add_field("title", DataType.VARCHAR, max_length=100)
    schema.add_field("tags", DataType.ARRAY, element_type=DataType.INT32, max_capacity=5)
    schema.add_field("doc", DataType.JSON)
    client.create_collection(name, schema=schema)
    with pytest.raises(MilvusException, match=told) as raised:
        _create(client, name, field, index_type, params=params)
    assert raised.value.code == 1100
    assert client.list_indexes(name) == []
