"""Search with lists of vectors over a vector member of an array of structs: every row scored, exactly.

The score of a row is the sum over the query's vectors of each one's best score with a vector of the row (Khattab and
Zaharia, ColBERT, SIGIR 2020: MaxSim). For distances the best is the smallest, and small sums are near.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.columns.structs import struct_member
from elanus.columns.vectors import VectorLists, dense_matrix, float32_from_bfloat16
from elanus.index.protocol import SearchHits
from elanus.kernels.distance import score_rows
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

__all__ = ["max_sim_hits", "max_sim_scores"]


def max_sim_hits(
    column: pa.Array, field: Field, metric: Metric, queries: VectorLists, *, k: int, allow: Bitset | None
) -> SearchHits:
    """The best `k` rows for each list; ties go to the smaller row. Null and empty arrays are never found.

    Args:
        column: arrays of structs.
        field: the member, called `array[member]`.
        metric: one of the MAX_SIM metrics.
        queries: the lists.
        k: how many at most.
        allow: the rows that count; None for all.
    """
    rows = np.full((len(queries), k), -1, np.int64)
    scores = np.zeros((len(queries), k), np.float32)
    candidates = np.arange(len(column)) if allow is None else allow.rows()
    array, _, member = field.name.removesuffix("]").partition("[")
    assert array
    lists = struct_member(column, member).take(pa.array(candidates))
    lengths = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    filled = np.flatnonzero(lengths)
    matrix = dense_matrix(lists.flatten(), field)
    for number in range(len(queries)):
        found = max_sim_scores(_comparable(queries.matrix(number), field), matrix, lengths[filled], metric)
        order = np.argsort(-found if metric.larger_is_nearer else found, kind="stable")[:k]
        rows[number, : len(order)] = candidates[filled[order]]
        scores[number, : len(order)] = found[order]
    return SearchHits(rows=rows, scores=scores)


def max_sim_scores(
    query: npt.NDArray[np.generic], matrix: npt.NDArray[np.generic], lengths: npt.NDArray[np.int64], metric: Metric
) -> npt.NDArray[np.float32]:
    """The score of each row with one list.

    Args:
        query: (vector_count, width), as the kernels take queries.
        matrix: the vectors of all rows, one row's after another's.
        lengths: vectors of each row, at least one.
        metric: one of the MAX_SIM metrics.

    Returns:
        One float32 a row: sums in float64 of float32 scores, rounded once.
    """
    if len(lengths) == 0:
        return np.empty(0, np.float32)
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    every = np.arange(len(matrix), dtype=np.int64)
    best = np.maximum if metric.larger_is_nearer else np.minimum
    total = np.zeros(len(lengths), np.float64)
    base = np.ascontiguousarray(matrix)
    for vector in np.ascontiguousarray(query):
        total += best.reduceat(score_rows(metric.element.value, vector, base, every), starts)
    return total.astype(np.float32)


def _comparable(matrix: npt.NDArray[np.generic], field: Field) -> npt.NDArray[np.generic]:
    """Query vectors as the kernels take them."""
    if field.data_type is DataType.BFLOAT16_VECTOR:
        return float32_from_bfloat16(matrix.astype(np.uint16, copy=False))
    return matrix.astype(np.float32) if field.data_type is DataType.FLOAT16_VECTOR else matrix
