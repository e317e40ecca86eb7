"""Query and delete requests: from the protocol to the service's values."""

from collections.abc import Mapping
from typing import Any, Final

from elanus.errors import InvalidInput
from elanus.query.aggregation import is_aggregation
from elanus.server.grpc.key_values import texts_of
from elanus.server.grpc.read_timestamps import snapshot_timestamp
from elanus.server.grpc.stubs import milvus_pb2
from elanus.server.grpc.templates import filter_params_from_messages
from elanus.server.option_values import option_flag, option_integer
from elanus.server.refusals import not_supported
from elanus.server.search_options import refuse_later_options, time_parts_of
from elanus.service.requests.data import Delete
from elanus.service.requests.query import Aggregate, Query

__all__ = ["delete_from_message", "iterated_collection", "query_from_message"]

_ORDER: Final = "order_by_fields"
_GROUPS: Final = "group_by_fields"
_KNOWN: Final = frozenset(
    {
        "limit", "offset", "ignore_growing", "iterator", "reduce_stop_for_best", "collection_id", "timezone",
        "time_fields", _ORDER, _GROUPS,
    }
)  # fmt: skip


def query_from_message(request: milvus_pb2.QueryRequest, *, database: str) -> Query | Aggregate:
    """The query or aggregation that a request asks for.

    Rows come in order of their primary keys, which is what iterators rely on, or in the order asked for.

    Raises:
        InvalidInput: something not supported, or an option of the wrong form.
    """
    _refuse_later_parts(namespace=request.namespace, travel_timestamp=request.travel_timestamp)
    options = texts_of(request.query_params, what="query_params")
    refuse_later_options({name: value for name, value in options.items() if name not in _KNOWN})
    for name in options:
        if name not in _KNOWN and options[name]:
            raise not_supported(f"query option {name}")
    is_iterator = option_flag("iterator", options.get("iterator", ""))
    order_by, group_by = _names(options.get(_ORDER, "")), _names(options.get(_GROUPS, ""))
    outputs = tuple(request.output_fields)
    scope: dict[str, Any] = {
        "filter": request.expr,
        "filter_params": filter_params_from_messages(request.expr_template_values),
        "output_fields": outputs,
        "order_by": order_by,
        "partitions": tuple(request.partition_names),
        "limit": _limit(options),
        "offset": option_integer("offset", options.get("offset") or "0"),
        "guarantee_timestamp": snapshot_timestamp(request.guarantee_timestamp, is_iterator=is_iterator),
        "ignore_growing": option_flag("ignore_growing", options.get("ignore_growing", "")),
        "require_loaded": True,
        "timezone": options.get("timezone", ""),
        "time_parts": time_parts_of(options.get("time_fields", "")),
        "database": database,
    }
    aggregates = is_aggregation(outputs, group_by)
    if is_iterator and (order_by or aggregates):
        raise InvalidInput(
            "invalid_argument", "an iterator goes by primary key: it takes no order_by and no aggregates"
        )
    if aggregates:
        return Aggregate(request.collection_name, group_by=group_by, **scope)
    if order_by and not scope["limit"]:
        raise InvalidInput("invalid_argument", "order_by needs a limit beside it")
    begins_iteration = is_iterator and not scope["guarantee_timestamp"]
    return Query(request.collection_name, begins_iteration=begins_iteration, **scope)


def _limit(options: Mapping[str, str]) -> int:
    """0 when none was given."""
    if not options.get("limit"):
        return 0
    limit = option_integer("limit", options["limit"])
    if limit < 1:
        raise InvalidInput("out_of_range", f"limit is {limit}, expected 1 or more")
    return limit


def _names(text: str) -> tuple[str, ...]:
    """Names as clients join them, with commas."""
    return tuple(name.strip() for name in text.split(",")) if text.strip() else ()


def iterated_collection(request: milvus_pb2.QueryRequest) -> int:
    """The id of the collection that an iterator began on, or 0.

    Raises:
        InvalidInput: it is not a number.
    """
    options = texts_of(request.query_params, what="query_params")
    return option_integer("collection_id", options.get("collection_id") or "0")


def delete_from_message(request: milvus_pb2.DeleteRequest, *, database: str) -> Delete:
    """The delete that a request asks for, always by filter.

    Raises:
        InvalidInput: something not supported.
    """
    _refuse_later_parts(namespace=request.namespace, travel_timestamp=0)
    return Delete(
        collection=request.collection_name,
        filter=request.expr,
        filter_params=filter_params_from_messages(request.expr_template_values),
        partition=request.partition_name,
        database=database,
    )


def _refuse_later_parts(*, namespace: str, travel_timestamp: int) -> None:
    if namespace:
        raise not_supported("a namespace")
    if travel_timestamp:
        raise not_supported("time travel")
