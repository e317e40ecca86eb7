"""Arrays of structs through pymilvus: schema, rows there and back, members, filters, nulls, and what is refused."""

from typing import Any

import numpy as np
import pytest
from pymilvus import DataType, MilvusClient
from pymilvus.client.embedding_list import EmbeddingList
from pymilvus.exceptions import MilvusException

from tests.compat.conftest import Connected


def _chunk(text: str, number: int, *, good: bool = True) -> dict[str, Any]:
    return {
        "text": text,
        "n": number,
        "q": number / 4,
        "good": good,
        "emb": [1.0, float(number)],
        "bits": bytes([number]),
        "half": bytes([0, 0x3C, 0, 0x40]),
    }


_ROWS: list[Any] = [
    [_chunk("Red a", 1), _chunk("blue", 2)],
    None,
    [],
    [_chunk("Red c", 3), _chunk("Red d", 4, good=False)],
]


def _create(client: MilvusClient, name: str) -> None:
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    chunk = client.create_struct_field_schema()
    chunk.add_field("text", DataType.VARCHAR, max_length=20)
    chunk.add_field("n", DataType.INT8)
    chunk.add_field("q", DataType.FLOAT)
    chunk.add_field("good", DataType.BOOL)
    chunk.add_field("emb", DataType.FLOAT_VECTOR, dim=2)
    chunk.add_field("bits", DataType.BINARY_VECTOR, dim=8)
    chunk.add_field("half", DataType.FLOAT16_VECTOR, dim=2)
    schema.add_field(
        "chunks", DataType.ARRAY, element_type=DataType.STRUCT, struct_schema=chunk, max_capacity=5, nullable=True
    )
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_collection(name, schema=schema, index_params=index)


@pytest.fixture
def documents(client: MilvusClient, name: str) -> str:
    _create(client, name)
    client.insert(name, [{"id": row, "chunks": value, "vector": [0, row]} for row, value in enumerate(_ROWS)])
    return name


def _read(value: Any) -> Any:
    """Rows with their packed vectors as bytes: pymilvus gives bits as bytes in a list, and half floats as numbers."""
    if value is None:
        return None
    packed = {"bits": b"".join, "half": lambda item: np.array(item, np.float16).tobytes()}
    return [
        {name: packed[name](item) if name in packed else item for name, item in element.items()} for element in value
    ]


def test_the_schema_is_described_as_it_was_made(client: MilvusClient, documents: str) -> None:
    described = client.describe_collection(documents)
    chunks = next(field for field in described["fields"] if field["name"] == "chunks")
    assert (chunks["type"], chunks["element_type"], chunks["nullable"]) == (DataType.ARRAY, DataType.STRUCT, True)
    assert chunks["params"]["max_capacity"] == 5
    members = [(field["name"], field["type"], field.get("params", {})) for field in chunks["struct_fields"]]
    assert members == [
        ("text", DataType.VARCHAR, {"max_length": 20}),
        ("n", DataType.INT8, {}),
        ("q", DataType.FLOAT, {}),
        ("good", DataType.BOOL, {}),
        ("emb", DataType.FLOAT_VECTOR, {"dim": 2}),
        ("bits", DataType.BINARY_VECTOR, {"dim": 8}),
        ("half", DataType.FLOAT16_VECTOR, {"dim": 2}),
    ]


def test_rows_come_back(client: MilvusClient, documents: str) -> None:
    for _ in ("growing", "sealed"):
        rows = client.query(documents, filter="id >= 0", output_fields=["chunks"])
        assert [_read(row["chunks"]) for row in rows] == _ROWS
        hits = client.search(documents, data=[[0, 3]], limit=2, output_fields=["chunks"])[0]
        assert [_read(hit["entity"]["chunks"]) for hit in hits] == [_ROWS[3], _ROWS[2]]
        client.flush(documents)


def test_members_by_themselves(client: MilvusClient, documents: str) -> None:
    rows = client.query(documents, filter="id in [1, 3]", output_fields=["chunks[text]", "chunks[n]"])
    assert [row["chunks"] for row in rows] == [None, [{"text": "Red c", "n": 3}, {"text": "Red d", "n": 4}]]
    with pytest.raises(MilvusException, match=r"output field 'chunks\[no\]' does not exist; chunks has text, n"):
        client.query(documents, filter="id >= 0", output_fields=["chunks[no]"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("element_filter(chunks, $[text] LIKE 'Red%')", [0, 3]),
        ("id > 0 && element_filter(chunks, $[text] == 'Red c' && $[q] > 0.5)", [3]),
        ("MATCH_ANY(chunks, $[n] > 2)", [3]),
        ("MATCH_ALL(chunks, $[text] LIKE 'Red%')", [2, 3]),
        ("not match_all(chunks, $[text] LIKE 'Red%')", [0]),
        ("MATCH_LEAST(chunks, $[n] >= 2, threshold=2)", [3]),
        ("MATCH_MOST(chunks, $[n] >= 2, threshold=1)", [0, 2]),
        ("MATCH_EXACT(chunks, $[good] == true, threshold=1)", [3]),
        ("MATCH_EXACT(chunks, $[n] in [1, 2], threshold=0)", [2, 3]),
        ("chunks[1][text] == 'Red d'", [3]),
        ("array_length(chunks) == 2", [0, 3]),
        ("array_contains(chunks[n], 2)", [0]),
        ("chunks is null", [1]),
        ("match_any(chunks, $[n] > {least})", [3]),
    ],
)
def test_filters(client: MilvusClient, documents: str, text: str, expected: list[int]) -> None:
    for _ in ("growing", "sealed"):
        rows = client.query(documents, filter=text, filter_params={"least": 2}, output_fields=["id"])
        assert [row["id"] for row in rows] == expected
        client.flush(documents)


