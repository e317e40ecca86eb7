"""Searching a graph on disk so that it always finds min(k, allowed) rows, with exact scores."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.errors import DataCorrupt, Unavailable
from elanus.index.calibration import Calibration
from elanus.index.cursor import WidelySearched
from elanus.index.disk.planning import DiskWalkPlan, plan_disk_walk
from elanus.index.exact import ExactScan, scored_form
from elanus.index.growing_range import range_by_nearest
from elanus.index.protocol import IndexSize, RangeBounds, SearchHits
from elanus.index.rescoring import replaced_where_short
from elanus.index.strategy import SearchStrategy
from elanus.kernels.disk import DiskGraph
from elanus.kernels.placement import DiskPlan
from elanus.objectstore.mapped_file import MappedFile

__all__ = ["DiskIndex", "DiskReads", "SearchEffort", "reading"]

_RANGE_BREADTH_FACTOR: Final = 2

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class SearchEffort:
    """What the parameters of a search say.

    Attributes:
        breadth: candidates, `search_list`.
        beam_width: nodes read at once.
        vector_batch: vectors read at once after the first k.
        block_capacity: blocks kept while a call lasts.
    """

    breadth: int
    beam_width: int
    vector_batch: int
    block_capacity: int


@dataclass(frozen=True, slots=True)
class DiskReads:
    """What searches cost, a query: (query_count,) int64 each."""

    compared: npt.NDArray[np.int64]
    blocks: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.int64]


class _EffortOf(Protocol):
    """How checked parameters become an effort."""

    def __call__(self, params: Mapping[str, Any], /) -> SearchEffort: ...


@dataclass(frozen=True, slots=True)
class DiskIndex(WidelySearched):
    """An opened graph on disk.

    Attributes:
        scan: the column and its exact scores.
        graph: reads its blocks from a file.
        files: what must stay open: that of the blocks, that of the column; None for what is read from memory.
        block_bytes: of a read.
        has_codes: whether codes of all rows are in memory.
        reads_per_node: blocks read to follow a node: its own, and those of neighbours whose codes are not beside it.
        effort_of: what a search's parameters mean.
        calibration: what recall costs in `search_list`; None where it is not measured.
        bytes_used: of the artefacts, and in memory besides.
    """

    scan: ExactScan
    graph: DiskGraph
    files: tuple[MappedFile | None, MappedFile | None]
    block_bytes: int
    has_codes: bool
    reads_per_node: int
    effort_of: _EffortOf
    calibration: Calibration | None
    bytes_used: IndexSize

    def search(self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None) -> SearchHits:
        """As `VectorIndex.search`."""
        return self.search_counting(queries, k, params, allow)[0]

    def search_counting(
        self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None
    ) -> tuple[SearchHits, DiskReads | None]:
        """As `search`, with what each query read; None when an exact scan answered.

        Raises:
            DataCorrupt: a block is damaged.
            Unavailable: a file cannot be read.
        """
        visible = self.scan.visible(allow)
        effort = self._effort(k, params)
        plan = self._plan(k, max(k, effort.breadth), visible)
        if plan.exact:
            return self.scan.search(queries, k, visible), None
        hits, reads = self._walk(queries, k, effort, visible, plan)
        return replaced_where_short(hits, self.scan, queries, visible), reads

    def explain(
        self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None
    ) -> SearchStrategy:
        """As `ExplainedIndex.explain`; compared are codes of nodes, and rows where all allowed ones are scored."""
        visible = self.scan.visible(allow)
        effort = self._effort(k, params)
        plan = self._plan(k, max(k, effort.breadth), visible)
        allowed_count = self.scan.visible_count(visible)
        if plan.exact:
            return SearchStrategy(exact=True, reason=plan.reason, compared_count=allowed_count * len(queries))
        hits, reads = self._walk(queries, k, effort, visible, plan)
        scanned_count = int((hits.rows[:, -1] < 0).sum())
        given_up = f", given up for a scan of {allowed_count} rows {scanned_count} times" if scanned_count else ""
        return SearchStrategy(
            exact=False,
            reason=plan.reason + given_up,
            compared_count=int(reads.compared.sum()) + scanned_count * allowed_count,
            read_count=int(reads.blocks.sum() + reads.vectors.sum()),
        )

    def range_search(
        self, query: npt.NDArray[Any], bounds: RangeBounds, params: Mapping[str, Any], allow: Bitset | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """As `VectorIndex.range_search`, by `range_by_nearest`.

        Raises:
            DataCorrupt, Unavailable: as `search_counting`.
        """
        visible = self.scan.visible(allow)

        def nearest(k: int) -> SearchHits | None:
            effort = self._effort(k, params)
            effort = replace(effort, breadth=max(k * _RANGE_BREADTH_FACTOR, effort.breadth))
            plan = self._plan(k, effort.breadth, visible)
            return None if plan.exact else self._walk(query[None, :], k, effort, visible, plan)[0]

        return range_by_nearest(self.scan, nearest, query=query, bounds=bounds, visible=visible)

    def size(self) -> IndexSize:
        """Bytes of the files, and of what is held in memory whatever is read."""
        return self.bytes_used

    def _effort(self, k: int, params: Mapping[str, Any]) -> SearchEffort:
        if "recall" not in params:
            return self.effort_of(params)
        assert self.calibration is not None, "the parameters of an index that is not measured have no recall"
        return self.effort_of({**params, "search_list": self.calibration.effort(k, params["recall"])})

    def _plan(self, k: int, breadth: int, visible: Bitset | None) -> DiskWalkPlan:
        return plan_disk_walk(
            row_count=self.scan.present_count,
            allowed_count=self.scan.visible_count(visible),
            k=k,
            breadth=breadth,
            has_codes=self.has_codes,
            reads_per_node=self.reads_per_node,
        )

    def _walk(
        self,
        queries: npt.NDArray[Any],
        k: int,
        effort: SearchEffort,
        visible: Bitset | None,
        plan: DiskWalkPlan,
    ) -> tuple[SearchHits, DiskReads]:
        checked = self.scan.filter_of_present(visible)
        words = None if checked is None else checked.words
        column_file = self.files[1]
        disk_plan = DiskPlan(
            k=k,
            breadth=max(k, effort.breadth),
            beam_width=effort.beam_width,
            vector_batch=effort.vector_batch,
            expanded_max=plan.expanded_max,
            scan_kept_max=plan.scan_kept_max,
            block_capacity=max(effort.block_capacity, effort.beam_width),
        )
        scores, rows, counts = reading(
            lambda: self.graph.search(
                self.scan.metric.value,
                scored_form(queries),
                self.scan.matrix,
                None if column_file is None else column_file.part,
                disk_plan,
                words,
            )
        )
        return SearchHits(rows=rows, scores=scores), DiskReads(counts[:, 0], counts[:, 1], counts[:, 2])


def reading(task: Callable[[], _Result]) -> _Result:
    """What `task` gives, with what goes wrong in reading as errors of ours.

    Raises:
        DataCorrupt: what was read is damaged.
        Unavailable: it could not be read.
    """
    try:
        return task()
    except ValueError as error:
        raise DataCorrupt("malformed_file", f"index artefacts are damaged: {error}; rebuild the index") from error
    except OSError as error:
        raise Unavailable("storage_failed", f"reading the index failed: {error}; try again") from error
