"""Range search over coded lists, on top of what all candidate indexes share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.candidates import CandidateIndex
from elanus.index.cursor import WideningCursor
from elanus.index.exact import ExactScan
from elanus.index.faiss_bridge import load_faiss, with_threads
from elanus.index.ivf.coarse import compared_vectors
from elanus.index.ivf.ranges import range_over_lists
from elanus.index.ivf_coded.lists import CodedLists
from elanus.index.protocol import IndexSize, RangeBounds, SearchHits
from elanus.index.strategy import SearchStrategy

__all__ = ["CodedListsIndex"]


@dataclass(frozen=True, slots=True)
class _ListRows:
    """The row numbers in the lists of a faiss index."""

    lists: Any

    def rows(self, list_number: int) -> npt.NDArray[np.int64]:
        """Those of one list, a copy."""
        stored = self.lists.invlists
        count = int(stored.list_size(list_number))
        if count == 0:
            return np.empty(0, np.int64)
        ids = stored.get_ids(list_number)
        copied: npt.NDArray[np.int64] = load_faiss().rev_swig_ptr(ids, count).copy()
        stored.release_ids(list_number, ids)
        return copied


@dataclass(frozen=True, slots=True)
class CodedListsIndex:
    """An opened IVF_PQ or SCANN index.

    Attributes:
        inner: searches by codes.
        source: the lists.
    """

    inner: CandidateIndex
    source: CodedLists

    @classmethod
    def over(cls, scan: ExactScan, source: CodedLists, bytes_used: IndexSize) -> "CodedListsIndex":
        """The index of `source` over the column of `scan`."""
        return cls(inner=CandidateIndex(scan=scan, source=source, bytes_used=bytes_used), source=source)

    def search(self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None) -> SearchHits:
        """As `VectorIndex.search`; `params` has `nprobe`."""
        return self.inner.search(queries, k, params, allow)

    def explain(
        self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None
    ) -> SearchStrategy:
        """As `ExplainedIndex.explain`."""
        return self.inner.explain(queries, k, params, allow)

    def range_search(
        self, query: npt.NDArray[Any], bounds: RangeBounds, params: Mapping[str, Any], allow: Bitset | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """As `VectorIndex.range_search`: exact scores of the rows in the nearest lists.

        Once a filter leaves few rows, all of them are scored.
        """
        scan = self.inner.scan
        visible = scan.visible(allow)
        plan = self.source.plan(1, params, row_count=scan.present_count, allowed_count=scan.visible_count(visible))
        if plan.exact:
            return scan.range_search(query, bounds, visible)
        with_threads()
        list_count = int(self.source.lists.nlist)
        nearest = self.source.lists.quantizer.search(compared_vectors(query[None, :], scan.metric), list_count)[1][0]
        return range_over_lists(
            scan,
            _ListRows(self.source.lists),
            query=query,
            nearest_lists=nearest[nearest >= 0],
            bounds=bounds,
            nprobe=plan.breadth,
            empty_lists_max=params["max_empty_result_buckets"],
            visible=scan.filter_of_present(visible),
        )

    def cursor(
        self,
        query: npt.NDArray[Any],
        params: Mapping[str, Any],
        allow: Bitset | None,
        bounds: RangeBounds | None = None,
    ) -> WideningCursor:
        """As `VectorIndex.cursor`."""
        return self.inner.cursor(query, params, allow, bounds)

    def size(self) -> IndexSize:
        """Bytes of lists, codes and centroids; the column is not counted."""
        return self.inner.size()
