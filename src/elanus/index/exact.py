"""The exact answer over a column of dense or binary vectors: what FLAT is, and what every other index falls back to."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import dense_matrix
from elanus.index.floats import as_float32
from elanus.index.presence import present_rows, visible_rows
from elanus.index.protocol import RangeBounds, SearchHits, VectorColumn
from elanus.index.ranking import best_first
from elanus.kernels import distance
from elanus.schema.types import Metric

__all__ = ["ExactScan", "scored_form"]


@dataclass(frozen=True, slots=True)
class ExactScan:
    """Scans a column with the kernels. Null rows are never scored.

    Attributes:
        matrix: (row_count, elements) of the column's element dtype, a view of the column.
        metric: how rows are scored.
        present: the rows that are not null; None when all are present.
        present_count: how many those are.
    """

    matrix: npt.NDArray[Any]
    metric: Metric
    present: Bitset | None
    present_count: int

    @classmethod
    def over(cls, column: VectorColumn, metric: Metric) -> Self:
        """A scan of `column`, which must outlive it (the matrix is a view)."""
        present = present_rows(column.array)
        return cls(
            matrix=dense_matrix(column.array, column.field),
            metric=metric,
            present=present,
            present_count=column.row_count if present is None else present.count(),
        )

    @property
    def row_count(self) -> int:
        return len(self.matrix)

    def visible(self, allow: Bitset | None) -> Bitset | None:
        """The rows a search may return; None means every row."""
        return visible_rows(allow, self.present)

    def visible_count(self, visible: Bitset | None) -> int:
        """How many rows `visible`, as `visible()` gave it, has."""
        return self.present_count if visible is None else visible.count()

    def filter_of_present(self, visible: Bitset | None) -> Bitset | None:
        """What an index over the present rows alone must still check: None when `visible` is all of them."""
        return None if visible is self.present else visible

    def search(self, queries: npt.NDArray[Any], k: int, visible: Bitset | None) -> SearchHits:
        """The nearest `k` of the `visible` rows (as `visible()` gave them) for each query."""
        words = None if visible is None else visible.words
        scored = scored_form(queries)
        scores, rows = distance.scan_topk_many(self.metric.value, scored, self.matrix, k, allow=words)
        return SearchHits(rows=rows, scores=scores)

    def range_search(
        self, query: npt.NDArray[Any], bounds: RangeBounds, visible: Bitset | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Scores and rows within the bounds, best first, ties to the smaller row."""
        words = None if visible is None else visible.words
        scores, rows = distance.scan_range(
            self.metric.value,
            scored_form(query),
            self.matrix,
            radius=bounds.radius,
            range_filter=bounds.range_filter,
            allow=words,
        )
        return best_first(self.metric, scores, rows, len(rows))

    def scores(self, query: npt.NDArray[Any], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The exact score of each of `rows`, equal to what a scan gives for them."""
        return distance.score_rows(self.metric.value, scored_form(query), self.matrix, rows)


def scored_form(queries: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Queries as the kernels take them: float32 for every float column, int8 and packed bits as they are."""
    return queries if queries.dtype.itemsize == 1 else as_float32(queries)
