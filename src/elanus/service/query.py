"""Reading rows: search, query and aggregation."""

import numpy as np
import pyarrow as pa

from elanus.columns.check import check_keys
from elanus.columns.layout import arrow_type
from elanus.engine.alterations import partition_entry
from elanus.engine.collection import Collection
from elanus.engine.engine import Engine
from elanus.errors import Conflict, InvalidInput
from elanus.query.aggregation import aggregate as run_aggregation
from elanus.query.aggregation import plan_aggregation
from elanus.query.explaining import ExplainedSearch, SegmentExplainer, explain_target, predicates_of
from elanus.query.explanation import Explanation
from elanus.query.ordering import resolve_order, retrieve_ordered
from elanus.query.output import fetch, resolve_output
from elanus.query.plan import (
    Scope,
    SearchPlan,
    VectorTarget,
    check_vectors,
    plan_scope,
    plan_segments,
    plan_target,
)
from elanus.query.retrieve import count
from elanus.query.search import ScanSettings
from elanus.query.search import search as run_search
from elanus.query.view import ReadView
from elanus.service.requests.explain import Explain
from elanus.service.requests.query import Aggregate, Query, QueryReply, Search, SearchReply
from elanus.settings import Settings

_COUNT = "count(*)"


def search(engine: Engine, request: Search) -> SearchReply:
    collection = engine.collection(request.database, request.collection)
    settings = engine.components.settings
    # The view first: a partition that is made or dropped meanwhile is then not asked of a view that lacks it.
    view = _view(collection, request.guarantee_timestamp)
    partitions = _readable_partitions(collection, request)
    _check_page(request.limit, request.offset, settings, limit_required=True)
    target, query_count = _target(view, request, settings)
    output = resolve_output(view.schema, request.output_fields, with_primary=False)
    scope = plan_scope(
        view,
        filter_text=request.filter,
        filter_params=request.filter_params,
        partitions=partitions,
        ignore_growing=request.ignore_growing,
    )
    plan = SearchPlan(scope, target, request.vectors, query_count, view.primary_field)
    scan = ScanSettings(engine.components.search_pool, settings.parallel_scan_bytes_min)
    hits = run_search(plan, offset=request.offset, limit=request.limit, scan=scan)
    scores = hits.scores if request.round_decimals < 0 else np.round(hits.scores, request.round_decimals)
    return SearchReply(
        counts=hits.counts,
        ids=hits.keys,
        scores=scores,
        columns=fetch(hits.found, output),
        fields=output.fields,
        dynamic_keys=output.dynamic_keys,
        primary_field=view.primary_field.name,
        metric=target.metric.value,
        larger_is_nearer=target.metric.larger_is_nearer,
        timestamp=view.read_timestamp,
    )


def query(engine: Engine, request: Query) -> QueryReply:
    collection = engine.collection(request.database, request.collection)
    view = _view(collection, request.guarantee_timestamp)
    partitions = _readable_partitions(collection, request)
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
    _check_page(request.limit, request.offset, engine.components.settings, limit_required=limit_required)
    order = resolve_order(view.schema, request.order_by)
    if request.ids is not None:
        check_keys(primary, request.ids)
    scope = plan_scope(
        view,
        filter_text=request.filter,
        filter_params=request.filter_params,
        partitions=partitions,
        ignore_growing=request.ignore_growing,
    )
    ids = request.ids if request.ids is not None else _ids_of_filter(scope, view)
    if counting:
        return _counted(view, count(scope, ids=ids))
    output = resolve_output(view.schema, request.output_fields, with_primary=True)
    rows = retrieve_ordered(scope, primary, order, ids=ids, offset=request.offset, limit=request.limit or None)
    return QueryReply(
        columns=fetch(rows.found, output),
        fields=output.fields,
        dynamic_keys=output.dynamic_keys,
        primary_field=primary.name,
        timestamp=view.read_timestamp,
    )


def aggregate(engine: Engine, request: Aggregate) -> QueryReply:
    collection = engine.collection(request.database, request.collection)
    settings = engine.components.settings
    view = _view(collection, request.guarantee_timestamp)
    partitions = _readable_partitions(collection, request)
    _check_page(request.limit, request.offset, settings, limit_required=False)
    plan = plan_aggregation(
        view.schema, output=request.output_fields, group_by=request.group_by, order_by=request.order_by
    )
    scope = plan_scope(
        view,
        filter_text=request.filter,
        filter_params=request.filter_params,
        partitions=partitions,
        ignore_growing=request.ignore_growing,
    )
    columns, fields = run_aggregation(
        scope,
        plan,
        offset=request.offset,
        limit=request.limit or None,
        group_count_max=settings.aggregation_group_count_max,
    )
    return QueryReply(columns, fields, (), view.primary_field.name, view.read_timestamp)


def explain(engine: Engine, request: Explain) -> Explanation:
    inner = request.request
    collection = engine.collection(inner.database, inner.collection)
    components = engine.components
    view = _view(collection, inner.guarantee_timestamp)
    partitions = _readable_partitions(collection, inner)
    searched = None
    if isinstance(inner, Search):
        _check_page(inner.limit, inner.offset, components.settings, limit_required=True)
        target, query_count = _target(view, inner, components.settings)
        plan = SearchPlan(Scope((), None), target, inner.vectors, query_count, view.primary_field)
        scan = ScanSettings(components.search_pool, components.settings.parallel_scan_bytes_min)
        searched = ExplainedSearch(plan, inner.limit + inner.offset, scan)
    row_filter, segments = plan_segments(
        view,
        filter_text=inner.filter,
        filter_params=inner.filter_params,
        partitions=partitions,
        ignore_growing=inner.ignore_growing,
    )
    predicates = predicates_of(row_filter, view, inner.filter_params)
    explainer = SegmentExplainer(view, row_filter, predicates, searched, components.clock.monotonic_s)
    return Explanation(
        collection=inner.collection,
        filter="" if row_filter is None else str(row_filter),
        outline="" if row_filter is None else row_filter.outline(),
        target=None if searched is None else explain_target(searched),
        segments=explainer.reports(segments),
    )


def _target(view: ReadView, request: Search, settings: Settings) -> tuple[VectorTarget, int]:
    """What is searched, and the number of query vectors."""
    target = plan_target(
        view,
        field_name=request.field_name,
        metric=request.metric,
        params=request.params,
        limit=request.limit + request.offset,
    )
    query_count = check_vectors(target.field, request.vectors)
    if not 1 <= query_count <= settings.query_vector_count_max:
        raise InvalidInput(
            "limit_exceeded", f"{query_count} query vectors, expected 1 to {settings.query_vector_count_max}"
        )
    return target, query_count


def _counted(view: ReadView, row_count: int) -> QueryReply:
    none = pa.RecordBatch.from_arrays([], schema=pa.schema([]))
    return QueryReply(none, (), (), view.primary_field.name, view.read_timestamp, count=row_count)


def _ids_of_filter(scope: Scope, view: ReadView) -> pa.Array | None:
    """The primary keys that a filter pins down, so that only their rows are looked at."""
    primary = view.primary_field
    values = None if scope.filter is None else scope.filter.key_values(primary.name)
    return None if values is None else pa.array(values, arrow_type(primary))


def _view(collection: Collection, guarantee_timestamp: int) -> ReadView:
    view = collection.view()
    return view.at(guarantee_timestamp) if guarantee_timestamp else view


def _readable_partitions(collection: Collection, request: Search | Query | Aggregate) -> tuple[str, ...]:
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


def _check_page(limit: int, offset: int, settings: Settings, *, limit_required: bool) -> None:
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
