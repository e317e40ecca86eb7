"""The route of hybrid searches."""

from dataclasses import replace
from typing import Final

from elanus.errors import InvalidInput
from elanus.schema.rankers import Ranker
from elanus.schema.rescoring import DecayRanker
from elanus.server.ranker_options import hybrid_ranker, ranker_of
from elanus.server.rest.body import Body
from elanus.server.rest.entity_routes import LATER_SEARCH_PARTS, hits_json, ranking_functions, search_of
from elanus.server.rest.routes import Reply, Routes
from elanus.service.requests.base import Service
from elanus.service.requests.collections import DescribeCollection
from elanus.service.requests.query import HybridSearch

__all__ = ["HybridRoutes"]

_LIMIT_DEFAULT: Final = 100
_LATER_PARTS: Final = {name: what for name, what in LATER_SEARCH_PARTS.items() if name != "rerank"}


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
                "orderByFields": "ordering by fields in a hybrid search",
            }
        )
        parts = body.parts("search")
        if not parts:
            raise InvalidInput("missing_parameter", "missing required parameters: search")
        info = self._service.execute(DescribeCollection(body.collection, body.database))
        partitions = body.texts("partitionNames")
        grouped = body.text("groupingField", default="")
        searches = []
        for part in parts:
            part.refuse({**LATER_SEARCH_PARTS, "ids": "search by primary keys in a hybrid search"})
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
                group_by=(grouped,) if grouped else (),
                group_size=body.integer("groupSize", default=1),
                strict_group_size=body.flag("strictGroupSize"),
                group_scorer=body.text("rankGroupScorer", default="max").lower(),
                database=info.database,
            )
        )
        return {"cost": 0, "data": hits_json(reply, body), "topks": reply.counts}


def _ranker(body: Body) -> Ranker | DecayRanker:
    functions = ranking_functions(body)
    if functions:
        return hybrid_ranker(functions)
    rerank = body.part("rerank")
    return ranker_of(rerank.text("strategy", default=""), rerank.mapping("params"))
