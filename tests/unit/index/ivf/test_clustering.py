"""Centroids and the lists they make."""

from typing import Any

import numpy as np
import pytest

from elanus.index.floats import FloatRows
from elanus.index.ivf.clustering import assigned_lists, fitting_list_count, trained_centroids
from elanus.index.ivf.lists import InvertedLists
from elanus.index.protocol import BuildContext
from elanus.schema.types import DataType, Metric


@pytest.mark.parametrize(
    ("nlist", "row_count", "expected"),
    [(128, 10**6, 128), (128, 128 * 39, 128), (128, 3900, 100), (128, 5, 1), (1, 1, 1)],
)
def test_lists_are_fewer_when_rows_are_few(nlist: int, row_count: int, expected: int) -> None:
    assert fitting_list_count(nlist, row_count) == expected


def test_separate_clusters_get_a_centroid_each() -> None:
    random = np.random.default_rng(3)
    centres = random.normal(size=(8, 16)) * 50
    members = random.integers(0, 8, 4000)
    matrix = (centres[members] + random.normal(size=(4000, 16))).astype(np.float32)
    vectors = FloatRows(matrix=matrix, data_type=DataType.FLOAT_VECTOR, rows=None, normalised=False)
    context = BuildContext()
    centroids = trained_centroids(vectors, 32, context)
    assigned = assigned_lists(vectors, centroids, context)
    for list_number in range(32):
        assert len(set(members[assigned == list_number])) <= 1


def test_each_row_is_in_the_list_of_its_nearest_centroid(make_column: Any) -> None:
    column = make_column(DataType.FLOAT16_VECTOR, 900, null_every=3)
    for metric in (Metric.L2, Metric.COSINE):
        vectors = FloatRows.of(column, metric)
        context = BuildContext()
        centroids = trained_centroids(vectors, 10, context)
        rows = vectors.block(0, len(vectors)).astype(np.float64)
        distances = ((rows[:, None, :] - centroids[None, :, :]) ** 2).sum(axis=2)
        np.testing.assert_array_equal(assigned_lists(vectors, centroids, context), distances.argmin(axis=1))


def test_grouped_lists_hold_each_row_once_ascending() -> None:
    rows = np.array([2, 3, 5, 8, 9], np.int64)
    lists = InvertedLists.grouped(np.array([1, 0, 1, 3, 0], np.int32), rows, 4)
    assert [lists.rows(number).tolist() for number in range(4)] == [[3, 9], [2, 5], [], [8]]
    assert lists.rows_of(np.array([3, 2, 1])).tolist() == [8, 2, 5]
    assert lists.rows_of(np.array([2])).tolist() == []
