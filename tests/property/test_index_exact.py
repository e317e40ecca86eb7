"""Exact indexes equal a NumPy reference, and inverted lists read in full equal the exact index."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import (
    SparseRows,
    bfloat16_from_float32,
    dense_array,
    float32_from_bfloat16,
    sparse_array,
)
from elanus.index.ivf.lists import InvertedLists
from elanus.index.protocol import BuildContext, RangeBounds, VectorColumn
from elanus.index.ranking import best_first
from elanus.index.registry import index_type
from elanus.schema.field import Field
from elanus.schema.types import METRICS_OF, DataType, Metric

FEW = settings(max_examples=60, deadline=None, derandomize=True)


# The other metrics of bits have their reference beside their own tests.
REFERENCED = {Metric.L2, Metric.IP, Metric.COSINE, Metric.HAMMING, Metric.JACCARD}


def reference_scores(metric: Metric, query: npt.NDArray[Any], matrix: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Scores in float64, one row at a time, by the definitions of the metrics."""
    scores = []
    for row in matrix:
        match metric:
            case Metric.L2:
                score = float(((query - row) ** 2).sum())
            case Metric.IP:
                score = float((query * row).sum())
            case Metric.COSINE:
                lengths = float(np.sqrt((query**2).sum()) * np.sqrt((row**2).sum()))
                score = float((query * row).sum()) / lengths if lengths else 0.0
            case Metric.HAMMING:
                score = float((query != row).sum())
            case Metric.JACCARD:
                union = float(((query + row) > 0).sum())
                score = 1.0 - float((query * row).sum()) / union if union else 0.0
            case _:
                raise AssertionError(metric)
        scores.append(score)
    return np.array(scores, np.float64)


def reference_order(metric: Metric, scores: npt.NDArray[Any], rows: list[int]) -> list[int]:
    sign = -1 if metric.larger_is_nearer else 1
    return sorted(rows, key=lambda row: (sign * float(scores[row]), row))


@st.composite
def dense_cases(draw: st.DrawFn) -> tuple[DataType, Metric, npt.NDArray[np.float32], Any, Any, int]:
    """Small whole numbers, so that every element type and every sum is exact and ties are common."""
    data_type = draw(st.sampled_from(sorted(set(METRICS_OF) - {DataType.SPARSE_FLOAT_VECTOR})))
    metric = draw(st.sampled_from([metric for metric in METRICS_OF[data_type] if metric in REFERENCED]))
    rows = draw(st.integers(1, 40))
    dim = draw(st.integers(1, 9)) * 8
    values = st.integers(0, 1) if data_type is DataType.BINARY_VECTOR else st.integers(-3, 3)
    matrix = draw(hnp.arrays(np.float32, (rows + 1, dim), elements=values.map(float)))
    valid = draw(st.none() | hnp.arrays(np.bool_, rows))
    allowed = draw(st.none() | hnp.arrays(np.bool_, rows))
    return data_type, metric, matrix, valid, allowed, draw(st.integers(1, 50))


def stored(matrix: npt.NDArray[np.float32], data_type: DataType) -> npt.NDArray[Any]:
    match data_type:
        case DataType.FLOAT16_VECTOR:
            return matrix.astype(np.float16)
        case DataType.BFLOAT16_VECTOR:
            return bfloat16_from_float32(matrix)
        case DataType.INT8_VECTOR:
            return matrix.astype(np.int8)
        case DataType.BINARY_VECTOR:
            return np.packbits(matrix.astype(np.uint8), axis=1)
        case _:
            return matrix


