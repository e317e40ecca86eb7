"""Calls about collections."""

from typing import Any, Final

from elanus.errors import Conflict, ElanusError, NotFound
from elanus.runtime.timestamps import physical_ms
from elanus.server.grpc.calls import Call, Handlers
from elanus.server.grpc.key_values import key_values, texts_of
from elanus.server.grpc.schema import decode_schema, schema_to_message
from elanus.server.grpc.status import failed_status, success
from elanus.server.grpc.stubs import common_pb2, milvus_pb2
from elanus.server.refusals import not_supported
from elanus.server.repetition import create_collection, drop_collection
from elanus.service.requests.base import Service
from elanus.service.requests.collections import (
    AlterCollectionProperties,
    CollectionInfo,
    CreateCollection,
    DescribeCollection,
    DropCollection,
    GetLoadState,
    GetRowCount,
    HasCollection,
    ListCollections,
    LoadCollection,
    LoadStatus,
    ReleaseCollection,
    RenameCollection,
    TruncateCollection,
)

__all__ = ["CollectionCalls", "check_load_options", "load_progress"]

_LOAD_STATES: Final = {
    LoadStatus.NOT_EXIST: "LoadStateNotExist",
    LoadStatus.NOT_LOADED: "LoadStateNotLoad",
    LoadStatus.LOADED: "LoadStateLoaded",
}
_DEFAULT_RESOURCE_GROUP: Final = "__default_resource_group"


