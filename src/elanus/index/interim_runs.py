"""Interim indexes over runs of one column, and scans of what lies between them, as one index over all of it."""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.cursor import WideningCursor
from elanus.index.exact import ExactScan
from elanus.index.flat.index import FlatIndex
from elanus.index.interim import InterimIndex
from elanus.index.protocol import IndexSize, RangeBounds, SearchHits, VectorColumn
from elanus.index.strategy import SearchStrategy
from elanus.schema.types import Metric

__all__ = ["InterimRuns", "runs_reason"]


def runs_reason(graph_counts: Sequence[int], scanned_count: int, first: str) -> str:
    """Why rows are searched as they are: graphs hold so many each, `first` is what one of them says."""
    return f"{sum(graph_counts)} rows by {len(graph_counts)} graphs ({first}), {scanned_count} rows scanned"


@dataclass(frozen=True, slots=True)
class InterimRuns:
    """A `VectorIndex` over a column.

    Attributes:
        exact: over the whole column.
        runs: where each begins, ascending, and its index.
        scans: of the rows in no run, likewise.
    """

    exact: FlatIndex
    runs: tuple[tuple[int, InterimIndex], ...]
    scans: tuple[tuple[int, FlatIndex], ...]

    @classmethod
    def over(cls, column: VectorColumn, metric: Metric, runs: Sequence[tuple[int, InterimIndex]]) -> Self:
        """The index over `column`; `runs` are over slices of it, at least one, in order."""
        scans: list[tuple[int, FlatIndex]] = []
        end = 0
        for start, row_count in [*((start, run.scan.row_count) for start, run in runs), (column.row_count, 0)]:
            if end < start:
                between = VectorColumn(column.field, column.array.slice(end, start - end))
                scans.append((end, FlatIndex(ExactScan.over(between, metric))))
            end = start + row_count
        return cls(FlatIndex(ExactScan.over(column, metric)), tuple(runs), tuple(scans))

    def search(self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None) -> SearchHits:
        """As `VectorIndex.search`; `params` are those of the index on the field."""
        rows, scores = [], []
        for start, part, own in self._parts(allow):
            found = part.search(queries, k, params, own)
            rows.append(np.where(found.rows >= 0, found.rows + start, -1))
            scores.append(found.scores)
        if not rows:
            return SearchHits(np.full((len(queries), k), -1, np.int64), np.zeros((len(queries), k), np.float32))
        all_rows, all_scores = np.concatenate(rows, axis=1), np.concatenate(scores, axis=1)
        keys = -all_scores if self.exact.scan.metric.larger_is_nearer else all_scores
        order = np.lexsort((all_rows, np.where(all_rows >= 0, keys, np.inf)), axis=1)[:, :k]
        return SearchHits(np.take_along_axis(all_rows, order, axis=1), np.take_along_axis(all_scores, order, axis=1))

    def explain(
        self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None
    ) -> SearchStrategy:
        """As `ExplainedIndex.explain`."""
        strategies = [part.explain(queries, k, params, own) for _, part, own in self._parts(allow)]
        if not strategies:
            return self.exact.explain(queries, k, {}, allow)
        graph_counts = [run.scan.row_count for _, run in self.runs]
        counts = [strategy.compared_count for strategy in strategies]
        known = [count for count in counts if count is not None]
        return SearchStrategy(
            exact=all(strategy.exact for strategy in strategies),
            reason=runs_reason(graph_counts, self.exact.scan.row_count - sum(graph_counts), strategies[0].reason),
            compared_count=sum(known) if len(known) == len(counts) else None,
        )

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
        """Links and codes of all runs."""
        return IndexSize(0, sum(run.memory_bytes for _, run in self.runs))

    def _parts(self, allow: Bitset | None) -> Iterator[tuple[int, InterimIndex | FlatIndex, Bitset | None]]:
        """Where each part begins that has an allowed row, runs first, and which of its rows are allowed."""
        parts: tuple[tuple[int, InterimIndex | FlatIndex], ...] = (*self.runs, *self.scans)
        packed = None if allow is None else allow.words.view(np.uint8)
        for start, part in parts:
            own = None if packed is None else Bitset.from_packed(packed, offset=start, size=part.scan.row_count)
            if own is None or own.any():
                yield start, part, own
