"""AUTOINDEX builds what it chose, remembers it, and answers through it."""

from typing import Any

import numpy as np
import pytest

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import SparseRows, dense_array, sparse_array
from elanus.errors import DataCorrupt, InvalidInput
from elanus.index.auto.choice import choose_index
from elanus.index.auto.index import AutoIndex
from elanus.index.calibration import recall_of
from elanus.index.disk.search import DiskIndex
from elanus.index.exact import ExactScan
from elanus.index.graph.search import GraphIndex
from elanus.index.protocol import BuildContext, RangeBounds, VectorColumn
from elanus.index.registry import index_type
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

AUTO = index_type("AUTOINDEX")


def test_a_small_column_is_scanned_and_stores_nothing(make_column: Any, make_vectors: Any) -> None:
    column = make_column(DataType.FLOAT16_VECTOR, 600, null_every=7)
    assert AUTO.build(column, Metric.COSINE, {}, BuildContext()) == {}
    opened = AUTO.open(column, Metric.COSINE, {}, {})
    queries = make_vectors(DataType.FLOAT16_VECTOR, 3, seed=2)
    params = AUTO.check_search_params({"nprobe": 4}, build_params={}, k=9)
    scan = ExactScan.over(column, Metric.COSINE)
    np.testing.assert_array_equal(
        opened.search(queries, 9, params, None).rows, scan.search(queries, 9, scan.visible(None)).rows
    )
    assert opened.size().mapped_bytes == 0


@pytest.fixture(scope="module")
def wide() -> tuple[VectorColumn, Any]:
    """A column large enough for a graph, narrow in content so that building it is quick."""
    random = np.random.default_rng(1)
    matrix = np.zeros((5000, 1024), np.float32)
    matrix[:, :12] = random.normal(size=(5000, 12))
    field = Field("vector", DataType.FLOAT_VECTOR, dim=1024)
    column = VectorColumn(field, dense_array(matrix, field))
    return column, {
        name: np.frombuffer(data, np.uint8).data
        for name, data in AUTO.build(column, Metric.L2, {}, BuildContext()).items()
    }


def test_a_larger_column_gets_a_graph_and_says_why(wide: Any) -> None:
    column, artefacts = wide
    opened = AUTO.open(column, Metric.L2, {}, artefacts)
    assert isinstance(opened, AutoIndex)
    assert isinstance(opened.index, GraphIndex)
    assert opened.reason == "5000 rows of 4096 bytes suit a graph"
    assert opened.size().mapped_bytes > 0


def test_the_level_widens_the_search_and_ef_overrides_it(wide: Any) -> None:
    column, artefacts = wide
    opened = AUTO.open(column, Metric.L2, {}, artefacts)
    seen: list[dict[str, float]] = []

    class Recorder:
        def search(self, _queries: Any, _k: int, params: Any, _allow: Any) -> Any:
            seen.append(dict(params))

    assert isinstance(opened, AutoIndex)
    recording = AutoIndex(chosen=opened.chosen, params=opened.params, index=Recorder(), reason="")  # type: ignore[arg-type]
    for given in ({}, {"level": 3}, {"recall": 0.5}, {"ef": 17}):
        recording.search(None, 10, AUTO.check_search_params(given, build_params={}, k=10), None)
    assert seen == [{"recall": 0.96}, {"recall": pytest.approx(0.9804)}, {"recall": 0.5}, {"ef": 17}]


def test_search_and_range_search_agree_with_the_exact_answer(wide: Any) -> None:
    column, artefacts = wide
    opened = AUTO.open(column, Metric.L2, {}, artefacts)
    scan = ExactScan.over(column, Metric.L2)
    queries = scan.matrix[:8] + np.float32(0.01)
    params = AUTO.check_search_params({"level": 2}, build_params={}, k=10)
    exact = scan.search(queries, 10, None)
    found = opened.search(queries, 10, params, None)
    shared = sum(len(set(a) & set(b)) for a, b in zip(found.rows.tolist(), exact.rows.tolist(), strict=True))
    assert shared >= 78
    bounds = RangeBounds(radius=float(exact.scores[0, -1]))
    rows = opened.range_search(queries[0], bounds, params, None)[1]
    assert set(rows.tolist()) <= set(exact.rows[0].tolist())
    assert len(rows) >= 8


