"""Graphs as an index: what they store, what they find, and that threads do not change them."""

import functools
from typing import Any

import numpy as np
import pytest

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import dense_array, dense_matrix
from elanus.errors import InvalidInput
from elanus.index.calibration import recall_of
from elanus.index.flat.index import FlatIndex
from elanus.index.graph.planning import plan_walk
from elanus.index.graph.search import GraphIndex
from elanus.index.protocol import BuildContext, RangeBounds, VectorColumn
from elanus.index.registry import index_type
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

HNSW = index_type("HNSW")
PARAMS = {"M": 8, "efConstruction": 40}


def column_of(matrix: np.ndarray, valid: np.ndarray | None = None) -> VectorColumn:
    field = Field("vector", DataType.FLOAT_VECTOR, dim=matrix.shape[1], nullable=valid is not None)
    return VectorColumn(field, dense_array(matrix.astype(np.float32), field, valid=valid))


def opened(column: VectorColumn, metric: Metric = Metric.L2, **context: Any) -> GraphIndex:
    params = HNSW.check_build_params(column.field, metric, PARAMS)
    artefacts = HNSW.build(column, metric, params, BuildContext(**context))
    index = HNSW.open(column, metric, params, {name: memoryview(data) for name, data in artefacts.items()})
    assert isinstance(index, GraphIndex)
    return index


SPREAD = column_of(np.random.default_rng(1).normal(size=(6000, 100)))


@functools.cache
def spread_index(metric: Metric) -> GraphIndex:
    return opened(SPREAD, metric)


def test_any_number_of_threads_builds_the_same_graph() -> None:
    params = HNSW.check_build_params(SPREAD.field, Metric.L2, PARAMS)
    one = HNSW.build(SPREAD, Metric.L2, params, BuildContext(thread_count=1))
    three = HNSW.build(SPREAD, Metric.L2, params, BuildContext(thread_count=3))
    assert one.keys() == three.keys()
    for name in one:
        assert bytes(memoryview(one[name])) == bytes(memoryview(three[name])), name
    other = HNSW.build(SPREAD, Metric.L2, params, BuildContext(thread_count=1, seed=5))
    assert bytes(memoryview(other["links"])) != bytes(memoryview(one["links"]))


def test_nothing_but_links_codes_and_rows_is_stored() -> None:
    index = spread_index(Metric.L2)
    stored = 6000 * (4 * 2 * 8 + 128 + 8)  # links, codes, and which node is which row
    assert stored <= index.size().mapped_bytes < stored + 8000
    assert index.size().memory_bytes == 0


@pytest.mark.parametrize("metric", [Metric.L2, Metric.IP, Metric.COSINE])
@pytest.mark.parametrize("share", [0.5, 0.2, 0.02, 0.001, 0.0])
def test_a_filter_of_any_share_finds_all_it_can(metric: Metric, share: float) -> None:
    index = spread_index(metric)
    mask = np.random.default_rng(2).random(6000) < share
    allow = Bitset.from_bool(mask)
    queries = np.random.default_rng(3).normal(size=(20, 100)).astype(np.float32)
    hits = index.search(queries, 10, {"ef": 60}, allow)
    exact = index.scan.search(queries, 10, allow)
    expected = min(10, int(mask.sum()))
    assert ((hits.rows >= 0).sum(axis=1) == expected).all()
    assert mask[hits.rows[hits.rows >= 0]].all()
    found = [len(set(got[got >= 0]) & set(want[want >= 0])) for got, want in zip(hits.rows, exact.rows, strict=True)]
    assert sum(found) >= 0.9 * expected * len(queries)


def test_rows_far_from_the_query_are_found_when_only_they_are_allowed() -> None:
    rng = np.random.default_rng(4)
    matrix = np.concatenate([rng.normal(size=(5000, 64)), rng.normal(size=(1000, 64)) + 30])
    index = opened(column_of(matrix))
    allow = Bitset.from_bool(np.arange(6000) >= 5000)
    queries = rng.normal(size=(10, 64)).astype(np.float32)
    hits = index.search(queries, 10, {"ef": 40}, allow)
    exact = index.scan.search(queries, 10, allow)
    same = [len(set(got) & set(want)) for got, want in zip(hits.rows, exact.rows, strict=True)]
    assert sum(same) >= 0.9 * 10 * 10


def test_null_rows_are_never_found() -> None:
    valid = np.arange(5000) % 3 != 0
    index = opened(column_of(np.random.default_rng(5).normal(size=(5000, 32)), valid))
    queries = np.random.default_rng(6).normal(size=(10, 32)).astype(np.float32)
    hits = index.search(queries, 20, {"ef": 100}, None)
    assert (hits.rows >= 0).all()
    assert valid[hits.rows].all()
    exact = index.scan.search(queries, 20, index.scan.visible(None))
    assert np.mean(hits.rows[:, 0] == exact.rows[:, 0]) >= 0.9


def test_scores_are_those_of_the_column() -> None:
    index = spread_index(Metric.COSINE)
    queries = np.random.default_rng(7).normal(size=(5, 100)).astype(np.float32)
    hits = index.search(queries, 10, {"ef": 50}, None)
    for query, rows, scores in zip(queries, hits.rows, hits.scores, strict=True):
        np.testing.assert_array_equal(scores, index.scan.scores(query, rows))
        assert (np.diff(scores) <= 0).all()


def test_a_range_search_finds_what_a_scan_finds() -> None:
    index = spread_index(Metric.L2)
    query = np.random.default_rng(8).normal(size=100).astype(np.float32)
    nearest = index.scan.search(query[None, :], 200, None).scores[0]
    for count in (3, 150):
        bounds = RangeBounds(radius=float(nearest[count]))
        scores, rows = index.range_search(query, bounds, {"ef": 64}, None)
        exact_scores, exact_rows = index.scan.range_search(query, bounds, None)
        assert len(set(rows) & set(exact_rows)) >= 0.9 * len(exact_rows)
        assert (scores < bounds.radius).all()
        assert len(exact_scores) == count


