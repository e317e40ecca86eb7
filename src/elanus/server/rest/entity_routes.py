"""Routes about rows: write, read, delete."""

from typing import Any, Final

import numpy as np

from elanus.errors import InvalidInput
from elanus.query.aggregation import is_aggregation
from elanus.server.ranker_options import RankingFunction, rescoring_of
from elanus.server.rest.body import Body
from elanus.server.rest.json_rows import batch_from_json, json_ids, key_column, rows_to_json, vectors_from_json
from elanus.server.rest.routes import Reply, Routes
from elanus.server.search_options import merge_options, time_parts_of
from elanus.server.targets import searched_field
from elanus.service.requests.base import Service
from elanus.service.requests.collections import CollectionInfo, DescribeCollection
from elanus.service.requests.data import Delete, Insert, Upsert
from elanus.service.requests.explain import Explain
from elanus.service.requests.query import NO_VECTORS, Aggregate, Query, QueryReply, Search, SearchReply

__all__ = ["LATER_SEARCH_PARTS", "EntityRoutes", "hits_json", "ranking_functions", "search_of"]

_DEFAULT_LIMIT: Final = 100
LATER_SEARCH_PARTS: Final = {
    "rerank": "reranking",
    "searchAggregation": "search aggregation",
    "highlighter": "highlighting",
    "functionChains": "a function chain",
}


