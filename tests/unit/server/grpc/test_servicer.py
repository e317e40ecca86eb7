"""Every call: what the service is asked, and what the client is told."""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from google.protobuf import text_format

from elanus.columns.rows import batch_from_rows
from elanus.errors import Conflict, Internal, InvalidInput, NotFound, Unavailable
from elanus.runtime.clock import ManualClock
from elanus.runtime.metrics import Counter, Metrics
from elanus.schema.collection import IndexDefinition
from elanus.schema.types import Metric
from elanus.server.grpc.calls import call_of
from elanus.server.grpc.servicer import METHODS, MilvusServicer, UnimplementedError
from elanus.server.grpc.status import reply_status
from elanus.server.grpc.stubs import milvus_pb2, schema_pb2
from elanus.service.requests import collections, data, databases, indexes, query
from tests.unit.server.conftest import FakeService

_SUPPORTED = """
AddCollectionField AddCollectionStructField AllocTimestamp AlterAlias AlterCollection AlterCollectionField
AlterCollectionSchema AlterDatabase AlterIndex BatchDescribeCollection CheckHealth Connect CreateAlias
CreateCollection CreateDatabase CreateIndex CreatePartition Delete DescribeAlias DescribeCollection DescribeDatabase
DescribeIndex DropAlias DropCollection DropDatabase DropIndex DropPartition Flush FlushAll GetCollectionStatistics
GetCompactionState GetCompactionStateWithPlans GetComponentStates GetFlushAllState GetFlushState GetIndexBuildProgress
GetIndexState GetIndexStatistics GetLoadState GetLoadingProgress GetMetrics GetPartitionStatistics GetVersion
HasCollection HasPartition HybridSearch Insert ListAliases ListDatabases LoadCollection LoadPartitions
ManualCompaction Query ReleaseCollection ReleasePartitions RenameCollection Search ShowCollections ShowPartitions
TruncateCollection Upsert
"""

# What pymilvus puts into a search; its versions differ.
_NOT_SHOWN = frozenset({"placeholder_group", "fields_data", "search_params", "dsl_type"})

Ask = Callable[..., Any]


@pytest.fixture
def servicer(service: FakeService, clock: ManualClock, metrics: Metrics) -> MilvusServicer:
    return MilvusServicer(service, clock=clock, metrics=metrics)


@pytest.fixture
def ask(servicer: MilvusServicer) -> Ask:
    """Calls a method with the fields of its request, in database `shelf`."""

    def call(name: str, **fields: Any) -> Any:
        return servicer.answer(name, METHODS[name].request_class(**fields), [("dbname", "shelf")])

    return call


def test_the_calls_that_are_answered(servicer: MilvusServicer) -> None:
    assert servicer.supported == frozenset(_SUPPORTED.split())


def test_all_calls_of_the_protocol_are_known() -> None:
    assert len(METHODS) > 140
    assert [name for name, method in METHODS.items() if method.is_streaming] == [
        "CreateReplicateStream",
        "DumpMessages",
    ]


def test_what_is_not_answered_says_so(servicer: MilvusServicer) -> None:
    for name in METHODS.keys() - servicer.supported:
        with pytest.raises(UnimplementedError, match=f"{name} is not supported by Elanus yet"):
            servicer.answer(name, None, None)


def test_the_database_of_a_call() -> None:
    request = milvus_pb2.DropCollectionRequest()
    assert call_of(None).database(request) == "default"
    assert call_of([("a", "b"), ("dbname", "x")]).database(request) == "x"
    assert call_of([("dbname", b"x")]).database(request) == "x"
    assert call_of([("dbname", "x")]).database(milvus_pb2.DropCollectionRequest(db_name="y")) == "y"


@pytest.mark.parametrize(
    ("error", "code", "legacy", "retriable", "is_input"),
    [
        (NotFound("collection_not_found", "no x"), 100, 4, False, False),
        (InvalidInput("invalid_value", "bad x"), 1100, 5, False, True),
        (Unavailable("busy", "later"), 8, 49, True, False),
        (Conflict("schema_mismatch", "newer"), 109, 62, False, False),
    ],
)
def test_errors_become_statuses(
    ask: Ask, service: FakeService, error: Exception, code: int, legacy: int, retriable: bool, is_input: bool
) -> None:
    service.replies[collections.DescribeCollection] = error
    for name in ("DescribeCollection", "Insert", "Search"):
        status = reply_status(ask(name, collection_name="x"))
        assert (status.code, status.error_code, status.retriable) == (code, legacy, retriable)
        assert status.reason == error.args[0]
        assert (status.extra_info.get("is_input_error") == "true") is is_input


