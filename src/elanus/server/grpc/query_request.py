"""Query and delete requests: from the protocol to the service's values."""

from typing import Final

from elanus.errors import InvalidInput
from elanus.server.grpc.key_values import texts_of
from elanus.server.grpc.read_timestamps import snapshot_timestamp
from elanus.server.grpc.stubs import milvus_pb2
from elanus.server.grpc.templates import filter_params_from_messages
from elanus.server.option_values import option_flag, option_integer
from elanus.server.refusals import not_supported
from elanus.server.search_options import refuse_later_options, time_parts_of
from elanus.service.requests.data import Delete
from elanus.service.requests.query import Query

__all__ = ["delete_from_message", "iterated_collection", "query_from_message"]

_KNOWN: Final = frozenset(
    {
        "limit", "offset", "ignore_growing", "iterator", "reduce_stop_for_best", "collection_id", "timezone",
        "time_fields",
    }
)  # fmt: skip


def query_from_message(request: milvus_pb2.QueryRequest, *, database: str) -> Query:
    """The query that a request asks for.

    Rows come in order of their primary keys, which is what iterators rely on.

    Raises:
        InvalidInput: something not supported, or an option of the wrong form.
    """
    _refuse_later_parts(namespace=request.namespace, travel_timestamp=request.travel_timestamp)
    options = texts_of(request.query_params, what="query_params")
    refuse_later_options(options)
    for name in options:
        if name not in _KNOWN and options[name]:
            raise not_supported(f"query option {name}")
    limit = 0
    if options.get("limit"):
        limit = option_integer("limit", options["limit"])
        if limit < 1:
            raise InvalidInput("out_of_range", f"limit is {limit}, expected 1 or more")
    return Query(
        collection=request.collection_name,
        filter=request.expr,
        filter_params=filter_params_from_messages(request.expr_template_values),
        output_fields=tuple(request.output_fields),
        partitions=tuple(request.partition_names),
        limit=limit,
        offset=option_integer("offset", options.get("offset") or "0"),
        guarantee_timestamp=snapshot_timestamp(
            request.guarantee_timestamp, is_iterator=option_flag("iterator", options.get("iterator", ""))
        ),
        ignore_growing=option_flag("ignore_growing", options.get("ignore_growing", "")),
        require_loaded=True,
        timezone=options.get("timezone", ""),
        time_parts=time_parts_of(options.get("time_fields", "")),
        database=database,
    )


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
