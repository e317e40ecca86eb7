"""Recall of every dense index against the exact answer, by metric, element type and share of allowed rows.

Made data: 5,000 vectors of 64 dimensions that lie near a space of 16, around 40 overlapping centres, and 40 queries of
the same kind. Thresholds are one to three points below what was measured, so that a loss is seen.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import bfloat16_from_float32, dense_array
from elanus.index.exact import ExactScan
from elanus.index.protocol import BuildContext, RangeBounds, VectorColumn, VectorIndex
from elanus.index.registry import index_type
from elanus.schema.field import Field
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType, Metric

ROW_COUNT, DIM, LATENT_DIM, QUERY_COUNT, K = 5000, 64, 16, 40, 10
SHARES = (None, 0.5, 0.1, 0.01, 0.001)
LARGE_ROW_COUNT = 20_000

# Build parameters, search parameters, least recall without a filter and with any of the filters.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], float, float]] = {
    "FLAT": ({}, {}, 1.0, 1.0),
    "IVF_FLAT": ({"nlist": 64}, {"nprobe": 8}, 0.91, 0.93),
    "IVF_SQ8": ({"nlist": 64}, {"nprobe": 8}, 0.91, 0.93),
    "IVF_RABITQ": ({"nlist": 64, "refine": True, "refine_type": "SQ8"}, {"nprobe": 8, "refine_k": 10}, 0.91, 0.93),
    "HNSW": ({"M": 16, "efConstruction": 100}, {"ef": 64}, 0.98, 0.98),
    "DISKANN": ({"max_degree": 32}, {"search_list": 64}, 0.98, 0.98),
    "AISAQ": ({"max_degree": 32}, {"search_list": 64}, 0.98, 0.98),
}

# The coded families, once a metric, over float32 alone: they convert every type to it first.
CODED_CASES: dict[str, tuple[dict[str, Any], dict[str, Any], float, float]] = {
    "IVF_PQ": ({"nlist": 64, "m": 32, "nbits": 6}, {"nprobe": 16}, 0.9, 0.9),
    "SCANN": ({"nlist": 64}, {"nprobe": 16}, 0.9, 0.9),
    "HNSW_SQ": ({"M": 16, "efConstruction": 100, "sq_type": "SQ6"}, {"ef": 64}, 0.95, 0.95),
    "HNSW_PQ": (
        {"M": 16, "efConstruction": 100, "m": 32, "nbits": 6, "refine": True},
        {"ef": 100, "refine_k": 6},
        0.9,
        0.9,
    ),
    "HNSW_PRQ": (
        {"M": 16, "efConstruction": 100, "m": 16, "nbits": 5, "refine": True, "refine_type": "FP16"},
        {"ef": 100, "refine_k": 6},
        0.9,
        0.9,
    ),
    "FAISS": ({"faiss_index_name": "PCA32,IVF64,SQ6"}, {"nprobe": 16}, 0.9, 0.9),
}


# The same at 20,000 rows, where filters of 50 to 10 % are answered by the index and not by a scan.
LARGE_RECALL_MIN = {"IVF_FLAT": 0.97, "IVF_SQ8": 0.97, "IVF_RABITQ": 0.97, "HNSW": 0.97, "DISKANN": 0.97, "AISAQ": 0.97}


@dataclass(frozen=True)
class Case:
    scan: ExactScan
    index: VectorIndex
    params: dict[str, Any]
    queries: npt.NDArray[Any]
    recall_min: float
    filtered_recall_min: float


def made(count: int, seed: int, data_type: DataType) -> npt.NDArray[Any]:
    shape = np.random.default_rng(7)
    centres, directions = shape.normal(size=(40, LATENT_DIM)), shape.normal(size=(LATENT_DIM, DIM)) / 4
    random = np.random.default_rng(seed)
    latent = centres[random.integers(0, 40, count)] + random.normal(size=(count, LATENT_DIM))
    vectors = (latent @ directions + 0.1 * random.normal(size=(count, DIM))).astype(np.float32)
    match data_type:
        case DataType.FLOAT16_VECTOR:
            return vectors.astype(np.float16)
        case DataType.BFLOAT16_VECTOR:
            return bfloat16_from_float32(vectors)
        case DataType.INT8_VECTOR:
            return np.clip(np.rint(vectors * 20), -127, 127).astype(np.int8)
        case _:
            return vectors


@pytest.fixture(
    scope="module",
    params=[
        (name, metric, data_type)
        for name in CASES
        for metric in (Metric.L2, Metric.IP, Metric.COSINE)
        for data_type in sorted(DENSE_FLOAT_VECTORS)
    ]
    + [
        (name, metric, DataType.FLOAT_VECTOR)
        for name in CODED_CASES
        for metric in (Metric.L2, Metric.IP, Metric.COSINE)
    ],
    ids=lambda case: f"{case[0]}-{case[1]}-{case[2].label}",
)
def case(request: pytest.FixtureRequest) -> Case:
    name, metric, data_type = request.param
    return opened(name, metric, data_type, ROW_COUNT)


def opened(name: str, metric: Metric, data_type: DataType, row_count: int) -> Case:
    given_build, given_search, recall_min, filtered_recall_min = (CASES | CODED_CASES)[name]
    field = Field("vector", data_type, dim=DIM, nullable=True)
    valid = np.arange(row_count) % 9 != 0
    column = VectorColumn(field, dense_array(made(row_count, 1, data_type), field, valid=valid))
    kind = index_type(name)
    params = kind.check_build_params(field, metric, given_build)
    built = kind.build(column, metric, params, BuildContext())
    return Case(
        scan=ExactScan.over(column, metric),
        index=kind.open(
            column, metric, params, {file: np.frombuffer(data, np.uint8).data for file, data in built.items()}
        ),
        params=kind.check_search_params(given_search, build_params=params, k=K),
        queries=made(QUERY_COUNT, 2, data_type),
        recall_min=recall_min,
        filtered_recall_min=filtered_recall_min,
    )


def recall(case: Case, allow: Bitset | None) -> float:
    exact = case.scan.search(case.queries, K, case.scan.visible(allow)).rows
    found = case.index.search(case.queries, K, case.params, allow).rows
    assert ((found >= 0) == (exact >= 0)).all()
    wanted = sum(len(set(rows[rows >= 0].tolist())) for rows in exact)
    shared = sum(len(set(a[a >= 0].tolist()) & set(b[b >= 0].tolist())) for a, b in zip(found, exact, strict=True))
    return shared / wanted


@pytest.mark.parametrize("share", SHARES)
def test_recall_by_share_of_allowed_rows(case: Case, share: float | None) -> None:
    if share is None:
        assert recall(case, None) >= case.recall_min
    else:
        allow = Bitset.from_bool(np.random.default_rng(11).random(ROW_COUNT) < share)
        assert recall(case, allow) >= case.filtered_recall_min


def test_recall_when_the_filter_depends_on_the_vector(case: Case) -> None:
    """The allowed tenth has the largest first elements, so that it is not spread like the column."""
    first = case.scan.matrix[:, 0].astype(np.float32)
    if case.scan.matrix.dtype == np.uint16:
        first = (case.scan.matrix[:, 0].astype(np.uint32) << np.uint32(16)).view(np.float32)
    allow = Bitset.from_bool(first > np.quantile(first, 0.9))
    assert recall(case, allow) >= case.filtered_recall_min


@pytest.fixture(scope="module", params=LARGE_RECALL_MIN)
def large(request: pytest.FixtureRequest) -> tuple[Case, float]:
    return (
        opened(request.param, Metric.COSINE, DataType.FLOAT_VECTOR, LARGE_ROW_COUNT),
        LARGE_RECALL_MIN[request.param],
    )


@pytest.mark.parametrize("share", [0.5, 0.3, 0.2, 0.1])
def test_recall_under_filters_that_the_index_answers(large: tuple[Case, float], share: float) -> None:
    case, recall_min = large
    allow = Bitset.from_bool(np.random.default_rng(12).random(LARGE_ROW_COUNT) < share)
    assert recall(case, allow) >= recall_min


def test_recall_of_range_searches(large: tuple[Case, float]) -> None:
    """Bounds that hold the third to the thirtieth nearest row."""
    case, _ = large
    wanted = shared = 0
    for query in case.queries:
        ranked = case.scan.search(query[None, :], 31, case.scan.visible(None))
        bounds = RangeBounds(radius=float(ranked.scores[0, 30]), range_filter=float(ranked.scores[0, 2]))
        inside = set(ranked.rows[0, 2:30].tolist())
        scores, rows = case.index.range_search(query, bounds, case.params, None)
        assert bounds.accepts(Metric.COSINE, scores).all()
        np.testing.assert_array_equal(scores, case.scan.scores(query, rows))
        assert set(rows.tolist()) <= inside
        wanted += len(inside)
        shared += len(rows)
    assert shared >= 0.92 * wanted