def test_unexpected_errors_are_logged_and_told(
    ask: Ask, service: FakeService, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    service.replies[collections.DropCollection] = KeyError("oops")
    with caplog.at_level(logging.ERROR, "elanus"):
        status = ask("DropCollection", collection_name="x")
    assert status.code == 65535
    assert "internal error in DropCollection: KeyError: 'oops'" in status.reason
    assert "Traceback" in caplog.text
    service.replies[collections.DropCollection] = Internal("internal", "known")
    with caplog.at_level(logging.ERROR, "elanus"):
        assert ask("DropCollection").reason == "known"
    counted = {
        sample.labels: sample.metric.value() for sample in metrics.samples() if isinstance(sample.metric, Counter)
    }
    labels = (("interface", "grpc"), ("method", "DropCollection"), ("status", "internal"))
    assert counted[labels] == 2


@pytest.mark.parametrize(
    ("name", "fields", "asked"),
    [
        ("DropCollection", {"collection_name": "c"}, collections.DropCollection("c", "shelf")),
        (
            "RenameCollection",
            {"oldName": "a", "newName": "b", "newDBName": "other"},
            collections.RenameCollection("a", "b", "shelf", "other"),
        ),
        ("TruncateCollection", {"collection_name": "c"}, collections.TruncateCollection("c", "shelf")),
        (
            "AlterCollection",
            {"collection_name": "c", "properties": [{"key": "k", "value": "v"}], "delete_keys": ["old"]},
            collections.AlterCollectionProperties("c", {"k": "v"}, ("old",), "shelf"),
        ),
        ("LoadCollection", {"collection_name": "c"}, collections.LoadCollection("c", (), 1, "shelf")),
        (
            "LoadCollection",
            {"collection_name": "c", "replica_number": 2, "load_fields": ["a"], "refresh": True},
            collections.LoadCollection("c", (), 2, "shelf"),
        ),
        ("ReleaseCollection", {"collection_name": "c"}, collections.ReleaseCollection("c", (), "shelf")),
        (
            "LoadPartitions",
            {"collection_name": "c", "partition_names": ["p"]},
            collections.LoadCollection("c", ("p",), 1, "shelf"),
        ),
        (
            "ReleasePartitions",
            {"collection_name": "c", "partition_names": ["p"]},
            collections.ReleaseCollection("c", ("p",), "shelf"),
        ),
        (
            "CreatePartition",
            {"collection_name": "c", "partition_name": "p"},
            collections.CreatePartition("c", "p", "shelf"),
        ),
        (
            "DropPartition",
            {"collection_name": "c", "partition_name": "p"},
            collections.DropPartition("c", "p", "shelf"),
        ),
        ("CreateAlias", {"collection_name": "c", "alias": "a"}, databases.CreateAlias("a", "c", "shelf")),
        ("AlterAlias", {"collection_name": "c", "alias": "a"}, databases.AlterAlias("a", "c", "shelf")),
        ("DropAlias", {"alias": "a"}, databases.DropAlias("a", "shelf")),
        (
            "CreateDatabase",
            {"db_name": "d", "properties": [{"key": "k", "value": "v"}]},
            databases.CreateDatabase("d", {"k": "v"}),
        ),
        ("DropDatabase", {"db_name": "d"}, databases.DropDatabase("d")),
        (
            "AlterDatabase",
            {"db_name": "d", "properties": [{"key": "k", "value": "v"}], "delete_keys": ["o"]},
            databases.AlterDatabase("d", {"k": "v"}, ("o",)),
        ),
        (
            "AlterIndex",
            {"collection_name": "c", "index_name": "i", "extra_params": [{"key": "k", "value": "v"}]},
            indexes.AlterIndex("c", "i", {"k": "v"}, (), "shelf"),
        ),
        ("DropIndex", {"collection_name": "c", "index_name": "i"}, indexes.DropIndex("c", "i", database="shelf")),
        ("DropIndex", {"collection_name": "c", "field_name": "f"}, indexes.DropIndex("c", "f", database="shelf")),
    ],
)
def test_calls_that_only_do_something(
    ask: Ask, service: FakeService, name: str, fields: dict[str, Any], asked: Any
) -> None:
    reply = ask(name, **fields)
    assert reply_status(reply).code == 0
    assert service.requests == [asked]


def test_create_collection(ask: Ask, service: FakeService, books: collections.CollectionInfo) -> None:
    schema = schema_pb2.CollectionSchema(name="c", enable_dynamic_field=True)
    schema.fields.add(name="id", data_type=5, is_primary_key=True)
    ask(
        "CreateCollection",
        collection_name="c",
        schema=schema.SerializeToString(),
        shards_num=2,
        num_partitions=8,
        consistency_level="Strong",
        properties=[{"key": "k", "value": "v"}],
    )
    asked = service.last(collections.CreateCollection)
    assert (asked.name, asked.database, asked.shard_count, asked.partition_count) == ("c", "shelf", 2, 8)
    assert (asked.consistency_level, asked.properties) == ("Strong", {"k": "v"})
    assert [field.name for field in asked.schema.fields] == ["id", "$meta"]
    assert not asked.loaded


@pytest.mark.parametrize("name", ["LoadPartitions", "ReleasePartitions"])
def test_no_partitions_are_not_all_partitions(ask: Ask, service: FakeService, name: str) -> None:
    assert "no partition is named" in ask(name, collection_name="c").reason
    assert service.requests == []


def test_resource_groups_are_refused(ask: Ask, service: FakeService) -> None:
    status = ask("LoadCollection", collection_name="c", resource_groups=["mine"])
    assert "resource group 'mine' is not supported yet" in status.reason
    assert ask("LoadCollection", collection_name="c", resource_groups=["__default_resource_group"]).code == 0


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (collections.LoadStatus.NOT_EXIST, "LoadStateNotExist"),
        (collections.LoadStatus.NOT_LOADED, "LoadStateNotLoad"),
        (collections.LoadStatus.LOADED, "LoadStateLoaded"),
    ],
)
def test_load_states(ask: Ask, service: FakeService, status: collections.LoadStatus, state: str) -> None:
    service.replies[collections.GetLoadState] = collections.LoadProgress(status, 1)
    reply = ask("GetLoadState", collection_name="c", partition_names=["p"])
    assert service.requests == [collections.GetLoadState("c", ("p",), "shelf")]
    assert (
        text_format.MessageToString(reply, as_one_line=True)
        .strip()
        .endswith("status { }" if state == "LoadStateNotExist" else f"state: {state}")
    )
    progress = ask("GetLoadingProgress", collection_name="c")
    codes = {"LoadStateNotExist": 100, "LoadStateNotLoad": 101, "LoadStateLoaded": 0}
    assert progress.status.code == codes[state]
    assert progress.progress == (100 if state == "LoadStateLoaded" else 0)


