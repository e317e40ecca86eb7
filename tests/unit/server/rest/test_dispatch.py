"""Every route: what the service is asked, and what the client is told."""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest

from elanus.columns.rows import batch_from_rows
from elanus.errors import Internal, InvalidInput, NotFound, Unavailable
from elanus.runtime.clock import ManualClock
from elanus.runtime.metrics import Counter, Metrics
from elanus.schema.collection import IndexDefinition
from elanus.schema.types import Metric
from elanus.server.compaction_jobs import CompactionJobs
from elanus.server.rest.dispatch import LATER_ROUTES, RestDispatcher
from elanus.service.requests import collections, data, databases, indexes, query
from tests.unit.server.conftest import FakeService

_DOCUMENTED = """
aliases/alter aliases/create aliases/describe aliases/drop aliases/list collections/add_function
collections/alter_function collections/alter_properties collections/compact collections/create collections/describe
collections/drop collections/drop_function collections/drop_properties collections/fields/add
collections/fields/alter_properties collections/flush collections/get_compaction_state collections/get_load_state
collections/get_stats collections/has collections/list collections/load collections/refresh_load collections/release
collections/rename collections/truncate common/run_analyzer jobs/external_collection/describe
jobs/external_collection/list jobs/external_collection/refresh databases/alter_properties databases/create
databases/describe databases/drop databases/drop_properties databases/list jobs/import/create jobs/import/describe
jobs/import/list indexes/alter_properties indexes/create indexes/describe indexes/drop indexes/drop_properties
indexes/list partitions/create partitions/drop partitions/get_stats partitions/has partitions/list partitions/load
partitions/release privilege_groups/add_privileges_to_group privilege_groups/create privilege_groups/drop
privilege_groups/list privilege_groups/remove_privileges_from_group resource_groups/alter resource_groups/create
resource_groups/describe resource_groups/drop resource_groups/list resource_groups/transfer_replica roles/alter
roles/create roles/describe roles/drop roles/grant_privilege roles/grant_privilege_v2 roles/list
roles/revoke_privilege roles/revoke_privilege_v2 users/create users/describe users/drop users/grant_role users/list
users/revoke_role users/update_password entities/delete entities/get entities/hybrid_search entities/insert
entities/query entities/search entities/upsert
"""

Ask = Callable[..., Any]


@pytest.fixture
def dispatcher(service: FakeService, clock: ManualClock, metrics: Metrics) -> RestDispatcher:
    jobs = CompactionJobs(service)
    return RestDispatcher(service, clock=clock, metrics=metrics, jobs=jobs)


@pytest.fixture
def ask(dispatcher: RestDispatcher) -> Ask:
    def call(route: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
        return orjson.loads(dispatcher.answer(route, orjson.dumps(body), headers or {}))

    return call


def test_every_documented_route_is_known(dispatcher: RestDispatcher) -> None:
    documented = _DOCUMENTED.split()
    assert [route for route in documented if not dispatcher.is_known(route)] == []
    assert not dispatcher.is_known("collections/destroy")
    assert dispatcher.supported.isdisjoint(LATER_ROUTES)


def test_later_routes_say_so(ask: Ask) -> None:
    for route in ("common/run_analyzer", "users/create", "jobs/import/create"):
        assert ask(route) == {"code": 1100, "message": f"the route {route} is not supported yet"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("collection_not_found", "none"), 100),
        (InvalidInput("invalid_filter", "bad"), 1100),
        (Unavailable("busy", "later"), 8),
    ],
)
def test_errors(ask: Ask, service: FakeService, error: Exception, code: int) -> None:
    service.replies[collections.TruncateCollection] = error
    assert ask("collections/truncate", collectionName="c") == {"code": code, "message": error.args[0]}


