"""Search requests: from the protocol to the service's value."""

import pyarrow as pa

from elanus.errors import InvalidInput, NotFound
from elanus.server.grpc.facets import facet_from_message
from elanus.server.grpc.key_values import json_object, texts_of
from elanus.server.grpc.placeholders import query_vectors
from elanus.server.grpc.ranking_functions import ranking_functions
from elanus.server.grpc.read_timestamps import snapshot_timestamp
from elanus.server.grpc.stubs import common_pb2, milvus_pb2, schema_pb2
from elanus.server.grpc.templates import filter_params_from_messages
from elanus.server.ranker_options import rescoring_of
from elanus.server.refusals import not_supported
from elanus.server.search_options import SearchOptions, merge_options
from elanus.server.targets import searched_field
from elanus.service.requests.collections import CollectionInfo
from elanus.service.requests.facets import FacetedSearch
from elanus.service.requests.query import NO_VECTORS, Search, SearchBatch

__all__ = ["search_from_message"]


def search_from_message(
    request: milvus_pb2.SearchRequest, info: CollectionInfo
) -> Search | SearchBatch | FacetedSearch:
    """The search that a request asks for, with facets or not, or the batch of an iterator.

    `info` describes its collection.

    Raises:
        InvalidInput: something not supported, options that do not make sense, or vectors that do not fit the field.
        NotFound: the collection was made anew since an iterator began, or the field does not exist.
    """
    _refuse_later_parts(request)
    options = _options(request)
    if options.collection_id not in {0, info.collection_id}:
        raise NotFound(
            "collection_not_found",
            f"collection {info.name!r} is not the one this iterator began on; it was dropped and made anew",
        )
    if options.order_by and (options.is_iterator or options.batch is not None):
        raise InvalidInput("invalid_argument", "a search iterator goes by score: it takes no order_by_fields")
    field = searched_field(info.schema, options.field_name)
    by_ids = request.WhichOneof("search_input") == "ids"
    ids = _keys(request.ids) if by_ids else None
    vectors = NO_VECTORS if by_ids else query_vectors(request.placeholder_group, field)
    query_count = len(vectors if ids is None else ids)
    if request.nq not in {0, query_count}:
        raise InvalidInput("invalid_argument", f"nq is {request.nq}, but {query_count} query vectors were sent")
    batch = options.batch
    search = Search(
        collection=request.collection_name,
        vectors=vectors,
        ids=ids,
        limit=options.limit if batch is None else batch.size,
        field_name=field.name,
        offset=options.offset,
        metric=options.metric,
        params=options.params,
        filter=request.dsl,
        filter_params=filter_params_from_messages(request.expr_template_values),
        output_fields=tuple(request.output_fields),
        partitions=tuple(request.partition_names),
        round_decimals=options.round_decimals,
        guarantee_timestamp=snapshot_timestamp(request.guarantee_timestamp, is_iterator=options.is_iterator),
        ignore_growing=options.ignore_growing,
        require_loaded=True,
        timezone=options.timezone,
        time_parts=options.time_parts,
        group_by=options.group_by,
        group_size=options.group_size,
        strict_group_size=options.strict_group_size,
        order_by=options.order_by,
        rescoring=rescoring_of(
            ranking_functions(request.function_score), texts_of(request.function_score.params, what="ranker params")
        ),
        collapse=options.collapse,
        database=info.database,
    )
    if request.HasField("search_aggregation"):
        if batch is not None or options.is_iterator:
            raise InvalidInput("invalid_argument", "a search iterator takes no search aggregation")
        return FacetedSearch(search, facet_from_message(request.search_aggregation))
    return search if batch is None else SearchBatch(search, batch.number, batch.token)


def _keys(message: schema_pb2.IDs) -> pa.Array:
    """The primary keys of a search that goes by them."""
    if message.WhichOneof("id_field") == "str_id":
        return pa.array(message.str_id.data, pa.string())
    return pa.array(message.int_id.data, pa.int64())


def _options(request: milvus_pb2.SearchRequest) -> SearchOptions:
    outer = texts_of(request.search_params, what="search_params")
    nested = json_object("params", outer.pop("params", ""))
    return merge_options(outer, nested)


def _refuse_later_parts(request: milvus_pb2.SearchRequest) -> None:
    for asked, what in (
        (request.search_by_primary_keys, "search by primary keys in a filter"),
        (bool(request.sub_reqs), "hybrid search"),
        (bool(request.function_chains), "a function chain"),
        (request.HasField("highlighter"), "highlighting"),
        (bool(request.namespace), "a namespace"),
        (request.travel_timestamp != 0, "time travel"),
    ):
        if asked:
            raise not_supported(what)
    if request.dsl and request.dsl_type != common_pb2.BoolExprV1:
        raise not_supported("the old filter language (Dsl)", "send a boolean expression")