@pytest.mark.parametrize("scale", [1e25, 1e-25])
def test_numbers_beyond_what_codes_hold_are_scanned(scale: float) -> None:
    column = column_of(np.random.default_rng(9).normal(size=(100, 16)) * scale)
    params = HNSW.check_build_params(column.field, Metric.L2, PARAMS)
    artefacts = HNSW.build(column, Metric.L2, params, BuildContext())
    index = HNSW.open(column, Metric.L2, params, {name: memoryview(data) for name, data in artefacts.items()})
    assert isinstance(index, FlatIndex)
    row = int(index.search(dense_matrix(column.array, column.field)[7:8], 1, {}, None).rows[0, 0])
    assert row == 7 or scale < 1


@pytest.mark.parametrize("count", [1, 2, 3, 70])
def test_tiny_columns(count: int) -> None:
    matrix = np.random.default_rng(10).normal(size=(count, 8))
    index = opened(column_of(matrix))
    hits = index.search(matrix[:1].astype(np.float32), 5, {"ef": 5}, None)
    assert (hits.rows[0] >= 0).sum() == min(5, count)
    assert hits.rows[0, 0] == 0


def test_equal_vectors_are_all_found() -> None:
    index = opened(column_of(np.ones((500, 20)) + np.eye(500, 20)))
    hits = index.search(np.ones((1, 20), np.float32), 100, {"ef": 100}, None)
    assert len(set(hits.rows[0].tolist())) == 100


@pytest.mark.parametrize("recall", [0.7, 0.9, 0.97])
def test_the_recall_asked_for_is_reached_by_other_vectors(recall: float) -> None:
    index = spread_index(Metric.L2)
    queries = np.random.default_rng(11).normal(size=(200, 100)).astype(np.float32)
    for k in (1, 10, 40):
        found = index.search(queries, k, {"recall": recall}, None).rows
        true = index.scan.search(queries, k, None).rows
        assert recall_of(found, true) >= recall - 0.03, k


@pytest.mark.parametrize("share", [0.99, 0.8, 0.5, 0.25, 0.05])
def test_the_recall_asked_for_is_reached_under_filters(share: float) -> None:
    index = spread_index(Metric.L2)
    queries = np.random.default_rng(13).normal(size=(200, 100)).astype(np.float32)
    allow = Bitset.from_bool(np.random.default_rng(14).random(6000) < share)
    for recall in (0.8, 0.95):
        found = index.search(queries, 10, {"recall": recall}, allow).rows
        true = index.scan.search(queries, 10, allow).rows
        assert recall_of(found, true) >= recall - 0.03, recall


@pytest.mark.parametrize("params", [{"recall": 0.9}, {"ef": 5}, {"ef": 40}])
@pytest.mark.parametrize("share", [1.0, 0.6, 0.1])
def test_an_explanation_tells_what_the_search_does(params: dict[str, Any], share: float) -> None:
    index = spread_index(Metric.L2)
    queries = np.random.default_rng(15).normal(size=(3, 100)).astype(np.float32)
    allow = None if share == 1 else Bitset.from_bool(np.random.default_rng(16).random(6000) < share)
    checked = HNSW.check_search_params(params, build_params=PARAMS, k=10)
    told = index.explain(queries, 10, checked, allow)
    assert not told.exact
    breadth = max(10, params.get("ef") or index.calibration.effort(10, 0.9))
    plan = plan_walk(
        row_count=6000,
        allowed_count=6000 if allow is None else allow.count(),
        cell_count=index.cell_count,
        k=10,
        breadth=breadth,
    )
    assert told.reason == plan.reason
    assert told.compared_count > 3 * 10


def test_recall_and_ef_exclude_each_other() -> None:
    with pytest.raises(InvalidInput, match="recall or ef, not both"):
        HNSW.check_search_params({"recall": 0.9, "ef": 10}, build_params=PARAMS, k=10)
    assert HNSW.check_search_params({}, build_params=PARAMS, k=7) == {"ef": 7}
    for wrong in (0, 1, 1.5, "much"):
        with pytest.raises(InvalidInput, match="recall"):
            HNSW.check_search_params({"recall": wrong}, build_params=PARAMS, k=10)


@pytest.mark.parametrize(
    ("metric", "scale"), [(Metric.L2, 1e16), (Metric.L2, 1e30), (Metric.IP, 1e-30), (Metric.IP, 0), (Metric.IP, 1e30)]
)
def test_queries_no_code_can_hold_are_answered_exactly(metric: Metric, scale: float) -> None:
    index = spread_index(metric)
    query = (np.random.default_rng(12).normal(size=(1, 100)) * scale).astype(np.float32)
    for k in (1, 10):
        found, exact = index.search(query, k, {"ef": k}, None), index.scan.search(query, k, None)
        np.testing.assert_array_equal(found.rows, exact.rows)
        np.testing.assert_array_equal(found.scores, exact.scores)


@pytest.mark.parametrize("scale", [2.0**-99, 2.0**99])
def test_the_length_of_a_query_does_not_matter_to_cosine(scale: float) -> None:
    index = spread_index(Metric.COSINE)
    query = np.random.default_rng(12).normal(size=(1, 100)).astype(np.float32)
    found = index.search(query * np.float32(scale), 10, {"ef": 50}, None)
    np.testing.assert_array_equal(found.rows, index.search(query, 10, {"ef": 50}, None).rows)
