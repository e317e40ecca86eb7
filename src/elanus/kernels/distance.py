"""Exact distances over dense and binary vectors: scans that keep the best, scans within bounds, scores of listed rows.

`base` is (row_count, width) of float32, float16, uint16 (bfloat16 bits), int8 or uint8 (packed bits); a query is
float32 for the three float types, int8 for int8, uint8 for bits. L2 is squared; for IP and COSINE larger is nearer;
COSINE with a zero vector is 0, JACCARD of two empty sets is 0. HAMMING and JACCARD are for bits, the others for
numbers. Scores of the float types accumulate in float32 (error bounds in native/README.md), those of int8 and bits
are exact before one rounding to float32. On one level a row's score with a query is the same from every function.
"""

from typing import Any

import numpy.typing as npt

from elanus.kernels.backend import Floats, Hits, Rows, Words
from elanus.kernels.loader import active

__all__ = ["scan_range", "scan_topk", "scan_topk_many", "score_rows"]


def scan_topk(
    metric: str, query: npt.NDArray[Any], base: npt.NDArray[Any], k: int, *, allow: Words | None = None
) -> Hits:
    """Scores and rows of the nearest `k` allowed rows, best first; of equal scores the smaller row comes first.

    Args:
        metric: L2, IP, COSINE, HAMMING or JACCARD.
        query: (width,).
        base: (row_count, width), fewer than 2^32 - 1 rows.
        k: how many at most; fewer come back when fewer rows are allowed.
        allow: ceil(row_count / 64) words.

    Raises:
        TypeError: a wrong dtype.
        ValueError: a wrong shape, an array that is not C-contiguous, an unknown metric, a negative k.
    """
    return active.backend.scan_topk(metric, query, base, k, allow)


def scan_topk_many(
    metric: str, queries: npt.NDArray[Any], base: npt.NDArray[Any], k: int, *, allow: Words | None = None
) -> Hits:
    """`scan_topk` for every row of `queries` in few passes over `base`.

    Returns:
        (query_count, k) scores and rows, equal to those of `scan_topk`; places after a query's hits have row -1 and the
        worst possible score, infinity of the metric's far side.

    Raises:
        TypeError, ValueError: as `scan_topk`.
    """
    return active.backend.scan_topk_many(metric, queries, base, k, allow)


def scan_range(
    metric: str,
    query: npt.NDArray[Any],
    base: npt.NDArray[Any],
    *,
    radius: float,
    range_filter: float | None = None,
    allow: Words | None = None,
) -> Hits:
    """Scores and rows of all allowed rows within the bounds, in row order.

    Smaller-is-nearer metrics take range_filter <= score < radius, the others radius < score <= range_filter; without
    `range_filter` that side is open. Both bounds are rounded to float32, as scores are.

    Raises:
        TypeError, ValueError: as `scan_topk`; ValueError also for NaN bounds.
    """
    return active.backend.scan_range(metric, query, base, radius, range_filter, allow)


def score_rows(metric: str, query: npt.NDArray[Any], base: npt.NDArray[Any], rows: Rows) -> Floats:
    """Scores of the rows numbered in `rows` (int64, any order, repeats allowed), in their order.

    Raises:
        TypeError, ValueError: as `scan_topk`; ValueError also for a row that `base` does not have.
    """
    return active.backend.score_rows(metric, query, base, rows)
