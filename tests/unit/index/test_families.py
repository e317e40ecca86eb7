"""What every dense index type owes: min(k, allowed) rows, none forbidden or null, with exact scores."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import dense_array
from elanus.errors import Unavailable
from elanus.index.exact import ExactScan
from elanus.index.protocol import BuildContext, RangeBounds, VectorColumn
from elanus.index.registry import index_type
from elanus.schema.field import Field
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType, Metric

CODED = ("IVF_PQ", "SCANN", "HNSW_SQ", "HNSW_PQ", "HNSW_PRQ", "FAISS")
REQUIRED: dict[str, Any] = {"m": 16, "faiss_index_name": "IVF16,SQ8"}
NAMES = ("FLAT", "IVF_FLAT", "IVF_SQ8", "IVF_RABITQ", "HNSW", "DISKANN", "AISAQ", *CODED)
METRICS = (Metric.L2, Metric.IP, Metric.COSINE)
TYPES = tuple(sorted(DENSE_FLOAT_VECTORS))
ROW_COUNT = 2500


def _types_of(name: str, metric: Metric) -> tuple[DataType, ...]:
    """Every type; for the coded families, which all convert alike before they code, another one each metric."""
    if name not in CODED:
        return TYPES
    return (TYPES[(METRICS.index(metric) + CODED.index(name)) % len(TYPES)],)


@pytest.fixture(
    scope="module",
    params=[(name, metric, kind) for name in NAMES for metric in METRICS for kind in _types_of(name, metric)],
    ids=lambda case: f"{case[0]}-{case[1]}-{case[2].label}",
)
def built(request: pytest.FixtureRequest, make_column: Any, open_built: Any) -> Any:
    name, metric, data_type = request.param
    return metric, open_built(name, make_column(data_type, ROW_COUNT, null_every=5), metric)


@pytest.mark.parametrize("share", [None, 0.5, 0.1, 0.01, 0.001, 0.0])
def test_search_returns_min_k_allowed_rows_with_exact_scores_best_first(
    built: Any, share: float | None, make_vectors: Any
) -> None:
    metric, opened = built
    scan = ExactScan.over(opened.column, metric)
    queries = make_vectors(opened.column.field.data_type, 5, seed=2)
    allow = None if share is None else Bitset.from_bool(np.random.default_rng(3).random(ROW_COUNT) < share)
    visible = scan.visible(allow)
    assert visible is not None
    hits = opened.index.search(queries, 10, opened.search_params, allow)
    assert hits.rows.shape == hits.scores.shape == (5, 10)
    assert hits.rows.dtype == np.int64
    assert hits.scores.dtype == np.float32
    expected_count = min(10, visible.count())
    for query, rows, scores in zip(queries, hits.rows, hits.scores, strict=True):
        found = rows[rows >= 0]
        assert len(found) == expected_count == len(set(found.tolist()))
        assert (rows[expected_count:] == -1).all()
        assert visible.test(found).all()
        np.testing.assert_array_equal(scores[:expected_count], scan.scores(query, found))
        keys = -scores[:expected_count] if metric.larger_is_nearer else scores[:expected_count]
        np.testing.assert_array_equal(np.lexsort((found, keys)), np.arange(expected_count))


def test_k_beyond_the_rows_returns_every_present_row(built: Any, make_vectors: Any) -> None:
    metric, opened = built
    queries = make_vectors(opened.column.field.data_type, 2, seed=4)
    hits = opened.index.search(queries, ROW_COUNT + 10, {**opened.search_params}, None)
    present = ExactScan.over(opened.column, metric).present
    for rows in hits.rows:
        assert Bitset.from_rows(rows[rows >= 0], ROW_COUNT) == present


def test_range_search_returns_rows_within_the_bounds_by_exact_scores(built: Any, make_vectors: Any) -> None:
    metric, opened = built
    scan = ExactScan.over(opened.column, metric)
    query = make_vectors(opened.column.field.data_type, 1, seed=5)[0]
    ranked = scan.search(query[None, :], 60, scan.visible(None)).scores[0]
    bounds = RangeBounds(radius=float(ranked[50]), range_filter=float(ranked[4]))
    _, expected_rows = scan.range_search(query, bounds, scan.visible(None))
    scores, rows = opened.index.range_search(query, bounds, opened.search_params, None)
    np.testing.assert_array_equal(scores, scan.scores(query, rows))
    assert bounds.accepts(metric, scores).all()
    assert set(rows.tolist()) <= set(expected_rows.tolist())
    assert len(rows) >= 0.9 * len(expected_rows) > 40
    keys = -scores if metric.larger_is_nearer else scores
    np.testing.assert_array_equal(np.lexsort((rows, keys)), np.arange(len(rows)))
    allow = Bitset.from_bool(np.arange(ROW_COUNT) % 3 == 0)
    filtered = opened.index.range_search(query, bounds, opened.search_params, allow)[1]
    assert allow.test(filtered).all()
    assert len(filtered) >= 0.9 * allow.test(expected_rows).sum() > 5


def test_building_twice_on_one_thread_gives_the_same_artefacts(
    built: Any, open_built: Any, request: pytest.FixtureRequest
) -> None:
    metric, opened = built
    name = request.node.callspec.params["built"][0]
    again = open_built(name, opened.column, metric)
    assert {file: bytes(data) for file, data in again.artefacts.items()} == {
        file: bytes(data) for file, data in opened.artefacts.items()
    }


def test_concurrent_searches_equal_serial_ones(built: Any, make_vectors: Any) -> None:
    _, opened = built
    batches = [make_vectors(opened.column.field.data_type, 4, seed=10 + number) for number in range(12)]
    allows = [None if number % 2 else Bitset.from_bool(np.arange(ROW_COUNT) % 2 == 0) for number in range(12)]
    started = threading.Barrier(4)

    def search(number: int) -> npt.NDArray[np.int64]:
        if number < 4:
            started.wait(timeout=30)
        rows: npt.NDArray[np.int64] = opened.index.search(batches[number], 7, opened.search_params, allows[number]).rows
        return rows

    with ThreadPoolExecutor(4) as pool:
        concurrent = list(pool.map(search, range(12)))
    started = threading.Barrier(1)
    for number, rows in enumerate(concurrent):
        np.testing.assert_array_equal(rows, search(number))


def test_size_counts_the_artefacts(built: Any) -> None:
    _, opened = built
    assert opened.index.size().mapped_bytes == sum(data.nbytes for data in opened.artefacts.values())
    assert all(data.nbytes > 0 for data in opened.artefacts.values())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("row_count", "null_every"), [(0, None), (6, 1), (1, None), (2, 2), (50, None)])
def test_tiny_and_empty_columns(
    name: str,
    metric: Metric,
    row_count: int,
    null_every: int | None,
    make_column: Any,
    open_built: Any,
    make_vectors: Any,
) -> None:
    column = make_column(DataType.FLOAT_VECTOR, row_count, null_every=null_every)
    opened = open_built(name, column, metric)
    queries = make_vectors(DataType.FLOAT_VECTOR, 3, seed=2)
    hits = opened.index.search(queries, 4, opened.search_params, None)
    assert hits.rows.shape == (3, 4)
    present_count = row_count - column.array.null_count
    assert ((hits.rows >= 0).sum(axis=1) == min(4, present_count)).all()
    everything = RangeBounds(radius=1e9 if metric is Metric.L2 else -1e9)
    assert len(opened.index.range_search(queries[0], everything, opened.search_params, None)[1]) == present_count


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("metric", METRICS)
def test_equal_vectors_and_zero_vectors_are_all_found(name: str, metric: Metric, open_built: Any) -> None:
    """Half the column is one vector and half is zero; ties go to the smaller row, and a zero vector's COSINE is 0."""
    matrix = np.zeros((2400, 16), np.float32)
    matrix[::2, :3] = (1.0, 2.0, 2.0)
    column = _column_of(matrix)
    opened = open_built(name, column, metric, k=20)
    query = matrix[:1].copy()
    hits = opened.index.search(query, 20, opened.search_params, None)
    best = {Metric.L2: 0.0, Metric.IP: 9.0, Metric.COSINE: 1.0}[metric]
    np.testing.assert_array_equal(hits.scores[0], np.full(20, best, np.float32))
    assert (hits.rows[0] % 2 == 0).all()
    assert len(set(hits.rows[0].tolist())) == 20
    zeros = Bitset.from_bool(np.arange(2400) % 2 == 1)
    hits = opened.index.search(query, 20, opened.search_params, zeros)
    worst = {Metric.L2: 9.0, Metric.IP: 0.0, Metric.COSINE: 0.0}[metric]
    np.testing.assert_array_equal(hits.scores[0], np.full(20, worst, np.float32))
    zero_query = np.zeros((1, 16), np.float32)
    hits = opened.index.search(zero_query, 20, opened.search_params, None)
    assert (hits.rows >= 0).all()
    assert np.isfinite(hits.scores).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_filter_far_from_the_query_still_finds_k_rows(name: str, open_built: Any) -> None:
    """The allowed rows are the half of the column that is farthest from the query."""
    random = np.random.default_rng(8)
    matrix = random.normal(size=(3000, 16)).astype(np.float32)
    matrix[1500:] += 40
    opened = open_built(name, _column_of(matrix), Metric.L2)
    far = Bitset.from_bool(np.arange(3000) >= 1500)
    query = random.normal(size=(2, 16)).astype(np.float32)
    hits = opened.index.search(query, 10, opened.search_params, far)
    assert (hits.rows >= 1500).all()


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_build_polls_for_cancellation(name: str, make_column: Callable[..., VectorColumn]) -> None:
    column = make_column(DataType.FLOAT_VECTOR, 1500)
    kind = index_type(name)
    params = kind.check_build_params(column.field, Metric.L2, _known(name, {}))
    with pytest.raises(Unavailable) as caught:
        kind.build(column, Metric.L2, params, BuildContext(cancelled=lambda: True))
    assert caught.value.kind == "cancelled"


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_build_reports_rising_progress_up_to_one(name: str, make_column: Callable[..., VectorColumn]) -> None:
    column = make_column(DataType.FLOAT_VECTOR, 3000)
    shares: list[float] = []
    kind = index_type(name)
    params = kind.check_build_params(
        column.field, Metric.IP, _known(name, {"M": 4, "efConstruction": 8, "nlist": 16, "nbits": 4})
    )
    kind.build(column, Metric.IP, params, BuildContext(progress=shares.append))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_build_on_two_threads_answers_as_well(name: str, make_column: Any, make_vectors: Any) -> None:
    column = make_column(DataType.FLOAT_VECTOR, 3000)
    kind = index_type(name)
    nbits = 4 if name == "HNSW_PRQ" else 6
    given = {"M": 8, "efConstruction": 40, "nlist": 16, "refine": True, "refine_type": "FP16", "nbits": nbits}
    params = kind.check_build_params(column.field, Metric.L2, _known(name, given))
    built = kind.build(column, Metric.L2, params, BuildContext(thread_count=2))
    artefacts = {file: np.frombuffer(data, np.uint8).data for file, data in built.items()}
    opened = kind.open(column, Metric.L2, params, artefacts)
    queries = make_vectors(DataType.FLOAT_VECTOR, 20, seed=6)
    wanted = {"ef": 64, "nprobe": 8, "refine_k": 8, "search_list": 64}
    searched = kind.check_search_params(wanted, build_params=params, k=10)
    exact = ExactScan.over(column, Metric.L2).search(queries, 10, None).rows
    found = opened.search(queries, 10, searched, None).rows
    shared = sum(len(set(a) & set(b)) for a, b in zip(found.tolist(), exact.tolist(), strict=True))
    assert shared >= 0.95 * 200


