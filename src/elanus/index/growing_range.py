"""Range search by an index that knows the nearest rows: ever more of them, until some are beyond the radius."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.exact import ExactScan
from elanus.index.protocol import RangeBounds, SearchHits
from elanus.index.ranking import best_first

__all__ = ["range_by_nearest"]

_K_MIN: Final = 64
_K_GROWTH: Final = 4
_EXACT_SHARE: Final = 8


def range_by_nearest(
    scan: ExactScan,
    nearest: Callable[[int], SearchHits | None],
    *,
    query: npt.NDArray[Any],
    bounds: RangeBounds,
    visible: Bitset | None,
    beyond_share: float = 0.0,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Scores and rows of one query within the bounds, best first.

    `nearest` gives at least a number of nearest rows with exact scores, None or empty places where a scan should
    answer. An exact scan also answers once an eighth of the `visible` rows would be taken. More than a single row must
    be beyond the radius where rows are found by codes that rank coarsely: `beyond_share` of them.
    """
    visible_count = scan.visible_count(visible)
    k = _K_MIN
    while k * _EXACT_SHARE < visible_count:
        hits = nearest(k)
        if hits is None or hits.rows[0, -1] < 0:
            break
        rows, scores = hits.rows[0], hits.scores[0]
        if np.count_nonzero(bounds.beyond_radius(scan.metric, scores)) >= max(1, beyond_share * len(rows)):
            kept = bounds.accepts(scan.metric, scores)
            return best_first(scan.metric, scores[kept], rows[kept], len(rows))
        k *= _K_GROWTH
    return scan.range_search(query, bounds, visible)
