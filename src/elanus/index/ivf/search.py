"""Searching inverted lists so that it always finds min(k, allowed) rows, with exact scores.

The kernels read the lists nearest to a query and score what seems best in them by the column.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.cursor import WidelySearched
from elanus.index.exact import ExactScan
from elanus.index.ivf.coarse import Centroids
from elanus.index.ivf.effort import ListCalibration, ListEffort
from elanus.index.ivf.lists import InvertedLists
from elanus.index.ivf.ranges import range_over_lists
from elanus.index.planning import ListCosts, SearchPlan, plan_list_search
from elanus.index.protocol import IndexSize, RangeBounds, SearchHits
from elanus.index.rescoring import replaced_where_short
from elanus.index.strategy import SearchStrategy, planned_strategy
from elanus.kernels.list_arrays import IvfQuestion

__all__ = ["IvfIndex", "ListSearch"]

_RANGE_K: Final = 100
"""A range search reads as many lists as a search for so many rows, before it goes on while it finds something."""


class ListSearch(Protocol):
    """What a member of the family stores in its lists, and how it finds rows in them."""

    @property
    def costs(self) -> ListCosts:
        """What it spends on a row."""
        ...

    @property
    def is_exact(self) -> bool:
        """Whether every row of the lists is compared exactly, so that a pool has no meaning."""
        ...

    def pool(self, k: int, params: Mapping[str, Any]) -> int:
        """Rows to keep for exact scores, at least `k`, as checked search parameters say."""
        ...

    def search(self, question: IvfQuestion, k: int, effort: ListEffort) -> SearchHits:
        """The best `k` rows, by exact score, of those that seem best in the lists nearest to each query.

        All allowed rows in those lists if they are fewer.
        """
        ...


@dataclass(frozen=True, slots=True)
class IvfIndex(WidelySearched):
    """Opened lists over a column.

    Attributes:
        scan: the column and its exact scores.
        centroids: one a list.
        lists: which rows are in which list.
        source: what is stored in the lists.
        calibration: what recall costs.
        bytes_used: what `size` says.
    """

    scan: ExactScan
    centroids: Centroids
    lists: InvertedLists
    source: ListSearch
    calibration: ListCalibration
    bytes_used: IndexSize

    def search(self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None) -> SearchHits:
        """As `VectorIndex.search`; `params` has `nprobe` or `recall`."""
        visible = self.scan.visible(allow)
        effort = self._effort(k, params)
        plan = self._plan(k, effort.nprobe, visible)
        if plan.exact:
            return self.scan.search(queries, k, visible)
        question = self.centroids.question(self.scan, queries, self.scan.filter_of_present(visible))
        hits = self.source.search(question, k, replace(effort, nprobe=plan.breadth))
        return replaced_where_short(hits, self.scan, queries, visible)

    def explain(
        self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None
    ) -> SearchStrategy:
        """As `ExplainedIndex.explain`; rows of lists are not counted."""
        visible = self.scan.visible(allow)
        plan = self._plan(k, self._effort(k, params).nprobe, visible)
        return planned_strategy(plan, allowed_count=self.scan.visible_count(visible), query_count=len(queries))

    def range_search(
        self, query: npt.NDArray[Any], bounds: RangeBounds, params: Mapping[str, Any], allow: Bitset | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """As `VectorIndex.range_search`: exact scores of the rows in the nearest lists.

        Once a filter leaves few rows, all of them are scored.
        """
        visible = self.scan.visible(allow)
        plan = self._plan(1, self._effort(_RANGE_K, params).nprobe, visible)
        if plan.exact:
            return self.scan.range_search(query, bounds, visible)
        vectors = self.centroids.compared(query[None, :])
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

    def size(self) -> IndexSize:
        """Bytes of lists, codes and centroids; the column is not counted."""
        return self.bytes_used

    def _effort(self, k: int, params: Mapping[str, Any]) -> ListEffort:
        if "recall" not in params:
            return ListEffort(params["nprobe"], self.source.pool(k, params))
        wanted = self.calibration.effort(k, params["recall"])
        # More rows than there are would be asked of the pool when k is large.
        most = max(k, self.scan.present_count)
        return ListEffort(min(wanted.nprobe, self.lists.list_count), min(wanted.pool, most))

    def _plan(self, k: int, nprobe: int, visible: Bitset | None) -> SearchPlan:
        return plan_list_search(
            row_count=self.scan.present_count,
            allowed_count=self.scan.visible_count(visible),
            k=k,
            nprobe=nprobe,
            list_count=self.lists.list_count,
            costs=self.source.costs,
        )
