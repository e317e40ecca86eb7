"""Inner products of sparse rows, term by term."""

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Floats, Hits, Rows, Words
from elanus.kernels.reference.arguments import check_array, check_k, check_offsets, mask_of
from elanus.kernels.reference.topk import best_rows, rows_within

__all__ = ["sparse_scan_range", "sparse_scan_topk"]

Indices = npt.NDArray[np.uint32]
Offsets = npt.NDArray[np.int32]


def sparse_scan_topk(
    query_indices: Indices,
    query_values: Floats,
    offsets: Offsets,
    indices: Indices,
    values: Floats,
    k: int,
    allow: Words | None,
) -> Hits:
    check_k(k)
    scores, candidates = _scores(query_indices, query_values, offsets, indices, values, allow)
    return best_rows(scores, candidates, k, largest=True)


def sparse_scan_range(
    query_indices: Indices,
    query_values: Floats,
    offsets: Offsets,
    indices: Indices,
    values: Floats,
    radius: float,
    range_filter: float | None,
    allow: Words | None,
) -> Hits:
    scores, candidates = _scores(query_indices, query_values, offsets, indices, values, allow)
    return rows_within(scores, candidates, radius, range_filter, larger_is_nearer=True)


def _scores(
    query_indices: Indices,
    query_values: Floats,
    offsets: Offsets,
    indices: Indices,
    values: Floats,
    allow: Words | None,
) -> tuple[Floats, Rows]:
    """Scores of all rows, and the rows that are allowed and share an index with the query."""
    check_array(query_indices, "query_indices", np.uint32)
    check_array(query_values, "query_values", np.float32)
    check_array(indices, "indices", np.uint32)
    check_array(values, "values", np.float32)
    if len(query_indices) != len(query_values) or len(indices) != len(values):
        raise ValueError("indices and values differ in length")
    if bool((query_indices[1:] <= query_indices[:-1]).any()):
        raise ValueError("query_indices do not ascend")
    check_offsets(offsets, len(indices))
    mask = mask_of(allow, len(offsets) - 1)
    terms = dict(zip(query_indices.tolist(), query_values.tolist(), strict=True))
    scores = np.zeros(len(offsets) - 1, np.float32)
    overlaps = np.zeros(len(offsets) - 1, np.bool_)
    for row in np.flatnonzero(mask).tolist():
        total = 0.0
        for place in range(int(offsets[row]), int(offsets[row + 1])):
            value = terms.get(int(indices[place]))
            if value is not None:
                total += value * float(values[place])
                overlaps[row] = True
        with np.errstate(over="ignore", under="ignore"):
            scores[row] = np.float32(total)
    return scores, np.flatnonzero(overlaps)
