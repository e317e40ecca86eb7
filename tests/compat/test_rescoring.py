"""Decay and boost rankers, groups of hybrid searches and elements beside rows, through pymilvus."""

import math
from typing import Any

import pytest
from pymilvus import AnnSearchRequest, DataType, Function, FunctionScore, FunctionType, MilvusClient, RRFRanker
from pymilvus.exceptions import MilvusException


@pytest.fixture
def rows(client: MilvusClient, name: str) -> str:
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("age", DataType.INT32)
    schema.add_field("kind", DataType.VARCHAR, max_length=9)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    chunk = client.create_struct_field_schema()
    chunk.add_field("emb", DataType.FLOAT_VECTOR, dim=2)
    schema.add_field("chunks", DataType.ARRAY, element_type=DataType.STRUCT, struct_schema=chunk, max_capacity=4)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="IP")
    index.add_index("chunks[emb]", index_type="FLAT", metric_type="IP")
    client.create_collection(name, schema=schema, index_params=index)
    client.insert(
        name,
        [
            {
                "id": key,
                "age": 10 * key,
                "kind": "odd" if key % 2 else "even",
                "vector": [10.0 - key, 0.0],
                "chunks": [{"emb": [float(key), 0.0]}, {"emb": [float(-key), 0.0]}],
            }
            for key in range(6)
        ],
    )
    return name


def _decay(**params: Any) -> Function:
    return Function(
        name="fresh", input_field_names=["age"], function_type=FunctionType.RERANK,
        params={"reranker": "decay", "function": "gauss", "origin": 50, "scale": 20, "decay": 0.5, **params},
    )  # fmt: skip


def _boost(weight: float, text: str = "", **params: Any) -> Function:
    return Function(
        name=f"boost{weight}", input_field_names=[], function_type=FunctionType.RERANK,
        params={"reranker": "boost", "weight": weight, **({"filter": text} if text else {}), **params},
    )  # fmt: skip


def test_decay(client: MilvusClient, rows: str) -> None:
    for _ in ("growing", "sealed"):
        hits = client.search(rows, data=[[1.0, 0.0]], limit=6, anns_field="vector", ranker=_decay())
        factors = {key: 0.5 ** (((50 - 10 * key) / 20) ** 2) for key in range(6)}
        expected = {key: (10.0 - key) * factors[key] for key in range(6)}
        assert [hit["id"] for hit in hits[0]] == sorted(expected, key=lambda key: -expected[key])
        for hit in hits[0]:
            assert math.isclose(hit["distance"], expected[hit["id"]], rel_tol=1e-5)
        client.flush(rows)


def test_decay_in_a_hybrid_search(client: MilvusClient, rows: str) -> None:
    requests = [
        AnnSearchRequest([[1.0, 0.0]], "vector", {"metric_type": "IP"}, limit=3),
        AnnSearchRequest([[1.0, 0.0]], "vector", {"metric_type": "IP"}, limit=6, expr="kind == 'odd'"),
    ]
    hits = client.hybrid_search(rows, requests, _decay(function="linear", offset=5), limit=4)
    found = {hit["id"]: hit["distance"] for hit in hits[0]}
    width = 20 / 0.5
    expected = {key: (10.0 - key) * max(0.0, (width - max(0, 50 - 10 * key - 5)) / width) for key in (0, 1, 2, 3, 5)}
    best = sorted(expected, key=lambda key: -expected[key])[:4]
    assert list(found)[:3] == best[:3]
    for key, score in found.items():
        assert math.isclose(score, expected[key], rel_tol=1e-5, abs_tol=1e-6)


