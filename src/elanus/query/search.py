"""Vector search over a view: every segment by its index or by scanning, then one merge."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.structs import element_places
from elanus.columns.taking import take_rows
from elanus.index.protocol import SearchHits
from elanus.query.output import FoundRows, fetch_column
from elanus.query.parts import ScanSettings, SearchPart, search_parts
from elanus.query.plan import SearchPlan

__all__ = ["Hits", "joined_hits", "located_hits", "search"]

# Several times what it takes to wake a thread and to hear of it again.
_ALONE_S: Final = 0.0005
_QUERIES_PER_PART_MIN: Final = 8


@dataclass(frozen=True, slots=True)
class Hits:
    """The hits of all queries end to end, each query's best first.

    Attributes:
        counts: hits of each query.
        keys: primary keys of the hits.
        elements: where in the row's array of structs each hit is, from 0; None when hits are rows.
    """

    counts: npt.NDArray[np.int64]
    found: FoundRows
    scores: npt.NDArray[np.float32]
    keys: pa.Array
    elements: npt.NDArray[np.int64] | None = None

    def select(self, positions: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> "Hits":
        """Some of the hits, in the order given, of which each query has so many."""
        return Hits(
            counts,
            self.found.select(positions),
            self.scores[positions],
            take_rows(self.keys, positions),
            None if self.elements is None else self.elements[positions],
        )

    def identities(self) -> list[Any]:
        """What makes two hits of a query the same: the key, or key and element."""
        keys: list[Any] = self.keys.to_pylist()
        return keys if self.elements is None else list(zip(keys, self.elements.tolist(), strict=True))


def search(plan: SearchPlan, *, offset: int, limit: int, scan: ScanSettings) -> Hits:
    """Hits `offset` to `offset + limit` (exclusive) of each query, ties to the row written first.

    A primary key that was inserted twice is found once, at its best; of elements, each one of a key.
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


def located_hits(
    plan: SearchPlan,
    counts: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    numbers: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
) -> Hits:
    """Hits by the segments they are in and their numbers there, of rows or of elements."""
    segments, array = plan.scope.segments, plan.target.array
    if not array:
        found = FoundRows(segments, places, numbers)
        return Hits(counts, found, scores, fetch_column(found, plan.primary_field))
    rows, elements = np.empty(len(numbers), np.int64), np.empty(len(numbers), np.int64)
    for place in set(places.tolist()):
        here = places == place
        rows[here], elements[here] = element_places(segments[place].source.column(array), numbers[here])
    found = FoundRows(segments, places, rows)
    return Hits(counts, found, scores, fetch_column(found, plan.primary_field), elements)


def joined_hits(parts: Sequence[Hits]) -> Hits:
    """The hits of one query after another, over the same segments, as those of one; there is at least one part."""
    first = parts[0]
    found = FoundRows(
        first.found.segments,
        np.concatenate([part.found.places for part in parts]),
        np.concatenate([part.found.rows for part in parts]),
    )
    elements = [part.elements for part in parts if part.elements is not None]
    return Hits(
        np.array([len(found)]),
        found,
        np.concatenate([part.scores for part in parts]),
        pa.concat_arrays([part.keys for part in parts]),
        np.concatenate(elements) if elements else None,
    )


def _search_once(plan: SearchPlan, k: int, scan: ScanSettings) -> Hits:
    parts = search_parts(plan, scan)
    if not parts:
        none = np.empty(0, np.int64)
        return located_hits(plan, np.zeros(plan.query_count, np.int64), none, none, np.empty(0, np.float32))
    results = _results(parts, plan, k, scan)
    return located_hits(plan, *_merge(parts, results, k, larger_is_nearer=plan.target.metric.larger_is_nearer))


def _results(parts: Sequence[SearchPart], plan: SearchPlan, k: int, scan: ScanSettings) -> list[SearchHits]:
    """What each part has. Large work is shared between threads at once, all else when it turns out to take long."""
    shares = _query_shares(plan, scan)
    if len(parts) == 1 and len(shares) == 1:
        return [parts[0].search(plan, k)]
    is_large = len(shares) > 1 or sum(part.scan_bytes for part in parts) >= 2 * scan.parallel_bytes_min
    # A scan reads its rows once for all queries, so it is split by rows alone.
    plans = [shares if part.scan_bytes == 0 else [plan] for part in parts]
    tasks = [partial(part.search, share, k) for part, own in zip(parts, plans, strict=True) for share in own]
    found = iter(scan.pool.map(tasks, alone_s=0.0 if is_large else _ALONE_S))
    return [_joined([next(found) for _ in own]) for own in plans]


def _joined(results: Sequence[SearchHits]) -> SearchHits:
    """The hits of some queries after those of others."""
    if len(results) == 1:
        return results[0]
    rows = np.concatenate([result.rows for result in results])
    return SearchHits(rows=rows, scores=np.concatenate([result.scores for result in results]))


def _query_shares(plan: SearchPlan, scan: ScanSettings) -> list[SearchPlan]:
    """The search in as many parts as there are threads for its queries, each with queries enough to be worth one."""
    count = min(scan.pool.thread_count, plan.query_count // _QUERIES_PER_PART_MIN)
    if count < 2 or not isinstance(plan.vectors, np.ndarray):
        return [plan]
    bounds = [plan.query_count * number // count for number in range(count + 1)]
    return [plan.part(start, stop) for start, stop in pairwise(bounds)]


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
    """Positions of the hits without later ones the query has had; None when none repeats."""
    keys = hits.identities()
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
    return hits.select(positions, counts)


def _page(hits: Hits, offset: int, limit: int) -> Hits:
    """Each query's hits `offset` to `offset + limit` (exclusive)."""
    starts = np.concatenate(([0], np.cumsum(hits.counts)[:-1]))
    positions = [
        np.arange(start + min(offset, count), start + min(offset + limit, count))
        for start, count in zip(starts.tolist(), hits.counts.tolist(), strict=True)
    ]
    return _select(hits, np.concatenate(positions) if positions else np.empty(0, np.int64))