class CollectionCalls:
    """Translates calls about collections for a service."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service

    def handlers(self) -> Handlers:
        """The calls answered here."""
        return {
            "CreateCollection": self._create,
            "DropCollection": self._drop,
            "HasCollection": self._has,
            "DescribeCollection": self._describe,
            "BatchDescribeCollection": self._describe_many,
            "ShowCollections": self._list,
            "AlterCollection": self._alter,
            "RenameCollection": self._rename,
            "TruncateCollection": self._truncate,
            "GetCollectionStatistics": self._statistics,
            "LoadCollection": self._load,
            "ReleaseCollection": self._release,
            "GetLoadState": self._load_state,
            "GetLoadingProgress": self._load_progress,
        }

    def _create(self, request: milvus_pb2.CreateCollectionRequest, call: Call) -> Any:
        level = request.consistency_level
        create_collection(
            self._service,
            CreateCollection(
                name=request.collection_name,
                schema=decode_schema(request.schema),
                database=call.database(request),
                shard_count=request.shards_num or 1,
                partition_count=request.num_partitions,
                consistency_level=common_pb2.ConsistencyLevel.Name(level)
                if level in common_pb2.ConsistencyLevel.values()
                else str(level),
                properties=texts_of(request.properties, what="properties"),
            ),
        )
        return success()

    def _drop(self, request: milvus_pb2.DropCollectionRequest, call: Call) -> Any:
        drop_collection(self._service, DropCollection(request.collection_name, call.database(request)))
        return success()

    def _has(self, request: milvus_pb2.HasCollectionRequest, call: Call) -> Any:
        exists = self._service.execute(HasCollection(request.collection_name, call.database(request)))
        return milvus_pb2.BoolResponse(status=success(), value=exists)

    def _describe(self, request: milvus_pb2.DescribeCollectionRequest, call: Call) -> Any:
        info = self._service.execute(
            DescribeCollection(request.collection_name, call.database(request), request.collectionID)
        )
        return _description(info)

    def _describe_many(self, request: milvus_pb2.BatchDescribeCollectionRequest, call: Call) -> Any:
        database = call.database(request)
        wanted = [DescribeCollection(name, database) for name in request.collection_name]
        wanted += [DescribeCollection("", database, number) for number in request.collectionID]
        reply = milvus_pb2.BatchDescribeCollectionResponse(status=success())
        for one in wanted:
            try:
                reply.responses.append(_description(self._service.execute(one)))
            except ElanusError as error:
                reply.responses.append(milvus_pb2.DescribeCollectionResponse(status=failed_status(error)))
        return reply

    def _list(self, request: milvus_pb2.ShowCollectionsRequest, call: Call) -> Any:
        in_memory = request.type == milvus_pb2.InMemory
        entries = self._service.execute(ListCollections(call.database(request), with_load_state=in_memory))
        names = set(request.collection_names)
        reply = milvus_pb2.ShowCollectionsResponse(status=success())
        for entry in entries:
            if (in_memory and not entry.loaded) or (names and entry.name not in names):
                continue
            reply.collection_names.append(entry.name)
            reply.collection_ids.append(entry.collection_id)
            reply.created_timestamps.append(entry.created_timestamp)
            reply.created_utc_timestamps.append(physical_ms(entry.created_timestamp))
            if in_memory:
                reply.inMemory_percentages.append(100)
                reply.query_service_available.append(True)
        return reply

    def _alter(self, request: milvus_pb2.AlterCollectionRequest, call: Call) -> Any:
        database = call.database(request)
        name = request.collection_name
        if not name:
            name = self._service.execute(DescribeCollection("", database, request.collectionID)).name
        properties = texts_of(request.properties, what="properties")
        self._service.execute(AlterCollectionProperties(name, properties, tuple(request.delete_keys), database))
        return success()

    def _rename(self, request: milvus_pb2.RenameCollectionRequest, call: Call) -> Any:
        self._service.execute(
            RenameCollection(request.oldName, request.newName, call.database(request), request.newDBName)
        )
        return success()

    def _truncate(self, request: milvus_pb2.TruncateCollectionRequest, call: Call) -> Any:
        self._service.execute(TruncateCollection(request.collection_name, call.database(request)))
        return milvus_pb2.TruncateCollectionResponse(status=success())

    def _statistics(self, request: milvus_pb2.GetCollectionStatisticsRequest, call: Call) -> Any:
        count = self._service.execute(GetRowCount(request.collection_name, database=call.database(request)))
        return milvus_pb2.GetCollectionStatisticsResponse(status=success(), stats=key_values({"row_count": count}))

    def _load(self, request: milvus_pb2.LoadCollectionRequest, call: Call) -> Any:
        check_load_options(request)
        self._service.execute(
            LoadCollection(
                request.collection_name,
                replica_count=request.replica_number or 1,
                database=call.database(request),
            )
        )
        return success()

    def _release(self, request: milvus_pb2.ReleaseCollectionRequest, call: Call) -> Any:
        self._service.execute(ReleaseCollection(request.collection_name, database=call.database(request)))
        return success()

    def _load_state(self, request: milvus_pb2.GetLoadStateRequest, call: Call) -> Any:
        progress = self._service.execute(
            GetLoadState(request.collection_name, tuple(request.partition_names), call.database(request))
        )
        state = common_pb2.LoadState.Value(_LOAD_STATES[progress.status])
        return milvus_pb2.GetLoadStateResponse(status=success(), state=state)

    def _load_progress(self, request: milvus_pb2.GetLoadingProgressRequest, call: Call) -> Any:
        return load_progress(self._service, request, call.database(request))


def load_progress(service: Service, request: milvus_pb2.GetLoadingProgressRequest, database: str) -> Any:
    """Loading takes no time here: what is loaded is loaded to the full.

    Raises:
        NotFound: there is no such collection.
        Conflict: it is not loaded.
    """
    name = request.collection_name
    progress = service.execute(GetLoadState(name, tuple(request.partition_names), database))
    if progress.status is LoadStatus.NOT_EXIST:
        raise NotFound("collection_not_found", f"collection not found: {name!r}")
    if progress.status is not LoadStatus.LOADED:
        raise Conflict("collection_not_loaded", f"collection not loaded: {name!r}")
    return milvus_pb2.GetLoadingProgressResponse(status=success(), progress=100, refresh_progress=100)


def check_load_options(request: milvus_pb2.LoadCollectionRequest | milvus_pb2.LoadPartitionsRequest) -> None:
    """Refuses what a load cannot do.

    Naming the fields to load, or a priority, saves memory or time elsewhere. Here columns are mapped when they are
    first touched, so these are taken and change nothing.

    Raises:
        InvalidInput: a resource group other than the default one.
    """
    others = [name for name in request.resource_groups if name != _DEFAULT_RESOURCE_GROUP]
    if others:
        raise not_supported(f"resource group {others[0]!r}")


def _description(info: CollectionInfo) -> milvus_pb2.DescribeCollectionResponse:
    schema = schema_to_message(info.schema, name=info.name, version=info.schema_version)
    return milvus_pb2.DescribeCollectionResponse(
        status=success(),
        schema=schema,
        collectionID=info.collection_id,
        created_timestamp=info.created_timestamp,
        created_utc_timestamp=physical_ms(info.created_timestamp),
        shards_num=info.shard_count,
        aliases=info.aliases,
        consistency_level=common_pb2.ConsistencyLevel.Value(info.consistency_level),
        collection_name=info.name,
        properties=key_values(info.properties),
        db_name=info.database,
        num_partitions=info.partition_count,
        update_timestamp=info.schema_timestamp,
        update_timestamp_str=str(info.schema_timestamp),
    )
