"""Hybrid search requests: from the protocol to the service's value."""

from dataclasses import replace
from typing import Any, Final

import msgspec

from elanus.errors import InvalidInput
from elanus.schema.rankers import Ranker
from elanus.server.grpc.key_values import texts_of
from elanus.server.grpc.search_request import search_from_message
from elanus.server.grpc.stubs import milvus_pb2, schema_pb2
from elanus.server.option_values import option_integer
from elanus.server.ranker_options import ranker_of, ranker_of_function
from elanus.server.refusals import not_supported
from elanus.server.search_options import refuse_later_options
from elanus.service.requests.collections import CollectionInfo
from elanus.service.requests.facets import FacetedSearch
from elanus.service.requests.query import HybridSearch, Search

__all__ = ["hybrid_from_message"]

_KNOWN: Final = frozenset({"strategy", "params", "limit", "offset", "round_decimal"})
# Without a field to group by they mean nothing.
_WITHOUT_GROUPS: Final = frozenset({"group_by_field", "group_size", "strict_group_size"})


def hybrid_from_message(request: milvus_pb2.HybridSearchRequest, info: CollectionInfo) -> HybridSearch:
    """The searches and the ranker that a request asks for; `info` describes its collection.

    Raises:
        InvalidInput: something not supported, or options that do not make sense.
        NotFound: a field does not exist.
    """
    for asked, what in (
        (bool(request.function_chains), "a function chain"),
        (bool(request.namespace), "a namespace"),
        (request.travel_timestamp != 0, "time travel"),
    ):
        if asked:
            raise not_supported(what)
    options = {name: _value(text) for name, text in texts_of(request.rank_params, what="rank_params").items()}
    refuse_later_options(options)
    if options.get("group_by_field"):
        raise not_supported("grouping in a hybrid search")
    unknown = sorted(name for name in options.keys() - _KNOWN - _WITHOUT_GROUPS if options[name])
    if unknown:
        raise not_supported(f"the rank parameter {unknown[0]}")
    partitions = tuple(request.partition_names)
    return HybridSearch(
        collection=request.collection_name,
        searches=tuple(_search(sub, info, partitions) for sub in request.requests),
        ranker=_ranker(request.function_score, options),
        limit=option_integer("limit", options.get("limit", 0)),
        offset=option_integer("offset", options.get("offset", 0)),
        output_fields=tuple(request.output_fields),
        partitions=partitions,
        round_decimals=option_integer("round_decimal", options.get("round_decimal", -1)),
        require_loaded=True,
        database=info.database,
    )


def _search(request: milvus_pb2.SearchRequest, info: CollectionInfo, partitions: tuple[str, ...]) -> Search:
    search = search_from_message(request, info)
    if isinstance(search, FacetedSearch):
        raise InvalidInput("invalid_argument", "a hybrid search takes no search aggregation")
    if not isinstance(search, Search):
        raise InvalidInput("invalid_argument", "a hybrid search cannot be iterated; search each vector field by itself")
    # Output is that of the whole list, and so is the page: clients repeat its offset in every search.
    return replace(search, offset=0, output_fields=(), partitions=partitions or search.partitions)


def _ranker(function_score: schema_pb2.FunctionScore, options: dict[str, Any]) -> Ranker:
    functions = list(function_score.functions)
    if not functions:
        params = options.get("params") or {}
        if not isinstance(params, dict):
            raise InvalidInput("invalid_argument", f"params of the ranker are {params!r}, expected a JSON object")
        return ranker_of(options.get("strategy", ""), params)
    if len(functions) > 1:
        raise not_supported("more than one reranking function")
    texts = texts_of(functions[0].params, what="the function's params")
    return ranker_of_function({name: _value(text) for name, text in texts.items()})


def _value(text: str) -> Any:
    """What a text says: clients send JSON, or the bare word."""
    try:
        return msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, RecursionError):
        return text