def _index_info(state: indexes.BuildState = indexes.BuildState.FINISHED) -> indexes.IndexInfo:
    definition = IndexDefinition("i", "vector", "HNSW", Metric.L2, {"M": 16}, {"mmap.enabled": "true"}, 5)
    return indexes.IndexInfo(definition, state, 100, 60, "why" if state is indexes.BuildState.FAILED else "")


def test_indexes_that_are_not_there(ask: Ask, service: FakeService) -> None:
    service.replies[indexes.DescribeIndexes] = []
    for name in ("DescribeIndex", "GetIndexState", "GetIndexBuildProgress"):
        assert ask(name, collection_name="c").status.code == 700
    assert ask("GetIndexStatistics", collection_name="c").status.code == 0


def test_settings_of_a_new_index_go_with_it(ask: Ask, service: FakeService) -> None:
    ask("CreateIndex", collection_name="c", field_name="f", extra_params=[{"key": "warmup", "value": "sync"}])
    assert service.requests == [indexes.CreateIndex("c", "f", settings={"warmup": "sync"}, database="shelf")]


def _write_reply() -> data.WriteReply:
    return data.WriteReply(pa.array([5, 6], pa.int64()), 2, 1, 77)


def _columns() -> list[Any]:
    ids = schema_pb2.FieldData(type=5, field_name="id")
    ids.scalars.long_data.data.extend([5, 6])
    pages = schema_pb2.FieldData(type=3, field_name="pages", valid_data=[False, True])
    pages.scalars.int_data.data.extend([300])
    return [ids, pages]


