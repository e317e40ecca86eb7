"""Aggregates of rows."""

from elanus.engine.engine import Engine
from elanus.query.aggregation import aggregate as run_aggregation
from elanus.query.aggregation import plan_aggregation
from elanus.query.plan import plan_scope
from elanus.service.query import check_page, readable_partitions, timezone_of, view_at
from elanus.service.requests.query import Aggregate, QueryReply
from elanus.service.timezones import in_local_time

__all__ = ["aggregate"]


def aggregate(engine: Engine, request: Aggregate) -> QueryReply:
    """One row a group, in the order asked for."""
    collection = engine.collection(request.database, request.collection)
    settings = engine.components.settings
    view = view_at(engine, collection, request.guarantee_timestamp)
    partitions = readable_partitions(collection, request)
    timezone = timezone_of(engine, collection, request)
    check_page(request.limit, request.offset, settings, limit_required=False)
    plan = plan_aggregation(
        view.schema, output=request.output_fields, group_by=request.group_by, order_by=request.order_by
    )
    scope = plan_scope(
        view,
        filter_text=request.filter,
        filter_params=request.filter_params,
        partitions=partitions,
        ignore_growing=request.ignore_growing,
        timezone=timezone,
    )
    columns, fields = run_aggregation(
        scope,
        plan,
        offset=request.offset,
        limit=request.limit or None,
        group_count_max=settings.aggregation_group_count_max,
    )
    columns, fields = in_local_time(columns, fields, timezone=timezone, parts=request.time_parts)
    return QueryReply(columns, fields, (), view.primary_field.name, view.read_timestamp)
