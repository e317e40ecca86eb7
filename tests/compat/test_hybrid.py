"""Hybrid searches by the genuine client and over REST, against the two searches done one by one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pymilvus import AnnSearchRequest, DataType, Function, FunctionType, MilvusClient, RRFRanker, WeightedRanker
from pymilvus.exceptions import MilvusException

_RANDOM = np.random.default_rng(11)
_DENSE = _RANDOM.normal(size=(80, 8)).astype(np.float32)
_BITS = _RANDOM.integers(0, 256, (80, 2), np.uint8)


@pytest.fixture
def shelf(client: MilvusClient, name: str) -> str:
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("even", DataType.BOOL)
    schema.add_field("dense", DataType.FLOAT_VECTOR, dim=8)
    schema.add_field("bits", DataType.BINARY_VECTOR, dim=16)
    indexes = client.prepare_index_params()
    indexes.add_index("dense", index_type="FLAT", metric_type="COSINE")
    indexes.add_index("bits", index_type="BIN_FLAT", metric_type="HAMMING")
    client.create_collection(name, schema=schema, index_params=indexes)
    client.insert(
        name,
        [
            {"id": key, "even": key % 2 == 0, "dense": _DENSE[key].tolist(), "bits": _BITS[key].tobytes()}
            for key in range(80)
        ],
    )
    return name


def parts(limit: int = 10) -> list[AnnSearchRequest]:
    return [
        AnnSearchRequest([_DENSE[5].tolist()], "dense", {"metric_type": "COSINE"}, limit),
        AnnSearchRequest([_BITS[9].tobytes()], "bits", {"metric_type": "HAMMING"}, limit, expr="even == true"),
    ]


def alone(client: MilvusClient, name: str, limit: int = 10) -> list[list[tuple[int, float]]]:
    dense = client.search(name, data=[_DENSE[5].tolist()], anns_field="dense", limit=limit)[0]
    bits = client.search(name, data=[_BITS[9].tobytes()], anns_field="bits", limit=limit, filter="even == true")[0]
    return [[(hit["id"], hit["distance"]) for hit in hits] for hits in (dense, bits)]


def ranked(totals: dict[int, float]) -> list[float]:
    return sorted(totals.values(), reverse=True)


def fused_by_rank(lists: list[list[tuple[int, float]]], k: float) -> dict[int, float]:
    totals: dict[int, float] = {}
    for hits in lists:
        for rank, (key, _) in enumerate(hits, start=1):
            totals[key] = totals.get(key, 0.0) + 1 / (k + rank)
    return totals


def fused_by_score(lists: list[list[tuple[int, float]]], weights: tuple[float, float]) -> dict[int, float]:
    totals: dict[int, float] = {}
    for key, score in lists[0]:
        totals[key] = weights[0] * (1 + score) / 2
    for key, score in lists[1]:
        totals[key] = totals.get(key, 0.0) + weights[1] * (1 - 2 * np.arctan(score) / np.pi)
    return totals


def test_reciprocal_ranks(client: MilvusClient, shelf: str) -> None:
    totals = fused_by_rank(alone(client, shelf), 60)
    hits = client.hybrid_search(shelf, parts(), RRFRanker(), limit=7, output_fields=["even"])[0]
    np.testing.assert_allclose([hit["distance"] for hit in hits], ranked(totals)[:7], rtol=1e-5)
    np.testing.assert_allclose([totals[hit["id"]] for hit in hits], [hit["distance"] for hit in hits], rtol=1e-5)
    assert all(hit["entity"]["even"] == (hit["id"] % 2 == 0) for hit in hits)
    page = client.hybrid_search(shelf, parts(), RRFRanker(), limit=4, offset=3)[0]
    assert [hit["id"] for hit in page] == [hit["id"] for hit in hits[3:]]


def test_weights(client: MilvusClient, shelf: str) -> None:
    totals = fused_by_score(alone(client, shelf), (0.3, 0.9))
    hits = client.hybrid_search(shelf, parts(), WeightedRanker(0.3, 0.9), limit=20)[0]
    np.testing.assert_allclose([hit["distance"] for hit in hits], ranked(totals)[:20], rtol=1e-5)


@pytest.mark.parametrize("params", [{"reranker": "rrf", "k": 5}, {"reranker": "weighted", "weights": [0.5, 0.5]}])
def test_a_function_as_ranker(client: MilvusClient, shelf: str, params: dict[str, Any]) -> None:
    ranker = Function(name="r", input_field_names=[], function_type=FunctionType.RERANK, params=params)
    hits = client.hybrid_search(shelf, parts(), ranker, limit=5)[0]
    lists = alone(client, shelf)
    totals = fused_by_rank(lists, 5) if params["reranker"] == "rrf" else fused_by_score(lists, (0.5, 0.5))
    np.testing.assert_allclose([hit["distance"] for hit in hits], ranked(totals)[:5], rtol=1e-5)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda: {"reqs": parts(), "ranker": WeightedRanker(0.3), "limit": 3}, "1 weights for 2 searches"),
        (lambda: {"reqs": parts(), "ranker": WeightedRanker(0.3, 1.2), "limit": 3}, "in \\[0, 1\\]"),
        (lambda: {"reqs": parts(), "ranker": RRFRanker(0), "limit": 3}, "k is 0"),
        (lambda: {"reqs": parts(), "ranker": RRFRanker(), "limit": 20000}, "expected at most 16384"),
        (
            lambda: {
                "reqs": [*parts(), AnnSearchRequest([[0.0] * 8] * 2, "dense", {}, 3)],
                "ranker": RRFRanker(),
                "limit": 3,
            },
            "query vectors",
        ),
    ],
)
def test_what_is_refused(client: MilvusClient, shelf: str, ask: Callable[[], Any], told: str) -> None:
    with pytest.raises(MilvusException, match=told) as raised:
        client.hybrid_search(shelf, **ask())
    assert raised.value.code == 1100
