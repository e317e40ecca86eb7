"""Calls that read rows."""

from typing import Any, Final

from elanus.errors import NotFound
from elanus.server.grpc.calls import Call, Handlers
from elanus.server.grpc.facets import facet_results
from elanus.server.grpc.hybrid_request import hybrid_from_message
from elanus.server.grpc.query_request import iterated_collection, query_from_message
from elanus.server.grpc.read_replies import batch_results, query_results, search_results
from elanus.server.grpc.search_request import search_from_message
from elanus.server.grpc.stubs import milvus_pb2
from elanus.service.requests.base import Service
from elanus.service.requests.collections import DescribeCollection
from elanus.service.requests.facets import FacetedSearch
from elanus.service.requests.query import SearchBatch

__all__ = ["ReadCalls"]


class ReadCalls:
    """Translates calls that read rows for a service."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service

    def handlers(self) -> Handlers:
        """The calls answered here."""
        return {"Search": self._search, "HybridSearch": self._hybrid_search, "Query": self._query}

    def _search(self, request: milvus_pb2.SearchRequest, call: Call) -> Any:
        info = self._service.execute(DescribeCollection(request.collection_name, call.database(request)))
        asked = search_from_message(request, info)
        if isinstance(asked, SearchBatch):
            return batch_results(self._service.execute(asked), asked)
        if isinstance(asked, FacetedSearch):
            return facet_results(self._service.execute(asked), asked)
        return search_results(self._service.execute(asked), asked)

    def _hybrid_search(self, request: milvus_pb2.HybridSearchRequest, call: Call) -> Any:
        info = self._service.execute(DescribeCollection(request.collection_name, call.database(request)))
        hybrid = hybrid_from_message(request, info)
        return search_results(self._service.execute(hybrid), hybrid)

    def _query(self, request: milvus_pb2.QueryRequest, call: Call) -> Any:
        query = query_from_message(request, database=call.database(request))
        collection_id = iterated_collection(request)
        if collection_id:
            info = self._service.execute(DescribeCollection(request.collection_name, query.database))
            if info.collection_id != collection_id:
                raise NotFound(
                    "collection_not_found",
                    f"collection {info.name!r} is not the one this iterator began on; it was dropped and made anew",
                )
        return query_results(self._service.execute(query), query)