@pytest.mark.parametrize(("name", "kind"), [("Insert", data.Insert), ("Upsert", data.Upsert)])
def test_writes(ask: Ask, service: FakeService, books: collections.CollectionInfo, name: str, kind: type) -> None:
    service.replies[collections.DescribeCollection] = books
    service.replies[kind] = _write_reply()
    reply = ask(name, collection_name="books", fields_data=_columns(), num_rows=2, partition_name="p")
    asked = service.last(kind)
    assert asked.batch.to_pydict() == {"id": [5, 6], "pages": [None, 300]}
    assert (asked.collection, asked.partition, asked.schema_timestamp) == ("books", "p", books.schema_timestamp)
    assert list(reply.IDs.int_id.data) == [5, 6]
    assert (reply.insert_cnt, reply.timestamp, list(reply.succ_index)) == (2, 77, [0, 1])
    assert (reply.upsert_cnt, reply.delete_cnt) == ((2, 1) if name == "Upsert" else (0, 0))


def test_a_client_with_an_old_schema_is_told_to_look_again(
    ask: Ask, service: FakeService, books: collections.CollectionInfo
) -> None:
    service.replies[collections.DescribeCollection] = books
    reply = ask("Insert", collection_name="books", fields_data=_columns(), num_rows=2, schema_timestamp=5)
    assert (reply.status.code, reply.status.error_code) == (109, 62)
    assert not any(isinstance(request, data.Insert) for request in service.requests)


def test_partial_updates(ask: Ask, service: FakeService, books: collections.CollectionInfo) -> None:
    service.replies[collections.DescribeCollection] = books
    service.replies[data.Upsert] = _write_reply()
    replace = [{"field_name": "pages", "op": "REPLACE"}]
    ask("Upsert", collection_name="books", fields_data=_columns(), num_rows=2, partial_update=True, field_ops=replace)
    assert service.last(data.Upsert).partial
    append = [{"field_name": "tags", "op": "ARRAY_APPEND"}]
    reply = ask("Upsert", collection_name="books", field_ops=append)
    assert "update operation ARRAY_APPEND is not supported yet" in reply.status.reason


def test_deletes(ask: Ask, service: FakeService) -> None:
    service.replies[data.Delete] = data.DeleteReply(4, 88)
    reply = ask("Delete", collection_name="c", expr="id in [1]", partition_name="p")
    assert service.requests == [data.Delete("c", filter="id in [1]", partition="p", database="shelf")]
    assert (reply.delete_cnt, reply.timestamp, list(reply.IDs.int_id.data)) == (4, 88, [])


def _found(books: collections.CollectionInfo) -> dict[str, Any]:
    rows = [
        {"id": 5, "title": "Emma", "pages": None, "vector": [0.5, 1.0], "mood": "fine"},
        {"id": 6, "title": "Kim", "pages": 300, "vector": [0.0, 2.0], "mood": "calm"},
    ]
    batch = batch_from_rows(rows, books.schema)
    fields = tuple(books.schema.field(name) for name in batch.schema.names)
    return {"columns": batch, "fields": fields, "primary_field": "id", "timestamp": 99}


def _search_request(**fields: Any) -> dict[str, Any]:
    from pymilvus.client.prepare import Prepare

    request = Prepare.search_requests_with_expr("books", "vector", {}, 2, data=[[0.0, 1.0]])
    return {
        "collection_name": "books",
        "placeholder_group": request.placeholder_group,
        "search_params": list(request.search_params),
        "dsl_type": request.dsl_type,
        **fields,
    }


def _search_reply(books: collections.CollectionInfo, **changes: Any) -> query.SearchReply:
    parts = {
        "counts": np.array([2], np.int64),
        "ids": pa.array([5, 6], pa.int64()),
        "scores": np.array([0.75, 0.5], np.float32),
        "dynamic_keys": None,
        "metric": "COSINE",
        "larger_is_nearer": True,
        **_found(books),
        **changes,
    }
    return query.SearchReply(**parts)


