"""Explanations of searches and queries."""

from elanus.engine.engine import Engine
from elanus.query.explaining import ExplainedSearch, SegmentExplainer, explain_target, predicates_of
from elanus.query.explanation import Explanation
from elanus.query.plan import plan_segments
from elanus.service.query import planned_search, readable_partitions, scan_settings, timezone_of, view_at
from elanus.service.requests.explain import Explain
from elanus.service.requests.query import Search

__all__ = ["explain"]


def explain(engine: Engine, request: Explain) -> Explanation:
    """What a request means, and what it does in each segment."""
    inner = request.request
    collection = engine.collection(inner.database, inner.collection)
    view = view_at(engine, collection, inner.guarantee_timestamp)
    timezone = timezone_of(engine, collection, inner)
    searched = None
    if isinstance(inner, Search):
        plan = planned_search(engine, inner, view).plan
        searched = ExplainedSearch(plan, inner.limit + inner.offset, scan_settings(engine))
    row_filter, segments = plan_segments(
        view,
        filter_text=inner.filter,
        filter_params=inner.filter_params,
        partitions=readable_partitions(collection, inner),
        ignore_growing=inner.ignore_growing,
        timezone=timezone,
    )
    predicates = predicates_of(row_filter, view, inner.filter_params, timezone=timezone)
    explainer = SegmentExplainer(view, row_filter, predicates, searched, engine.components.clock.monotonic_s)
    return Explanation(
        collection=inner.collection,
        filter="" if row_filter is None else str(row_filter),
        outline="" if row_filter is None else row_filter.outline(),
        target=None if searched is None else explain_target(searched),
        segments=explainer.reports(segments),
    )
