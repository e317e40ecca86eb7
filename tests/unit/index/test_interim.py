"""The graph over growing rows: it finds what is asked for or more, and all of it where a scan is asked for."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import dense_array
from elanus.index.exact import ExactScan
from elanus.index.flat.index import FlatIndex
from elanus.index.interim import InterimIndex, build_interim, has_interim
from elanus.index.interim_runs import InterimRuns
from elanus.index.protocol import BuildContext, RangeBounds, VectorColumn
from elanus.schema.field import Field
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType, Metric

MakeColumn = Callable[..., VectorColumn]
LISTS = {"nlist": 64}


def built(column: VectorColumn, metric: Metric, params: dict[str, Any] | None = None) -> InterimIndex:
    return build_interim(column, metric, params or {}, BuildContext())


def recall(
    index: InterimIndex, queries: Any, params: dict[str, Any], allow: Bitset | None = None, k: int = 10
) -> float:
    found = index.search(queries, k, params, allow).rows
    true = index.exact.search(queries, k, {}, allow).rows
    return float(np.mean([len(set(a) & set(b)) / k for a, b in zip(found.tolist(), true.tolist(), strict=True)]))


@pytest.mark.parametrize("metric", [Metric.L2, Metric.IP, Metric.COSINE])
@pytest.mark.parametrize("data_type", sorted(DENSE_FLOAT_VECTORS))
def test_what_is_found_by_default(
    make_column: MakeColumn, make_vectors: Callable[..., Any], data_type: DataType, metric: Metric
) -> None:
    """Also of columns with nulls, and under filters that leave some or many rows."""
    column = make_column(data_type, 3000, null_every=7)
    index, queries = built(column, metric), make_vectors(data_type, 60, seed=5)
    assert index.graph is not None
    assert recall(index, queries, {"ef": 10}) >= 0.95
    for share in (0.5, 0.05, 0.005):
        allow = Bitset.from_bool(np.random.default_rng(3).random(3000) < share)
        assert recall(index, queries, {"ef": 10}, allow, k=min(10, allow.count())) >= 0.95


def test_every_candidate_kept_finds_all(make_column: MakeColumn, make_vectors: Callable[..., Any]) -> None:
    index = built(make_column(DataType.FLOAT_VECTOR, 500), Metric.L2)
    queries = make_vectors(DataType.FLOAT_VECTOR, 40, seed=5)
    for params in ({"ef": 500}, {"search_list": 500}, {"level": 10, "ef": 500}):
        assert recall(index, queries, params) == 1.0


@pytest.mark.parametrize(
    ("params", "least", "most"),
    [
        ({"ef": 10}, 0.97, 0.97),
        ({"recall": 0.5}, 0.97, 0.97),
        ({"recall": 0.995}, 0.995, 0.995),
        ({"level": 1}, 0.97, 0.97),
        ({"level": 10}, 0.998, 0.999),
        ({"level": 1, "recall": 0.999}, 0.999, 0.999),
        ({"nprobe": 7}, 0.99, 0.99),
        ({"nprobe": 8}, 0.999, 0.999),
        ({}, 0.97, 0.97),
    ],
)
def test_what_a_request_says_is_kept_to(
    make_column: MakeColumn, params: dict[str, Any], least: float, most: float
) -> None:
    """The breadth is that which was measured for the recall a request asks for, or for what its effort stands for."""
    index = built(make_column(DataType.FLOAT_VECTOR, 3000), Metric.L2, LISTS)
    assert index.graph is not None
    low, high = (max(10, index.graph.calibration.effort(10, share)) for share in (least, most))
    assert low <= (index._breadth(10, params) or 0) <= high


def test_a_breadth_asked_for_is_not_narrowed(make_column: MakeColumn) -> None:
    index = built(make_column(DataType.FLOAT_VECTOR, 3000), Metric.L2)
    assert index._breadth(10, {"ef": 777}) == 777
    assert index._breadth(10, {"search_list": 778}) == 778
    assert (index._breadth(900, {"ef": 10}) or 0) >= 900


def test_who_reads_half_of_the_lists_gets_everything(make_column: MakeColumn, make_vectors: Callable[..., Any]) -> None:
    index = built(make_column(DataType.FLOAT_VECTOR, 3000), Metric.L2, LISTS)
    queries = make_vectors(DataType.FLOAT_VECTOR, 40, seed=5)
    assert index._breadth(10, {"nprobe": 32}) is None
    assert index.explain(queries, 10, {"nprobe": 64}, None).exact
    assert recall(index, queries, {"nprobe": 32}) == 1.0


def test_ranges_and_cursors_are_exact(make_column: MakeColumn, make_vectors: Callable[..., Any]) -> None:
    column = make_column(DataType.FLOAT_VECTOR, 2000, null_every=9)
    index, scan = built(column, Metric.L2), FlatIndex(ExactScan.over(column, Metric.L2))
    allow = Bitset.from_bool(np.random.default_rng(3).random(2000) < 0.6)
    for query in make_vectors(DataType.FLOAT_VECTOR, 5, seed=5):
        bounds = RangeBounds(float(scan.search(query[None, :], 300, {}, allow).scores[0, -1]))
        for found, true in zip(
            index.range_search(query, bounds, {"ef": 10}, allow),
            scan.range_search(query, bounds, {}, allow),
            strict=True,
        ):
            np.testing.assert_array_equal(found, true)
        one, other = index.cursor(query, {"ef": 10}, allow), scan.cursor(query, {}, allow)
        for count in (3, 40, 500):
            np.testing.assert_array_equal(one.next(count).rows, other.next(count).rows)


def test_runs_of_a_column_and_what_lies_between_are_one_index(
    make_column: MakeColumn, make_vectors: Callable[..., Any]
) -> None:
    """Whatever is allowed; graphs that were built over equal rows elsewhere."""
    for metric in (Metric.L2, Metric.IP):
        column = make_column(DataType.FLOAT_VECTOR, 1500, null_every=11)
        whole = FlatIndex(ExactScan.over(column, metric))
        runs = []
        for start, count in ((0, 300), (300, 257), (600, 899)):
            part = VectorColumn(column.field, column.array.slice(start, count))
            runs.append((start, built(part, metric).elsewhere()(part)))
        index = InterimRuns.over(column, metric, runs)
        assert [start for start, _ in index.scans] == [557, 1499]
        queries = make_vectors(DataType.FLOAT_VECTOR, 20, seed=5)
        luck = np.random.default_rng(8)
        for share in (1.0, 0.5, 0.02, 0.0):
            allow = None if share == 1.0 else Bitset.from_bool(luck.random(1500) < share)
            for k in (1, 10, 700):
                found, true = (one.search(queries, k, {"ef": 1500}, allow) for one in (index, whole))
                np.testing.assert_array_equal(found.rows, true.rows)
                np.testing.assert_array_equal(found.scores[found.rows >= 0], true.scores[true.rows >= 0])
        bounds = RangeBounds(float(whole.search(queries[:1], 100, {}, None).scores[0, -1]))
        for mine, other in zip(
            index.range_search(queries[0], bounds, {}, None),
            whole.range_search(queries[0], bounds, {}, None),
            strict=True,
        ):
            np.testing.assert_array_equal(mine, other)
        assert index.size().memory_bytes == sum(run.memory_bytes for _, run in runs)
        assert index.explain(queries, 10, {"ef": 10}, Bitset.zeros(1500)).exact


def test_rows_that_cannot_be_coded_are_scanned(make_column: MakeColumn) -> None:
    field = Field("vector", DataType.FLOAT_VECTOR, dim=32, nullable=True)
    huge = np.full((200, 32), 1e30, np.float32)
    nulls = make_column(DataType.FLOAT_VECTOR, 100, null_every=1)
    for column, count in ((VectorColumn(field, dense_array(huge, field)), 10), (nulls, 0)):
        index = built(column, Metric.L2)
        assert index.graph is None
        rows = index.search(np.zeros((1, 32), np.float32), 10, {"ef": 10}, None).rows
        assert np.count_nonzero(rows >= 0) == count
        assert index.explain(np.zeros((1, 32), np.float32), 10, {"ef": 10}, None).exact


def test_memory_is_that_of_links_and_codes(make_column: MakeColumn) -> None:
    """For 768 dimensions about 584 bytes a row: 448 of codes, 128 of links, 8 of row numbers."""
    index = built(make_column(DataType.FLOAT_VECTOR, 1000, dim=768), Metric.L2)
    assert 1000 * 576 <= index.memory_bytes <= 1000 * 600
    assert index.size().memory_bytes == index.memory_bytes


@pytest.mark.parametrize(
    ("index_type", "dim", "expected"),
    [
        ("AUTOINDEX", 128, True), ("", 128, True), ("HNSW", 16, True), ("ivf_flat", 16, True), ("DISKANN", 16, True),
        ("FLAT", 128, False), ("FAISS", 128, False), ("HNSW", 15, False),
    ],
)  # fmt: skip
def test_which_fields_have_one(index_type: str, dim: int, expected: bool) -> None:
    assert has_interim(index_type, Field("v", DataType.FLOAT_VECTOR, dim=dim), Metric.L2) is expected


def test_other_vectors_and_lists_have_none() -> None:
    assert not has_interim("AUTOINDEX", Field("v", DataType.BINARY_VECTOR, dim=1024), Metric.HAMMING)
    assert not has_interim("AUTOINDEX", Field("v", DataType.SPARSE_FLOAT_VECTOR), Metric.IP)
    assert not has_interim("HNSW", Field("v", DataType.FLOAT_VECTOR, dim=64), Metric.MAX_SIM_COSINE)
