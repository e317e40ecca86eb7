"""BIN_IVF_FLAT: lists of row numbers around centroids of bits; the vectors stay in the column and are compared there.

A centroid has each bit as most of its rows have it. Rows belong to the nearest centroid by HAMMING under both metrics;
a search ranks centroids in its own.
"""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.artefacts import array_bytes, artefact_array, mapped_bytes
from elanus.index.belonging import ColumnDescription
from elanus.index.binary.clustering import assigned_lists, majority_centroids
from elanus.index.cursor import WidelySearched
from elanus.index.eligibility import check_eligible
from elanus.index.exact import ExactScan
from elanus.index.flat.index import FlatIndex
from elanus.index.ivf.clustering import fitting_list_count
from elanus.index.ivf.lists import InvertedLists
from elanus.index.ivf.params import LIST_BUILD_PARAMS, list_search_params
from elanus.index.ivf.ranges import range_over_lists
from elanus.index.params import checked_params
from elanus.index.planning import EXACT_ROW_COUNT, ListCosts, SearchPlan, plan_list_search
from elanus.index.protocol import (
    Artefacts,
    BuildContext,
    IndexSize,
    RangeBounds,
    SearchHits,
    VectorColumn,
    VectorIndex,
)
from elanus.index.rescoring import replaced_where_short, rescored
from elanus.index.strategy import SearchStrategy, planned_strategy
from elanus.kernels.distance import scan_topk_many
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

__all__ = ["BinaryIvfType", "BinaryLists"]

_CENTROIDS: Final = "centroids"
_METRICS: Final = frozenset({Metric.HAMMING, Metric.JACCARD})
_COSTS: Final = ListCosts(read=0.5, compare=2.0)


@dataclass(frozen=True, slots=True)
class BinaryLists(WidelySearched):
    """Opened lists over a column of bits.

    Attributes:
        scan: the column and its exact scores.
        centroids: (list_count, bytes) packed bits.
        lists: which rows are in which list.
        bytes_used: what `size` says.
    """

    scan: ExactScan
    centroids: npt.NDArray[np.uint8]
    lists: InvertedLists
    bytes_used: IndexSize

    def search(self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None) -> SearchHits:
        """As `VectorIndex.search`; `params` has `nprobe`."""
        visible = self.scan.visible(allow)
        plan = self._plan(k, params["nprobe"], visible)
        if plan.exact:
            return self.scan.search(queries, k, visible)
        checked = self.scan.filter_of_present(visible)
        candidates = []
        for nearest in self._nearest_lists(queries, plan.breadth):
            rows = self.lists.rows_of(nearest)
            candidates.append(rows if checked is None else rows[checked.test(rows)])
        return replaced_where_short(rescored(self.scan, queries, candidates, k), self.scan, queries, visible)

    def explain(
        self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None
    ) -> SearchStrategy:
        """As `ExplainedIndex.explain`; rows of lists are not counted."""
        visible = self.scan.visible(allow)
        plan = self._plan(k, params["nprobe"], visible)
        return planned_strategy(plan, allowed_count=self.scan.visible_count(visible), query_count=len(queries))

    def range_search(
        self, query: npt.NDArray[Any], bounds: RangeBounds, params: Mapping[str, Any], allow: Bitset | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """As `VectorIndex.range_search`: exact scores of the rows in the nearest lists, or of all that are allowed."""
        visible = self.scan.visible(allow)
        plan = self._plan(1, params["nprobe"], visible)
        if plan.exact:
            return self.scan.range_search(query, bounds, visible)
        return range_over_lists(
            self.scan,
            self.lists,
            query=query,
            nearest_lists=self._nearest_lists(query[None, :], self.lists.list_count)[0],
            bounds=bounds,
            nprobe=plan.breadth,
            empty_lists_max=params["max_empty_result_buckets"],
            visible=self.scan.filter_of_present(visible),
        )

    def size(self) -> IndexSize:
        """Bytes of lists and centroids; the column is not counted."""
        return self.bytes_used

    def _plan(self, k: int, nprobe: int, visible: Bitset | None) -> SearchPlan:
        return plan_list_search(
            row_count=self.scan.present_count,
            allowed_count=self.scan.visible_count(visible),
            k=k,
            nprobe=nprobe,
            list_count=self.lists.list_count,
            costs=_COSTS,
        )

    def _nearest_lists(self, queries: npt.NDArray[Any], count: int) -> npt.NDArray[np.int64]:
        return scan_topk_many(self.scan.metric.value, queries, self.centroids, min(count, self.lists.list_count))[1]


@dataclass(frozen=True, slots=True)
class BinaryIvfType:
    """BIN_IVF_FLAT.

    Artefacts: `column.json`, `centroids` (the bytes of a row a list), `list_offsets`, `list_rows` (4 bytes a row). A
    column of at most 1,000 present rows is scanned and has none.
    """

    name: str = "BIN_IVF_FLAT"

    def data_types(self) -> frozenset[DataType]:
        """Bits."""
        return frozenset({DataType.BINARY_VECTOR})

    def check_build_params(self, field: Field, metric: Metric, params: Mapping[str, Any]) -> dict[str, Any]:
        """`nlist`; a build uses fewer lists when there are less than 39 rows for each. HAMMING or JACCARD."""
        check_eligible(self.name, field, metric, self.data_types(), metrics=_METRICS)
        return checked_params(self.name, LIST_BUILD_PARAMS, params)

    def check_search_params(
        self, params: Mapping[str, Any], *, build_params: Mapping[str, Any], k: int
    ) -> dict[str, Any]:
        """`nprobe` and `max_empty_result_buckets`."""
        return checked_params(self.name, list_search_params(build_params), params)

    def build(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """Centroids and lists; nothing for a small column."""
        scan = ExactScan.over(column, metric)
        if scan.present_count <= EXACT_ROW_COUNT:
            return {}
        rows = np.arange(scan.row_count) if scan.present is None else scan.present.rows()
        list_count = fitting_list_count(params["nlist"], len(rows))
        centroids = majority_centroids(scan.matrix, rows, list_count, context)
        assigned = assigned_lists(scan.matrix, rows, centroids, context)
        context.progress(1.0)
        lists = InvertedLists.grouped(assigned, rows, list_count)
        stored = {_CENTROIDS: array_bytes(centroids), **lists.artefacts()}
        return ColumnDescription.beside(self.name, scan, {**stored})

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """A search over the mapped lists and the column."""
        scan = ExactScan.over(column, metric)
        if scan.present_count <= EXACT_ROW_COUNT:
            return FlatIndex(scan)
        ColumnDescription.check(artefacts, self.name, scan)
        list_count = fitting_list_count(params["nlist"], scan.present_count)
        width = scan.matrix.shape[1]
        centroids = artefact_array(artefacts, _CENTROIDS, np.uint8, list_count * width).reshape(list_count, width)
        lists = InvertedLists.from_artefacts(
            artefacts, list_count=list_count, present_count=scan.present_count, row_count=scan.row_count
        )
        size = IndexSize(mapped_bytes=mapped_bytes(artefacts), memory_bytes=0)
        return BinaryLists(scan=scan, centroids=centroids, lists=lists, bytes_used=size)
