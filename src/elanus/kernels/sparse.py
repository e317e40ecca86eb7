"""Inner products of sparse vectors in compressed rows with a sparse query.

Row i is elements `offsets[i]` to `offsets[i + 1]` (exclusive) of `indices` (uint32, ascending in a row) and `values`
(float32); the first offset (int32) need not be 0. Query indices ascend and each occurs once. Products are added in
float64 in the order of the row and rounded once to float32. A row that shares no index with the query is no hit.
"""

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Floats, Hits, Words
from elanus.kernels.loader import active

__all__ = ["sparse_scan_range", "sparse_scan_topk"]


def sparse_scan_topk(
    query_indices: npt.NDArray[np.uint32],
    query_values: Floats,
    offsets: npt.NDArray[np.int32],
    indices: npt.NDArray[np.uint32],
    values: Floats,
    k: int,
    *,
    allow: Words | None = None,
) -> Hits:
    """Scores and rows of the `k` allowed rows with the largest products, best first, ties to the smaller row.

    Raises:
        TypeError: a wrong dtype.
        ValueError: lengths that do not fit, offsets that descend or leave the elements, query indices out of order.
    """
    return active.backend.sparse_scan_topk(query_indices, query_values, offsets, indices, values, k, allow)


def sparse_scan_range(
    query_indices: npt.NDArray[np.uint32],
    query_values: Floats,
    offsets: npt.NDArray[np.int32],
    indices: npt.NDArray[np.uint32],
    values: Floats,
    *,
    radius: float,
    range_filter: float | None = None,
    allow: Words | None = None,
) -> Hits:
    """Scores and rows of the allowed rows with radius < product <= range_filter, in row order.

    Raises:
        TypeError, ValueError: as `sparse_scan_topk`; ValueError also for NaN bounds.
    """
    return active.backend.sparse_scan_range(
        query_indices, query_values, offsets, indices, values, radius, range_filter, allow
    )
