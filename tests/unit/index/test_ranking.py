"""The best of scored rows, in order."""

import numpy as np

from elanus.index.protocol import RangeBounds
from elanus.index.ranking import best_first
from elanus.schema.types import Metric

SCORES = np.array([2.0, 1.0, 3.0, 1.0, 2.0], np.float32)
ROWS = np.array([9, 8, 7, 6, 5], np.int64)


def test_smaller_is_nearer_for_distances_and_ties_go_to_the_smaller_row() -> None:
    scores, rows = best_first(Metric.L2, SCORES, ROWS, 3)
    assert (scores.tolist(), rows.tolist()) == ([1.0, 1.0, 2.0], [6, 8, 5])


def test_larger_is_nearer_for_products() -> None:
    scores, rows = best_first(Metric.IP, SCORES, ROWS, 2)
    assert (scores.tolist(), rows.tolist()) == ([3.0, 2.0], [7, 5])


def test_k_beyond_the_rows_gives_all() -> None:
    assert best_first(Metric.COSINE, SCORES, ROWS, 99)[1].tolist() == [7, 5, 9, 6, 8]
    assert len(best_first(Metric.L2, SCORES[:0], ROWS[:0], 3)[1]) == 0


def test_bounds_are_half_open_in_the_direction_of_the_metric() -> None:
    scores = np.array([1.0, 2.0, 3.0, 4.0], np.float32)
    assert RangeBounds(4.0, 2.0).accepts(Metric.L2, scores).tolist() == [False, True, True, False]
    assert RangeBounds(2.0, 4.0).accepts(Metric.IP, scores).tolist() == [False, False, True, True]
    assert RangeBounds(3.0).accepts(Metric.HAMMING, scores).tolist() == [True, True, False, False]
    assert RangeBounds(3.0).accepts(Metric.COSINE, scores).tolist() == [False, False, False, True]
    assert RangeBounds(3.0).beyond_radius(Metric.L2, scores).tolist() == [False, False, True, True]
    assert RangeBounds(3.0).beyond_radius(Metric.IP, scores).tolist() == [True, True, True, False]
