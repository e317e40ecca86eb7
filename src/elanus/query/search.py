"""Vector search over a view: every segment by its index or by scanning, then one merge."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.columns.taking import take_rows
from elanus.columns.vectors import VectorLists, row_width_bytes
from elanus.expr.access import AccessPath
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

__all__ = ["Hits", "ScanSettings", "allowed_rows", "exact_index", "search"]

_EXACT_TYPES: Final = {DataType.BINARY_VECTOR: "BIN_FLAT", DataType.SPARSE_FLOAT_VECTOR: "SPARSE_INVERTED_INDEX"}
_WORD_BITS: Final = 64
# Several times what it takes to wake a thread and to hear of it again.
_ALONE_S: Final = 0.0005


@dataclass(frozen=True, slots=True)
class _Block:
    """Rows of a segment from `start` on, as one task searches them.

    Attributes:
        scan_bytes: to be read by a scan; 0 when an index is asked, of which nobody knows beforehand what it reads.
    """

    place: int
    start: int
    search: Callable[[], SearchHits]
    scan_bytes: int = 0


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


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """How much work is worth a second thread."""

    pool: WorkerPool
    parallel_bytes_min: int


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


def _search_once(plan: SearchPlan, k: int, scan: ScanSettings) -> Hits:
    segments = plan.scope.segments
    blocks: list[_Block] = []
    for place, segment in enumerate(segments):
        blocks.extend(_blocks(plan, place, segment, k, scan))
    results = _results(blocks, scan)
    primary = plan.primary_field
    if not results:
        none = FoundRows(segments, np.empty(0, np.int64), np.empty(0, np.int64))
        counts = np.zeros(plan.query_count, np.int64)
        return Hits(counts, none, np.empty(0, np.float32), fetch_column(none, primary))
    counts, places, rows, scores = _merge(blocks, results, k, larger_is_nearer=plan.target.metric.larger_is_nearer)
    found = FoundRows(segments, places, rows)
    return Hits(counts, found, scores, fetch_column(found, primary))


def _results(blocks: Sequence[_Block], scan: ScanSettings) -> list[SearchHits]:
    """What each block has. Large scans are shared between threads at once, all else when it turns out to take long."""
    if len(blocks) == 1:
        return [blocks[0].search()]
    is_large = sum(block.scan_bytes for block in blocks) >= 2 * scan.parallel_bytes_min
    return scan.pool.map([block.search for block in blocks], alone_s=0.0 if is_large else _ALONE_S)


def _blocks(plan: SearchPlan, place: int, segment: SegmentView, k: int, scan: ScanSettings) -> list[_Block]:
    """The work on one segment: one call of its index, or a scan in as many parts as there are threads."""
    target = plan.target
    allow = allowed_rows(segment, plan.scope.filter)
    if allow is not None and not allow.any():
        return []
    if isinstance(plan.vectors, VectorLists):
        lists = segment.source.column(target.field.name.partition("[")[0])
        scan_lists = partial(max_sim_hits, lists, target.field, target.metric, plan.vectors, k=k, allow=allow)
        return [_Block(place, 0, scan_lists)]
    index = segment.index(target.field.name)
    if index is not None:
        return [_Block(place, 0, partial(_run, index, plan, k, allow))]
    column = segment.source.column(target.field.name)
    scan_bytes = _scan_bytes(target.field, segment.row_count)
    parts = _part_count(scan_bytes, scan)
    if parts == 1:
        exact = exact_index(target, column)
        return [_Block(place, 0, partial(_run, exact, plan, k, allow), scan_bytes)]
    step = -(-segment.row_count // parts // _WORD_BITS) * _WORD_BITS
    blocks = []
    for start in range(0, segment.row_count, step):
        count = min(step, segment.row_count - start)
        part = None if allow is None else allow.part(start, count)
        exact = exact_index(target, column.slice(start, count))
        blocks.append(_Block(place, start, partial(_run, exact, plan, k, part), scan_bytes // parts))
    return blocks


def _scan_bytes(field: Field, row_count: int) -> int:
    """What a scan of dense vectors reads; 0 of sparse ones."""
    return 0 if field.data_type is DataType.SPARSE_FLOAT_VECTOR else row_count * row_width_bytes(field)


def _part_count(scan_bytes: int, scan: ScanSettings) -> int:
    parts = min(scan.pool.thread_count, scan_bytes // max(scan.parallel_bytes_min, 1))
    return max(parts, 1)


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
