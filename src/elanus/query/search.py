"""Vector search over a view: every segment by its index or by scanning, then one merge."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.columns.structs import element_offsets, element_places, vector_column
from elanus.columns.taking import take_rows
from elanus.columns.vectors import VectorLists, row_width_bytes
from elanus.expr.access import AccessPath
from elanus.expr.element_truth import rows_to_elements
from elanus.expr.filter import Filter
from elanus.index.protocol import SearchHits, VectorColumn, VectorIndex
from elanus.index.registry import index_type
from elanus.query.max_sim import max_sim_hits
from elanus.query.output import FoundRows, fetch_column
from elanus.query.plan import SearchPlan, VectorTarget
from elanus.query.view import SegmentView
from elanus.runtime.pool import WorkerPool
from elanus.schema.field import Field
from elanus.schema.types import DataType

__all__ = [
    "Hits",
    "ScanSettings",
    "allowed_places",
    "allowed_rows",
    "exact_index",
    "joined_hits",
    "located_hits",
    "search",
]

_EXACT_TYPES: Final = {DataType.BINARY_VECTOR: "BIN_FLAT", DataType.SPARSE_FLOAT_VECTOR: "SPARSE_INVERTED_INDEX"}
_WORD_BITS: Final = 64
_QUERIES_PER_PART_MIN: Final = 8


@dataclass(frozen=True, slots=True)
class _Block:
    """Rows of a segment from `start` on, and the tasks that search them, each for some of the queries, in order."""

    place: int
    start: int
    searches: tuple[Callable[[], SearchHits], ...]


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


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """How much work is worth a second thread."""

    pool: WorkerPool
    parallel_bytes_min: int


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


def allowed_rows(
    segment: SegmentView, row_filter: Filter | None, record: list[AccessPath] | None = None
) -> Bitset | None:
    """The rows of a segment that are visible and pass the filter; None when that is every row.

    How each predicate of the filter was evaluated is added to `record`.
    """
    visible = segment.visible()
    if row_filter is None:
        return visible
    passed = row_filter.evaluate(segment.source, segment.predicates, record)
    return passed if visible is None else passed & visible


def allowed_places(segment: SegmentView, row_filter: Filter | None, array: str) -> Bitset | None:
    """The rows a search may find, or with the name of an array of structs the elements, end to end; None for all."""
    if not array:
        return allowed_rows(segment, row_filter)
    visible = segment.visible()
    if visible is None and row_filter is None:
        return None
    offsets = element_offsets(segment.source.column(array))
    seen = None if visible is None else rows_to_elements(visible, offsets)
    if row_filter is None:
        return seen
    passed = row_filter.evaluate_elements(segment.source, array, segment.predicates)
    return passed if seen is None else passed & seen


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
    segments = plan.scope.segments
    blocks: list[_Block] = []
    for place, segment in enumerate(segments):
        blocks.extend(_blocks(plan, place, segment, k, scan))
    results = _results(blocks, scan.pool) if blocks else []
    if not results:
        none = np.empty(0, np.int64)
        return located_hits(plan, np.zeros(plan.query_count, np.int64), none, none, np.empty(0, np.float32))
    return located_hits(plan, *_merge(blocks, results, k, larger_is_nearer=plan.target.metric.larger_is_nearer))


def _blocks(plan: SearchPlan, place: int, segment: SegmentView, k: int, scan: ScanSettings) -> list[_Block]:
    """The work on one segment: one call of its index, or a scan in as many parts as there are threads."""
    target = plan.target
    allow = allowed_places(segment, plan.scope.filter, target.array)
    if allow is not None and not allow.any():
        return []
    if isinstance(plan.vectors, VectorLists):
        lists = segment.source.column(target.field.name.partition("[")[0])
        scan_lists = partial(max_sim_hits, lists, target.field, target.metric, plan.vectors, k=k, allow=allow)
        return [_Block(place, 0, (scan_lists,))]
    index = segment.index(target.field.name)
    if index is not None:
        shares = _query_shares(plan, scan)
        return [_Block(place, 0, tuple(partial(_run, index, share, k, allow) for share in shares))]
    column = vector_column(segment.source.column, target.field)
    if len(column) == 0:
        return []
    parts = _part_count(target.field, len(column), scan)
    if parts == 1:
        exact = exact_index(target, column)
        return [_Block(place, 0, (partial(_run, exact, plan, k, allow),))]
    step = -(-len(column) // parts // _WORD_BITS) * _WORD_BITS
    blocks = []
    for start in range(0, len(column), step):
        count = min(step, len(column) - start)
        part = None if allow is None else allow.part(start, count)
        exact = exact_index(target, column.slice(start, count))
        blocks.append(_Block(place, start, (partial(_run, exact, plan, k, part),)))
    return blocks


def _results(blocks: Sequence[_Block], pool: WorkerPool) -> list[SearchHits]:
    """The hits of all queries in each block."""
    found = iter(pool.map([search for block in blocks for search in block.searches]))
    results = []
    for block in blocks:
        parts = [next(found) for _ in block.searches]
        if len(parts) > 1:
            rows = np.concatenate([part.rows for part in parts])
            parts = [SearchHits(rows=rows, scores=np.concatenate([part.scores for part in parts]))]
        results.append(parts[0])
    return results


def _query_shares(plan: SearchPlan, scan: ScanSettings) -> list[SearchPlan]:
    """The search in as many parts as there are threads for its queries, each with queries enough to be worth one."""
    count = min(scan.pool.thread_count, plan.query_count // _QUERIES_PER_PART_MIN)
    if count < 2 or not isinstance(plan.vectors, np.ndarray):
        return [plan]
    bounds = [plan.query_count * number // count for number in range(count + 1)]
    return [plan.part(start, stop) for start, stop in pairwise(bounds)]


def _part_count(field: Field, row_count: int, scan: ScanSettings) -> int:
    if field.data_type is DataType.SPARSE_FLOAT_VECTOR or scan.pool.thread_count == 1:
        return 1
    parts = row_count * row_width_bytes(field) // max(scan.parallel_bytes_min, 1)
    return min(scan.pool.thread_count, parts) if parts > 1 else 1


def exact_index(target: VectorTarget, column: pa.Array) -> VectorIndex:
    """A scan of rows that have no index, scored as the index on their field scores."""
    name = _EXACT_TYPES.get(target.field.data_type, "FLAT")
    return index_type(name).open(VectorColumn(target.field, column), target.metric, target.build_params, {})


def _run(index: VectorIndex, plan: SearchPlan, k: int, allow: Bitset | None) -> SearchHits:
    target = plan.target
    if target.bounds is None:
        return index.search(cast("npt.NDArray[Any]", plan.vectors), k, target.params, allow)
    rows = np.full((plan.query_count, k), -1, np.int64)
    scores = np.zeros((plan.query_count, k), np.float32)
    for number in range(plan.query_count):
        found_scores, found_rows = index.range_search(
            cast("npt.NDArray[Any]", plan.vector(number)), target.bounds, target.params, allow
        )
        count = min(k, len(found_rows))
        rows[number, :count] = found_rows[:count]
        scores[number, :count] = found_scores[:count]
    return SearchHits(rows=rows, scores=scores)


def _merge(
    blocks: Sequence[_Block], results: Sequence[SearchHits], k: int, *, larger_is_nearer: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Counts, places, rows and scores of the best `k` of each query, end to end."""
    if len(results) == 1:
        block, only = blocks[0], results[0]
        if len(only.rows) == 1:
            rows, scores = only.rows[0], only.scores[0]
            if len(rows) and rows[-1] < 0:
                count = int(np.count_nonzero(rows >= 0))
                rows, scores = rows[:count], scores[:count]
            if block.start:
                rows = rows + block.start
            return np.array([len(rows)]), np.full(len(rows), block.place), rows, scores
        present = only.rows >= 0
        rows = only.rows[present] + block.start
        return present.sum(axis=1), np.full(len(rows), block.place, np.int64), rows, only.scores[present]
    if len(results[0].rows) == 1:
        return _merge_one(blocks, results, k, larger_is_nearer=larger_is_nearer)
    scores = np.concatenate([result.scores for result in results], axis=1)
    rows = np.concatenate(
        [np.where(hits.rows >= 0, hits.rows + block.start, -1) for block, hits in zip(blocks, results, strict=True)],
        axis=1,
    )
    places = np.repeat([block.place for block in blocks], [result.rows.shape[1] for result in results])
    order_keys = np.where(rows >= 0, -scores if larger_is_nearer else scores, np.inf)
    order = np.argsort(order_keys, axis=1, kind="stable")[:, :k]
    rows = np.take_along_axis(rows, order, axis=1)
    present = rows >= 0
    scores = np.take_along_axis(scores, order, axis=1)
    return present.sum(axis=1), places[order][present], rows[present], scores[present]


def _merge_one(
    blocks: Sequence[_Block], results: Sequence[SearchHits], k: int, *, larger_is_nearer: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """`_merge` for one query, in fewer and smaller steps: it is most of what a short search costs."""
    found = [(block, hits.rows[0], hits.scores[0]) for block, hits in zip(blocks, results, strict=True)]
    found = [(block, rows[rows >= 0], scores[rows >= 0]) for block, rows, scores in found]
    scores = np.concatenate([scores for _, _, scores in found])
    order = np.argsort(-scores if larger_is_nearer else scores, kind="stable")[:k]
    rows = np.concatenate([rows + block.start for block, rows, _ in found])[order]
    places = np.repeat([block.place for block, _, _ in found], [len(rows) for _, rows, _ in found])[order]
    return np.array([len(order)]), places, rows, scores[order]


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
