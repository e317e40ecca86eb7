"""Search aggregations: from the protocol to facets, and buckets back."""

from collections.abc import Iterator, Sequence
from typing import Any

from elanus.errors import InvalidInput
from elanus.schema.facets import Bucket, BucketHit, Facet, FacetMetric, FacetOrder, TopHits
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.server.grpc.status import success
from elanus.server.grpc.stubs import common_pb2, milvus_pb2, schema_pb2
from elanus.service.requests.facets import FacetedSearch, FacetedSearchReply

__all__ = ["facet_from_message", "facet_results"]

_DIRECTIONS = {"asc": False, "desc": True, "": False}


def facet_from_message(message: common_pb2.SearchAggregationSpec) -> Facet:
    """The facet and those inside it.

    Raises:
        InvalidInput: a direction that is neither asc nor desc.
    """
    metrics = sorted(message.metrics.items())
    return Facet(
        fields=tuple(message.fields),
        size=message.size,
        metrics=tuple(FacetMetric(alias, metric.op, metric.field_name) for alias, metric in metrics),
        order=tuple(_order(item.key, item.direction, null_first=item.null_first) for item in message.order),
        top_hits=_top_hits(message.top_hits) if message.HasField("top_hits") else None,
        inner=facet_from_message(message.sub_aggregation) if message.HasField("sub_aggregation") else None,
        search_size=message.search_size,
    )


def facet_results(reply: FacetedSearchReply, request: FacetedSearch) -> milvus_pb2.SearchResults:
    """The buckets of all queries end to end, `agg_topks` of each, and no hits beside them."""
    count = len(reply.buckets)
    data = schema_pb2.SearchResultData(
        num_queries=count,
        topks=[0] * count,
        primary_field_name=reply.primary_field,
        agg_topks=[len(buckets) for buckets in reply.buckets],
    )
    data.ids.int_id.SetInParent()
    fields = {field.name: field for field in reply.key_fields}
    for buckets in reply.buckets:
        data.agg_buckets.extend(_buckets(buckets, request.facet, fields, reply.fields))
    return milvus_pb2.SearchResults(
        status=success(), results=data, collection_name=request.search.collection, session_ts=reply.timestamp
    )


def _top_hits(message: common_pb2.TopHitsSpec) -> TopHits:
    order = (_order(item.field_name, item.direction, null_first=item.null_first) for item in message.sort)
    return TopHits(message.size, tuple(order))


def _order(name: str, direction: str, *, null_first: bool) -> FacetOrder:
    if direction not in _DIRECTIONS:
        raise InvalidInput("invalid_argument", f"the direction of {name!r} is {direction!r}, expected asc or desc")
    return FacetOrder(name, _DIRECTIONS[direction], null_first)


def _buckets(
    buckets: Sequence[Bucket], facet: Facet, keys: dict[str, Field], fields: Sequence[Field]
) -> Iterator[schema_pb2.AggBucket]:
    for bucket in buckets:
        message = schema_pb2.AggBucket(count=bucket.count, hits=[_hit(hit, fields) for hit in bucket.hits])
        for name, value in zip(facet.fields, bucket.key, strict=True):
            _set(message.key.add(field_id=keys[name].field_id, field_name=name), value)
        for metric, value in zip(facet.metrics, bucket.metrics, strict=True):
            _set(message.metrics[metric.alias], value)
        if facet.inner is not None:
            message.sub_groups.extend(_buckets(bucket.inner, facet.inner, keys, fields))
        yield message


def _hit(hit: BucketHit, fields: Sequence[Field]) -> schema_pb2.AggHit:
    message = schema_pb2.AggHit(score=hit.score)
    if isinstance(hit.key, str):
        message.str_pk = hit.key
    else:
        message.int_pk = hit.key
    for field, value in zip(fields, hit.values, strict=True):
        part = message.fields.add(field_id=field.field_id, field_name=field.name)
        if field.data_type is DataType.FLOAT and value is not None:
            part.float_val = value
        else:
            _set(part, value)
    return message


def _set(message: Any, value: Any) -> None:
    """Puts a value into the arm of its type; none for NULL."""
    match value:
        case bool():
            message.bool_val = value
        case int():
            message.int_val = value
        case float():
            message.double_val = value
        case str():
            message.string_val = value
        case None:
            pass
