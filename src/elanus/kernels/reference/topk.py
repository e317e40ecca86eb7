"""The best of many scores, by sorting all of them."""

import numpy as np

from elanus.kernels.backend import Floats, Hits, Rows, Words
from elanus.kernels.reference.arguments import check_array, check_k, mask_of

__all__ = ["best_rows", "rows_within", "topk"]


def topk(scores: Floats, k: int, allow: Words | None, *, largest: bool) -> Hits:
    check_array(scores, "scores", np.float32)
    check_k(k)
    return best_rows(scores, np.flatnonzero(mask_of(allow, len(scores))), k, largest=largest)


def best_rows(scores: Floats, candidates: Rows, k: int, *, largest: bool) -> Hits:
    """The best `k` of the candidate rows by (score, row); zeros come back as +0.0."""
    found = scores[candidates] + np.float32(0)
    order = np.lexsort((candidates, -found if largest else found))[:k]
    return found[order], candidates[order]


def rows_within(
    scores: Floats, candidates: Rows, radius: float, range_filter: float | None, *, larger_is_nearer: bool
) -> Hits:
    """The candidate rows whose score is within the bounds, which are rounded to float32 first.

    Raises:
        ValueError: a bound is NaN.
    """
    with np.errstate(over="ignore"):
        near = np.float32(radius)
        default = np.inf if larger_is_nearer else -np.inf
        far = np.float32(default if range_filter is None else range_filter)
    for name, bound in (("radius", near), ("range_filter", far)):
        if np.isnan(bound):
            raise ValueError(f"{name} is NaN, expected a number")
    found = scores[candidates]
    within = (found > near) & (found <= far) if larger_is_nearer else (found >= far) & (found < near)
    return found[within], candidates[within]
