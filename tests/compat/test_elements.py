"""Searches for elements of arrays of structs through pymilvus, growing and sealed."""

from typing import Any

import pytest
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException

_CHUNKS: dict[int, list[tuple[int, list[float]]] | None] = {
    0: [(1, [0.0, 0.0]), (2, [5.0, 0.0])],
    1: None,
    2: [],
    3: [(3, [1.0, 0.0]), (4, [2.0, 0.0]), (5, [9.0, 0.0])],
    4: [(6, [3.0, 0.0])],
}


@pytest.fixture
def documents(client: MilvusClient, name: str) -> str:
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("kind", DataType.VARCHAR, max_length=10)
    chunk = client.create_struct_field_schema()
    chunk.add_field("page", DataType.INT32)
    chunk.add_field("emb", DataType.FLOAT_VECTOR, dim=2)
    chunk.add_field("other", DataType.FLOAT_VECTOR, dim=2)
    schema.add_field(
        "chunks", DataType.ARRAY, element_type=DataType.STRUCT, struct_schema=chunk, max_capacity=5, nullable=True
    )
    schema.add_field("title", DataType.FLOAT_VECTOR, dim=2)
    index = client.prepare_index_params()
    index.add_index("chunks[emb]", index_type="HNSW", metric_type="L2", params={"M": 8, "efConstruction": 40})
    index.add_index("chunks[other]", index_type="AUTOINDEX", metric_type="COSINE")
    index.add_index("title", index_type="FLAT", metric_type="L2")
    client.create_collection(name, schema=schema, index_params=index)
    client.insert(
        name,
        [
            {
                "id": key,
                "kind": "odd" if key % 2 else "even",
                "chunks": None
                if chunks is None
                else [{"page": page, "emb": emb, "other": [1.0, emb[0]]} for page, emb in chunks],
                "title": [float(key), 0.0],
            }
            for key, chunks in _CHUNKS.items()
        ],
    )
    return name


def _found(hits: Any) -> list[tuple[int, int, float]]:
    return [(hit["id"], hit["offset"], hit["distance"]) for hit in hits]


def test_hits_are_elements(client: MilvusClient, documents: str) -> None:
    for _ in ("growing", "sealed"):
        hits = client.search(
            documents, data=[[0, 0], [9, 0]], anns_field="chunks[emb]", limit=3, output_fields=["kind", "chunks[page]"]
        )
        assert [_found(of_query) for of_query in hits] == [
            [(0, 0, 0.0), (3, 0, 1.0), (3, 1, 4.0)],
            [(3, 2, 0.0), (0, 1, 16.0), (4, 0, 36.0)],
        ]
        best = hits[0][1]
        assert best["entity"]["kind"] == "odd"
        assert best["entity"]["chunks"][best["offset"]] == {"page": 3}
        client.flush(documents)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind == 'even'", [(0, 0), (4, 0), (0, 1)]),
        ("element_filter(chunks, $[page] >= 4)", [(3, 1), (4, 0), (3, 2)]),
        ("kind == 'odd' && element_filter(chunks, $[page] >= 4)", [(3, 1), (3, 2)]),
        ("kind == 'odd' && MATCH_ANY(chunks, $[page] == 4)", [(3, 0), (3, 1), (3, 2)]),
        ("element_filter(chunks, $[page] > {most})", []),
    ],
)
def test_filters(client: MilvusClient, documents: str, text: str, expected: list[tuple[int, int]]) -> None:
    for _ in ("growing", "sealed"):
        hits = client.search(
            documents, data=[[2, 0]], anns_field="chunks[emb]", limit=5, filter=text, filter_params={"most": 6}
        )
        assert sorted(hit[:2] for hit in _found(hits[0])) == sorted(expected)
        client.flush(documents)


def test_grouping_by_the_primary_key(client: MilvusClient, documents: str) -> None:
    for _ in ("growing", "sealed"):
        hits = client.search(documents, data=[[0, 0]], anns_field="chunks[emb]", limit=3, group_by_field="id")
        assert _found(hits[0]) == [(0, 0, 0.0), (3, 0, 1.0), (4, 0, 9.0)]
        client.flush(documents)
    with pytest.raises(MilvusException, match="grouped by the primary key"):
        client.search(documents, data=[[0, 0]], anns_field="chunks[emb]", limit=3, group_by_field="kind")
    with pytest.raises(MilvusException, match="takes no range"):
        client.search(
            documents, data=[[0, 0]], anns_field="chunks[emb]", limit=3, group_by_field="id",
            search_params={"params": {"radius": 3.0}},
        )  # fmt: skip


def test_ranges_pages_and_iterators(client: MilvusClient, documents: str) -> None:
    bounds = {"params": {"radius": 9.5, "range_filter": 1.0}}
    for _ in ("growing", "sealed"):
        hits = client.search(documents, data=[[0, 0]], anns_field="chunks[emb]", limit=9, search_params=bounds)
        assert _found(hits[0]) == [(3, 0, 1.0), (3, 1, 4.0), (4, 0, 9.0)]
        hits = client.search(documents, data=[[0, 0]], anns_field="chunks[emb]", limit=2, offset=1)
        assert _found(hits[0]) == [(3, 0, 1.0), (3, 1, 4.0)]
        iterator = client.search_iterator(documents, data=[[0, 0]], anns_field="chunks[emb]", batch_size=2)
        batches = []
        while batch := iterator.next():
            batches.append([(hit["id"], hit["offset"]) for hit in batch])
        iterator.close()
        assert batches == [[(0, 0), (3, 0)], [(3, 1), (4, 0)], [(0, 1), (3, 2)]]
        client.flush(documents)


def test_an_index_on_a_member_may_be_dropped_and_made_anew(client: MilvusClient, documents: str) -> None:
    client.flush(documents)
    client.release_collection(documents)
    client.drop_index(documents, "chunks_emb")
    index = client.prepare_index_params()
    index.add_index("chunks[emb]", index_type="IVF_FLAT", metric_type="IP", params={"nlist": 2})
    client.create_index(documents, index)
    client.load_collection(documents)
    described = client.describe_index(documents, "chunks_emb")
    assert (described["index_type"], described["metric_type"], described["state"]) == ("IVF_FLAT", "IP", "Finished")
    hits = client.search(documents, data=[[1, 0]], anns_field="chunks[emb]", limit=1, search_params={"nprobe": 2})
    assert _found(hits[0]) == [(3, 2, 9.0)]


def test_an_index_on_a_scalar_member_changes_no_answer(client: MilvusClient, documents: str) -> None:
    index = client.prepare_index_params()
    index.add_index("chunks[page]", index_type="INVERTED")
    client.create_index(documents, index)
    client.flush(documents)
    assert client.describe_index(documents, "chunks_page")["state"] == "Finished"
    rows = client.query(documents, filter="MATCH_ANY(chunks, $[page] == 4)", output_fields=["id"])
    assert [row["id"] for row in rows] == [3]
    assert [row["id"] for row in client.query(documents, filter="array_contains(chunks[page], 6)")] == [4]
    with pytest.raises(MilvusException):
        client.create_index(documents, _one_index(client, "chunks[none]"))
    client.drop_index(documents, "chunks_page")


def _one_index(client: MilvusClient, field: str) -> Any:
    index = client.prepare_index_params()
    index.add_index(field, index_type="INVERTED")
    return index
