"""Several searches at once, and one list of their hits."""

import pyarrow as pa

from elanus.engine.engine import Engine
from elanus.errors import InvalidInput
from elanus.query.collapsing import GROUP_SCORERS, collapsed_hits, grouped_hits
from elanus.query.fusion import check_ranker, fused, larger_is_better
from elanus.query.grouping import Grouping, grouped_search, plan_grouping
from elanus.query.output import fetch, fetch_column, resolve_output
from elanus.query.rescoring import decayed_fusion
from elanus.query.search import Hits
from elanus.schema.collapse import Collapse
from elanus.schema.field import Field
from elanus.schema.rankers import RrfRanker
from elanus.schema.rescoring import DecayRanker
from elanus.service.query import PlannedSearch, check_groups, check_page, found_hits, planned_search, view_at
from elanus.service.requests.query import HybridSearch, SearchReply
from elanus.service.timezones import in_local_time

__all__ = ["hybrid_search"]


def hybrid_search(engine: Engine, request: HybridSearch) -> SearchReply:
    """All searches read the same state."""
    if not request.searches:
        raise InvalidInput("invalid_argument", "a hybrid search has no searches, expected at least one")
    collection = engine.collection(request.database, request.collection)
    view = view_at(engine, collection, request.guarantee_timestamp)
    check_page(request.limit, request.offset, engine.components.settings, limit_required=True)
    output = resolve_output(view.schema, request.output_fields, with_primary=False)
    if any(search.group_by for search in request.searches):
        raise InvalidInput("invalid_argument", "the searches of a hybrid search take no grouping; give it to the whole")
    if any(search.ids is not None for search in request.searches):
        raise InvalidInput("not_supported", "the searches of a hybrid search take vectors, not primary keys")
    if any(search.order_by for search in request.searches):
        raise InvalidInput("not_supported", "ordering by fields in a hybrid search is not supported yet")
    planned = [planned_search(engine, search, view) for search in request.searches]
    _check_query_counts(planned)
    metrics = [one.plan.target.metric for one in planned]
    ranker = request.ranker
    if not isinstance(ranker, DecayRanker):
        check_ranker(ranker, metrics)
    grouping = _grouping(engine, request, planned)
    found = _found(engine, request, planned, grouping)
    # All that was found, where groups are made of it.
    page = (request.offset, request.limit) if grouping is None else (0, sum(len(hits.scores) for hits in found))
    if isinstance(ranker, DecayRanker):
        hits = decayed_fusion(found, metrics, ranker, view, offset=page[0], limit=page[1])
        name, runs_up = "DECAY", True
    else:
        hits = fused(found, metrics, ranker, offset=page[0], limit=page[1])
        name, runs_up = "RRF" if isinstance(ranker, RrfRanker) else "WEIGHTED", larger_is_better(ranker, metrics)
    groups: pa.RecordBatch | None = None
    group_fields: tuple[Field, ...] = ()
    if grouping is not None:
        hits = grouped_hits(
            hits,
            grouping.fields,
            size=grouping.size,
            scorer=request.group_scorer,
            offset=request.offset,
            limit=request.limit,
            larger_is_better=runs_up,
        )
        group_fields = tuple(field.in_timezone(planned[0].timezone) for field in grouping.fields)
        groups = pa.RecordBatch.from_arrays(
            [fetch_column(hits.found, field) for field in group_fields], names=[field.name for field in group_fields]
        )
    columns, fields = in_local_time(
        fetch(hits.found, output), output.fields, timezone=planned[0].timezone, parts=planned[0].time_parts
    )
    return SearchReply(
        counts=hits.counts,
        ids=hits.keys,
        scores=hits.scores if request.round_decimals < 0 else hits.scores.round(request.round_decimals),
        columns=columns,
        fields=fields,
        dynamic_keys=output.dynamic_keys,
        primary_field=view.primary_field.name,
        metric=name,
        larger_is_nearer=runs_up,
        timestamp=view.read_timestamp,
        groups=groups,
        group_fields=group_fields,
        elements=hits.elements,
    )


def _grouping(engine: Engine, request: HybridSearch, planned: list[PlannedSearch]) -> Grouping | None:
    if request.group_scorer not in GROUP_SCORERS:
        raise InvalidInput(
            "invalid_argument",
            f"rank_group_scorer is {request.group_scorer!r}, expected one of {', '.join(GROUP_SCORERS)}",
        )
    if not request.group_by:
        return None
    for one, search in zip(planned, request.searches, strict=True):
        check_groups(one, request.group_by)
        if search.rescoring is not None:
            raise InvalidInput("not_supported", "grouping goes by the metric's score; leave the searches' rankers out")
    return plan_grouping(
        planned[0].view.schema,
        request.group_by,
        size=request.group_size,
        size_max=engine.components.settings.group_size_max,
        strict=request.strict_group_size,
    )


def _found(
    engine: Engine, request: HybridSearch, planned: list[PlannedSearch], grouping: Grouping | None
) -> list[Hits]:
    """The hits of each search: all of them rows, or all elements of one array of structs."""
    arrays = {one.plan.target.array for one in planned}
    found = []
    for one, search in zip(planned, request.searches, strict=True):
        target = one.plan.target
        if isinstance(search.rescoring, DecayRanker):
            raise InvalidInput("not_supported", "decay is for a hybrid search as a whole, not for one of its searches")
        if search.collapse is not None and (not target.array or len(arrays) == 1):
            raise InvalidInput(
                "invalid_argument",
                "element_scope is for a search for elements beside searches of other fields, where rows are found",
            )
        if search.collapse is not None and search.collapse.adds and not target.metric.larger_is_nearer:
            raise InvalidInput(
                "invalid_argument",
                f"collapse {search.collapse.strategy} adds scores, but {target.metric} is a distance",
            )
        if grouping is None:
            hits = found_hits(engine, search, one)
        else:
            hits = grouped_search(one.plan, grouping, offset=search.offset, limit=search.limit)
        if target.array and len(arrays) > 1:
            larger_is_nearer = target.metric.larger_is_nearer
            hits = collapsed_hits(hits, search.collapse or Collapse(), larger_is_nearer=larger_is_nearer)
        found.append(hits)
    return found


def _check_query_counts(planned: list[PlannedSearch]) -> None:
    counts = [one.plan.query_count for one in planned]
    if len(set(counts)) > 1:
        raise InvalidInput(
            "invalid_argument", f"the searches of a hybrid search have {counts} query vectors, expected as many in each"
        )
