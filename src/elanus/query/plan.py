"""From a request to what has to be done: names resolved, parameters checked, segments chosen. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.layout import arrow_type
from elanus.columns.vectors import SparseRows, VectorLists, element_dtype, float32_from_bfloat16, row_elements
from elanus.errors import InvalidInput, NotFound
from elanus.expr.filter import Filter, compile_filter
from elanus.index.protocol import RangeBounds
from elanus.index.registry import index_type
from elanus.query.view import ReadView, SegmentView
from elanus.schema.field import Field
from elanus.schema.types import LIST_METRICS_OF, METRICS_OF, DataType, Metric
from elanus.storage.routing import partition_slots

__all__ = [
    "PreparedSearch",
    "Scope",
    "SearchPlan",
    "VectorTarget",
    "asked_segments",
    "check_vectors",
    "filtered_scope",
    "plan_scope",
    "plan_segments",
    "plan_target",
]

QueryVectors = npt.NDArray[Any] | SparseRows | VectorLists

_RANGE_PARAMS: Final = ("radius", "range_filter")


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows a request is about: segments that may hold such rows, and the filter for each row of them."""

    segments: tuple[SegmentView, ...]
    filter: Filter | None


@dataclass(frozen=True, slots=True)
class VectorTarget:
    """What is searched, and how.

    Attributes:
        params: search parameters of the index, complete and checked.
        build_params: of the index, which also say how rows without it are scored (`mh_element_bit_width`).
        bounds: scores accepted, for a range search.
    """

    field: Field
    metric: Metric
    params: Mapping[str, Any]
    bounds: RangeBounds | None
    build_params: Mapping[str, Any]

    @property
    def array(self) -> str:
        """The array of structs whose elements are searched one by one; empty when rows are found."""
        return "" if self.metric.is_of_lists else self.field.name.partition("[")[0] if "[" in self.field.name else ""


class PreparedSearch:
    """What searches of one target and filter share.

    Attributes:
        scope: the rows they are about.
        scans: how each segment without an index is scanned, by the `id` of its view; shared with other filters of the
            same read view.
        parts: those they fall into; None until they are first made.
    """

    __slots__ = ("parts", "scans", "scope")

    def __init__(self, scope: Scope, scans: dict[int, object]) -> None:
        self.scope: Final = scope
        self.scans: Final = scans
        self.parts: Sequence[object] | None = None


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """A whole search.

    Attributes:
        kept: what is shared with other searches of this very scope and target; None when there are none.
    """

    scope: Scope
    target: VectorTarget
    vectors: QueryVectors
    query_count: int
    primary_field: Field
    kept: PreparedSearch | None = None

    def within(self, scope: Scope) -> "SearchPlan":
        """The search over other rows."""
        return replace(self, scope=scope, kept=None)

    def single(self, number: int) -> "SearchPlan":
        """The search with one of its query vectors."""
        one = self.vector(number)
        return replace(self, vectors=one[None, :] if isinstance(one, np.ndarray) else one, query_count=1)

    def part(self, start: int, stop: int) -> "SearchPlan":
        """The search with the query vectors `start` to `stop` (exclusive), which are rows of an array."""
        assert isinstance(self.vectors, np.ndarray), type(self.vectors)
        return replace(self, vectors=self.vectors[start:stop], query_count=stop - start)

    def vector(self, number: int) -> QueryVectors:
        """One of the query vectors, as an index takes a single one."""
        if isinstance(self.vectors, SparseRows):
            return SparseRows(self.vectors.offsets[number : number + 2], self.vectors.indices, self.vectors.values)
        if isinstance(self.vectors, VectorLists):
            matrix = self.vectors.matrix(number)
            return VectorLists(np.array([0, len(matrix)], np.int64), matrix)
        one: npt.NDArray[Any] = self.vectors[number]
        return one


def plan_scope(
    view: ReadView,
    *,
    filter_text: str,
    filter_params: Mapping[str, Any],
    partitions: Sequence[str],
    ignore_growing: bool,
    timezone: str = "",
) -> Scope:
    """The segments and the filter of a request, without those segments that `plan_segments` finds a reason to skip.

    Times in the filter that name no zone are in `timezone`, an IANA name; empty is UTC.

    Raises:
        InvalidInput: the filter is wrong.
        NotFound: a partition does not exist.
    """
    return filtered_scope(
        view,
        asked_segments(view, partitions=partitions, ignore_growing=ignore_growing),
        filter_text=filter_text,
        filter_params=filter_params,
        timezone=timezone,
    )