def test_a_graph_on_disk_is_chosen_for_little_memory_and_asked_for_recall(wide: Any) -> None:
    column, _ = wide
    built = AUTO.build(column, Metric.L2, {}, BuildContext(memory_bytes=1 << 20))
    opened = AUTO.open(
        column, Metric.L2, {}, {name: np.frombuffer(data, np.uint8).data for name, data in built.items()}
    )
    assert isinstance(opened, AutoIndex)
    assert isinstance(opened.index, DiskIndex)
    scan = ExactScan.over(column, Metric.L2)
    queries = scan.matrix[:40] + np.float32(0.01)
    exact = scan.search(queries, 10, None).rows
    for given in ({}, {"recall": 0.9}, {"search_list": 100}, {"ef": 1}):
        params = AUTO.check_search_params(given, build_params={}, k=10)
        assert recall_of(opened.search(queries, 10, params, None).rows, exact) >= 0.88


def test_lists_are_asked_for_recall_unless_nprobe_is_given() -> None:
    field = Field("vector", DataType.FLOAT_VECTOR, dim=8)
    seen: list[dict[str, float]] = []

    class Recorder:
        def search(self, _queries: Any, _k: int, params: Any, _allow: Any) -> Any:
            seen.append(dict(params))

    choice = choose_index(DataType.FLOAT_VECTOR, row_count=600_000, row_bytes=32)
    kind = index_type(choice.index_name)
    params = kind.check_build_params(field, Metric.L2, choice.params)
    recording = AutoIndex(chosen=kind, params=params, index=Recorder(), reason="")  # type: ignore[arg-type]
    for given in ({}, {"recall": 0.5}, {"nprobe": 10**6}, {"ef": 3}):
        recording.search(None, 10, AUTO.check_search_params(given, build_params={}, k=10), None)
    assert choice.index_name == "IVF_FLAT"
    assert [one.get("recall") for one in seen] == [0.96, 0.5, None, 0.96]
    assert seen[2]["nprobe"] == params["nlist"]


def test_an_unknown_choice_is_a_newer_format(wide: Any) -> None:
    column, artefacts = wide
    text = bytes(artefacts["auto.json"]).replace(b'"HNSW"', b'"WARP"')
    with pytest.raises(DataCorrupt) as caught:
        AUTO.open(column, Metric.L2, {}, {**artefacts, "auto.json": memoryview(text)})
    assert caught.value.kind == "newer_format"


def test_binary_and_sparse_columns_are_scanned() -> None:
    bits = Field("vector", DataType.BINARY_VECTOR, dim=16)
    matrix = np.array([[0, 0], [255, 255], [1, 0]], np.uint8)
    column = VectorColumn(bits, dense_array(matrix, bits))
    assert AUTO.build(column, Metric.HAMMING, {}, BuildContext()) == {}
    params = AUTO.check_search_params({}, build_params={}, k=2)
    hits = AUTO.open(column, Metric.HAMMING, {}, {}).search(matrix[:1], 2, params, None)
    assert hits.rows.tolist() == [[0, 2]]
    assert hits.scores.tolist() == [[0.0, 1.0]]
    sparse = Field("vector", DataType.SPARSE_FLOAT_VECTOR)
    rows = SparseRows(np.array([0, 1, 2], np.int32), np.array([5, 9], np.uint32), np.array([1.0, 2.0], np.float32))
    column = VectorColumn(sparse, sparse_array(rows))
    allow = Bitset.from_rows(np.array([1]), 2)
    queries: Any = rows
    hits = AUTO.open(column, Metric.IP, {}, {}).search(queries, 1, params, allow)
    assert hits.rows[1].tolist() == [1]
    assert hits.scores[1].tolist() == [4.0]


def test_what_the_chosen_type_would_refuse_is_refused() -> None:
    """Signatures are whole elements of 32 bits; found out when the index is defined, not when it is built."""
    with pytest.raises(InvalidInput, match="40 bits"):
        AUTO.check_build_params(Field("bits", DataType.BINARY_VECTOR, dim=40), Metric.MHJACCARD, {})
    assert AUTO.check_build_params(Field("bits", DataType.BINARY_VECTOR, dim=64), Metric.MHJACCARD, {}) == {}
    assert AUTO.check_build_params(Field("bits", DataType.BINARY_VECTOR, dim=40), Metric.HAMMING, {}) == {}