@FEW
@given(dense_cases())
def test_flat_and_bin_flat_equal_the_reference(case: Any) -> None:
    data_type, metric, matrix, valid, allowed, k = case
    field = Field("vector", data_type, dim=matrix.shape[1], nullable=True)
    column = VectorColumn(field, dense_array(stored(matrix[:-1], data_type), field, valid=valid))
    name = "BIN_FLAT" if data_type is DataType.BINARY_VECTOR else "FLAT"
    index = index_type(name).open(column, metric, {}, {})
    queries = stored(matrix[-1:], data_type)
    allow = None if allowed is None else Bitset.from_bool(allowed)
    hits = index.search(queries, k, {}, allow)
    scores = reference_scores(metric, matrix[-1].astype(np.float64), matrix[:-1].astype(np.float64))
    visible = [
        row for row in range(len(matrix) - 1) if (valid is None or valid[row]) and (allowed is None or allowed[row])
    ]
    exact = metric is not Metric.COSINE and metric is not Metric.JACCARD
    count = min(k, len(visible))
    found = hits.rows[0][:count].tolist()
    assert (hits.rows[0][count:] == -1).all()
    np.testing.assert_allclose(hits.scores[0][:count], scores[found], rtol=1e-5, atol=1e-6)
    expected = reference_order(metric, scores, visible)
    if exact:
        assert found == expected[:count]
    else:
        assert set(found) <= set(visible)
        np.testing.assert_allclose(scores[found], scores[expected[:count]], rtol=1e-5, atol=1e-6)
    if exact and visible:
        middle, near = float(scores[expected[len(expected) // 2]]), float(scores[expected[0]])
        bounds = RangeBounds(radius=middle, range_filter=near)
        inside = [row for row in expected if bounds.accepts(metric, scores[row : row + 1].astype(np.float32))[0]]
        assert index.range_search(queries[0], bounds, {}, allow)[1].tolist() == inside


@st.composite
def sparse_cases(draw: st.DrawFn) -> tuple[list[dict[int, int]], Any, Any, int]:
    vector = st.dictionaries(st.integers(0, 12), st.integers(-3, 3), max_size=6)
    rows = draw(st.lists(vector, min_size=1, max_size=25))
    query = draw(st.dictionaries(st.integers(0, 12), st.integers(1, 3), min_size=1, max_size=6))
    count = len(rows)
    valid = draw(st.none() | hnp.arrays(np.bool_, count))
    allowed = draw(st.none() | hnp.arrays(np.bool_, count))
    return [*rows, query], valid, allowed, draw(st.integers(1, 30))


def compressed(vectors: list[dict[int, int]]) -> SparseRows:
    ordered = [sorted(vector.items()) for vector in vectors]
    return SparseRows(
        offsets=np.cumsum([0, *(len(items) for items in ordered)]).astype(np.int32),
        indices=np.array([index for items in ordered for index, _ in items], np.uint32),
        values=np.array([value for items in ordered for _, value in items], np.float32),
    )


@FEW
@given(sparse_cases())
def test_sparse_scan_equals_the_reference(case: Any) -> None:
    """A row that shares no index with the query is no hit."""
    vectors, valid, allowed, k = case
    query = vectors.pop()
    if valid is not None:
        vectors = [vector if ok else {} for vector, ok in zip(vectors, valid, strict=True)]
    field = Field("vector", DataType.SPARSE_FLOAT_VECTOR, nullable=True)
    column = VectorColumn(field, sparse_array(compressed(vectors), valid=valid))
    index = index_type("SPARSE_INVERTED_INDEX").open(column, Metric.IP, {}, {})
    allow = None if allowed is None else Bitset.from_bool(allowed)
    queries: Any = compressed([query])
    hits = index.search(queries, k, {}, allow)
    scores = np.array([float(sum(query.get(key, 0) * value for key, value in vector.items())) for vector in vectors])
    visible = [
        row
        for row, vector in enumerate(vectors)
        if set(vector) & set(query) and (valid is None or valid[row]) and (allowed is None or allowed[row])
    ]
    expected = reference_order(Metric.IP, scores, visible)[:k]
    found = hits.rows[0][hits.rows[0] >= 0].tolist()
    assert found == expected
    assert hits.scores[0][: len(found)].tolist() == scores[found].tolist()


@FEW
@given(
    hnp.arrays(np.float32, st.integers(0, 60), elements=st.integers(-4, 4).map(float)),
    st.integers(1, 70),
    st.sampled_from([Metric.L2, Metric.IP]),
)
def test_best_first_equals_sorting_everything(scores: npt.NDArray[np.float32], k: int, metric: Metric) -> None:
    rows = np.random.default_rng(len(scores)).permutation(len(scores)).astype(np.int64)
    by_row = np.empty_like(scores)
    by_row[rows] = scores
    best_scores, best_rows = best_first(metric, scores, rows, k)
    assert best_rows.tolist() == reference_order(metric, by_row, list(range(len(scores))))[:k]
    np.testing.assert_array_equal(best_scores, by_row[best_rows])


@FEW
@given(st.lists(st.integers(0, 6), max_size=60), st.lists(st.integers(0, 6), min_size=1, max_size=10, unique=True))
def test_gathering_lists_equals_concatenating_them(assigned: list[int], wanted: list[int]) -> None:
    rows = np.arange(len(assigned), dtype=np.int64) * 3
    lists = InvertedLists.grouped(np.array(assigned, np.int32), rows, 7)
    expected = [3 * place for number in wanted for place, list_number in enumerate(assigned) if list_number == number]
    assert lists.rows_of(np.array(wanted)).tolist() == expected


@pytest.mark.parametrize("name", ["IVF_FLAT", "IVF_SQ8", "IVF_RABITQ", "HNSW", "IVF_PQ", "SCANN", "HNSW_SQ", "FAISS"])
@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    share=st.sampled_from([1.0, 0.6, 0.05]),
    metric=st.sampled_from(METRICS_OF[DataType.FLOAT_VECTOR]),
)
def test_approximate_indexes_return_subsets_of_the_allowed_rows_with_flat_scores(
    name: str, seed: int, share: float, metric: Metric
) -> None:
    """Any seed, filter and metric: k distinct allowed rows, scored as FLAT scores them, none better than FLAT's."""
    random = np.random.default_rng(seed)
    count, dim, k = 1500, 12, 8
    matrix = random.normal(size=(count, dim)).astype(np.float32)
    field = Field("vector", DataType.FLOAT_VECTOR, dim=dim)
    column = VectorColumn(field, dense_array(matrix, field))
    kind = index_type(name)
    given_params = {"nlist": 16, "M": 4, "efConstruction": 10}
    given_params |= {"IVF_PQ": {"m": 4, "nbits": 4}, "FAISS": {"faiss_index_name": "IVF16,SQ4"}}.get(name, {})
    params = kind.check_build_params(field, metric, given_params)
    built = kind.build(column, metric, params, BuildContext(seed=seed % 1000))
    index = kind.open(
        column, metric, params, {file: np.frombuffer(data, np.uint8).data for file, data in built.items()}
    )
    flat = index_type("FLAT").open(column, metric, {}, {})
    allow = Bitset.from_bool(random.random(count) < share)
    queries = random.normal(size=(3, dim)).astype(np.float32)
    searched = kind.check_search_params({"nprobe": 2, "ef": 8}, build_params=params, k=k)
    found = index.search(queries, k, searched, allow)
    everything = flat.search(queries, count, {}, allow)
    for rows, scores, all_rows, all_scores in zip(
        found.rows, found.scores, everything.rows, everything.scores, strict=True
    ):
        assert len(set(rows.tolist())) == k
        assert allow.test(rows).all()
        place = {int(row): number for number, row in enumerate(all_rows) if row >= 0}
        places = [place[int(row)] for row in rows]
        assert places == sorted(places)
        np.testing.assert_array_equal(scores, all_scores[places])


def test_bfloat16_keeps_small_whole_numbers() -> None:
    """The cases above rely on it."""
    values = np.arange(-3, 4, dtype=np.float32)
    np.testing.assert_array_equal(float32_from_bfloat16(bfloat16_from_float32(values)), values)