def test_a_slice_of_a_larger_column_is_indexed_as_itself(make_column: Any, open_built: Any, make_vectors: Any) -> None:
    """Offsets of Arrow slices reach vectors, nulls and row numbers alike."""
    whole = make_column(DataType.FLOAT_VECTOR, 3000, null_every=5)
    part = VectorColumn(whole.field, whole.array.slice(701, 1800))
    queries = make_vectors(DataType.FLOAT_VECTOR, 4, seed=6)
    exact = ExactScan.over(part, Metric.L2)
    for name in NAMES:
        opened = open_built(name, part, Metric.L2)
        hits = opened.index.search(queries, 10, opened.search_params, None)
        assert part.array.take(hits.rows.reshape(-1)).null_count == 0
        for query, rows, scores in zip(queries, hits.rows, hits.scores, strict=True):
            np.testing.assert_array_equal(scores, exact.scores(query, rows))


def _known(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """`given` and the parameters that some types cannot do without."""
    wanted = {"IVF_PQ": ["m"], "HNSW_PQ": ["m"], "HNSW_PRQ": ["m"], "FAISS": ["faiss_index_name"]}
    return given | {key: REQUIRED[key] for key in wanted.get(name, [])}


def _column_of(matrix: npt.NDArray[np.float32]) -> VectorColumn:
    field = Field("vector", DataType.FLOAT_VECTOR, dim=matrix.shape[1])
    return VectorColumn(field, dense_array(matrix, field))
