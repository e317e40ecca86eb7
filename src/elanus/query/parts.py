"""The parts a search falls into: a call of an index, or a scan of some rows, with the rows that count.

They depend on the rows and the filter and not on the vectors, so searches of one shape over one view share them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.columns.structs import element_offsets, vector_column
from elanus.columns.vectors import VectorLists, row_width_bytes
from elanus.expr.access import AccessPath
from elanus.expr.element_truth import rows_to_elements
from elanus.expr.filter import Filter
from elanus.index.protocol import SearchHits, VectorColumn, VectorIndex
from elanus.index.registry import index_type
from elanus.query.max_sim import max_sim_hits
from elanus.query.plan import SearchPlan, VectorTarget
from elanus.query.view import SegmentView
from elanus.runtime.pool import WorkerPool
from elanus.schema.field import Field
from elanus.schema.types import DataType

__all__ = ["ScanSettings", "SearchPart", "allowed_places", "allowed_rows", "exact_index", "search_parts"]

_EXACT_TYPES: Final = {DataType.BINARY_VECTOR: "BIN_FLAT", DataType.SPARSE_FLOAT_VECTOR: "SPARSE_INVERTED_INDEX"}
_WORD_BITS: Final = 64
# Sets of allowed rows larger than this in all segments together are made anew for each search.
_KEPT_ROWS_BYTES_MAX: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """How much work is worth a second thread."""

    pool: WorkerPool
    parallel_bytes_min: int


@dataclass(frozen=True, slots=True)
class SearchPart:
    """Rows of a segment from `start` on, as one task searches them.

    Attributes:
        place: of the segment among those of the plan's scope.
        search: called with the plan and the number of rows wanted for each query.
        scan_bytes: to be read by a scan; 0 when an index is asked, of which nobody knows beforehand what it reads.
    """

    place: int
    start: int
    search: Callable[[SearchPlan, int], SearchHits]
    scan_bytes: int


def search_parts(plan: SearchPlan, scan: ScanSettings) -> Sequence[SearchPart]:
    """The parts of a search, segments without an allowed row left out; kept with the plan where they are not large."""
    kept = plan.kept
    if kept is not None and kept.parts is not None:
        return cast("Sequence[SearchPart]", kept.parts)
    parts: list[SearchPart] = []
    kept_bytes = 0
    for place, segment in enumerate(plan.scope.segments):
        allow = allowed_places(segment, plan.scope.filter, plan.target.array)
        if allow is not None:
            if not allow.any():
                continue
            kept_bytes += allow.nbytes()
        parts += _parts_of(plan, place, segment, allow, scan)
    if kept is not None and kept_bytes <= _KEPT_ROWS_BYTES_MAX:
        kept.parts = tuple(parts)
    return parts


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


def exact_index(target: VectorTarget, column: pa.Array) -> VectorIndex:
    """A scan of rows that have no index, scored as the index on their field scores."""
    name = _EXACT_TYPES.get(target.field.data_type, "FLAT")
    return index_type(name).open(VectorColumn(target.field, column), target.metric, target.build_params, {})


@dataclass(frozen=True, slots=True)
class _ScanPart:
    """Rows of a segment that has no index, from `start` on, ready to be scanned by one task."""

    start: int
    row_count: int
    index: VectorIndex
    scan_bytes: int


def _parts_of(
    plan: SearchPlan, place: int, segment: SegmentView, allow: Bitset | None, scan: ScanSettings
) -> list[SearchPart]:
    """The work on one segment: one call of its index, or a scan in as many parts as there are threads."""
    target = plan.target
    if isinstance(plan.vectors, VectorLists):
        lists = segment.source.column(target.field.name.partition("[")[0])
        return [SearchPart(place, 0, partial(_search_lists, lists, allow), 0)]
    index = segment.index(target.field.name)
    if index is not None:
        return [SearchPart(place, 0, partial(_search_index, index, allow), 0)]
    scans = _kept_scans(plan, segment, scan)
    if len(scans) == 1:
        only = scans[0]
        return [SearchPart(place, 0, partial(_search_index, only.index, allow), only.scan_bytes)]
    return [
        SearchPart(
            place,
            part.start,
            partial(_search_index, part.index, None if allow is None else allow.part(part.start, part.row_count)),
            part.scan_bytes,
        )
        for part in scans
    ]


def _kept_scans(plan: SearchPlan, segment: SegmentView, scan: ScanSettings) -> Sequence[_ScanPart]:
    """The scan of a segment, made once for all filters of a view."""
    if plan.kept is None:
        return _scan_parts(plan.target, segment, scan)
    # The view that keeps them has the segment, so no other has its id.
    found = plan.kept.scans.get(id(segment))
    if found is None:
        found = plan.kept.scans[id(segment)] = _scan_parts(plan.target, segment, scan)
    return cast("Sequence[_ScanPart]", found)


def _scan_parts(target: VectorTarget, segment: SegmentView, scan: ScanSettings) -> Sequence[_ScanPart]:
    column = vector_column(segment.source.column, target.field)
    if len(column) == 0:
        return ()
    scan_bytes = _scan_bytes(target.field, len(column))
    count = max(1, min(scan.pool.thread_count, scan_bytes // max(scan.parallel_bytes_min, 1)))
    step = len(column) if count == 1 else -(-len(column) // count // _WORD_BITS) * _WORD_BITS
    return tuple(
        _ScanPart(
            start, min(step, len(column) - start), exact_index(target, column.slice(start, step)), scan_bytes // count
        )
        for start in range(0, len(column), step)
    )


def _scan_bytes(field: Field, row_count: int) -> int:
    """What a scan of dense vectors reads; 0 of sparse ones."""
    return 0 if field.data_type is DataType.SPARSE_FLOAT_VECTOR else row_count * row_width_bytes(field)


def _search_lists(lists: pa.Array, allow: Bitset | None, plan: SearchPlan, k: int) -> SearchHits:
    queries = cast("VectorLists", plan.vectors)
    return max_sim_hits(lists, plan.target.field, plan.target.metric, queries, k=k, allow=allow)


def _search_index(index: VectorIndex, allow: Bitset | None, plan: SearchPlan, k: int) -> SearchHits:
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
