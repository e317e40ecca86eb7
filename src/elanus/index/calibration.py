"""Recall as a parameter: what a search of an index costs for the recall asked for, measured when it was built.

The queries are rows of the column that the index did not hold when they were asked, so they tell what other vectors of
the same kind will find; vectors of another kind may find less.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from elanus.index.protocol import SearchHits

__all__ = ["CALIBRATED_K", "Calibration", "Measurement", "calibrate", "held_out_count", "recall_of"]

CALIBRATED_K: Final = (1, 10, 100)
"""Numbers of rows asked for while calibrating."""

_HELD_OUT_MAX: Final = 400
_ROWS_PER_HELD_OUT: Final = 20
_RECALL_ENOUGH: Final = 0.999
_MARGIN: Final = 0.1
_BEYOND: Final = 2
_ROUNDING: Final = 1e-6


class Measurement(msgspec.Struct, frozen=True):
    """What was found with some effort.

    Attributes:
        k: rows asked for.
        effort: of the search: candidates kept, or lists read.
        recall: share of the true nearest rows that were found.
    """

    k: int
    effort: int
    recall: float


class Calibration(msgspec.Struct, frozen=True):
    """The measurements of one index, by k and then by effort, both ascending."""

    measurements: tuple[Measurement, ...]

    def effort(self, k: int, recall: float) -> int:
        """The least effort that finds a share `recall` of the nearest `k` rows.

        A tenth of what may be missed is kept as a margin. Between measurements, efforts are interpolated. Where no
        effort measured was enough, twice the largest.
        """
        known = sorted({one.k for one in self.measurements})
        target = recall + _MARGIN * (1 - recall)
        if k <= known[0] or k >= known[-1]:
            near = known[0] if k <= known[0] else known[-1]
            return math.ceil(self._effort_measured(near, target) * max(1.0, k / near) - _ROUNDING)
        above = next(one for one in known if one >= k)
        below = max(one for one in known if one < k)
        share = math.log(k / below) / math.log(above / below)
        low, high = self._effort_measured(below, target), self._effort_measured(above, target)
        return math.ceil(math.exp(math.log(low) * (1 - share) + math.log(high) * share) - _ROUNDING)

    def _effort_measured(self, k: int, target: float) -> float:
        curve = [one for one in self.measurements if one.k == k]
        before = None
        for one in curve:
            if one.recall >= target:
                if before is None or one.recall == before.recall:
                    return one.effort
                share = (target - before.recall) / (one.recall - before.recall)
                return before.effort + (one.effort - before.effort) * max(0.0, share)
            before = one
        return curve[-1].effort * _BEYOND


def held_out_count(row_count: int) -> int:
    """How many rows to ask for before they join."""
    return min(_HELD_OUT_MAX, row_count // _ROWS_PER_HELD_OUT)


def recall_of(found: npt.NDArray[np.int64], true: npt.NDArray[np.int64]) -> float:
    """The share of the rows of `true` that are in the same line of `found`; -1 is no row."""
    hits = sum(
        len(set(line.tolist()) & set(wanted[wanted >= 0].tolist())) for line, wanted in zip(found, true, strict=True)
    )
    return hits / max(1, int((true >= 0).sum()))


def calibrate(
    search: Callable[[int, int], SearchHits], true_rows: npt.NDArray[np.int64], efforts: Callable[[int], Sequence[int]]
) -> Calibration:
    """Measures an index.

    Args:
        search: answers the held-out queries for the nearest k rows with some effort.
        true_rows: (query_count, largest of CALIBRATED_K) of those queries, best first.
        efforts: what to try for a k, ascending; no more once nearly all is found.
    """
    measurements = []
    for k in CALIBRATED_K:
        for effort in efforts(k):
            recall = recall_of(search(k, effort).rows, true_rows[:, :k])
            measurements.append(Measurement(k, effort, recall))
            if recall >= _RECALL_ENOUGH:
                break
    return Calibration(tuple(measurements))
