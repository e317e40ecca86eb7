"""Going on with a search: one implementation over any index's `search`.

Each refill asks for twice as many rows as the one before and drops those that were given, so that all rows of a segment
cost about as much as a few full searches. A search always finds min(k, allowed) of the rows that can be hits, so the
cursor ends exactly when every one of them was given.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import SparseRows
from elanus.index.exact import ExactScan
from elanus.index.protocol import Params, RangeBounds, SearchHits, VectorIndex
from elanus.index.rescoring import empty_hits
from elanus.schema.types import Metric

__all__ = ["WidelySearched", "WideningCursor", "widening_cursor"]

_GROWTH: Final = 2

SearchOne = Callable[[int], SearchHits]


class WideningCursor:
    """A `Cursor` over repeated, ever wider searches."""

    def __init__(self, search: SearchOne, row_count: int, *, metric: Metric, bounds: RangeBounds | None = None) -> None:
        """`search` gives the nearest k of the same rows for the same query each time, (1, k), k up to `row_count`."""
        self._search: Final = search
        self._row_count: Final = row_count
        self._metric: Final = metric
        self._bounds: Final = bounds
        self._given: Final = np.zeros(row_count, np.bool_)
        self._rows: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._scores: npt.NDArray[np.float32] = np.empty(0, np.float32)
        self._asked = 0
        self._ended = row_count == 0

    def next(self, count: int) -> SearchHits:
        """As `Cursor.next`."""
        parts: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]] = []
        missing = count
        while missing:
            if len(self._rows) == 0:
                if self._ended:
                    break
                self._refill(missing)
                continue
            rows, scores = self._rows[:missing], self._scores[:missing]
            self._rows, self._scores = self._rows[missing:], self._scores[missing:]
            parts.append((rows, scores))
            missing -= len(rows)
        hits = empty_hits(1, count)
        if parts:
            rows = np.concatenate([part[0] for part in parts])
            scores = np.concatenate([part[1] for part in parts])
            order = np.lexsort((rows, -scores if self._metric.larger_is_nearer else scores))
            hits.rows[0, : len(rows)], hits.scores[0, : len(rows)] = rows[order], scores[order]
        return hits

    def _refill(self, count: int) -> None:
        """Searches wider and keeps what is new and within the bounds."""
        self._asked = min(self._row_count, max(count, _GROWTH * self._asked))
        hits = self._search(self._asked)
        found = hits.rows[0] >= 0
        self._ended = self._asked == self._row_count or not bool(found.all())
        rows, scores = hits.rows[0][found], hits.scores[0][found]
        fresh = ~self._given[rows]
        rows, scores = rows[fresh], scores[fresh]
        self._given[rows] = True
        if self._bounds is not None:
            # Rows come best first, so that once all new ones are too far the rest is too.
            self._ended = self._ended or (len(rows) > 0 and bool(self._too_far(scores[:1])[0]))
            inside = self._bounds.accepts(self._metric, scores)
            rows, scores = rows[inside], scores[inside]
        self._rows, self._scores = rows, scores

    def _too_far(self, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        assert self._bounds is not None
        return self._bounds.beyond_radius(self._metric, scores)


def widening_cursor(
    index: VectorIndex,
    metric: Metric,
    row_count: int,
    *,
    query: npt.NDArray[Any] | SparseRows,
    params: Params,
    allow: Bitset | None,
    bounds: RangeBounds | None,
) -> WideningCursor:
    """A cursor over `index`, which has `row_count` rows, for one query vector."""
    queries: Any = query if isinstance(query, SparseRows) else query[None, :]
    return WideningCursor(lambda k: index.search(queries, k, params, allow), row_count, metric=metric, bounds=bounds)


class _OverScan(Protocol):
    @property
    def scan(self) -> ExactScan: ...

    def search(self, queries: npt.NDArray[Any], k: int, params: Params, allow: Bitset | None) -> SearchHits: ...


class WidelySearched:
    """An index over the rows of a `scan` that goes on with a search by searching wider."""

    __slots__ = ()

    def cursor(
        self: _OverScan,
        query: npt.NDArray[Any],
        params: Params,
        allow: Bitset | None,
        bounds: RangeBounds | None = None,
    ) -> WideningCursor:
        """As `VectorIndex.cursor`."""
        queries = query[None, :]

        def nearest(k: int) -> SearchHits:
            return self.search(queries, k, params, allow)

        return WideningCursor(nearest, self.scan.row_count, metric=self.scan.metric, bounds=bounds)
