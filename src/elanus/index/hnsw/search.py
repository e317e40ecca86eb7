"""Searching a graph so that it always finds min(k, allowed) rows, with exact scores.

The graph chooses candidates; the column gives their scores. A search whose filter leaves few rows, or for which the
graph came back short, is answered by an exact scan of the allowed rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.cursor import WideningCursor, widening_cursor
from elanus.index.exact import ExactScan
from elanus.index.faiss_bridge import bitmap_selector, found_in_blocks, load_faiss
from elanus.index.floats import as_float32, unit_vectors
from elanus.index.planning import SearchPlan, plan_graph_search
from elanus.index.protocol import IndexSize, RangeBounds, SearchHits
from elanus.index.ranking import best_first
from elanus.index.rescoring import replaced_where_short, rescored
from elanus.schema.types import Metric

__all__ = ["HnswIndex"]

_RANGE_K_MIN: Final = 64
_RANGE_K_GROWTH: Final = 4
_RANGE_EXACT_SHARE: Final = 8
_POOL_FACTOR: Final = 2


@dataclass(frozen=True, slots=True)
class HnswIndex:
    """An opened graph.

    Attributes:
        scan: the column and its exact scores.
        graph: the faiss index over mapped arrays.
        degree: M.
        exact_storage: the graph compares the column's own numbers; otherwise it compares rounded copies, and more
            candidates are taken from it for the exact scores to choose from.
        bytes_used: what `size` says.
        held: arrays and objects that `graph` reads in place.
    """

    scan: ExactScan
    graph: Any
    degree: int
    exact_storage: bool
    bytes_used: IndexSize
    held: tuple[object, ...]

    def search(self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None) -> SearchHits:
        """As `VectorIndex.search`; `params` has `ef`."""
        visible = self.scan.visible(allow)
        plan = self._plan(k, params["ef"], visible)
        if plan.exact:
            return self.scan.search(queries, k, visible)
        pool = k if self.exact_storage else min(plan.breadth, k * _POOL_FACTOR)
        candidates = self._candidates(queries, pool, plan.breadth, visible)
        hits = rescored(self.scan, queries, candidates, k)
        return replaced_where_short(hits, self.scan, queries, visible)

    def range_search(
        self, query: npt.NDArray[Any], bounds: RangeBounds, params: Mapping[str, Any], allow: Bitset | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """As `VectorIndex.range_search`.

        Takes ever more of the nearest rows until one is beyond the radius, then keeps those within the bounds by exact
        score. Scans exactly instead once that would be an eighth of the allowed rows.
        """
        visible = self.scan.visible(allow)
        visible_count = self.scan.row_count if visible is None else visible.count()
        k = _RANGE_K_MIN
        while k * _RANGE_EXACT_SHARE < visible_count:
            plan = self._plan(k, max(k * _POOL_FACTOR, params["ef"]), visible)
            if plan.exact:
                break
            rows = next(self._candidates(query[None, :], k, plan.breadth, visible))
            if len(rows) < k:
                break
            scores = self.scan.scores(query, rows)
            if bounds.beyond_radius(self.scan.metric, scores).any():
                kept = bounds.accepts(self.scan.metric, scores)
                return best_first(self.scan.metric, scores[kept], rows[kept], k)
            k *= _RANGE_K_GROWTH
        return self.scan.range_search(query, bounds, visible)

    def cursor(
        self,
        query: npt.NDArray[Any],
        params: Mapping[str, Any],
        allow: Bitset | None,
        bounds: RangeBounds | None = None,
    ) -> WideningCursor:
        """As `VectorIndex.cursor`."""
        return widening_cursor(
            self, self.scan.metric, self.scan.row_count, query=query, params=params, allow=allow, bounds=bounds
        )

    def size(self) -> IndexSize:
        """Bytes of the graph and of copied vectors; the column is not counted."""
        return self.bytes_used

    def _plan(self, k: int, ef: int, visible: Bitset | None) -> SearchPlan:
        present_count = self.scan.present_count
        return plan_graph_search(
            row_count=present_count,
            allowed_count=present_count if visible is None else visible.count(),
            k=k,
            ef=ef,
            degree=self.degree,
        )

    def _candidates(
        self, queries: npt.NDArray[Any], k: int, breadth: int, visible: Bitset | None
    ) -> Iterator[npt.NDArray[np.int64]]:
        vectors = as_float32(queries)
        if self.scan.metric is Metric.COSINE:
            vectors = unit_vectors(vectors)
        checked = self.scan.filter_of_present(visible)
        selector = None if checked is None else bitmap_selector(checked)
        params = load_faiss().SearchParametersHNSW(efSearch=breadth, sel=selector)
        return (rows for _, rows in found_in_blocks(self.graph, vectors, k, params))
