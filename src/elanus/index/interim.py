"""The graph over rows that wait in memory for a segment, searched as the index on their field will be.

It is the graph of HNSW with one set of build parameters, whatever index the field has: small, because it lives for
minutes. What a request says of effort is kept to or exceeded; range searches and cursors score every row.
"""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import row_width_bytes
from elanus.index.auto.index import recall_of_level
from elanus.index.cursor import WideningCursor
from elanus.index.exact import ExactScan
from elanus.index.flat.index import FlatIndex
from elanus.index.graph.index import HnswType
from elanus.index.graph.search import GraphIndex
from elanus.index.protocol import BuildContext, IndexSize, RangeBounds, SearchHits, VectorColumn
from elanus.index.registry import index_type
from elanus.index.strategy import SearchStrategy
from elanus.schema.field import Field
from elanus.schema.types import DENSE_FLOAT_VECTORS, METRICS_OF, Metric

__all__ = ["InterimIndex", "build_interim", "has_interim"]

_TYPES: Final = frozenset(
    {
        *("AUTOINDEX", "HNSW", "HNSW_SQ", "HNSW_PQ", "HNSW_PRQ", "DISKANN", "AISAQ"),
        *("IVF_FLAT", "IVF_SQ8", "IVF_RABITQ", "IVF_PQ", "SCANN", "IVF_FLAT_CC", "IVF_SQ_CC", "IVF_RABITQ_FASTSCAN"),
    }
)
_GRAPH: Final = HnswType()
_BUILD_PARAMS: Final = {"M": 16, "efConstruction": 100}
# Links and codes of a row are twice as much as this or more; narrower rows are scanned.
_ROW_BYTES_MIN: Final = 64
# Some index types find less by default; graphs as small as these save nothing worth having by it.
_RECALL_MIN: Final = 0.97
# What reading a share of the lists finds is taken to be less than this; who reads half of them gets all.
_RECALL_OF_LISTS: Final = ((1 / 8, 0.99), (1 / 2, 0.999))
_KEPT_EFFORTS_MAX: Final = 64


def has_interim(type_name: str, vector_field: Field, metric: Metric) -> bool:
    """Whether growing rows of a field with such an index get a graph."""
    return (
        index_type(type_name).name in _TYPES
        and vector_field.data_type in DENSE_FLOAT_VECTORS
        and metric in METRICS_OF[vector_field.data_type]
        and row_width_bytes(vector_field) >= _ROW_BYTES_MIN
    )


def build_interim(
    column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
) -> "InterimIndex":
    """A graph over the column, of a field whose index has the build parameters `params`.

    Raises:
        Unavailable: cancelled.
    """
    artefacts = {
        name: data.data if isinstance(data, np.ndarray) else memoryview(data)
        for name, data in _GRAPH.build(column, metric, _BUILD_PARAMS, context).items()
    }
    opened = _GRAPH.open(column, metric, _BUILD_PARAMS, artefacts)
    exact = FlatIndex(ExactScan.over(column, metric))
    graph = opened if isinstance(opened, GraphIndex) else None
    return InterimIndex(exact, graph, params, sum(data.nbytes for data in artefacts.values()))


@dataclass(frozen=True, slots=True)
class InterimIndex:
    """A `VectorIndex` over growing rows, in memory alone.

    Attributes:
        exact: over the same rows.
        graph: None where there is nothing to code, or numbers are beyond what codes hold: all is scanned then.
        build_params: of the index on the field, which say what its search parameters mean.
        memory_bytes: of links and codes.
    """

    exact: FlatIndex
    graph: GraphIndex | None
    build_params: Mapping[str, Any]
    memory_bytes: int
    _efforts: dict[tuple[int, float], int] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def scan(self) -> ExactScan:
        return self.exact.scan

    def search(self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None) -> SearchHits:
        """As `VectorIndex.search`; `params` are those of the index on the field."""
        breadth = self._breadth(k, params)
        if self.graph is None or breadth is None:
            return self.exact.search(queries, k, {}, allow)
        return self.graph.search(queries, k, {"ef": breadth}, allow)

    def explain(
        self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None
    ) -> SearchStrategy:
        """As `ExplainedIndex.explain`."""
        breadth = self._breadth(k, params)
        if self.graph is None or breadth is None:
            return self.exact.explain(queries, k, {}, allow)
        return self.graph.explain(queries, k, {"ef": breadth}, allow)

    def range_search(
        self, query: npt.NDArray[Any], bounds: RangeBounds, params: Mapping[str, Any], allow: Bitset | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """As `VectorIndex.range_search`, exact."""
        return self.exact.range_search(query, bounds, {}, allow)

    def cursor(
        self,
        query: npt.NDArray[Any],
        params: Mapping[str, Any],
        allow: Bitset | None,
        bounds: RangeBounds | None = None,
    ) -> WideningCursor:
        """As `VectorIndex.cursor`, exact."""
        return self.exact.cursor(query, {}, allow, bounds)

    def size(self) -> IndexSize:
        """Links and codes."""
        return IndexSize(0, self.memory_bytes)

    def elsewhere(self) -> Callable[[VectorColumn], "InterimIndex"]:
        """Gives the same index over equal rows that lie in another column; it does not hold on to those of this one."""
        metric, build_params, memory_bytes = self.scan.metric, self.build_params, self.memory_bytes
        found = self.graph
        walked = None if found is None else (found.graph, found.cell_count, found.calibration, found.mapped_bytes)

        def opened(column: VectorColumn) -> InterimIndex:
            scan = ExactScan.over(column, metric)
            graph = None if walked is None else GraphIndex(scan, *walked)
            return InterimIndex(FlatIndex(scan), graph, build_params, memory_bytes)

        return opened

    def _breadth(self, k: int, params: Mapping[str, Any]) -> int | None:
        """Candidates to keep so that at least what is asked for is found; None to score every row."""
        recall = _recall(params, self.build_params)
        if recall is None or self.graph is None:
            return None
        effort = self._efforts.get((k, recall))
        if effort is None:
            effort = self.graph.calibration.effort(k, recall)
            if len(self._efforts) < _KEPT_EFFORTS_MAX:
                self._efforts[k, recall] = effort
        return max(k, effort, int(params.get("ef", 0)), int(params.get("search_list", 0)))


def _recall(params: Mapping[str, Any], build_params: Mapping[str, Any]) -> float | None:
    """The share of the nearest rows to be found; None for all of them."""
    wanted = params.get("recall")
    if wanted is None and "level" in params:
        wanted = recall_of_level(params["level"])
    if wanted is not None:
        return max(_RECALL_MIN, float(wanted))
    if "nprobe" not in params or "nlist" not in build_params:
        return _RECALL_MIN
    share = params["nprobe"] / build_params["nlist"]
    return next((recall for most, recall in _RECALL_OF_LISTS if share < most), None)
