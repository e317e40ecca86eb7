"""Vector search over a view: every segment by its index or by scanning, then one merge."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.taking import take_rows
from elanus.index.protocol import SearchHits
from elanus.query.output import FoundRows, fetch_column
from elanus.query.parts import ScanSettings, SearchPart, search_parts
from elanus.query.plan import SearchPlan

__all__ = ["Hits", "search"]

# Several times what it takes to wake a thread and to hear of it again.
_ALONE_S: Final = 0.0005


@dataclass(frozen=True, slots=True)
class Hits:
    """The hits of all queries end to end, each query's best first.

    Attributes:
        counts: hits of each query.
        keys: primary keys of the hits.
    """

    counts: npt.NDArray[np.int64]
    found: FoundRows
    scores: npt.NDArray[np.float32]
    keys: pa.Array


def search(plan: SearchPlan, *, offset: int, limit: int, scan: ScanSettings) -> Hits:
    """Hits `offset` to `offset + limit` (exclusive) of each query, ties to the row written first.

    A primary key that was inserted twice is found once, at its best.
    """
    wanted = offset + limit
    depth = wanted
    while True:
        hits = _search_once(plan, depth, scan)
        kept = _first_of_each_key(hits)
        if kept is None:
            return hits if offset == 0 and depth == wanted else _page(hits, offset, limit)
        distinct = _select(hits, kept)
        # A query that found `depth` rows may have more; one that found fewer has none left.
        if bool(((distinct.counts >= wanted) | (hits.counts < depth)).all()):
            return _page(distinct, offset, limit)
        depth *= 2


def _search_once(plan: SearchPlan, k: int, scan: ScanSettings) -> Hits:
    segments, primary = plan.scope.segments, plan.primary_field
    parts = search_parts(plan, scan)
    if not parts:
        none = FoundRows(segments, np.empty(0, np.int64), np.empty(0, np.int64))
        counts = np.zeros(plan.query_count, np.int64)
        return Hits(counts, none, np.empty(0, np.float32), fetch_column(none, primary))
    results = _results(parts, plan, k, scan)
    counts, places, rows, scores = _merge(parts, results, k, larger_is_nearer=plan.target.metric.larger_is_nearer)
    found = FoundRows(segments, places, rows)
    return Hits(counts, found, scores, fetch_column(found, primary))


def _results(parts: Sequence[SearchPart], plan: SearchPlan, k: int, scan: ScanSettings) -> list[SearchHits]:
    """What each part has. Large scans are shared between threads at once, all else when it turns out to take long."""
    if len(parts) == 1:
        return [parts[0].search(plan, k)]
    is_large = sum(part.scan_bytes for part in parts) >= 2 * scan.parallel_bytes_min
    return scan.pool.map([partial(part.search, plan, k) for part in parts], alone_s=0.0 if is_large else _ALONE_S)


def _merge(
    parts: Sequence[SearchPart], results: Sequence[SearchHits], k: int, *, larger_is_nearer: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Counts, places, rows and scores of the best `k` of each query, end to end."""
    if len(results) == 1:
        part, only = parts[0], results[0]
        if len(only.rows) == 1:
            rows, scores = only.rows[0], only.scores[0]
            if len(rows) and rows[-1] < 0:
                count = int(np.count_nonzero(rows >= 0))
                rows, scores = rows[:count], scores[:count]
            if part.start:
                rows = rows + part.start
            places = np.zeros(len(rows), np.int64)
            if part.place:
                places += part.place
            return np.array([len(rows)]), places, rows, scores
        present = only.rows >= 0
        rows = only.rows[present] + part.start
        return present.sum(axis=1), np.full(len(rows), part.place, np.int64), rows, only.scores[present]
    if len(results[0].rows) == 1:
        return _merge_one(parts, results, k, larger_is_nearer=larger_is_nearer)
    scores = np.concatenate([result.scores for result in results], axis=1)
    rows = np.concatenate(
        [np.where(hits.rows >= 0, hits.rows + part.start, -1) for part, hits in zip(parts, results, strict=True)],
        axis=1,
    )
    places = np.repeat([part.place for part in parts], [result.rows.shape[1] for result in results])
    order_keys = np.where(rows >= 0, -scores if larger_is_nearer else scores, np.inf)
    order = np.argsort(order_keys, axis=1, kind="stable")[:, :k]
    rows = np.take_along_axis(rows, order, axis=1)
    present = rows >= 0
    scores = np.take_along_axis(scores, order, axis=1)
    return present.sum(axis=1), places[order][present], rows[present], scores[present]


def _merge_one(
    parts: Sequence[SearchPart], results: Sequence[SearchHits], k: int, *, larger_is_nearer: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """`_merge` for one query, in fewer and smaller steps: it is most of what a short search costs."""
    found_rows, found_scores, ends, end = [], [], [], 0
    for part, hits in zip(parts, results, strict=True):
        rows, scores = hits.rows[0], hits.scores[0]
        count = len(rows)
        if count and rows.item(-1) < 0:
            count = int(np.count_nonzero(rows >= 0))
            rows, scores = rows[:count], scores[:count]
        end += count
        found_rows.append(rows + part.start if part.start else rows)
        found_scores.append(scores)
        ends.append(end)
    joined = np.concatenate(found_scores)
    order = (-joined if larger_is_nearer else joined).argsort(kind="stable")[:k]
    part_places = np.array([part.place for part in parts])
    places = part_places[np.array(ends).searchsorted(order, "right")]
    return np.array([len(order)]), places, np.concatenate(found_rows)[order], joined[order]


def _first_of_each_key(hits: Hits) -> npt.NDArray[np.int64] | None:
    """Positions of the hits without later ones of a key the query has had; None when no key repeats."""
    keys = hits.keys.to_pylist()
    if len(hits.counts) == 1 and len(set(keys)) == len(keys):
        return None
    kept: list[int] = []
    start = 0
    for count in hits.counts.tolist():
        of_query = keys[start : start + count]
        if len(set(of_query)) == count:
            kept.extend(range(start, start + count))
        else:
            first = {key: position for position, key in reversed(list(enumerate(of_query, start)))}
            kept.extend(sorted(first.values()))
        start += count
    return None if len(kept) == len(keys) else np.array(kept, np.int64)


def _select(hits: Hits, positions: npt.NDArray[np.int64]) -> Hits:
    of_query = np.repeat(np.arange(len(hits.counts)), hits.counts)
    counts = np.bincount(of_query[positions], minlength=len(hits.counts)).astype(np.int64)
    keys = take_rows(hits.keys, positions)
    return Hits(counts, hits.found.select(positions), hits.scores[positions], keys)


def _page(hits: Hits, offset: int, limit: int) -> Hits:
    """Each query's hits `offset` to `offset + limit` (exclusive)."""
    starts = np.concatenate(([0], np.cumsum(hits.counts)[:-1]))
    positions = [
        np.arange(start + min(offset, count), start + min(offset + limit, count))
        for start, count in zip(starts.tolist(), hits.counts.tolist(), strict=True)
    ]
    return _select(hits, np.concatenate(positions) if positions else np.empty(0, np.int64))