def test_dynamic_keys_are_named_one_by_one_or_not_at_all(
    ask: Ask, service: FakeService, books: collections.CollectionInfo
) -> None:
    service.replies[collections.DescribeCollection] = books
    service.replies[query.Search] = _search_reply(books)
    every = ["id", "title", "pages", "vector", "$meta"]
    assert list(ask("Search", **_search_request()).results.output_fields) == every
    service.replies[query.Search] = _search_reply(books, dynamic_keys=("mood",))
    assert list(ask("Search", **_search_request()).results.output_fields) == [*every[:-1], "mood"]


def test_an_iterator_over_a_collection_made_anew(
    ask: Ask, service: FakeService, books: collections.CollectionInfo
) -> None:
    service.replies[collections.DescribeCollection] = books
    params = [{"key": "collection_id", "value": "8"}]
    assert ask("Query", collection_name="books", query_params=params).status.code == 100


def test_flush_says_when(ask: Ask, service: FakeService) -> None:
    service.replies[data.Flush] = 1_700_000_000_000 << 18
    reply = ask("Flush", collection_names=["a", "b"])
    assert service.requests == [data.Flush("a", "shelf"), data.Flush("b", "shelf")]
    assert dict(reply.coll_flush_ts) == dict.fromkeys("ab", 1_700_000_000_000 << 18)
    assert dict(reply.coll_seal_times) == dict.fromkeys("ab", 1_700_000_000)
    assert set(reply.coll_segIDs) == {"a", "b"}
    assert ask("GetFlushState", collection_name="a").flushed


def test_flush_of_everything(ask: Ask, service: FakeService) -> None:
    service.replies[data.Flush] = lambda request: {"a": 10, "b": 30, "c": 20}[request.collection]
    service.replies[databases.ListDatabases] = [databases.DatabaseInfo(1, name, 0, {}) for name in ("x", "y")]
    names = {"x": ["a", "b"], "y": ["c"]}
    service.replies[collections.ListCollections] = lambda request: [
        collections.CollectionName(1, name, 0, False) for name in names[request.database]
    ]
    assert ask("FlushAll").flush_all_ts == 30
    assert [request for request in service.requests if isinstance(request, data.Flush)] == [
        data.Flush("a", "x"),
        data.Flush("b", "x"),
        data.Flush("c", "y"),
    ]
    service.requests.clear()
    assert ask("FlushAll", db_name="y").flush_all_ts == 20
    ask("FlushAll", flush_targets=[{"db_name": "x", "collection_names": ["b"]}])
    assert service.last(data.Flush) == data.Flush("b", "x")
    assert ask("GetFlushAllState").flushed


def test_compactions_are_finished_jobs(ask: Ask, service: FakeService, books: collections.CollectionInfo) -> None:
    service.replies[collections.DescribeCollection] = books
    first = ask("ManualCompaction", collection_name="books").compactionID
    second = ask("ManualCompaction", collectionID=7, l0Compaction=True).compactionID
    assert first != second
    assert service.last(data.Compact) == data.Compact("books", "default")
    ask("ManualCompaction", collection_name="books", majorCompaction=True)
    assert service.last(data.Compact) == data.Compact("books", "default", by_clustering_key=True)
    state = ask("GetCompactionState", compactionID=first)
    assert (state.state, state.completedPlanNo) == (2, 1)
    assert ask("GetCompactionStateWithPlans", compactionID=second).state == 2
    assert "there is no compaction 3" in ask("GetCompactionState", compactionID=3).status.reason


def test_a_compaction_has_a_target_size_in_mib(
    ask: Ask, service: FakeService, books: collections.CollectionInfo
) -> None:
    service.replies[collections.DescribeCollection] = books
    ask("ManualCompaction", collection_name="books", target_size=3000)
    assert service.last(data.Compact) == data.Compact("books", "default", segment_bytes=3000 << 20)
    ask("ManualCompaction", collection_name="books", target_size=2**63 - 1)
    assert service.last(data.Compact).segment_bytes == 2**63 - 1


def test_a_part_of_a_collection_is_not_compacted(ask: Ask) -> None:
    reply = ask("ManualCompaction", collection_name="c", segment_ids=[1])
    assert "a part of a collection" in reply.status.reason


