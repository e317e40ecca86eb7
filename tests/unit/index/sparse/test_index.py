"""Sparse indexes by either name give the exact inner products, without null rows."""

from typing import Any

import numpy as np
import pytest

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import SparseRows, sparse_array
from elanus.index.protocol import BuildContext, RangeBounds, VectorColumn
from elanus.index.registry import index_type
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

FIELD = Field("vector", DataType.SPARSE_FLOAT_VECTOR, nullable=True)
# Rows: {1: 1, 5: 2}, null, {5: 3}, {5: 3, 7: -4}, {7: 1}
ROWS = SparseRows(
    offsets=np.array([0, 2, 2, 3, 5, 6], np.int32),
    indices=np.array([1, 5, 5, 5, 7, 7], np.uint32),
    values=np.array([1, 2, 3, 3, -4, 1], np.float32),
)
COLUMN = VectorColumn(FIELD, sparse_array(ROWS, valid=np.array([True, False, True, True, True])))
QUERIES: Any = SparseRows(
    np.array([0, 1, 3], np.int32), np.array([5, 1, 7], np.uint32), np.array([2, 1, 1], np.float32)
)


@pytest.mark.parametrize("name", ["SPARSE_INVERTED_INDEX", "SPARSE_WAND"])
def test_search_ranks_by_inner_product_with_ties_to_the_smaller_row(name: str) -> None:
    kind = index_type(name)
    params = kind.check_build_params(FIELD, Metric.IP, {})
    assert kind.build(COLUMN, Metric.IP, params, BuildContext()) == {}
    index = kind.open(COLUMN, Metric.IP, params, {})
    searched = kind.check_search_params({"drop_ratio_search": 0.5}, build_params=params, k=2)
    hits = index.search(QUERIES, 2, searched, None)
    assert hits.rows.tolist() == [[2, 3], [0, 4]]
    assert hits.scores.tolist() == [[6.0, 6.0], [1.0, 1.0]]
    allow = Bitset.from_rows(np.array([0, 1]), 5)
    assert index.search(QUERIES, 2, searched, allow).rows[0].tolist() == [0, -1]
    assert index.size().mapped_bytes == index.size().memory_bytes == 0


def test_range_search_keeps_scores_above_the_radius_up_to_the_filter() -> None:
    index = index_type("SPARSE_INVERTED_INDEX").open(COLUMN, Metric.IP, {}, {})
    query: Any = SparseRows(np.array([0, 1], np.int32), QUERIES.indices[:1], QUERIES.values[:1])
    scores, rows = index.range_search(query, RangeBounds(radius=4.0), {}, None)
    assert (scores.tolist(), rows.tolist()) == ([6.0, 6.0], [2, 3])
    scores, rows = index.range_search(query, RangeBounds(radius=3.0, range_filter=4.0), {}, None)
    assert (scores.tolist(), rows.tolist()) == ([4.0], [0])
