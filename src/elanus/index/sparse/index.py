"""SPARSE_INVERTED_INDEX and SPARSE_WAND, both answered by an exact scan of the column.

All parameters are checked and kept, but no postings are stored yet: the algorithm chosen makes no difference to the
answer, and `drop_ratio_search`, which would trade accuracy for speed, drops nothing.
"""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import SparseRows, sparse_rows
from elanus.index.cursor import WideningCursor, widening_cursor
from elanus.index.eligibility import check_eligible
from elanus.index.params import RECALL, ChoiceParam, FloatParam, checked_params
from elanus.index.presence import present_rows, visible_rows
from elanus.index.protocol import Artefacts, BuildContext, IndexSize, RangeBounds, SearchHits, VectorColumn, VectorIndex
from elanus.index.ranking import best_first
from elanus.index.rescoring import empty_hits
from elanus.index.strategy import SearchStrategy
from elanus.kernels import sparse
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

__all__ = ["SPARSE_INVERTED_INDEX", "SPARSE_WAND", "SparseIndexType", "SparseScan"]

_ALGORITHMS: Final = (
    "DAAT_MAXSCORE",
    "DAAT_WAND",
    "TAAT_NAIVE",
    "BLOCK_MAX_MAXSCORE",
    "BLOCK_MAX_WAND",
    "SINDI",
)
_DROP_RATIO_SEARCH: Final = FloatParam("drop_ratio_search", 0.0, 1.0, default=0.0, high_open=True)
_DROP_RATIO_BUILD: Final = FloatParam("drop_ratio_build", 0.0, 1.0, default=0.0, high_open=True)


@dataclass(frozen=True, slots=True)
class SparseScan:
    """A scan of a sparse column by inner product. A row that shares no index with the query is no hit.

    Attributes:
        rows: the column's vectors, views of it.
        present: the rows that are not null; None when all are present.
    """

    rows: SparseRows
    present: Bitset | None

    def search(self, queries: Any, k: int, params: Mapping[str, Any], allow: Bitset | None) -> SearchHits:
        """As `VectorIndex.search`, exact; `queries` is `SparseRows`."""
        assert isinstance(queries, SparseRows), type(queries)
        words = self._words(allow)
        hits = empty_hits(len(queries), k)
        for number in range(len(queries)):
            indices, values = queries.row(number)
            scores, rows = sparse.sparse_scan_topk(
                indices, values, self.rows.offsets, self.rows.indices, self.rows.values, k, allow=words
            )
            hits.scores[number, : len(rows)] = scores
            hits.rows[number, : len(rows)] = rows
        return hits

    def explain(self, queries: Any, k: int, params: Mapping[str, Any], allow: Bitset | None) -> SearchStrategy:
        """As `ExplainedIndex.explain`."""
        visible = visible_rows(allow, self.present)
        count = len(self.rows) if visible is None else visible.count()
        return SearchStrategy(exact=True, reason=f"scan of {count} allowed rows", compared_count=count * len(queries))

    def range_search(
        self, query: Any, bounds: RangeBounds, params: Mapping[str, Any], allow: Bitset | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """As `VectorIndex.range_search`, exact; `query` is `SparseRows` of one row."""
        assert isinstance(query, SparseRows), type(query)
        indices, values = query.row(0)
        scores, rows = sparse.sparse_scan_range(
            indices,
            values,
            self.rows.offsets,
            self.rows.indices,
            self.rows.values,
            radius=bounds.radius,
            range_filter=bounds.range_filter,
            allow=self._words(allow),
        )
        return best_first(Metric.IP, scores, rows, len(rows))

    def cursor(
        self, query: Any, params: Mapping[str, Any], allow: Bitset | None, bounds: RangeBounds | None = None
    ) -> WideningCursor:
        """As `VectorIndex.cursor`; `query` is `SparseRows` of one row."""
        return widening_cursor(self, Metric.IP, len(self.rows), query=query, params=params, allow=allow, bounds=bounds)

    def size(self) -> IndexSize:
        """Nothing: the column is not counted."""
        return IndexSize(mapped_bytes=0, memory_bytes=0)

    def _words(self, allow: Bitset | None) -> npt.NDArray[np.uint64] | None:
        visible = visible_rows(allow, self.present)
        return None if visible is None else visible.words


@dataclass(frozen=True, slots=True)
class SparseIndexType:
    """A sparse index by one of its names.

    Attributes:
        name: as users write it.
        algorithm: `inverted_index_algo` when none is given; None takes the metric's (SINDI for IP).
    """

    name: str
    algorithm: str | None = None

    def data_types(self) -> frozenset[DataType]:
        """Sparse vectors."""
        return frozenset({DataType.SPARSE_FLOAT_VECTOR})

    def check_build_params(self, field: Field, metric: Metric, params: Mapping[str, Any]) -> dict[str, Any]:
        """`inverted_index_algo`, `bm25_k1`, `bm25_b`, and `drop_ratio_build` of older programs."""
        check_eligible(self.name, field, metric, self.data_types())
        default = self.algorithm or ("DAAT_MAXSCORE" if metric.value == "BM25" else "SINDI")
        specs = (
            ChoiceParam("inverted_index_algo", _ALGORITHMS, default=default),
            FloatParam("bm25_k1", 0.0, 3.0, default=1.2),
            FloatParam("bm25_b", 0.0, 1.0, default=0.75),
            _DROP_RATIO_BUILD,
        )
        return checked_params(self.name, specs, params)

    def check_search_params(
        self, params: Mapping[str, Any], *, build_params: Mapping[str, Any], k: int
    ) -> dict[str, Any]:
        """`drop_ratio_search`, at least 0 and below 1, and `recall`, which changes nothing."""
        return checked_params(self.name, (_DROP_RATIO_SEARCH, RECALL), params)

    def build(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """No artefacts."""
        return {}

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """A scan of `column`."""
        return SparseScan(rows=sparse_rows(column.array), present=present_rows(column.array))


SPARSE_INVERTED_INDEX: Final = SparseIndexType("SPARSE_INVERTED_INDEX")
SPARSE_WAND: Final = SparseIndexType("SPARSE_WAND", algorithm="DAAT_WAND")
"""Deprecated by Milvus; the same as SPARSE_INVERTED_INDEX with DAAT_WAND."""
