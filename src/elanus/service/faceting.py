"""Faceted search."""

from dataclasses import replace

from elanus.engine.engine import Engine
from elanus.errors import InvalidInput
from elanus.query.faceting import faceted_search as run_facets
from elanus.query.faceting import plan_facets
from elanus.service.query import planned_search
from elanus.service.requests.facets import FacetedSearch, FacetedSearchReply

__all__ = ["faceted_search"]


def faceted_search(engine: Engine, request: FacetedSearch) -> FacetedSearchReply:
    """The buckets of each query vector."""
    search = request.search
    for asked, what in (
        (search.offset, "offset"),
        (search.group_by, "grouping"),
        (search.order_by, "order of hits"),
        (search.rescoring, "ranker"),
    ):
        if asked:
            raise InvalidInput("invalid_argument", f"a search with facets (search aggregation) takes no {what}")
    planned = planned_search(engine, replace(search, limit=1))
    if planned.plan.target.bounds is not None:
        raise InvalidInput("not_supported", "a search with facets takes no range; leave radius and range_filter out")
    if planned.plan.target.array or planned.plan.target.metric.is_of_lists:
        raise InvalidInput("not_supported", "a search with facets is over a vector field, not a member of structs")
    facets = plan_facets(
        planned.view.schema,
        request.facet,
        planned.output,
        query_count=planned.plan.query_count,
        entry_count_max=engine.components.settings.facet_entry_count_max,
    )
    return FacetedSearchReply(
        buckets=run_facets(planned.plan, facets),
        key_fields=facets.keys,
        fields=planned.output.fields,
        primary_field=planned.view.primary_field.name,
        timestamp=planned.view.read_timestamp,
    )
