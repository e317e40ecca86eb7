"""Distances in float64 (exact integers for int8 and bits), rounded once to float32."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Floats, Hits, Rows, Words
from elanus.kernels.reference.arguments import check_array, check_k, mask_of
from elanus.kernels.reference.topk import best_rows, rows_within

__all__ = ["scan_range", "scan_topk", "scan_topk_many", "score_rows"]

Doubles = npt.NDArray[np.float64]

_BASE_DTYPES: Final = (np.float32, np.float16, np.uint16, np.int8, np.uint8)
_LARGER_IS_NEARER: Final = frozenset({"IP", "COSINE"})
_METRICS: Final = frozenset({"L2", "IP", "COSINE", "HAMMING", "JACCARD"})
_BIT_METRICS: Final = frozenset({"HAMMING", "JACCARD"})
# Rows widened to float64 at a time.
_BLOCK_ROWS: Final = 1024


def scan_topk(metric: str, query: npt.NDArray[Any], base: npt.NDArray[Any], k: int, allow: Words | None) -> Hits:
    check_k(k)
    scores = _scores(metric, query, base)
    return best_rows(scores, np.flatnonzero(mask_of(allow, len(base))), k, largest=metric in _LARGER_IS_NEARER)


def scan_topk_many(metric: str, queries: npt.NDArray[Any], base: npt.NDArray[Any], k: int, allow: Words | None) -> Hits:
    check_k(k)
    _check(metric, queries, base, query_dimension_count=2)
    worst = -np.inf if metric in _LARGER_IS_NEARER else np.inf
    scores = np.full((len(queries), k), worst, np.float32)
    rows = np.full((len(queries), k), -1, np.int64)
    for number, query in enumerate(queries):
        found_scores, found_rows = scan_topk(metric, query, base, k, allow)
        scores[number, : len(found_rows)] = found_scores
        rows[number, : len(found_rows)] = found_rows
    return scores, rows


def scan_range(
    metric: str,
    query: npt.NDArray[Any],
    base: npt.NDArray[Any],
    radius: float,
    range_filter: float | None,
    allow: Words | None,
) -> Hits:
    scores = _scores(metric, query, base)
    candidates = np.flatnonzero(mask_of(allow, len(base)))
    return rows_within(scores, candidates, radius, range_filter, larger_is_nearer=metric in _LARGER_IS_NEARER)


def score_rows(metric: str, query: npt.NDArray[Any], base: npt.NDArray[Any], rows: Rows) -> Floats:
    _check(metric, query, base, query_dimension_count=1)
    check_array(rows, "rows", np.int64)
    bad = np.flatnonzero((rows < 0) | (rows >= len(base)))
    if len(bad):
        raise ValueError(f"rows[{bad[0]}] is {rows[bad[0]]}, expected 0 to {len(base)} (exclusive)")
    return _scores(metric, query, base[rows])


def _check(metric: str, query: npt.NDArray[Any], base: npt.NDArray[Any], *, query_dimension_count: int) -> None:
    name = "query" if query_dimension_count == 1 else "queries"
    check_array(base, "base", *_BASE_DTYPES, dimension_count=2)
    wanted = base.dtype if base.dtype in (np.int8, np.uint8) else np.dtype(np.float32)
    check_array(query, name, wanted, dimension_count=query_dimension_count)
    if metric not in _METRICS:
        raise ValueError(f"metric is {metric!r}, expected L2, IP, COSINE, HAMMING or JACCARD")
    if (metric in _BIT_METRICS) != (base.dtype == np.uint8):
        raise ValueError(f"metric {metric} is not defined for base of {base.dtype}")
    if query.shape[-1] != base.shape[1]:
        raise ValueError(f"{name} has {query.shape[-1]} elements a vector, expected {base.shape[1]} as in base")


def _scores(metric: str, query: npt.NDArray[Any], base: npt.NDArray[Any]) -> Floats:
    _check(metric, query, base, query_dimension_count=1)
    scores = np.empty(len(base), np.float32)
    with np.errstate(over="ignore", under="ignore"):
        for start in range(0, len(base), _BLOCK_ROWS):
            block = base[start : start + _BLOCK_ROWS]
            score = _bit_scores if base.dtype == np.uint8 else _number_scores
            scores[start : start + len(block)] = score(metric, query, block)
    return scores


def _number_scores(metric: str, query: npt.NDArray[Any], rows: npt.NDArray[Any]) -> Doubles:
    exact_type = np.int64 if rows.dtype == np.int8 else np.float64
    wide_query = query.astype(exact_type)
    wide_rows = _float32_from_bfloat16(rows).astype(exact_type) if rows.dtype == np.uint16 else rows.astype(exact_type)
    if metric == "L2":
        return np.asarray(((wide_rows - wide_query) ** 2).sum(axis=1), np.float64)
    products = np.asarray((wide_rows * wide_query).sum(axis=1), np.float64)
    if metric == "IP":
        return products
    query_squares = np.float64((wide_query**2).sum())
    row_squares = (wide_rows**2).sum(axis=1).astype(np.float64)
    norms = np.sqrt(query_squares * row_squares)
    cosines: Doubles = np.divide(products, norms, out=np.zeros(len(rows)), where=norms > 0)
    return np.clip(cosines, -1.0, 1.0)


def _bit_scores(metric: str, query: npt.NDArray[np.uint8], rows: npt.NDArray[np.uint8]) -> Doubles:
    if metric == "HAMMING":
        return _bits_set(np.bitwise_xor, query, rows)
    both = _bits_set(np.bitwise_and, query, rows)
    either = _bits_set(np.bitwise_or, query, rows)
    distances: Doubles = np.divide(either - both, either, out=np.zeros(len(rows)), where=either > 0)
    return distances


def _bits_set(
    combine: Callable[[npt.NDArray[np.uint8], npt.NDArray[np.uint8]], npt.NDArray[np.uint8]],
    query: npt.NDArray[np.uint8],
    rows: npt.NDArray[np.uint8],
) -> Doubles:
    return np.asarray(np.bitwise_count(combine(rows, query)).sum(axis=1, dtype=np.int64), np.float64)


def _float32_from_bfloat16(values: npt.NDArray[np.uint16]) -> Floats:
    return (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
