"""Measuring a graph before its last rows join: they are the queries."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.calibration import CALIBRATED_K, Calibration, Measurement, calibrate, held_out_count
from elanus.index.exact import ExactScan, scored_form
from elanus.index.floats import FloatRows
from elanus.index.graph.coding import Coding
from elanus.index.graph.construction import GraphConstruction
from elanus.index.protocol import SearchHits, VectorColumn
from elanus.kernels import graph as kernels
from elanus.schema.types import Metric

__all__ = ["measured"]

_GROWTH: Final = 1.25
_EFFORT_MIN: Final = 8
_EFFORT_FACTOR_MAX: Final = 64


def measured(
    construction: GraphConstruction,
    column: VectorColumn,
    vectors: FloatRows,
    metric: Metric,
    *,
    codes: npt.NDArray[np.uint8],
    coding: Coding,
) -> Calibration:
    """Joins all rows but a few, and finds out what those rows find."""
    held_out = held_out_count(len(vectors))
    if held_out == 0:
        return Calibration(tuple(Measurement(k, k, 1.0) for k in CALIBRATED_K))
    construction.join(len(vectors) - held_out)
    rows = vectors.row_numbers()[construction.order[-held_out:]]
    scan = ExactScan.over(column, metric)
    queries = scan.matrix[rows]
    others = np.zeros(scan.row_count, np.bool_)
    others[vectors.row_numbers()[construction.order[:-held_out]]] = True
    true_rows = scan.search(queries, CALIBRATED_K[-1], Bitset.from_bool(others)).rows
    partial = construction.links()
    numbering = None if vectors.rows is None else kernels.Numbering(vectors.rows.astype(np.uint32))
    graph = kernels.graph(
        partial.links, codes, partial.entries, coding.center, numbering, bits=coding.bits, seed=coding.seed
    )
    scored = scored_form(queries)

    def search(k: int, effort: int) -> SearchHits:
        scores, found, _ = graph.search(metric.value, scored, scan.matrix, k, effort, None, len(vectors), 0)
        return SearchHits(rows=found, scores=scores)

    return calibrate(search, true_rows, _efforts)


def _efforts(k: int) -> Sequence[int]:
    """Beams to try for `k`, each a quarter wider."""
    effort, efforts = float(max(k, _EFFORT_MIN)), []
    while effort <= max(k, _EFFORT_MIN) * _EFFORT_FACTOR_MAX:
        efforts.append(round(effort))
        effort *= _GROWTH
    return efforts