def plan_segments(
    view: ReadView,
    *,
    filter_text: str,
    filter_params: Mapping[str, Any],
    partitions: Sequence[str],
    ignore_growing: bool,
    timezone: str = "",
) -> tuple[Filter | None, list[tuple[SegmentView, str]]]:
    """The filter, and every segment with the reason to skip it; no reason when it has to be read.

    Segments are skipped by partition, by partition key, and where their statistics show that no row can match.

    Raises:
        InvalidInput: the filter is wrong.
        NotFound: a partition does not exist.
    """
    compiled = _compiled(view, filter_text, filter_params, timezone)
    wanted = _partition_ids(view, partitions)
    by_key = _partitions_of_key(view, compiled)
    return compiled, [
        (
            segment,
            _unasked(segment, wanted, ignore_growing=ignore_growing) or _unmatched(segment, compiled, by_key),
        )
        for segment in view.segments
    ]


def asked_segments(view: ReadView, *, partitions: Sequence[str], ignore_growing: bool) -> tuple[SegmentView, ...]:
    """The segments a request is about, before its filter leaves out any.

    Raises:
        NotFound: a partition does not exist.
    """
    wanted = _partition_ids(view, partitions)
    return tuple(segment for segment in view.segments if not _unasked(segment, wanted, ignore_growing=ignore_growing))


def filtered_scope(
    view: ReadView,
    segments: tuple[SegmentView, ...],
    *,
    filter_text: str,
    filter_params: Mapping[str, Any],
    timezone: str = "",
) -> Scope:
    """What is left of `asked_segments` with a filter.

    Raises:
        InvalidInput: the filter is wrong.
    """
    compiled = _compiled(view, filter_text, filter_params, timezone)
    if compiled is None:
        return Scope(segments, None)
    by_key = _partitions_of_key(view, compiled)
    return Scope(tuple([segment for segment in segments if not _unmatched(segment, compiled, by_key)]), compiled)


def _compiled(view: ReadView, text: str, params: Mapping[str, Any], timezone: str) -> Filter | None:
    return compile_filter(text, view.schema, params or None, timezone=timezone) if text.strip() else None


def _unasked(segment: SegmentView, wanted: frozenset[int] | None, *, ignore_growing: bool) -> str:
    """Why a request is not about a segment; empty when it is."""
    if ignore_growing and segment.is_growing:
        return "growing rows are left out"
    if wanted is not None and segment.partition_id not in wanted:
        return "its partition is not asked for"
    return ""


def _unmatched(segment: SegmentView, compiled: Filter | None, by_key: frozenset[int] | None) -> str:
    """Why a filter matches no row of a segment; empty when it may."""
    if by_key is not None and segment.partition_id not in by_key:
        return "no partition key of the filter is in its partition"
    if compiled is not None and segment.stats is not None and not compiled.may_match(segment.stats):
        return "by its bounds no row can match"
    return ""


def plan_target(
    view: ReadView, *, field_name: str, metric: str, params: Mapping[str, Any], limit: int, of_lists: bool = False
) -> VectorTarget:
    """What a vector search is over.

    A vector member of an array of structs is searched with lists of vectors (`of_lists`) for rows, or with single ones
    for elements, whichever its index is for; where it is for the other, everything is compared.

    Raises:
        InvalidInput: no such vector field, a metric that is not the index's, or a wrong parameter.
    """
    field = view.schema.vector_member(field_name) or _vector_field(view.vector_fields, field_name)
    definition = view.index_on(field.name)
    chosen = _metric(field, None if definition is None else definition.metric, metric, of_lists=of_lists)
    bounds, rest = _range_bounds(params, chosen)
    if chosen.is_of_lists and bounds is not None:
        raise InvalidInput("invalid_argument", "a search with lists of vectors takes no radius")
    if definition is None or (definition.metric is not None and definition.metric.is_of_lists != of_lists):
        return VectorTarget(field, chosen, {}, bounds, {})
    checked = index_type(definition.index_type).check_search_params(rest, build_params=definition.params, k=limit)
    return VectorTarget(field, chosen, checked, bounds, definition.params)


def check_vectors(field: Field, vectors: QueryVectors) -> int:
    """The number of query vectors.

    Raises:
        InvalidInput: they do not fit the field, or are not finite.
    """
    if isinstance(vectors, VectorLists):
        if "[" not in field.name:
            raise InvalidInput(
                "type_mismatch", f"field {field.name!r} is searched with single vectors", field=field.name
            )
        if not len(vectors) or (np.diff(vectors.offsets) < 1).any():
            raise InvalidInput("invalid_argument", "a list of query vectors is empty", field=field.name)
        check_vectors(replace(field, name="a list"), vectors.vectors)
        return len(vectors)
    if field.data_type is DataType.SPARSE_FLOAT_VECTOR:
        if not isinstance(vectors, SparseRows):
            raise InvalidInput(
                "type_mismatch", f"field {field.name!r} is searched with sparse vectors", field=field.name
            )
        if not np.isfinite(vectors.values).all():
            raise InvalidInput("not_finite", "a query vector has NaN or infinity", field=field.name)
        return len(vectors)
    dtype, width = element_dtype(field.data_type), row_elements(field)
    if isinstance(vectors, SparseRows) or vectors.ndim != 2 or vectors.dtype != dtype:
        got = "sparse vectors" if isinstance(vectors, SparseRows) else f"an array of {vectors.dtype} {vectors.shape}"
        raise InvalidInput(
            "type_mismatch",
            f"field {field.name!r} ({field.type_label()}) cannot be searched with {got}",
            field=field.name,
        )
    if vectors.shape[1] != width:
        raise InvalidInput(
            "dimension_mismatch",
            f"query vectors have {vectors.shape[1]} elements, field {field.name!r} has {width} ({field.type_label()})",
            field=field.name,
        )
    if not _is_finite(float32_from_bfloat16(vectors) if field.data_type is DataType.BFLOAT16_VECTOR else vectors):
        raise InvalidInput("not_finite", "a query vector has NaN or infinity", field=field.name)
    return len(vectors)