class EntityRoutes:
    """Translates routes about rows for a service."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service

    def routes(self) -> Routes:
        """The routes answered here."""
        return {
            "entities/insert": self._insert,
            "entities/upsert": self._upsert,
            "entities/delete": self._delete,
            "entities/search": self._search,
            "entities/query": self._query,
            "entities/get": self._get,
            "entities/explain": self._explain,
        }

    def _insert(self, body: Body) -> Reply:
        body.refuse({"partialUpdate": "a partial update by insert"})
        info = self._described(body)
        reply = self._service.execute(
            Insert(
                collection=body.collection,
                batch=batch_from_json(_rows(body), info.schema),
                partition=body.text("partitionName", default=""),
                database=info.database,
                schema_timestamp=info.schema_timestamp,
            )
        )
        ids = json_ids(reply.ids, allow_int64=body.allow_int64)
        return {"cost": 0, "data": {"insertCount": reply.inserted_count, "insertIds": ids}}

    def _upsert(self, body: Body) -> Reply:
        info = self._described(body)
        reply = self._service.execute(
            Upsert(
                collection=body.collection,
                batch=batch_from_json(_rows(body), info.schema),
                partition=body.text("partitionName", default=""),
                database=info.database,
                schema_timestamp=info.schema_timestamp,
                partial=body.flag("partialUpdate"),
            )
        )
        ids = json_ids(reply.ids, allow_int64=body.allow_int64)
        return {"cost": 0, "data": {"upsertCount": reply.inserted_count, "upsertIds": ids}}

    def _delete(self, body: Body) -> Reply:
        by_id = body.value("id", "ids")
        text = body.text("filter", default="")
        if (by_id is None) == (not text):
            raise InvalidInput("missing_parameter", "a delete needs either filter or id")
        ids = None if by_id is None else key_column(by_id, self._described(body).schema.primary_field)
        reply = self._service.execute(
            Delete(
                collection=body.collection,
                ids=ids,
                filter=text,
                filter_params=body.mapping("exprParams"),
                partition=body.text("partitionName", default=""),
                database=body.database,
            )
        )
        return {"cost": 0, "data": {"deleteCount": reply.deleted_count}}

    def _search(self, body: Body) -> Reply:
        reply = self._service.execute(self._search_request(body))
        return {"cost": 0, "data": hits_json(reply, body), "topks": reply.counts}

    def _search_request(self, body: Body) -> Search:
        body.refuse(LATER_SEARCH_PARTS)
        return search_of(body, self._described(body))

    def _query(self, body: Body) -> Reply:
        return {"cost": 0, "data": _rows_found(self._service.execute(_query_request(body)), body)}

    def _explain(self, body: Body) -> Reply:
        """What a search (with `data`) or a query does: a route of our own beside those of Milvus."""
        request = _query_request(body) if body.value("data") is None else self._search_request(body)
        explanation = self._service.execute(Explain(request))
        return {"data": {"text": str(explanation), "explanation": explanation}}

    def _get(self, body: Body) -> Reply:
        by_id = body.value("id", "ids")
        if by_id is None:
            raise InvalidInput("missing_parameter", "missing required parameters: id")
        info = self._described(body)
        partition = body.text("partitionName", default="")
        reply = self._service.execute(
            Query(
                collection=body.collection,
                ids=key_column(by_id, info.schema.primary_field),
                output_fields=body.texts("outputFields") or ("*",),
                partitions=body.texts("partitionNames") or ((partition,) if partition else ()),
                require_loaded=True,
                timezone=body.text("timezone", default=""),
                time_parts=time_parts_of(body.value("timeFields", "time_fields")),
                database=info.database,
            )
        )
        return {"cost": 0, "data": _rows_found(reply, body)}

    def _described(self, body: Body) -> CollectionInfo:
        return self._service.execute(DescribeCollection(body.collection, body.database))


def _query_request(body: Body) -> Query | Aggregate:
    outputs, group_by = body.texts("outputFields"), body.texts("groupByFields")
    scope: dict[str, Any] = {
        "filter": body.text("filter", default=""),
        "filter_params": body.mapping("exprParams"),
        "order_by": body.texts("orderByFields"),
        "partitions": body.texts("partitionNames"),
        "offset": body.integer("offset", default=0),
        "require_loaded": True,
        "timezone": body.text("timezone", default=""),
        "time_parts": time_parts_of(body.value("timeFields", "time_fields")),
        "database": body.database,
    }
    if is_aggregation(outputs, group_by):
        limit = body.integer("limit", default=0)
        return Aggregate(body.collection, outputs, group_by=group_by, limit=limit, **scope)
    limit = 0 if _counts(body) else body.integer("limit", default=_DEFAULT_LIMIT)
    return Query(body.collection, output_fields=outputs or ("*",), limit=limit, **scope)


def search_of(body: Body, info: CollectionInfo) -> Search:
    """The search that a request, or a part of a hybrid one, asks for; `info` describes its collection.

    Raises:
        InvalidInput: options that do not make sense, or vectors that do not fit the field.
        NotFound: the field does not exist.
    """
    outer, nested = _search_levels(body)
    options = merge_options(outer, nested)
    field = searched_field(info.schema, body.text("annsField", default=options.field_name))
    grouped = body.text("groupingField", default="")
    ids = None if body.value("ids") is None else key_column(body.value("ids"), info.schema.primary_field)
    if ids is not None and body.value("data") is not None:
        raise InvalidInput("invalid_argument", "a search goes by data or by ids, not by both")
    return Search(
        collection=info.name,
        vectors=NO_VECTORS if ids is not None else vectors_from_json(body.items("data"), field),
        ids=ids,
        limit=options.limit,
        field_name=field.name,
        offset=options.offset,
        metric=options.metric,
        params=options.params,
        filter=body.text("filter", default=""),
        filter_params=body.mapping("exprParams"),
        output_fields=body.texts("outputFields"),
        partitions=body.texts("partitionNames"),
        round_decimals=options.round_decimals,
        ignore_growing=options.ignore_growing,
        require_loaded=True,
        timezone=options.timezone,
        time_parts=options.time_parts,
        group_by=(grouped,) if grouped else options.group_by,
        group_size=body.integer("groupSize", default=options.group_size),
        strict_group_size=body.flag("strictGroupSize", default=options.strict_group_size),
        order_by=body.texts("orderByFields") or options.order_by,
        rescoring=rescoring_of(ranking_functions(body), body.part("functionScore").mapping("params")),
        collapse=options.collapse,
        database=info.database,
    )


def ranking_functions(body: Body) -> tuple[RankingFunction, ...]:
    """The reranking functions of a request, as they were sent.

    Raises:
        InvalidInput: `functionScore` has none.
    """
    functions = body.part("functionScore").parts("functions")
    if body.value("functionScore") is not None and not functions:
        raise InvalidInput("missing_parameter", "functionScore has no functions, expected at least one")
    return tuple(RankingFunction(part.texts("inputFieldNames"), part.mapping("params")) for part in functions)


def _rows(body: Body) -> list[Any]:
    """The rows to write: a list of objects, or one object."""
    value = body.value("data")
    if isinstance(value, dict):
        return [value]
    return list(body.items("data"))


def _counts(body: Body) -> bool:
    return body.texts("outputFields") == ("count(*)",)


def _search_levels(body: Body) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options on the level of the request, and those inside `searchParams` and its `params`."""
    nested = dict(body.mapping("searchParams"))
    for spelled, name in (("metricType", "metric_type"), ("ignoreGrowing", "ignore_growing")):
        if spelled in nested:
            nested.setdefault(name, nested.pop(spelled))
    inner = nested.pop("params", None) or {}
    if not isinstance(inner, dict):
        raise InvalidInput("malformed_request", f"params of searchParams is {inner!r}, expected an object")
    levels = {**nested, **inner, **body.mapping("params")}
    metric = body.text("metricType", "metric_type", default="")
    outer: dict[str, Any] = {"topk": body.integer("limit", default=_DEFAULT_LIMIT)}
    if body.value("offset") is not None:
        outer["offset"] = body.integer("offset")
    if metric:
        outer["metric_type"] = metric
    for spelled, name in (("timezone", "timezone"), ("timeFields", "time_fields")):
        if body.value(spelled) is not None:
            outer[name] = body.value(spelled)
    if body.value("ignoreGrowing") is not None:
        outer["ignore_growing"] = body.flag("ignoreGrowing")
    return outer, levels


def hits_json(reply: SearchReply, body: Body) -> list[dict[str, Any]]:
    """Hits of all queries end to end, as one list; `topks` beside it tells them apart."""
    rows: list[dict[str, Any]] = [{} for _ in reply.scores]
    if reply.fields:
        rows = rows_to_json(reply.columns, reply.fields, allow_int64=body.allow_int64)
    ids = json_ids(reply.ids, allow_int64=body.allow_int64)
    scores: list[np.float32] = list(reply.scores)
    for row, key, score in zip(rows, ids, scores, strict=True):
        row.setdefault("id", key)
        row["distance"] = score
    if reply.elements is not None:
        for row, element in zip(rows, reply.elements.tolist(), strict=True):
            row["offset"] = element
    return rows


def _rows_found(reply: QueryReply, body: Body) -> list[dict[str, Any]]:
    if reply.count is not None:
        return [{"count(*)": reply.count}]
    return rows_to_json(reply.columns, reply.fields, allow_int64=body.allow_int64)
