"""Recall as a parameter of inverted lists: what is measured while building holds for other vectors."""

import functools
from typing import Any

import numpy as np
import pytest

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import dense_array
from elanus.errors import DataCorrupt, InvalidInput
from elanus.index.calibration import Calibration, Measurement, recall_of
from elanus.index.exact import ExactScan
from elanus.index.ivf.effort import ListCalibration, ListEffort
from elanus.index.ivf.search import IvfIndex
from elanus.index.protocol import BuildContext, RangeBounds, VectorColumn
from elanus.index.registry import index_type
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

ROW_COUNT, DIM = 8000, 48
FIELD = Field("vector", DataType.FLOAT_VECTOR, dim=DIM, nullable=True)
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "IVF_FLAT": ("IVF_FLAT", {}),
    "IVF_SQ8": ("IVF_SQ8", {}),
    "IVF_RABITQ": ("IVF_RABITQ", {}),
    "IVF_RABITQ column": ("IVF_RABITQ", {"refine": True}),
    "IVF_RABITQ SQ6": ("IVF_RABITQ", {"refine": True, "refine_type": "SQ6"}),
}


def vectors(count: int, seed: int) -> np.ndarray:
    """Points around 200 overlapping centres near a space of 12 dimensions."""
    made = np.random.default_rng(0)
    basis, centres = made.normal(size=(12, DIM)), made.normal(size=(200, 12))
    random = np.random.default_rng(seed)
    latent = centres[random.integers(0, 200, count)] + 0.6 * random.normal(size=(count, 12))
    return np.asarray(latent @ basis + 0.3 * random.normal(size=(count, DIM)), np.float32)


@functools.cache
def column() -> VectorColumn:
    valid = np.arange(ROW_COUNT) % 7 != 3
    return VectorColumn(FIELD, dense_array(vectors(ROW_COUNT, 1), FIELD, valid=valid))


@functools.cache
def built(case: str, metric: Metric) -> tuple[IvfIndex, dict[str, Any], dict[str, Any]]:
    name, given = CASES[case]
    kind = index_type(name)
    params = kind.check_build_params(FIELD, metric, {"nlist": 100, **given})
    artefacts = {
        file: bytes(memoryview(data)) for file, data in kind.build(column(), metric, params, BuildContext()).items()
    }
    index = kind.open(column(), metric, params, {file: memoryview(data) for file, data in artefacts.items()})
    assert isinstance(index, IvfIndex)
    return index, params, artefacts


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("metric", [Metric.L2, Metric.COSINE])
def test_the_recall_asked_for_is_reached_by_other_vectors(case: str, metric: Metric) -> None:
    index, params, _ = built(case, metric)
    queries = vectors(300, 2)
    visible = index.scan.visible(None)
    for k in (1, 10, 50, 200):
        true = index.scan.search(queries, k, visible).rows
        efforts = []
        for recall in (0.7, 0.9, 0.97):
            given = index_type(CASES[case][0]).check_search_params({"recall": recall}, build_params=params, k=k)
            found = index.search(queries, k, given, None).rows
            assert recall_of(found, true) >= recall - 0.035, (k, recall)
            efforts.append(index.calibration.effort(k, recall))
        assert [effort.nprobe for effort in efforts] == sorted(effort.nprobe for effort in efforts)
        assert all(effort.pool >= k for effort in efforts)


def test_less_recall_reads_fewer_lists() -> None:
    index, _, _ = built("IVF_FLAT", Metric.L2)
    assert index.calibration.effort(10, 0.5).nprobe < index.calibration.effort(10, 0.98).nprobe <= 100


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_recall_holds_under_a_filter(share: float) -> None:
    index, _, _ = built("IVF_RABITQ SQ6", Metric.L2)
    allow = Bitset.from_bool(np.random.default_rng(3).random(ROW_COUNT) < share)
    queries = vectors(200, 4)
    true = index.scan.search(queries, 10, index.scan.visible(allow)).rows
    found = index.search(queries, 10, {"recall": 0.9, "max_empty_result_buckets": 1}, allow).rows
    assert recall_of(found, true) >= 0.87