def _is_finite(vectors: npt.NDArray[Any]) -> bool:
    if vectors.dtype.kind != "f":
        return True
    # A finite sum of squares proves finite elements at a fraction of the cost; an overflowing one is looked at again.
    if vectors.dtype == np.float32 and math.isfinite(np.vdot(vectors, vectors)):
        return True
    return bool(np.isfinite(vectors).all())


def _vector_field(vectors: tuple[Field, ...], name: str) -> Field:
    if not name:
        if len(vectors) == 1:
            return vectors[0]
        names = ", ".join(field.name for field in vectors)
        raise InvalidInput("invalid_argument", f"say which vector field to search (anns_field), one of {names}")
    found = next((field for field in vectors if field.name == name), None)
    if found is None:
        names = ", ".join(field.name for field in vectors)
        raise InvalidInput("invalid_argument", f"{name!r} is no vector field; those are {names}", field=name)
    return found


def _metric(field: Field, indexed: Metric | None, asked: str, *, of_lists: bool) -> Metric:
    if of_lists and field.data_type not in LIST_METRICS_OF:
        raise InvalidInput("type_mismatch", f"field {field.name!r} is searched with single vectors", field=field.name)
    allowed = LIST_METRICS_OF[field.data_type] if of_lists else METRICS_OF[field.data_type]
    if indexed is not None and indexed.is_of_lists != of_lists:
        indexed = next((metric for metric in allowed if metric.element is indexed.element), None)
    if not asked:
        return indexed or allowed[0]
    if asked.upper() not in {metric.value for metric in allowed}:
        names = ", ".join(allowed)
        raise InvalidInput(
            "metric_mismatch", f"metric {asked!r} does not fit field {field.name!r}, expected one of {names}"
        )
    chosen = Metric(asked.upper())
    if indexed is not None and chosen is not indexed:
        raise InvalidInput(
            "metric_mismatch",
            f"metric type not match: the index on {field.name!r} uses {indexed}, the search asks for {chosen}",
            field=field.name,
        )
    return chosen


def _range_bounds(params: Mapping[str, Any], metric: Metric) -> tuple[RangeBounds | None, dict[str, Any]]:
    if not params:
        return None, {}
    rest = {name: value for name, value in params.items() if name not in _RANGE_PARAMS}
    radius, inner = (_number(name, params.get(name)) for name in _RANGE_PARAMS)
    if radius is None:
        if inner is not None:
            raise InvalidInput("invalid_argument", "range_filter needs radius beside it")
        return None, rest
    if inner is not None and (inner <= radius if metric.larger_is_nearer else inner >= radius):
        relation = "larger" if metric.larger_is_nearer else "smaller"
        raise InvalidInput(
            "out_of_range", f"range_filter is {inner} and radius {radius}; for {metric} range_filter must be {relation}"
        )
    return RangeBounds(radius, inner), rest


def _number(name: str, value: Any) -> float | None:
    if value is None:
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if math.isnan(number):
        raise InvalidInput("invalid_argument", f"{name} is {value!r}, expected a number")
    return number


def _partition_ids(view: ReadView, names: Iterable[str]) -> frozenset[int] | None:
    ids = []
    for name in names:
        if name not in view.partitions:
            raise NotFound("partition_not_found", f"partition not found: {name!r}")
        ids.append(view.partitions[name])
    return frozenset(ids) if ids else None


def _partitions_of_key(view: ReadView, compiled: Filter | None) -> frozenset[int] | None:
    """The partitions that can hold the partition key values the filter allows; None when it allows any."""
    ids = view.keyed_partition_ids
    if not ids or compiled is None:
        return None
    field = view.schema.partition_key_field
    assert field is not None
    values = compiled.key_values(field.name)
    if values is None:
        return None
    slots = partition_slots(pa.array(values, arrow_type(field)), len(ids))
    return frozenset(ids[slot] for slot in slots.tolist())
