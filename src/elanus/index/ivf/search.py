"""Searching inverted lists so that it always finds min(k, allowed) rows, with exact scores.

A source of candidates reads the lists nearest to a query; the column gives the candidates' scores.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.cursor import WideningCursor, widening_cursor
from elanus.index.exact import ExactScan
from elanus.index.ivf.coarse import Centroids, compared_vectors
from elanus.index.ivf.lists import InvertedLists
from elanus.index.ivf.ranges import range_over_lists
from elanus.index.planning import ListCosts, SearchPlan, plan_list_search
from elanus.index.protocol import IndexSize, RangeBounds, SearchHits
from elanus.index.rescoring import replaced_where_short, rescored
from elanus.index.strategy import SearchStrategy

__all__ = ["CandidateSource", "IvfIndex"]


class CandidateSource(Protocol):
    """What a member of the family stores in its lists, and how it picks rows from them."""

    @property
    def costs(self) -> ListCosts:
        """What it spends on a row."""
        ...

    def candidates(
        self, vectors: npt.NDArray[np.float32], k: int, nprobe: int, params: Mapping[str, Any], visible: Bitset | None
    ) -> Iterable[npt.NDArray[np.int64]]:
        """Distinct visible rows to score, for each of `vectors` (`compared_vectors`).

        At least the `k` that seem best in its `nprobe` nearest lists; all there are if they are fewer.
        """
        ...


@dataclass(frozen=True, slots=True)
class IvfIndex:
    """Opened lists over a column.

    Attributes:
        scan: the column and its exact scores.
        centroids: one a list.
        lists: which rows are in which list.
        source: candidates from the lists.
        bytes_used: what `size` says.
    """

    scan: ExactScan
    centroids: Centroids
    lists: InvertedLists
    source: CandidateSource
    bytes_used: IndexSize

    def search(self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None) -> SearchHits:
        """As `VectorIndex.search`; `params` has `nprobe`."""
        visible = self.scan.visible(allow)
        plan = self._plan(k, params["nprobe"], visible)
        if plan.exact:
            return self.scan.search(queries, k, visible)
        vectors = compared_vectors(queries, self.scan.metric)
        candidates = self.source.candidates(vectors, k, plan.breadth, params, self.scan.filter_of_present(visible))
        hits = rescored(self.scan, queries, candidates, k)
        return replaced_where_short(hits, self.scan, queries, visible)

    def explain(
        self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None
    ) -> SearchStrategy:
        """As `ExplainedIndex.explain`; rows of lists are not counted."""
        visible = self.scan.visible(allow)
        plan = self._plan(k, params["nprobe"], visible)
        scanned_count = (self.scan.present_count if visible is None else visible.count()) * len(queries)
        return SearchStrategy(
            exact=plan.exact, reason=plan.reason, compared_count=scanned_count if plan.exact else None
        )

    def range_search(
        self, query: npt.NDArray[Any], bounds: RangeBounds, params: Mapping[str, Any], allow: Bitset | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """As `VectorIndex.range_search`: exact scores of the rows in the nearest lists.

        Once a filter leaves few rows, all of them are scored.
        """
        visible = self.scan.visible(allow)
        plan = self._plan(1, params["nprobe"], visible)
        if plan.exact:
            return self.scan.range_search(query, bounds, visible)
        vectors = compared_vectors(query[None, :], self.scan.metric)
        return range_over_lists(
            self.scan,
            self.lists,
            query=query,
            nearest_lists=self.centroids.nearest_lists(vectors, self.lists.list_count)[0],
            bounds=bounds,
            nprobe=plan.breadth,
            empty_lists_max=params["max_empty_result_buckets"],
            visible=self.scan.filter_of_present(visible),
        )

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
        """Bytes of lists, codes and centroids; the column is not counted."""
        return self.bytes_used

    def _plan(self, k: int, nprobe: int, visible: Bitset | None) -> SearchPlan:
        present_count = self.scan.present_count
        return plan_list_search(
            row_count=present_count,
            allowed_count=present_count if visible is None else visible.count(),
            k=k,
            nprobe=nprobe,
            list_count=self.lists.list_count,
            costs=self.source.costs,
        )
