"""Filters over graphs with default parameters: every row there is is found, and nearly all of the right ones.

Filters leave a half to a thousandth of 20,000 rows: at random, or those farthest from the query, or all but those
nearest to it. Recall is counted by scores: of rows that are equally far any will do.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import dense_array
from elanus.index.disk.search import DiskIndex
from elanus.index.graph.search import GraphIndex
from elanus.index.protocol import BuildContext, VectorColumn
from elanus.index.registry import index_type
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

ROW_COUNT, DIM, QUERY_COUNT, K = 20_000, 160, 20, 10
RECALL_MIN = 0.95
MODES: dict[str, tuple[str, dict[str, Any]]] = {
    "HNSW": ("HNSW", {"M": 16, "efConstruction": 100}),
    "DISKANN": ("DISKANN", {}),
    "AISAQ filled": ("AISAQ", {}),
    "AISAQ performance": ("AISAQ", {"inline_pq": 56}),
    "AISAQ scale": ("AISAQ", {"inline_pq": 0}),
}
# What AUTOINDEX asks of a graph in memory; those on disk are asked for their own default.
RECALL: dict[str, dict[str, Any]] = {"HNSW": {"recall": 0.96}}
FIELD = Field("vector", DataType.FLOAT_VECTOR, dim=DIM)

Similarities = npt.NDArray[np.float32]


def vectors_of(count: int, seed: int) -> npt.NDArray[np.float32]:
    """Of overlapping clusters in 24 of the dimensions, and some noise in all."""
    shape = np.random.default_rng(7)
    centres, directions = shape.normal(size=(40, 24)), shape.normal(size=(24, DIM)) / 5
    random = np.random.default_rng(seed)
    latent = centres[random.integers(0, 40, count)] + random.normal(size=(count, 24))
    return (latent @ directions + 0.1 * random.normal(size=(count, DIM))).astype(np.float32)


BASE, QUERIES = vectors_of(ROW_COUNT, 1), vectors_of(QUERY_COUNT, 2)
COLUMN = VectorColumn(FIELD, dense_array(BASE, FIELD))


@pytest.fixture(
    scope="module",
    params=[(mode, metric) for mode in MODES for metric in (Metric.L2, Metric.IP)],
    ids=lambda case: f"{case[0]}-{case[1]}",
)
def opened(request: pytest.FixtureRequest) -> tuple[DiskIndex | GraphIndex, dict[str, Any]]:
    mode, metric = request.param
    name, given = MODES[mode]
    kind = index_type(name)
    params = kind.check_build_params(FIELD, metric, given)
    built = kind.build(COLUMN, metric, params, BuildContext(thread_count=2))
    artefacts = {file: memoryview(np.frombuffer(memoryview(data), np.uint8).tobytes()) for file, data in built.items()}
    index = kind.open(COLUMN, metric, params, artefacts)
    assert isinstance(index, DiskIndex | GraphIndex)
    return index, kind.check_search_params(RECALL.get(mode, {}), build_params=params, k=K)


def similarities_of(metric: Metric) -> Similarities:
    products = QUERIES @ BASE.T
    return products if metric is Metric.IP else 2 * products - (BASE**2).sum(axis=1)


def at_random(similarities: Similarities, share: float) -> npt.NDArray[np.bool_]:
    return np.random.default_rng(11).random(len(similarities)) < share


def farthest(similarities: Similarities, share: float) -> npt.NDArray[np.bool_]:
    return similarities <= np.quantile(similarities, share)


@pytest.mark.parametrize("share", [0.9, 0.5, 0.1, 0.01, 0.001])
@pytest.mark.parametrize("chosen", [at_random, farthest])
def test_filters_are_answered_as_an_exact_scan_answers(
    opened: tuple[DiskIndex | GraphIndex, dict[str, Any]],
    chosen: Callable[[Similarities, float], npt.NDArray[np.bool_]],
    share: float,
) -> None:
    index, params = opened
    metric = index.scan.metric
    right_count = wanted_count = 0
    for query, similarities in zip(QUERIES, similarities_of(metric), strict=True):
        mask = chosen(similarities, share)
        allow = Bitset.from_bool(mask)
        hits = index.search(query[None, :], K, params, allow)
        exact = index.scan.search(query[None, :], K, allow)
        found = hits.rows[0] >= 0
        assert found.sum() == min(K, mask.sum())
        assert mask[hits.rows[0][found]].all()
        assert len(set(hits.rows[0][found].tolist())) == found.sum()
        worst = exact.scores[0][found][-1]
        scores = hits.scores[0][found]
        right_count += int((scores >= worst if metric.larger_is_nearer else scores <= worst).sum())
        wanted_count += int(found.sum())
    assert right_count >= RECALL_MIN * wanted_count