def test_unexpected_errors_are_logged_and_told(
    ask: Ask, service: FakeService, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    service.replies[collections.DropCollection] = KeyError("oops")
    with caplog.at_level(logging.ERROR, "elanus"):
        reply = ask("collections/drop", collectionName="c")
    assert reply == {"code": 65535, "message": "internal error in collections/drop: KeyError: 'oops'"}
    assert "Traceback" in caplog.text
    service.replies[collections.DropCollection] = Internal("internal", "known")
    with caplog.at_level(logging.ERROR, "elanus"):
        assert ask("collections/drop", collectionName="c")["message"] == "known"
    counted = {
        sample.labels: sample.metric.value() for sample in metrics.samples() if isinstance(sample.metric, Counter)
    }
    assert counted[("interface", "rest"), ("method", "collections/drop"), ("status", "internal")] == 2


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff", b"5"])
def test_what_is_no_json_object(dispatcher: RestDispatcher, content: bytes) -> None:
    reply = orjson.loads(dispatcher.answer("collections/list", content, {}))
    assert reply["code"] == 1801
    assert reply["message"].startswith("can only accept json format request")


def test_an_empty_body_is_an_empty_object(dispatcher: RestDispatcher, service: FakeService) -> None:
    service.replies[collections.ListCollections] = []
    assert dispatcher.answer("collections/list", b"", {"db-name": "d"}) == b'{"code":0,"data":[]}'
    assert service.requests == [collections.ListCollections("d")]


def test_missing_parameters(ask: Ask) -> None:
    assert ask("collections/drop") == {"code": 1802, "message": "missing required parameters: collectionName"}


@pytest.mark.parametrize(
    ("route", "body", "asked"),
    [
        ("collections/drop", {}, collections.DropCollection("c", "d")),
        ("collections/truncate", {}, collections.TruncateCollection("c", "d")),
        (
            "collections/rename",
            {"newCollectionName": "n", "newDbName": "o"},
            collections.RenameCollection("c", "n", "d", "o"),
        ),
        ("collections/load", {}, collections.LoadCollection("c", database="d")),
        ("collections/refresh_load", {}, collections.LoadCollection("c", database="d")),
        ("collections/release", {}, collections.ReleaseCollection("c", database="d")),
        ("collections/flush", {}, data.Flush("c", "d")),
        (
            "collections/alter_properties",
            {"properties": {"mmap.enabled": True}},
            collections.AlterCollectionProperties("c", {"mmap.enabled": "true"}, database="d"),
        ),
        (
            "collections/drop_properties",
            {"propertyKeys": ["k"]},
            collections.AlterCollectionProperties("c", removed=("k",), database="d"),
        ),
        ("partitions/create", {"partitionName": "p"}, collections.CreatePartition("c", "p", "d")),
        ("partitions/drop", {"partitionName": "p"}, collections.DropPartition("c", "p", "d")),
        ("partitions/load", {"partitionNames": ["p"]}, collections.LoadCollection("c", ("p",), database="d")),
        ("partitions/release", {"partitionNames": ["p"]}, collections.ReleaseCollection("c", ("p",), "d")),
        ("aliases/create", {"aliasName": "a"}, databases.CreateAlias("a", "c", "d")),
        ("aliases/alter", {"aliasName": "a"}, databases.AlterAlias("a", "c", "d")),
        ("aliases/drop", {"aliasName": "a"}, databases.DropAlias("a", "d")),
        ("databases/create", {"properties": {"k": 3}}, databases.CreateDatabase("d", {"k": "3"})),
        ("databases/drop", {}, databases.DropDatabase("d")),
        ("databases/alter_properties", {"properties": {"k": 3}}, databases.AlterDatabase("d", {"k": "3"})),
        ("databases/drop_properties", {"propertyKeys": ["k"]}, databases.AlterDatabase("d", removed=("k",))),
        ("indexes/drop", {"indexName": "i"}, indexes.DropIndex("c", "i", database="d")),
        (
            "indexes/alter_properties",
            {"indexName": "i", "properties": {"warmup": "sync"}},
            indexes.AlterIndex("c", "i", {"warmup": "sync"}, database="d"),
        ),
        (
            "indexes/drop_properties",
            {"indexName": "i", "propertyKeys": ["warmup"]},
            indexes.AlterIndex("c", "i", removed=("warmup",), database="d"),
        ),
    ],
)
def test_routes_that_only_do_something(
    ask: Ask, service: FakeService, route: str, body: dict[str, Any], asked: Any
) -> None:
    assert ask(route, collectionName="c", dbName="d", **body) == {"code": 0, "data": {}}
    assert service.requests == [asked]


@pytest.mark.parametrize("route", ["partitions/load", "partitions/release"])
def test_no_partitions_are_not_all_partitions(ask: Ask, service: FakeService, route: str) -> None:
    assert ask(route, collectionName="c")["code"] == 1802
    assert service.requests == []


def test_the_quick_form_of_create(ask: Ask, service: FakeService) -> None:
    ask(
        "collections/create",
        collectionName="c",
        dimension=4,
        metricType="L2",
        params={"ttlSeconds": 60, "shardsNum": 2, "consistencyLevel": "Strong"},
    )
    asked = service.last(collections.CreateCollection)
    assert (asked.name, asked.shard_count, asked.consistency_level) == ("c", 2, "Strong")
    assert asked.indexes == (IndexDefinition("", "vector", "AUTOINDEX", Metric.L2),)
    assert asked.loaded
    assert asked.properties == {"collection.ttl.seconds": "60"}


def test_the_full_form_of_create(ask: Ask, service: FakeService) -> None:
    fields = [
        {"fieldName": "id", "dataType": "Int64", "isPrimary": True},
        {"fieldName": "v", "dataType": "FloatVector", "elementTypeParams": {"dim": 4}},
        {"fieldName": "w", "dataType": "FloatVector", "elementTypeParams": {"dim": 4}},
    ]
    one = [{"fieldName": "v", "metricType": "IP", "indexName": "i", "params": {"index_type": "HNSW", "M": 8}}]
    ask("collections/create", collectionName="c", schema={"fields": fields}, indexParams=one)
    asked = service.last(collections.CreateCollection)
    assert asked.indexes == (IndexDefinition("i", "v", "HNSW", Metric.IP, {"M": 8}),)
    assert not asked.loaded, "a vector without index cannot be searched"
    ask("collections/create", collectionName="c", schema={"fields": fields[:2]}, indexParams=one)
    assert service.last(collections.CreateCollection).loaded
    ask("collections/create", collectionName="c", schema={"fields": fields[:2]}, params={"partitionsNum": 8})
    asked = service.last(collections.CreateCollection)
    assert (asked.indexes, asked.loaded, asked.partition_count) == ((), False, 8)


def test_new_indexes(ask: Ask, service: FakeService) -> None:
    part = {"fieldName": "v", "indexType": "HNSW", "metricType": "L2", "params": {"M": 8, "mmap.enabled": True}}
    ask("indexes/create", collectionName="c", indexParams=[part, {"fieldName": "s", "indexType": "INVERTED"}])
    assert service.requests == [
        indexes.CreateIndex("c", "v", "HNSW", "L2", {"M": 8}, settings={"mmap.enabled": "true"}),
        indexes.CreateIndex("c", "s", "INVERTED"),
    ]


def test_compactions(ask: Ask, service: FakeService, books: collections.CollectionInfo) -> None:
    service.replies[collections.DescribeCollection] = books
    job = ask("collections/compact", collectionName="books")["data"]["compactionID"]
    assert service.last(data.Compact) == data.Compact("books", "default")
    assert ask("collections/get_compaction_state", jobID=str(job))["data"]["state"] == "Completed"
    assert ask("collections/get_compaction_state", jobID=5)["code"] == 65535
    ask("collections/compact", collectionName="books", isClustering="true")
    assert service.last(data.Compact) == data.Compact("books", "default", by_clustering_key=True)


_ROWS = [{"id": 5, "title": "Emma", "vector": [0.5, 1.0]}, {"id": "6", "vector": [0.0, 2.0], "mood": "calm"}]


@pytest.mark.parametrize(("route", "kind"), [("entities/insert", data.Insert), ("entities/upsert", data.Upsert)])
def test_writes(ask: Ask, service: FakeService, books: collections.CollectionInfo, route: str, kind: type) -> None:
    service.replies[collections.DescribeCollection] = books
    service.replies[kind] = data.WriteReply(pa.array([5, 6], pa.int64()), 2, 0, 9)
    reply = ask(route, collectionName="books", data=_ROWS, partitionName="p")
    asked = service.last(kind)
    assert asked.batch.column("id").to_pylist() == [5, 6]
    assert asked.batch.column("$meta").to_pylist() == ["{}", '{"mood":"calm"}']
    assert (asked.partition, asked.schema_timestamp) == ("p", books.schema_timestamp)
    verb = kind.__name__.lower()
    assert reply == {"code": 0, "cost": 0, "data": {f"{verb}Count": 2, f"{verb}Ids": [5, 6]}}
    texts = ask(route, {"accept-type-allow-int64": "false"}, collectionName="books", data=_ROWS[0])
    assert texts["data"][f"{verb}Ids"] == ["5", "6"]


def test_partial_updates(ask: Ask, service: FakeService, books: collections.CollectionInfo) -> None:
    service.replies[collections.DescribeCollection] = books
    service.replies[data.Upsert] = data.WriteReply(pa.array([5], pa.int64()), 1, 0, 9)
    ask("entities/upsert", collectionName="books", data=_ROWS[:1], partialUpdate=True)
    assert service.last(data.Upsert).partial
    assert "not supported" in ask("entities/insert", collectionName="books", data=[], partialUpdate=True)["message"]


def test_deletes(ask: Ask, service: FakeService, books: collections.CollectionInfo) -> None:
    service.replies[collections.DescribeCollection] = books
    service.replies[data.Delete] = data.DeleteReply(1, 9)
    reply = ask("entities/delete", collectionName="books", filter="id > {x}", exprParams={"x": 1}, partitionName="p")
    assert reply == {"code": 0, "cost": 0, "data": {"deleteCount": 1}}
    assert service.last(data.Delete) == data.Delete("books", filter="id > {x}", filter_params={"x": 1}, partition="p")
    ask("entities/delete", collectionName="books", id="4321034832910")
    assert service.last(data.Delete).ids.to_pylist() == [4321034832910]
    assert ask("entities/delete", collectionName="books")["code"] == 1802
    assert ask("entities/delete", collectionName="books", id=1, filter="id > 1")["code"] == 1802


def _found(books: collections.CollectionInfo) -> dict[str, Any]:
    rows = [
        {"id": 5, "title": "Emma", "pages": None, "vector": [0.5, 0.1], "mood": "fine"},
        {"id": 6, "title": "Kim", "pages": 300, "vector": [0.0, 2.0], "mood": "calm"},
    ]
    batch = batch_from_rows(rows, books.schema)
    fields = tuple(books.schema.field(name) for name in batch.schema.names)
    return {"columns": batch, "fields": fields, "dynamic_keys": None, "primary_field": "id", "timestamp": 9}


def _search_reply(books: collections.CollectionInfo) -> query.SearchReply:
    return query.SearchReply(
        counts=np.array([1, 1], np.int64),
        ids=pa.array([5, 6], pa.int64()),
        scores=np.array([0.75, 0.1], np.float32),
        metric="COSINE",
        larger_is_nearer=True,
        **_found(books),
    )


def test_a_search(ask: Ask, service: FakeService, books: collections.CollectionInfo) -> None:
    service.replies[collections.DescribeCollection] = books
    service.replies[query.Search] = _search_reply(books)
    ask(
        "entities/search",
        collectionName="books",
        data=[[0.5, 1], [1, 2]],
        annsField="vector",
        filter="pages > {low}",
        exprParams={"low": 3},
        limit=7,
        offset=2,
        outputFields=["title"],
        partitionNames=["p"],
        searchParams={"metricType": "COSINE", "ignore_growing": True, "params": {"ef": 50, "radius": 0.1}},
        consistencyLevel="Strong",
    )
    asked = service.last(query.Search)
    np.testing.assert_array_equal(asked.vectors, np.array([[0.5, 1], [1, 2]], np.float32))
    assert (asked.field_name, asked.limit, asked.offset, asked.metric) == ("vector", 7, 2, "COSINE")
    assert (asked.params, asked.ignore_growing) == ({"ef": 50, "radius": 0.1}, True)
    assert (asked.filter, asked.filter_params) == ("pages > {low}", {"low": 3})
    assert (asked.output_fields, asked.partitions, asked.require_loaded) == (("title",), ("p",), True)
    ask(
        "entities/search",
        collectionName="books",
        data=[{"1": 0.5}],
        annsField="sparse",
        params={"drop_ratio_search": 0.2},
    )
    asked = service.last(query.Search)
    assert (asked.limit, asked.params, len(asked.vectors)) == (100, {"drop_ratio_search": 0.2}, 1)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"highlighter": {"type": "Lexical"}}, "highlighting (highlighter)"),
        ({"ids": [1]}, "a search goes by data or by ids, not by both"),
    ],
)
def test_searches_of_later_versions(
    ask: Ask, service: FakeService, books: collections.CollectionInfo, body: dict[str, Any], told: str
) -> None:
    service.replies[collections.DescribeCollection] = books
    reply = ask("entities/search", collectionName="books", data=[[0, 1]], annsField="vector", **body)
    assert reply["code"] == 1100
    assert told in reply["message"]


