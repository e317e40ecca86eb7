"""Fused lists against a plain-Python reading of the rankers."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elanus.errors import InvalidInput
from elanus.query.fusion import check_ranker, fused, larger_is_better
from elanus.query.output import FoundRows
from elanus.query.search import Hits
from elanus.schema.rankers import Ranker, RrfRanker, WeightedRanker
from elanus.schema.types import Metric

METRICS = [Metric.L2, Metric.IP, Metric.COSINE, Metric.HAMMING]


def normal(score: float, metric: Metric) -> float:
    if metric is Metric.COSINE:
        return (1 + score) / 2
    if metric is Metric.IP:
        return 0.5 + math.atan(score) / math.pi
    return 1 - 2 * math.atan(score) / math.pi


def reference(lists: list[list[tuple[int, float]]], metrics: list[Metric], ranker: Ranker) -> list[tuple[int, float]]:
    """Keys and scores of one query, best first, ties in the order in which they were found."""
    totals: dict[int, float] = {}
    for number, (hits, metric) in enumerate(zip(lists, metrics, strict=True)):
        weight = ranker.weights[number] if ranker.weights else 1.0
        for rank, (key, score) in enumerate(hits, start=1):
            if isinstance(ranker, RrfRanker):
                part = 1 / (ranker.k + rank)
            else:
                part = normal(score, metric) if ranker.norm_score else score
            totals[key] = totals.get(key, 0.0) + weight * part
    sign = -1 if larger_is_better(ranker, metrics) else 1
    return sorted(totals.items(), key=lambda item: sign * item[1])


def hits_of(queries: list[list[tuple[int, float]]], number: int) -> Hits:
    flat = [hit for query in queries for hit in query]
    rows = np.array([key for key, _ in flat], np.int64)
    found = FoundRows((), np.full(len(flat), number, np.int64), rows)
    scores = np.array([score for _, score in flat], np.float32)
    counts = np.array([len(query) for query in queries], np.int64)
    return Hits(counts, found, scores, pa.array(rows.tolist(), pa.int64()))


one_list = st.lists(st.tuples(st.integers(0, 12), st.integers(-4, 4)), max_size=8, unique_by=lambda hit: hit[0])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(data=st.data(), search_count=st.integers(1, 4), query_count=st.integers(1, 3))
def test_fusion_equals_the_reference(data: st.DataObject, search_count: int, query_count: int) -> None:
    metrics = data.draw(st.lists(st.sampled_from(METRICS), min_size=search_count, max_size=search_count))
    weights = tuple(data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=search_count, max_size=search_count)))
    rankers: list[Ranker] = [RrfRanker(k=10), RrfRanker(weights=weights), WeightedRanker(weights)]
    if len({metric.larger_is_nearer for metric in metrics}) == 1:
        rankers.append(WeightedRanker(weights, norm_score=False))
    ranker = data.draw(st.sampled_from(rankers))
    searches: list[Any] = []
    for metric in metrics:
        queries = []
        for _ in range(query_count):
            drawn = data.draw(one_list)
            queries.append(sorted(((key, float(score)) for key, score in drawn), key=lambda hit: hit[1],
                                  reverse=metric.larger_is_nearer))  # fmt: skip
        searches.append(queries)
    offset, limit = data.draw(st.integers(0, 5)), data.draw(st.integers(1, 12))
    check_ranker(ranker, metrics)
    found = [hits_of(queries, number) for number, queries in enumerate(searches)]
    result = fused(found, metrics, ranker, offset=offset, limit=limit)
    start = 0
    for query in range(query_count):
        expected = reference([queries[query] for queries in searches], metrics, ranker)[offset : offset + limit]
        stop = start + int(result.counts[query])
        keys, scores = result.keys.slice(start, stop - start).to_pylist(), result.scores[start:stop]
        np.testing.assert_allclose(scores, [score for _, score in expected], rtol=1e-6, atol=1e-7)
        assert len(set(keys)) == len(keys) == len(expected)
        all_scores = dict(reference([queries[query] for queries in searches], metrics, ranker))
        np.testing.assert_allclose(scores, [all_scores[key] for key in keys], rtol=1e-6, atol=1e-7)
        assert result.found.rows[start:stop].tolist() == keys
        start = stop
    assert start == len(result.scores)


def test_rows_of_equal_score_come_as_they_were_found() -> None:
    found = [hits_of([[(7, 1.0), (3, 2.0)]], 0), hits_of([[(3, 1.0), (7, 2.0)]], 1)]
    result = fused(found, [Metric.L2, Metric.L2], RrfRanker(), offset=0, limit=5)
    assert result.keys.to_pylist() == [7, 3]
    assert result.scores.tolist() == [np.float32(1 / 61 + 1 / 62)] * 2


@pytest.mark.parametrize(
    ("ranker", "metrics", "part"),
    [
        (WeightedRanker((0.5,)), [Metric.L2, Metric.L2], "1 weights for 2 searches"),
        (RrfRanker(weights=(0.5,)), [Metric.L2, Metric.L2], "1 weights for 2 searches"),
        (WeightedRanker((0.5, 0.5), norm_score=False), [Metric.L2, Metric.IP], "do not run the same way"),
    ],
)
def test_rankers_that_do_not_fit(ranker: Ranker, metrics: list[Metric], part: str) -> None:
    with pytest.raises(InvalidInput, match=part):
        check_ranker(ranker, metrics)


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: RrfRanker(k=0), "k is 0"),
        (lambda: RrfRanker(k=16384), "below 16384"),
        (lambda: RrfRanker(k=math.nan), "k is nan"),
        (lambda: WeightedRanker((1.5,)), "weight 0 is 1.5"),
        (lambda: WeightedRanker((0.2, math.nan)), "weight 1 is nan"),
        (lambda: WeightedRanker(()), "no weights"),
    ],
)
def test_numbers_out_of_range(make: Any, part: str) -> None:
    with pytest.raises(InvalidInput, match=part):
        make()
