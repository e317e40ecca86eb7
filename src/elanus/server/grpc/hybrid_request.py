"""Hybrid search requests: from the protocol to the service's value."""

from dataclasses import replace
from typing import Any, Final

from elanus.errors import InvalidInput
from elanus.schema.rankers import Ranker
from elanus.schema.rescoring import DecayRanker
from elanus.server.grpc.key_values import texts_of
from elanus.server.grpc.ranking_functions import ranking_functions, said_value
from elanus.server.grpc.search_request import search_from_message
from elanus.server.grpc.stubs import milvus_pb2, schema_pb2
from elanus.server.option_values import folded_text, option_flag, option_integer
from elanus.server.ranker_options import hybrid_ranker, ranker_of
from elanus.server.refusals import not_supported
from elanus.server.search_options import refuse_later_options
from elanus.service.requests.collections import CollectionInfo
from elanus.service.requests.facets import FacetedSearch
from elanus.service.requests.query import HybridSearch, Search

__all__ = ["hybrid_from_message"]

_KNOWN: Final = frozenset(
    {
        *("strategy", "params", "limit", "offset", "round_decimal"),
        *("group_by_field", "group_size", "strict_group_size", "rank_group_scorer"),
    }
)


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
    options = {name: said_value(text) for name, text in texts_of(request.rank_params, what="rank_params").items()}
    refuse_later_options(options)
    unknown = sorted(name for name in options.keys() - _KNOWN if options[name])
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
        group_by=(str(options["group_by_field"]),) if options.get("group_by_field") else (),
        group_size=option_integer("group_size", options.get("group_size", 1)),
        strict_group_size=option_flag("strict_group_size", options.get("strict_group_size", False)),
        group_scorer=folded_text(options.get("rank_group_scorer") or "max"),
        database=info.database,
    )


def _search(request: milvus_pb2.SearchRequest, info: CollectionInfo, partitions: tuple[str, ...]) -> Search:
    search = search_from_message(request, info)
    if isinstance(search, FacetedSearch):
        raise InvalidInput("invalid_argument", "a hybrid search takes no search aggregation")
    if not isinstance(search, Search):
        raise InvalidInput("invalid_argument", "a hybrid search cannot be iterated; search each vector field by itself")
    # Output is that of the whole list, and so are page and groups: clients repeat them in every search.
    return replace(search, offset=0, output_fields=(), partitions=partitions or search.partitions, group_by=())


def _ranker(function_score: schema_pb2.FunctionScore, options: dict[str, Any]) -> Ranker | DecayRanker:
    functions = ranking_functions(function_score)
    if functions:
        return hybrid_ranker(functions)
    params = options.get("params") or {}
    if not isinstance(params, dict):
        raise InvalidInput("invalid_argument", f"params of the ranker are {params!r}, expected a JSON object")
    return ranker_of(options.get("strategy", ""), params)