def test_offsets_that_disagree(ask: Ask, service: FakeService, books: collections.CollectionInfo) -> None:
    service.replies[collections.DescribeCollection] = books
    body = {"collectionName": "books", "data": [[0, 1]], "annsField": "vector", "offset": 1}
    assert "ambiguous option offset" in ask("entities/search", **body, searchParams={"offset": 2})["message"]


def test_a_query_and_a_get(ask: Ask, service: FakeService, books: collections.CollectionInfo) -> None:
    service.replies[collections.DescribeCollection] = books
    service.replies[query.Query] = query.QueryReply(**_found(books))
    ask("entities/query", collectionName="books", filter="id > 1", limit=5, offset=1, partitionNames=["p"])
    assert service.last(query.Query) == query.Query(
        "books", filter="id > 1", output_fields=("*",), partitions=("p",), limit=5, offset=1, require_loaded=True
    )
    ask("entities/query", collectionName="books", filter="id > 1")
    assert service.last(query.Query).limit == 100
    ask("entities/query", collectionName="books", outputFields=["count(*)"])
    assert service.last(query.Query).limit == 0
    ask("entities/query", collectionName="books", orderByFields=["pages:desc"], limit=2)
    assert service.last(query.Query).order_by == ("pages:desc",)
    ask("entities/query", collectionName="books", outputFields=["title", "avg(pages)"], groupByFields=["title"])
    assert service.last(query.Aggregate) == query.Aggregate(
        "books", ("title", "avg(pages)"), group_by=("title",), require_loaded=True
    )
    ask("entities/get", collectionName="books", id=["5", 6], outputFields=["title"], partitionName="p")
    asked = service.last(query.Query)
    assert asked.ids.to_pylist() == [5, 6]
    assert (asked.output_fields, asked.partitions, asked.limit) == (("title",), ("p",), 0)
    assert ask("entities/get", collectionName="books")["code"] == 1802


