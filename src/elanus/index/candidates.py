"""Indexes that choose candidates by coarse codes, with exact scores from the column.

What is common to them: a search finds min(k, allowed) rows, scored as an exact scan scores them; one whose filter
leaves few rows, or for which the codes came back short, is answered by an exact scan of the allowed rows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.cursor import WidelySearched
from elanus.index.exact import ExactScan
from elanus.index.floats import as_float32, unit_vectors
from elanus.index.growing_range import range_by_nearest
from elanus.index.planning import SearchPlan
from elanus.index.protocol import IndexSize, RangeBounds, SearchHits
from elanus.index.rescoring import replaced_where_short, rescored
from elanus.index.strategy import SearchStrategy, planned_strategy
from elanus.schema.types import Metric

__all__ = ["CandidateIndex", "CandidateSource"]

_BEYOND_SHARE: Final = 0.5


class CandidateSource(Protocol):
    """What a family stores, and how it picks rows from it."""

    def plan(self, k: int, params: Mapping[str, Any], *, row_count: int, allowed_count: int) -> SearchPlan:
        """How wide to search for `k` rows, or that a scan is better."""
        ...

    def candidates(
        self,
        vectors: npt.NDArray[np.float32],
        k: int,
        breadth: int,
        params: Mapping[str, Any],
        visible: Bitset | None,
    ) -> Iterable[npt.NDArray[np.int64]]:
        """Distinct visible rows to score, for each of `vectors` (float32, of unit length for COSINE).

        At least the `k` that seem best; all there are if they are fewer. `breadth` is the plan's. `visible` is None
        when every present row is.
        """
        ...


@dataclass(frozen=True, slots=True)
class CandidateIndex(WidelySearched):
    """An opened index of such a family.

    Attributes:
        scan: the column and its exact scores.
        source: candidates from codes.
        bytes_used: what `size` says.
    """

    scan: ExactScan
    source: CandidateSource
    bytes_used: IndexSize

    def search(self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None) -> SearchHits:
        """As `VectorIndex.search`."""
        visible = self.scan.visible(allow)
        plan = self._plan(k, params, visible)
        if plan.exact:
            return self.scan.search(queries, k, visible)
        candidates = self._candidates(queries, k, plan.breadth, params, visible)
        hits = rescored(self.scan, queries, candidates, k)
        return replaced_where_short(hits, self.scan, queries, visible)

    def explain(
        self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None
    ) -> SearchStrategy:
        """As `ExplainedIndex.explain`; what faiss compares is not counted."""
        visible = self.scan.visible(allow)
        plan = self._plan(k, params, visible)
        return planned_strategy(plan, allowed_count=self.scan.visible_count(visible), query_count=len(queries))

    def range_search(
        self, query: npt.NDArray[Any], bounds: RangeBounds, params: Mapping[str, Any], allow: Bitset | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """As `VectorIndex.range_search`.

        Takes ever more of the rows that seem nearest until half of them are beyond the radius by exact score; codes
        rank coarsely, so that a single one says little.
        """
        visible = self.scan.visible(allow)

        def nearest(k: int) -> SearchHits | None:
            plan = self._plan(k, params, visible)
            if plan.exact:
                return None
            rows = next(iter(self._candidates(query[None, :], k, plan.breadth, params, visible)))
            if len(rows) < k:
                return None
            return SearchHits(rows=rows[None, :], scores=self.scan.scores(query, rows)[None, :])

        return range_by_nearest(
            self.scan, nearest, query=query, bounds=bounds, visible=visible, beyond_share=_BEYOND_SHARE
        )

    def size(self) -> IndexSize:
        """Bytes of codes and what goes with them; the column is not counted."""
        return self.bytes_used

    def _plan(self, k: int, params: Mapping[str, Any], visible: Bitset | None) -> SearchPlan:
        return self.source.plan(
            k, params, row_count=self.scan.present_count, allowed_count=self.scan.visible_count(visible)
        )

    def _candidates(
        self, queries: npt.NDArray[Any], k: int, breadth: int, params: Mapping[str, Any], visible: Bitset | None
    ) -> Iterable[npt.NDArray[np.int64]]:
        vectors = as_float32(queries)
        if self.scan.metric is Metric.COSINE:
            vectors = unit_vectors(vectors)
        return self.source.candidates(vectors, k, breadth, params, self.scan.filter_of_present(visible))
