"""Reading rows: search and query."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa

from elanus.columns.check import check_keys
from elanus.columns.layout import arrow_type
from elanus.columns.vectors import VectorLists
from elanus.engine.alterations import partition_entry
from elanus.engine.collection import Collection
from elanus.engine.cursors import CursorSession
from elanus.engine.engine import Engine
from elanus.errors import Conflict, InvalidInput
from elanus.query.cursor import SearchCursor
from elanus.query.grouping import grouped_search, plan_grouping
from elanus.query.ordering import ordered_hits, resolve_order, retrieve_ordered
from elanus.query.output import OutputColumns, fetch, fetch_column, resolve_output
from elanus.query.parts import ScanSettings
from elanus.query.plan import (
    PreparedSearch,
    Scope,
    SearchPlan,
    VectorTarget,
    asked_segments,
    check_vectors,
    filtered_scope,
    plan_scope,
    plan_target,
)
from elanus.query.rescoring import rescored_search, scores_run_up
from elanus.query.retrieve import count
from elanus.query.search import Hits
from elanus.query.search import search as run_search
from elanus.query.vectors_of_keys import vectors_of_keys
from elanus.query.view import ReadView, SegmentView
from elanus.runtime.ids import random_token
from elanus.service.isolation import check_isolated_search
from elanus.service.requests.query import (
    Aggregate,
    Query,
    QueryReply,
    Search,
    SearchBatch,
    SearchBatchReply,
    SearchReply,
)
from elanus.service.timezones import check_time_parts, effective_timezone, in_local_time
from elanus.settings import Settings

_COUNT = "count(*)"
_REMEMBERED_CHARACTERS_MAX: Final = 4096


@dataclass(frozen=True, slots=True, eq=False)
class SearchShape:
    """What searches of one shape share, whatever their vectors and filters.

    Attributes:
        segments: those they are about, before a filter leaves out any.
        scans: as `PreparedSearch` has them.
    """

    segments: tuple[SegmentView, ...]
    target: VectorTarget
    output: OutputColumns
    scans: dict[int, object]


@dataclass(frozen=True, slots=True)
class PlannedSearch:
    """A search that was checked: what it reads, what it does, what it returns."""

    view: ReadView
    plan: SearchPlan
    output: OutputColumns
    timezone: str = ""
    time_parts: tuple[str, ...] = ()


def search(engine: Engine, request: Search) -> SearchReply:
    if request.collapse is not None:
        raise InvalidInput("invalid_argument", "element_scope is for the searches of a hybrid search; leave it out")
    planned = planned_search(engine, request)
    if request.group_by:
        return _grouped_reply(engine, request, planned)
    order = resolve_order(planned.view.schema, request.order_by)
    hits = found_hits(engine, request, planned)
    if order:
        hits = ordered_hits(hits, order)
    reply = _search_reply(planned, hits, request.round_decimals)
    if request.rescoring is None:
        return reply
    return replace(reply, larger_is_nearer=scores_run_up(request.rescoring, planned.plan.target.metric))


def found_hits(engine: Engine, request: Search, planned: PlannedSearch) -> Hits:
    """The hits of a search that is neither grouped nor ordered by fields."""
    scan = scan_settings(engine)
    if request.rescoring is None:
        return run_search(planned.plan, offset=request.offset, limit=request.limit, scan=scan)
    return rescored_search(
        planned.plan,
        request.rescoring,
        planned.view,
        offset=request.offset,
        limit=request.limit,
        scan=scan,
        timezone=planned.timezone,
    )


def search_batch(engine: Engine, request: SearchBatch) -> SearchBatchReply:
    asked = request.search
    if asked.group_by:
        raise InvalidInput("not_supported", "a search iterator takes no grouping; leave group_by_field out")
    if asked.order_by:
        raise InvalidInput("not_supported", "a search iterator goes by score; leave order_by_fields out")
    if asked.ids is not None:
        raise InvalidInput("not_supported", "a search iterator takes a vector; leave the primary keys out")
    if asked.rescoring is not None:
        raise InvalidInput("not_supported", "a search iterator goes by the metric's score; leave the ranker out")
    if asked.offset:
        raise InvalidInput("invalid_argument", f"a search iterator got offset {asked.offset}, expected 0")
    if request.batch_number < 0:
        raise InvalidInput("out_of_range", f"batch number is {request.batch_number}, expected 0 or more")
    planned = planned_search(engine, asked)
    if planned.plan.query_count != 1:
        raise InvalidInput(
            "invalid_argument", f"a search iterator got {planned.plan.query_count} query vectors, expected one"
        )
    if planned.plan.target.metric.is_of_lists:
        raise InvalidInput("not_supported", "a search iterator takes single vectors, not lists of them")
    session = engine.cursors.take(request.token, request.batch_number) if request.batch_number else None
    if session is None:
        session = CursorSession(SearchCursor(planned.plan), asked.limit)
    hits = session.batch(request.batch_number)
    if request.batch_number == 0 and hits.counts[0] == asked.limit:
        engine.held_views.hold(engine.collection(asked.database, asked.collection).collection_id, planned.view)
    token = request.token or random_token()
    # Many iterators end with their first batch, so their state is made anew should there be a second.
    if request.batch_number:
        engine.cursors.put(token, session)
    return SearchBatchReply(_search_reply(planned, hits, asked.round_decimals), token)


def _grouped_reply(engine: Engine, request: Search, planned: PlannedSearch) -> SearchReply:
    if request.rescoring is not None:
        raise InvalidInput("not_supported", "a grouping search goes by the metric's score; leave the ranker out")
    check_groups(planned, request.group_by)
    grouping = plan_grouping(
        planned.view.schema,
        request.group_by,
        size=request.group_size,
        size_max=engine.components.settings.group_size_max,
        strict=request.strict_group_size,
    )
    order = resolve_order(planned.view.schema, request.order_by)
    hits = grouped_search(planned.plan, grouping, offset=request.offset, limit=request.limit)
    if order:
        hits = ordered_hits(hits, order, group_by=grouping.fields)
    reply = _search_reply(planned, hits, request.round_decimals)
    columns = [fetch_column(hits.found, field) for field in grouping.fields]
    names = [field.name for field in grouping.fields]
    fields = tuple(field.in_timezone(planned.timezone) for field in grouping.fields)
    return replace(reply, groups=pa.RecordBatch.from_arrays(columns, names=names), group_fields=fields)


def check_groups(planned: PlannedSearch, group_by: tuple[str, ...]) -> None:
    """Refuses groups of what cannot be grouped, or not so.

    Raises:
        InvalidInput: with the reason.
    """
    if planned.plan.target.bounds is not None:
        raise InvalidInput("not_supported", "a grouping search takes no range; leave radius and range_filter out")
    target, primary = planned.plan.target, planned.view.primary_field.name
    if target.metric.is_of_lists:
        raise InvalidInput(
            "not_supported", "a search with lists of vectors takes no grouping; leave group_by_field out"
        )
    if target.array and group_by != (primary,):
        raise InvalidInput(
            "not_supported",
            f"hits that are elements of {target.array!r} are grouped by the primary key, {primary!r}, "
            f"not by {', '.join(group_by)}",
        )


def scan_settings(engine: Engine) -> ScanSettings:
    """How this engine splits scans over threads."""
    return ScanSettings(engine.components.search_pool, engine.components.settings.parallel_scan_bytes_min)


def planned_search(engine: Engine, request: Search, view: ReadView | None = None) -> PlannedSearch:
    """The search, checked, over `view` or over the state it asks for.

    Raises:
        InvalidInput: anything about it is wrong.
        NotFound: there is no such collection or partition.
        Conflict: the collection is not loaded and has to be.
    """
    settings = engine.components.settings
    collection = engine.collection(request.database, request.collection)
    # The view first: a partition that is made or dropped meanwhile is then not asked of a view that lacks it.
    view = view_at(engine, collection, request.guarantee_timestamp) if view is None else view
    partitions = readable_partitions(collection, request)
    is_timeless = not (view.has_timestamps or request.timezone or request.time_parts)
    timezone = "" if is_timeless else timezone_of(engine, collection, request)
    key = _shape_key(request, partitions, timezone)
    shape: SearchShape | None = None if key is None else view.shapes.get(key)
    if shape is None:
        shape = _search_shape(request, view, settings, partitions)
        if key is not None:
            view.shapes.put(key, shape)
    prepared = _prepared_search(request, view, shape, timezone, remembered=key is not None)
    check_isolated_search(view.schema, collection.manifest.properties, prepared.scope.filter)
    target = shape.target
    vectors = request.vectors if request.ids is None else vectors_of_keys(view, target.field, request.ids)
    query_count = check_vectors(target.field, vectors)
    if not 1 <= query_count <= settings.query_vector_count_max:
        raise InvalidInput(
            "limit_exceeded", f"{query_count} query vectors, expected 1 to {settings.query_vector_count_max}"
        )
    plan = SearchPlan(prepared.scope, target, vectors, query_count, view.primary_field, kept=prepared)
    return PlannedSearch(view, plan, shape.output, timezone, request.time_parts)


def _shape_key(request: Search, partitions: tuple[str, ...], timezone: str) -> Hashable | None:
    """Everything that a `SearchShape` depends on beside the view; None when it is too much to be remembered."""
    # 1, 1.0 and True are equal, but not the same parameter.
    params = tuple((name, type(value), value) for name, value in request.params.items()) if request.params else ()
    key = (
        request.limit,
        request.offset,
        request.field_name,
        request.metric,
        request.output_fields,
        partitions,
        timezone,
        request.ignore_growing,
        isinstance(request.vectors, VectorLists),
        params,
    )
    try:
        hash(key)
    except TypeError:  # a parameter that is a list
        return None
    return key


def _search_shape(request: Search, view: ReadView, settings: Settings, partitions: tuple[str, ...]) -> SearchShape:
    check_page(request.limit, request.offset, settings, limit_required=True)
    target = plan_target(
        view,
        field_name=request.field_name,
        metric=request.metric,
        params=request.params,
        limit=request.limit + request.offset,
        of_lists=isinstance(request.vectors, VectorLists),
    )
    output = resolve_output(view.schema, request.output_fields, with_primary=False)
    segments = asked_segments(view, partitions=partitions, ignore_growing=request.ignore_growing)
    return SearchShape(segments, target, output, {})


def _prepared_search(
    request: Search, view: ReadView, shape: SearchShape, timezone: str, *, remembered: bool
) -> PreparedSearch:
    """The search of a shape with its filter; kept in the view where the shape is, unless the filter is long."""
    remembered = remembered and not request.filter_params and len(request.filter) <= _REMEMBERED_CHARACTERS_MAX
    key = shape, request.filter
    prepared: PreparedSearch | None = view.prepared.get(key) if remembered else None
    if prepared is None:
        scope = filtered_scope(
            view,
            shape.segments,
            filter_text=request.filter,
            filter_params=request.filter_params,
            timezone=timezone,
        )
        prepared = PreparedSearch(scope, shape.scans)
        if remembered:
            view.prepared.put(key, prepared)
    return prepared


def _search_reply(planned: PlannedSearch, hits: Hits, round_decimals: int) -> SearchReply:
    metric = planned.plan.target.metric
    columns, fields = in_local_time(
        fetch(hits.found, planned.output), planned.output.fields, timezone=planned.timezone, parts=planned.time_parts
    )
    return SearchReply(
        counts=hits.counts,
        ids=hits.keys,
        scores=hits.scores if round_decimals < 0 else np.round(hits.scores, round_decimals),
        columns=columns,
        fields=fields,
        dynamic_keys=planned.output.dynamic_keys,
        primary_field=planned.view.primary_field.name,
        metric=metric.value,
        larger_is_nearer=metric.larger_is_nearer,
        timestamp=planned.view.read_timestamp,
        elements=hits.elements,
    )


def query(engine: Engine, request: Query) -> QueryReply:
    collection = engine.collection(request.database, request.collection)
    view = view_at(engine, collection, request.guarantee_timestamp)
    partitions = readable_partitions(collection, request)
    timezone = timezone_of(engine, collection, request)
    primary = view.primary_field
    counting = request.output_fields == (_COUNT,)
    if _COUNT in request.output_fields and not counting:
        raise InvalidInput(
            "invalid_argument", "count(*) cannot be mixed with other output fields; ask for an aggregation"
        )
    if counting and request.order_by:
        raise InvalidInput("invalid_argument", "a count has one row, which order_by cannot order; leave it out")
    has_choice = bool(request.filter.strip()) or request.ids is not None
    limit_required = not has_choice and not counting
    check_page(request.limit, request.offset, engine.components.settings, limit_required=limit_required)
    order = resolve_order(view.schema, request.order_by)
    if request.ids is not None:
        check_keys(primary, request.ids)
    scope = plan_scope(
        view,
        filter_text=request.filter,
        filter_params=request.filter_params,
        partitions=partitions,
        ignore_growing=request.ignore_growing,
        timezone=timezone,
    )
    ids = request.ids if request.ids is not None else _ids_of_filter(scope, view)
    if counting:
        return _counted(view, count(scope, ids=ids))
    output = resolve_output(view.schema, request.output_fields, with_primary=True)
    rows = retrieve_ordered(scope, primary, order, ids=ids, offset=request.offset, limit=request.limit or None)
    if request.begins_iteration and len(rows.found) == request.limit:
        engine.held_views.hold(collection.collection_id, view)
    columns, fields = in_local_time(
        fetch(rows.found, output), output.fields, timezone=timezone, parts=request.time_parts
    )
    return QueryReply(
        columns=columns,
        fields=fields,
        dynamic_keys=output.dynamic_keys,
        primary_field=primary.name,
        timestamp=view.read_timestamp,
    )


def _counted(view: ReadView, row_count: int) -> QueryReply:
    none = pa.RecordBatch.from_arrays([], schema=pa.schema([]))
    return QueryReply(none, (), (), view.primary_field.name, view.read_timestamp, count=row_count)


def _ids_of_filter(scope: Scope, view: ReadView) -> pa.Array | None:
    """The primary keys that a filter pins down, so that only their rows are looked at."""
    primary = view.primary_field
    values = None if scope.filter is None else scope.filter.key_values(primary.name)
    return None if values is None else pa.array(values, arrow_type(primary))


def view_at(engine: Engine, collection: Collection, guarantee_timestamp: int) -> ReadView:
    """The newest state, or that of an earlier time.

    Raises:
        Conflict: the state of that time is gone.
    """
    if not guarantee_timestamp:
        return collection.view()
    held = engine.held_views.find(collection.collection_id, guarantee_timestamp)
    return collection.view().at(guarantee_timestamp) if held is None else held


def timezone_of(engine: Engine, collection: Collection, request: Search | Query | Aggregate) -> str:
    """The zone of times that name none, and of those that come out.

    Raises:
        InvalidInput: no zone, or a part of times that they do not have.
    """
    check_time_parts(request.time_parts)
    manifest = collection.manifest
    return effective_timezone(
        engine, manifest.schema, request.database, properties=manifest.properties, asked=request.timezone
    )


def readable_partitions(collection: Collection, request: Search | Query | Aggregate) -> tuple[str, ...]:
    """The partitions to read: those named or, where only some are loaded and loading counts, the loaded ones.

    Raises:
        NotFound: a partition named does not exist, loaded or not.
        Conflict: what is asked for is not loaded.
    """
    manifest = collection.manifest
    for name in request.partitions:
        partition_entry(manifest, name)
    if manifest.load.loaded or not request.require_loaded:
        return request.partitions
    loaded = tuple(entry.name for entry in manifest.partitions if manifest.load.allows(entry.partition_id))
    if loaded and set(request.partitions) <= set(loaded):
        return request.partitions or loaded
    raise Conflict("collection_not_loaded", f"collection not loaded: {request.collection!r}; load it before reading")


def check_page(limit: int, offset: int, settings: Settings, *, limit_required: bool) -> None:
    """Refuses a page that is no page, or too far.

    Raises:
        InvalidInput: with what is expected.
    """
    if limit < 0 or (limit == 0 and limit_required):
        raise InvalidInput("out_of_range", f"limit is {limit}, expected 1 to {settings.topk_max}")
    if offset < 0:
        raise InvalidInput("out_of_range", f"offset is {offset}, expected 0 or more")
    if limit + offset > settings.topk_max and (limit or offset):
        raise InvalidInput(
            "limit_exceeded",
            f"limit {limit} and offset {offset} together are {limit + offset}, expected at most {settings.topk_max}; "
            "use an iterator for more",
        )
