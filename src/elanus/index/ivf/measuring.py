"""Measuring inverted lists with rows their centroids were not made from: those rows are the queries.

Two things cost recall: the lists that are not read, and what codes misjudge in those that are. The first is counted
without searching, from where the list of each true neighbour stands among the lists nearest to the query; the second is
measured by searches of a fixed number of lists, among the neighbours that are in them.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.calibration import Calibration, Measurement, recall_of
from elanus.index.exact import ExactScan
from elanus.index.floats import FloatRows
from elanus.index.ivf.coarse import Centroids
from elanus.index.ivf.effort import ListCalibration, ListEffort
from elanus.index.ivf.grouping import GroupedRows
from elanus.index.ivf.search import ListSearch
from elanus.index.protocol import BuildContext
from elanus.kernels.list_arrays import IvfQuestion

__all__ = ["measured"]

# Lists are only counted. Where neighbours run out of a list, what it takes changes quickly with k.
_LISTS_K: Final = (1, 3, 10, 30, 100, 300, 1000)
_POOL_K: Final = (1, 10, 100, 300, 1000)
# Each is measured by as many queries as this many neighbours take, which is as sure as more of them.
_POOL_NEIGHBOURS: Final = 10_000
_POOL_QUERIES_MIN: Final = 16
_ROWS_PER_NEIGHBOUR: Final = 20
_QUERIES_AT_ONCE: Final = 32
_LISTS_GROWTH: Final = 1.25
_POOL_GROWTH: Final = 1.4
_RECALL_ENOUGH: Final = 0.999
_POOL_MIN: Final = 16
_POOL_FACTOR_MAX: Final = 16
_READ_RECALL: Final = 0.95


@dataclass(frozen=True, slots=True)
class _Truth:
    """What the queries should find.

    Attributes:
        rows: (query_count, most neighbours asked for) int64, best first, -1 for none.
        ranks: of the same shape, where the row's list stands among those nearest to the query.
    """

    rows: npt.NDArray[np.int64]
    ranks: npt.NDArray[np.int64]

    def within(self, k: int, nprobe: int) -> npt.NDArray[np.int64]:
        """The nearest `k` rows, -1 for those that are not in the nearest `nprobe` lists."""
        return np.where(self.ranks[:, :k] < nprobe, self.rows[:, :k], -1)


def measured(
    scan: ExactScan,
    vectors: FloatRows,
    grouped: GroupedRows,
    centroids: Centroids,
    source: ListSearch,
    context: BuildContext,
) -> ListCalibration:
    """What recall costs in lists whose centroids were made without the rows `grouped.held_out`.

    Args:
        scan: of the column of the lists.
        vectors: its present rows.
        grouped: which of them is in which list.
        centroids: those of the lists, with which they are searched.
        source: finds rows in lists.
        context: polled between a few queries and the next.

    Raises:
        Unavailable: cancelled.
    """
    list_count = grouped.lists.list_count
    if len(grouped.held_out) == 0:
        return ListCalibration(Calibration((Measurement(1, list_count, 1.0),)), None)
    queried = vectors.row_numbers()[grouped.held_out]
    others = np.zeros(scan.row_count, np.bool_)
    others[vectors.row_numbers()] = True
    others[queried] = False
    allow = Bitset.from_bool(others)
    counts = [k for k in _LISTS_K if k == 1 or k * _ROWS_PER_NEIGHBOUR <= len(vectors)]
    parts = [
        _true_neighbours(
            scan,
            vectors,
            grouped,
            centroids,
            scan.matrix[queried[start : start + _QUERIES_AT_ONCE]],
            (counts[-1], allow, context),
        )
        for start in range(0, len(queried), _QUERIES_AT_ONCE)
    ]
    truth = _Truth(np.concatenate([part.rows for part in parts]), np.concatenate([part.ranks for part in parts]))
    lists = Calibration(tuple(one for k in counts for one in _list_curve(truth, k, list_count)))
    if source.is_exact:
        return ListCalibration(lists, None)
    curves: list[Measurement] = []
    for k in [k for k in counts if k in _POOL_K]:
        count = max(_POOL_QUERIES_MIN, _POOL_NEIGHBOURS // k)
        question = centroids.question(scan, scan.matrix[queried[:count]], allow)
        nprobe = min(list_count, lists.effort(k, _READ_RECALL))
        curves.extend(_pool_curve(source, question, truth.within(k, nprobe)[:count], nprobe, context))
    return ListCalibration(lists, Calibration(tuple(curves)))


def _true_neighbours(
    scan: ExactScan,
    vectors: FloatRows,
    grouped: GroupedRows,
    centroids: Centroids,
    queries: npt.NDArray[Any],
    asked: tuple[int, Bitset, BuildContext],
) -> _Truth:
    """What `queries` should find; `asked` are how many rows of which, and what is polled first."""
    count, allow, context = asked
    context.check_cancelled()
    rows = scan.search(queries, count, allow).rows
    nearest = centroids.nearest_lists(centroids.compared(queries), grouped.lists.list_count)
    ranks = np.empty_like(nearest)
    np.put_along_axis(ranks, nearest, np.arange(grouped.lists.list_count)[None, :], axis=1)
    known = np.maximum(rows, 0)
    positions = known if vectors.rows is None else np.searchsorted(vectors.rows, known)
    lists = grouped.assigned[np.minimum(positions, len(vectors) - 1)].astype(np.int64)
    return _Truth(rows, np.take_along_axis(ranks, lists, axis=1))


def _list_curve(truth: _Truth, k: int, list_count: int) -> Iterator[Measurement]:
    wanted = truth.rows[:, :k] >= 0
    ranks = truth.ranks[:, :k][wanted]
    for nprobe in _rising(1, list_count, _LISTS_GROWTH):
        recall = float((ranks < nprobe).mean()) if len(ranks) else 1.0
        yield Measurement(k, nprobe, recall)
        if recall >= _RECALL_ENOUGH:
            break


def _pool_curve(
    source: ListSearch, question: IvfQuestion, wanted: npt.NDArray[np.int64], nprobe: int, context: BuildContext
) -> Iterator[Measurement]:
    """What is found of the `wanted` rows of each query, all of which are in the nearest `nprobe` lists."""
    k = wanted.shape[1]
    for pool in _rising(k, max(_POOL_MIN, k) * _POOL_FACTOR_MAX, _POOL_GROWTH):
        context.check_cancelled()
        recall = recall_of(source.search(question, k, ListEffort(nprobe, pool)).rows, wanted)
        yield Measurement(k, pool, recall)
        if recall >= _RECALL_ENOUGH:
            break


def _rising(least: int, most: int, growth: float) -> Iterator[int]:
    """Efforts to try, each `growth` times the one before and at least one more, up to `most`."""
    effort = least
    while effort < most:
        yield effort
        effort = max(effort + 1, math.ceil(effort * growth))
    yield most