def test_health(ask: Ask, service: FakeService) -> None:
    assert ask("CheckHealth").isHealthy
    service.replies[databases.ListDatabases] = Unavailable("closed", "the database is closed")
    sick = ask("CheckHealth")
    assert (sick.isHealthy, list(sick.reasons)) == (False, ["the database is closed"])
    assert ask("GetComponentStates").state.state_code == 2


def test_timestamps_rise(ask: Ask, clock: ManualClock) -> None:
    first = ask("AllocTimestamp").timestamp
    assert first >> 18 == clock.now_ms()
    assert ask("AllocTimestamp").timestamp > first
    assert ask("Connect").identifier != ask("Connect").identifier


def test_replies_in_full(
    ask: Ask, service: FakeService, books: collections.CollectionInfo, golden: Callable[[str, str], None]
) -> None:
    """The whole text of every reply that carries something, as a file to read."""
    found = _found(books)
    service.replies = {
        collections.DescribeCollection: lambda request: (
            NotFound("collection_not_found", "collection not found: 'gone'") if request.name == "gone" else books
        ),
        collections.HasCollection: True,
        collections.HasPartition: True,
        collections.GetRowCount: 42,
        collections.ListCollections: [collections.CollectionName(7, "books", 9 << 18, True)],
        collections.ListPartitions: [
            collections.PartitionInfo(1, "_default", 9 << 18, True),
            collections.PartitionInfo(2, "new", 10 << 18, False),
        ],
        databases.ListDatabases: [databases.DatabaseInfo(1, "default", 5, {}), databases.DatabaseInfo(2, "d", 6, {})],
        databases.DescribeDatabase: databases.DatabaseInfo(2, "d", 6, {"k": "v"}),
        databases.DescribeAlias: databases.AliasInfo("library", "books", "shelf"),
        databases.ListAliases: [databases.AliasInfo("library", "books", "shelf")],
        indexes.DescribeIndexes: [_index_info(), _index_info(indexes.BuildState.FAILED)],
        query.Query: lambda request: (
            query.QueryReply(**found, dynamic_keys=None)
            if request.output_fields != ("count(*)",)
            else query.QueryReply(pa.RecordBatch.from_arrays([], schema=pa.schema([])), (), (), "id", 99, count=12)
        ),
        query.Search: _search_reply(books),
        data.Insert: _write_reply(),
    }
    calls: list[tuple[str, dict[str, Any]]] = [
        ("DescribeCollection", {"collection_name": "books"}),
        ("BatchDescribeCollection", {"collection_name": ["gone"]}),
        ("HasCollection", {"collection_name": "books"}),
        ("ShowCollections", {}),
        ("ShowCollections", {"type": "InMemory"}),
        ("GetCollectionStatistics", {"collection_name": "books"}),
        ("HasPartition", {"collection_name": "books", "partition_name": "_default"}),
        ("ShowPartitions", {"collection_name": "books"}),
        ("GetPartitionStatistics", {"collection_name": "books", "partition_name": "new"}),
        ("ListDatabases", {}),
        ("DescribeDatabase", {"db_name": "d"}),
        ("DescribeAlias", {"alias": "library"}),
        ("ListAliases", {"collection_name": "books"}),
        ("DescribeIndex", {"collection_name": "books"}),
        ("GetIndexState", {"collection_name": "books"}),
        ("GetIndexBuildProgress", {"collection_name": "books"}),
        ("Insert", {"collection_name": "books", "fields_data": _columns(), "num_rows": 2}),
        ("Search", _search_request()),
        ("Query", {"collection_name": "books", "expr": "id > 1"}),
        ("Query", {"collection_name": "books", "output_fields": ["count(*)"]}),
        ("Query", {"collection_name": "books", "query_params": [{"key": "limit", "value": "0"}]}),
        ("GetVersion", {}),
        ("Connect", {}),
        ("GetComponentStates", {}),
    ]
    text = ""
    for name, fields in calls:
        shown = {
            key: value
            for key, value in fields.items()
            if key not in {"placeholder_group", "fields_data", "search_params", "dsl_type"}
        }
        reply = text_format.MessageToString(ask(name, **fields))
        text += f"> {name} {' '.join(f'{key}={value}' for key, value in shown.items())}".rstrip() + f"\n{reply}\n"
    golden("grpc_replies.txt", text)