def test_an_upsert_replaces_the_whole_array(client: MilvusClient, documents: str) -> None:
    client.upsert(documents, [{"id": 1, "chunks": [_chunk("new", 7)]}], partial_update=True)
    client.upsert(documents, [{"id": 3, "vector": [5, 5]}], partial_update=True)
    rows = client.query(documents, filter="id in [1, 3]", output_fields=["chunks"])
    assert [_read(row["chunks"]) for row in rows] == [[_chunk("new", 7)], _ROWS[3]]


def test_rows_outlive_compaction(connected: Connected, documents: str) -> None:
    client = connected.client
    client.flush(documents)
    client.insert(documents, [{"id": 9, "chunks": [_chunk("last", 9)], "vector": [0, 9]}])
    client.flush(documents)
    client.delete(documents, ids=[0])
    client.compact(documents)
    rows = client.query(documents, filter="id >= 0", output_fields=["chunks"])
    assert [_read(row["chunks"]) for row in rows] == [*_ROWS[1:], [_chunk("last", 9)]]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([_chunk("a", 1)] * 6, "has 6 elements in row 0, which exceeds max capacity 5"),
        ([{**_chunk("a", 1), "n": 300}], r"'chunks\[n\]' got 300 in row 0"),
        ([_chunk("a", 1), {**_chunk("b", 2), "text": "x" * 21}], r"chunks\[text\]"),
        ([{**_chunk("a", 1), "emb": [1.0, float("nan")]}], r"'chunks\[emb\]' has NaN or infinity"),
    ],
)
def test_what_does_not_fit_refuses_the_insert(client: MilvusClient, documents: str, value: Any, told: str) -> None:
    with pytest.raises(MilvusException, match=told):
        client.insert(documents, [{"id": 50, "chunks": value, "vector": [0, 1]}])
    assert client.query(documents, filter="id == 50") == []


def test_structs_of_what_they_cannot_hold_are_refused(client: MilvusClient, name: str) -> None:
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    chunk = client.create_struct_field_schema()
    chunk.add_field("when", DataType.TIMESTAMPTZ)
    schema.add_field("chunks", DataType.ARRAY, element_type=DataType.STRUCT, struct_schema=chunk, max_capacity=5)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    with pytest.raises(MilvusException, match="structs hold Bool, numbers, VarChar and dense vectors"):
        client.create_collection(name, schema=schema)


def _embeddings(*vectors: list[float]) -> EmbeddingList:
    found = EmbeddingList()
    for vector in vectors:
        found.add(np.array(vector, np.float32))
    return found


@pytest.fixture
def indexed(client: MilvusClient, documents: str) -> str:
    index = client.prepare_index_params()
    index.add_index("chunks[emb]", index_type="HNSW", metric_type="MAX_SIM_IP")
    client.create_index(documents, index)
    return documents


def test_a_search_with_lists_of_vectors(client: MilvusClient, indexed: str) -> None:
    """Scores by hand: row 0 has (1, 1) and (1, 2), row 3 (1, 3) and (1, 4)."""
    queries = [_embeddings([1, 0], [0, 1]), _embeddings([0, -1])]
    for _ in ("growing", "sealed"):
        hits = client.search(indexed, data=queries, anns_field="chunks[emb]", limit=5, output_fields=["chunks[n]"])
        assert [[(hit["id"], hit["distance"]) for hit in of_query] for of_query in hits] == [
            [(3, 5.0), (0, 3.0)],
            [(0, -1.0), (3, -3.0)],
        ]
        assert hits[0][0]["entity"]["chunks"] == [{"n": 3}, {"n": 4}]
        filtered = client.search(
            indexed, data=queries[:1], anns_field="chunks[emb]", limit=5, filter="match_any(chunks, $[n] == 1)"
        )
        assert [hit["id"] for hit in filtered[0]] == [0]
        client.flush(indexed)


def test_an_index_on_a_member_is_described(client: MilvusClient, indexed: str) -> None:
    assert "chunks_emb" in client.list_indexes(indexed)
    described = client.describe_index(indexed, "chunks_emb")
    assert (described["field_name"], described["metric_type"], described["state"]) == (
        "chunks[emb]",
        "MAX_SIM_IP",
        "Finished",
    )


@pytest.mark.parametrize(
    ("data", "options", "told"),
    [
        ([[1.0]], {"anns_field": "chunks[emb]"}, "query vector 0 has 1 dimensions"),
        ([_embeddings([1, 0, 0])], {"anns_field": "chunks[emb]"}, "expected a multiple of 8"),
        (
            [_embeddings([1, 0])],
            {"anns_field": "vector"},
            "but the query is a list of FloatVector",
        ),
        ([_embeddings([1, 0])], {"anns_field": "chunks[bits]"}, "the query is a list of FloatVector"),
        ([_embeddings([1, 0])], {"anns_field": "chunks[no]"}, "no field 'chunks.no.' to search"),
        ([_embeddings([1, 0])], {"anns_field": "chunks[emb]", "search_params": {"metric_type": "L2"}}, "metric 'L2'"),
        (
            [_embeddings([1, 0])],
            {"anns_field": "chunks[emb]", "search_params": {"params": {"radius": 1.0}}},
            "takes no radius",
        ),
    ],
)
def test_searches_that_are_refused(
    client: MilvusClient, indexed: str, data: Any, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(MilvusException, match=told):
        client.search(indexed, data=data, limit=3, **options)