def test_replies_in_full(
    ask: Ask, service: FakeService, books: collections.CollectionInfo, golden: Callable[[str, str], None]
) -> None:
    """The whole text of every reply that carries something, as a file to read."""
    found = _found(books)
    definition = IndexDefinition("i", "vector", "HNSW", Metric.L2, {"M": 16}, {"mmap.enabled": "true"}, 5)
    service.replies = {
        collections.DescribeCollection: books,
        collections.GetLoadState: collections.LoadProgress(collections.LoadStatus.LOADED, 1),
        collections.HasCollection: True,
        collections.HasPartition: False,
        collections.GetRowCount: 42,
        collections.ListCollections: [collections.CollectionName(7, "books", 9, True)],
        collections.ListPartitions: [collections.PartitionInfo(1, "_default", 9, True)],
        databases.ListDatabases: [databases.DatabaseInfo(1, "default", 5, {})],
        databases.DescribeDatabase: databases.DatabaseInfo(2, "d", 6, {"k": "v"}),
        databases.DescribeAlias: databases.AliasInfo("library", "books", "default"),
        databases.ListAliases: [databases.AliasInfo("library", "books", "default")],
        indexes.DescribeIndexes: [indexes.IndexInfo(definition, indexes.BuildState.FINISHED, 100, 60)],
        query.Query: lambda request: query.QueryReply(
            **{**found, "count": 12 if request.output_fields == ("count(*)",) else None}
        ),
        query.Search: _search_reply(books),
    }
    vectors = {"data": [[0, 1], [1, 0]], "annsField": "vector", "limit": 1}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("collections/list", {}),
        ("collections/describe", {"collectionName": "books"}),
        ("collections/has", {"collectionName": "books"}),
        ("collections/get_stats", {"collectionName": "books"}),
        ("collections/get_load_state", {"collectionName": "books"}),
        ("partitions/list", {"collectionName": "books"}),
        ("partitions/has", {"collectionName": "books", "partitionName": "p"}),
        ("partitions/get_stats", {"collectionName": "books", "partitionName": "p"}),
        ("databases/list", {}),
        ("databases/describe", {"dbName": "d"}),
        ("aliases/describe", {"aliasName": "library"}),
        ("aliases/list", {}),
        ("indexes/list", {"collectionName": "books"}),
        ("indexes/describe", {"collectionName": "books", "indexName": "i"}),
        ("entities/search", {"collectionName": "books", **vectors}),
        ("entities/query", {"collectionName": "books", "filter": "id > 1"}),
        ("entities/query", {"collectionName": "books", "outputFields": ["count(*)"]}),
        ("entities/query", {"collectionName": "books", "limit": "many"}),
    ]
    text = ""
    for route, body in calls:
        reply = orjson.dumps(ask(route, **body), option=orjson.OPT_INDENT_2).decode()
        text += f"> {route} {orjson.dumps(body).decode()}\n{reply}\n\n"
    golden("rest_replies.txt", text)
