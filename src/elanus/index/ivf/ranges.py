"""Range search over inverted lists: exact scores of the rows in the nearest lists."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.exact import ExactScan
from elanus.index.protocol import RangeBounds
from elanus.index.ranking import best_first

__all__ = ["RowsOfLists", "range_over_lists"]


class RowsOfLists(Protocol):
    """Lists that can say which rows they hold."""

    def rows(self, list_number: int) -> npt.NDArray[np.int64]:
        """The distinct row numbers in one list."""
        ...


def range_over_lists(
    scan: ExactScan,
    lists: RowsOfLists,
    *,
    query: npt.NDArray[Any],
    nearest_lists: npt.NDArray[np.int64],
    bounds: RangeBounds,
    nprobe: int,
    empty_lists_max: int,
    visible: Bitset | None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Scores and rows within the bounds, best first.

    Reads the first `nprobe` of `nearest_lists` (all lists, nearest first), then further ones until `empty_lists_max` in
    a row had no answer; that is what Milvus's `max_empty_result_buckets` says.
    """
    found_scores: list[npt.NDArray[np.float32]] = []
    found_rows: list[npt.NDArray[np.int64]] = []
    empty_count = 0
    for position, list_number in enumerate(nearest_lists):
        if position >= nprobe and empty_count >= empty_lists_max:
            break
        rows = lists.rows(int(list_number))
        if visible is not None:
            rows = rows[visible.test(rows)]
        scores = scan.scores(query, rows)
        inside = bounds.accepts(scan.metric, scores)
        empty_count = 0 if inside.any() else empty_count + 1
        found_scores.append(scores[inside])
        found_rows.append(rows[inside])
    scores, rows = np.concatenate(found_scores), np.concatenate(found_rows)
    return best_first(scan.metric, scores, rows, len(rows))
