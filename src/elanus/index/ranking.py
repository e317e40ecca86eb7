"""Choosing the best of scored rows."""

import numpy as np
import numpy.typing as npt

from elanus.kernels.topk import topk
from elanus.schema.types import Metric

__all__ = ["best_first"]


def best_first(
    metric: Metric, scores: npt.NDArray[np.float32], rows: npt.NDArray[np.int64], k: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Scores and rows of the best `k` (all if there are fewer), best first; ties go to the smaller row.

    `scores` are finite and `rows` distinct; both are of one length and in any order.
    """
    largest = metric.larger_is_nearer
    if k < len(scores):
        # Everything as good as the k-th stays, so that ties at the boundary are settled by row and not by position.
        worst = topk(scores, k, largest=largest)[0][-1]
        kept = np.flatnonzero(scores >= worst if largest else scores <= worst)
        scores, rows = scores[kept], rows[kept]
    order = np.lexsort((rows, -scores if largest else scores))[:k]
    return scores[order], rows[order]
