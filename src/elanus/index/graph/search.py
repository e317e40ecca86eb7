"""Searching a graph so that it always finds min(k, allowed) rows, with exact scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.calibration import Calibration
from elanus.index.cursor import WideningCursor, widening_cursor
from elanus.index.exact import ExactScan, scored_form
from elanus.index.graph.planning import WalkPlan, plan_walk
from elanus.index.growing_range import range_by_nearest
from elanus.index.protocol import IndexSize, RangeBounds, SearchHits
from elanus.index.rescoring import replaced_where_short
from elanus.index.strategy import SearchStrategy
from elanus.kernels.graph import Graph

__all__ = ["GraphIndex"]

_RANGE_BREADTH_FACTOR: Final = 2


@dataclass(frozen=True, slots=True)
class GraphIndex:
    """An opened graph.

    Attributes:
        scan: the column and its exact scores.
        graph: over mapped arrays.
        cell_count: of its cells.
        calibration: what recall costs.
        mapped_bytes: of the artefacts.
    """

    scan: ExactScan
    graph: Graph
    cell_count: int
    calibration: Calibration
    mapped_bytes: int

    def search(self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None) -> SearchHits:
        """As `VectorIndex.search`; `params` has `ef` or `recall`."""
        visible = self.scan.visible(allow)
        breadth = self._breadth(k, params)
        plan = self._plan(k, breadth, visible)
        if plan.exact:
            return self.scan.search(queries, k, visible)
        hits = self._walk(queries, k, breadth, visible, plan)
        return replaced_where_short(hits, self.scan, queries, visible)

    def explain(
        self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None
    ) -> SearchStrategy:
        """As `ExplainedIndex.explain`; compared are the nodes of walks, or the rows of a scan."""
        visible = self.scan.visible(allow)
        breadth = self._breadth(k, params)
        plan = self._plan(k, breadth, visible)
        if plan.exact:
            return SearchStrategy(
                exact=True, reason=plan.reason, compared_count=self.scan.visible_count(visible) * len(queries)
            )
        _, compared = self._walk_counted(queries, k, breadth, visible, plan)
        return SearchStrategy(exact=False, reason=plan.reason, compared_count=int(compared.sum()))

    def range_search(
        self, query: npt.NDArray[Any], bounds: RangeBounds, params: Mapping[str, Any], allow: Bitset | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """As `VectorIndex.range_search`, by `range_by_nearest`."""
        visible = self.scan.visible(allow)

        def nearest(k: int) -> SearchHits | None:
            breadth = max(k * _RANGE_BREADTH_FACTOR, self._breadth(k, params))
            plan = self._plan(k, breadth, visible)
            return None if plan.exact else self._walk(query[None, :], k, breadth, visible, plan)

        return range_by_nearest(self.scan, nearest, query=query, bounds=bounds, visible=visible)

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
        """Bytes of links and codes; the column is not counted."""
        return IndexSize(self.mapped_bytes, 0)

    def _breadth(self, k: int, params: Mapping[str, Any]) -> int:
        """Candidates to keep, at least `k`."""
        wanted = params["ef"] if "ef" in params else self.calibration.effort(k, params["recall"])
        return max(k, int(wanted))

    def _plan(self, k: int, breadth: int, visible: Bitset | None) -> WalkPlan:
        return plan_walk(
            row_count=self.scan.present_count,
            allowed_count=self.scan.visible_count(visible),
            cell_count=self.cell_count,
            k=k,
            breadth=breadth,
        )

    def _walk(
        self, queries: npt.NDArray[Any], k: int, breadth: int, visible: Bitset | None, plan: WalkPlan
    ) -> SearchHits:
        return self._walk_counted(queries, k, breadth, visible, plan)[0]

    def _walk_counted(
        self, queries: npt.NDArray[Any], k: int, breadth: int, visible: Bitset | None, plan: WalkPlan
    ) -> tuple[SearchHits, npt.NDArray[np.int64]]:
        """The hits, and how many nodes were compared for each query."""
        checked = self.scan.filter_of_present(visible)
        words = None if checked is None else checked.words
        metric, matrix = self.scan.metric.value, self.scan.matrix
        scores, rows, compared = self.graph.search(
            metric, scored_form(queries), matrix, k, breadth, words, plan.walk_compared_max, plan.patience
        )
        return SearchHits(rows=rows, scores=scores), compared
