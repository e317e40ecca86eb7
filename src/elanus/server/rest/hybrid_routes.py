"""The route of hybrid searches."""

from dataclasses import replace
from typing import Final

from elanus.errors import InvalidInput
from elanus.schema.rankers import Ranker
from elanus.server.ranker_options import ranker_of, ranker_of_function
from elanus.server.refusals import not_supported
from elanus.server.rest.body import Body
from elanus.server.rest.entity_routes import LATER_SEARCH_PARTS, hits_json, search_of
from elanus.server.rest.routes import Reply, Routes
from elanus.service.requests.base import Service
from elanus.service.requests.collections import DescribeCollection
from elanus.service.requests.query import HybridSearch

__all__ = ["HybridRoutes"]

_LIMIT_DEFAULT: Final = 100
_LATER_PARTS: Final = {
    name: what for name, what in LATER_SEARCH_PARTS.items() if name not in {"functionScore", "rerank"}
}


class HybridRoutes:
    """Translates hybrid searches for a service."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service

    def routes(self) -> Routes:
        """The route answered here."""
        return {"entities/hybrid_search": self._hybrid_search}

    def _hybrid_search(self, body: Body) -> Reply:
        body.refuse(
            {
                **_LATER_PARTS,
                "groupingField": "grouping in a hybrid search",
                "orderByFields": "ordering by fields in a hybrid search",
            }
        )
        parts = body.parts("search")
        if not parts:
            raise InvalidInput("missing_parameter", "missing required parameters: search")
        info = self._service.execute(DescribeCollection(body.collection, body.database))
        partitions = body.texts("partitionNames")
        searches = []
        for part in parts:
            part.refuse(LATER_SEARCH_PARTS)
            search = search_of(part, info)
            searches.append(replace(search, offset=0, output_fields=(), partitions=partitions or search.partitions))
        reply = self._service.execute(
            HybridSearch(
                collection=body.collection,
                searches=tuple(searches),
                ranker=_ranker(body),
                limit=body.integer("limit", default=_LIMIT_DEFAULT),
                offset=body.integer("offset", default=0),
                output_fields=body.texts("outputFields"),
                partitions=partitions,
                require_loaded=True,
                database=info.database,
            )
        )
        return {"cost": 0, "data": hits_json(reply, body), "topks": reply.counts}


def _ranker(body: Body) -> Ranker:
    functions = body.part("functionScore").parts("functions")
    if not functions:
        rerank = body.part("rerank")
        return ranker_of(rerank.text("strategy", default=""), rerank.mapping("params"))
    if len(functions) > 1:
        raise not_supported("more than one reranking function")
    return ranker_of_function(functions[0].mapping("params"))