def test_boosts(client: MilvusClient, rows: str) -> None:
    for _ in ("growing", "sealed"):
        hits = client.search(rows, data=[[1.0, 0.0]], limit=6, anns_field="vector", ranker=_boost(2.0, "kind == 'odd'"))
        assert [(hit["id"], hit["distance"]) for hit in hits[0][:3]] == [(1, 18.0), (3, 14.0), (0, 10.0)]
        both = FunctionScore(
            functions=[_boost(3.0, "kind == 'odd'"), _boost(4.0, "age >= 30")],
            params={"boost_mode": "Sum", "function_mode": "Sum"},
        )
        hits = client.search(rows, data=[[1.0, 0.0]], limit=6, anns_field="vector", ranker=both)
        assert [(hit["id"], hit["distance"]) for hit in hits[0][:3]] == [(3, 14.0), (1, 12.0), (5, 12.0)]
        client.flush(rows)


@pytest.mark.parametrize(
    ("ranker", "told"),
    [
        (_decay(function="cubic"), "function is 'cubic'"),
        (_decay(decay=1.5), "decay is 1.5"),
        (Function("m", FunctionType.RERANK, ["kind"], params={"reranker": "model", "provider": "tei"}), "model"),
        (_boost(2.0, "kind ="), "kind ="),
    ],
)
def test_rankers_that_are_refused(client: MilvusClient, rows: str, ranker: Function, told: str) -> None:
    with pytest.raises(MilvusException, match=told):
        client.search(rows, data=[[1.0, 0.0]], limit=3, anns_field="vector", ranker=ranker)
    with pytest.raises(MilvusException, match="leave the ranker out"):
        client.search(rows, data=[[1.0, 0.0]], limit=3, anns_field="vector", ranker=_decay(), group_by_field="kind")


def test_a_boost_is_for_single_searches(client: MilvusClient, rows: str) -> None:
    requests = [AnnSearchRequest([[1.0, 0.0]], "vector", {}, limit=3)] * 2
    with pytest.raises(MilvusException, match="for single searches"):
        client.hybrid_search(rows, requests, _boost(2.0), limit=4)


def test_groups_of_a_hybrid_search(client: MilvusClient, rows: str) -> None:
    requests = [
        AnnSearchRequest([[1.0, 0.0]], "vector", {}, limit=2),
        AnnSearchRequest([[-1.0, 0.0]], "vector", {}, limit=2),
    ]
    hits = client.hybrid_search(
        rows, requests, RRFRanker(), limit=2, group_by_field="kind", group_size=2, strict_group_size=True,
        output_fields=["kind"],
    )  # fmt: skip
    kinds = [hit["entity"]["kind"] for hit in hits[0]]
    assert sorted(kinds[:2]) in (["even"] * 2, ["odd"] * 2)
    assert len(kinds) == 4
    assert {hit["id"] for hit in hits[0]} <= {0, 2, 1, 3, 5, 4}


def test_elements_beside_rows(client: MilvusClient, rows: str) -> None:
    scope = {"element_scope": {"collapse": {"strategy": "topk_sum", "topk": 2}}}
    requests = [
        AnnSearchRequest([[1.0, 0.0]], "chunks[emb]", {"metric_type": "IP", "params": scope}, limit=12),
        AnnSearchRequest([[1.0, 0.0]], "vector", {"metric_type": "IP"}, limit=1),
    ]
    hits = client.hybrid_search(rows, requests, RRFRanker(), limit=12)
    # Every row has an element and its opposite, so all sums are equal: the best element decides, as rows were found.
    assert hits[0][0]["id"] == 0
    assert sorted(hit["id"] for hit in hits[0]) == list(range(6))
    assert all(hit.get("offset") is None for hit in hits[0])
    both = [AnnSearchRequest([[sign, 0.0]], "chunks[emb]", {"metric_type": "IP"}, limit=2) for sign in (1.0, -1.0)]
    hits = client.hybrid_search(rows, both, RRFRanker(), limit=12)
    assert {(hit["id"], hit["offset"]) for hit in hits[0]} == {(5, 0), (4, 0), (5, 1), (4, 1)}
    with pytest.raises(MilvusException, match="element_scope"):
        client.search(rows, data=[[1.0, 0.0]], anns_field="chunks[emb]", limit=3, search_params={"params": scope})
