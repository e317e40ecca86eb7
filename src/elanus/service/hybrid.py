"""Several searches at once, and one list of their hits."""

from elanus.engine.engine import Engine
from elanus.errors import InvalidInput
from elanus.query.fusion import check_ranker, fused, larger_is_better
from elanus.query.output import fetch, resolve_output
from elanus.query.search import search as run_search
from elanus.schema.rankers import RrfRanker
from elanus.service.query import PlannedSearch, check_page, planned_search, scan_settings, view_at
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
        raise InvalidInput("not_supported", "grouping in a hybrid search is not supported yet")
    if any(search.order_by for search in request.searches):
        raise InvalidInput("not_supported", "ordering by fields in a hybrid search is not supported yet")
    planned = [planned_search(engine, search, view) for search in request.searches]
    _check_query_counts(planned)
    metrics = [one.plan.target.metric for one in planned]
    check_ranker(request.ranker, metrics)
    scan = scan_settings(engine)
    found = [
        run_search(one.plan, offset=search.offset, limit=search.limit, scan=scan)
        for one, search in zip(planned, request.searches, strict=True)
    ]
    hits = fused(found, metrics, request.ranker, offset=request.offset, limit=request.limit)
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
        metric="RRF" if isinstance(request.ranker, RrfRanker) else "WEIGHTED",
        larger_is_nearer=larger_is_better(request.ranker, metrics),
        timestamp=view.read_timestamp,
    )


def _check_query_counts(planned: list[PlannedSearch]) -> None:
    counts = [one.plan.query_count for one in planned]
    if len(set(counts)) > 1:
        raise InvalidInput(
            "invalid_argument", f"the searches of a hybrid search have {counts} query vectors, expected as many in each"
        )