def test_ranges_cursors_and_explanations_take_recall() -> None:
    index, _, _ = built("IVF_RABITQ", Metric.L2)
    params = {"recall": 0.95, "max_empty_result_buckets": 1}
    query = vectors(1, 5)[0]
    nearest = index.scan.search(query[None, :], 40, index.scan.visible(None)).scores[0]
    scores, rows = index.range_search(query, RangeBounds(radius=float(nearest[-1])), params, None)
    assert len(rows) >= 0.9 * 39
    assert (scores < nearest[-1]).all()
    cursor = index.cursor(query, params, None)
    given = [row for _ in range(3) for row in cursor.next(20).rows[0].tolist()]
    assert len(set(given)) == 60
    assert "lists" in index.explain(query[None, :], 10, params, None).reason


def test_queries_measured_with_are_not_what_centroids_were_made_from() -> None:
    """Rows that repeat a query are neighbours; the query itself is none, else a single list would find all of k = 1."""
    index, _, _ = built("IVF_FLAT", Metric.L2)
    first = [one for one in index.calibration.lists.measurements if one.k == 1]
    assert first[0].effort == 1
    assert first[0].recall < 0.95


def test_recall_excludes_what_it_replaces() -> None:
    for name, other in (
        ("IVF_FLAT", "nprobe"),
        ("IVF_SQ8", "nprobe"),
        ("IVF_RABITQ", "nprobe"),
        ("IVF_RABITQ", "refine_k"),
    ):
        with pytest.raises(InvalidInput, match=f"recall or {other}, not both"):
            index_type(name).check_search_params({"recall": 0.9, other: 2}, build_params={"nlist": 128}, k=10)
    for wrong in (0, 1, 1.5, "much"):
        with pytest.raises(InvalidInput, match="recall"):
            index_type("IVF_FLAT").check_search_params({"recall": wrong}, build_params={"nlist": 128}, k=10)


def test_lists_without_a_calibration_are_to_be_built_anew() -> None:
    _, params, artefacts = built("IVF_FLAT", Metric.L2)
    without = {file: memoryview(data) for file, data in artefacts.items() if file != "calibration.json"}
    with pytest.raises(DataCorrupt, match=r"calibration.json.*rebuild"):
        index_type("IVF_FLAT").open(column(), Metric.L2, params, without)


@pytest.mark.parametrize("row_count", [1, 19, 20, 45])
@pytest.mark.parametrize("case", CASES)
def test_few_rows_are_all_found(case: str, row_count: int) -> None:
    matrix = vectors(row_count, 6)
    field = Field("vector", DataType.FLOAT_VECTOR, dim=DIM)
    few = VectorColumn(field, dense_array(matrix, field))
    name, given = CASES[case]
    kind = index_type(name)
    params = kind.check_build_params(field, Metric.L2, given)
    artefacts = kind.build(few, Metric.L2, params, BuildContext())
    index = kind.open(few, Metric.L2, params, {file: memoryview(data) for file, data in artefacts.items()})
    searched = kind.check_search_params({"recall": 0.9}, build_params=params, k=5)
    exact = ExactScan.over(few, Metric.L2).search(matrix[:1], 5, None)
    np.testing.assert_array_equal(index.search(matrix[:1], 5, searched, None).rows, exact.rows)


def test_codes_may_miss_a_fifth_of_what_may_be_missed() -> None:
    lists = Calibration(tuple(Measurement(10, effort, effort / 100) for effort in range(1, 101)))
    pool = Calibration((Measurement(10, 10, 0.5), Measurement(10, 20, 1.0)))
    assert ListCalibration(lists, None).effort(10, 0.5) == ListEffort(nprobe=55, pool=10)
    # Of codes 0.9 (and a tenth of what is left), of lists 0.5 / 0.9 (likewise).
    assert ListCalibration(lists, pool).effort(10, 0.5) == ListEffort(nprobe=60, pool=19)
