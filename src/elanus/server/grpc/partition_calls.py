"""Calls about partitions."""

from typing import Any, Final

from elanus.errors import InvalidInput
from elanus.runtime.timestamps import physical_ms
from elanus.server.grpc.calls import Call, Handlers
from elanus.server.grpc.collection_calls import check_load_options
from elanus.server.grpc.key_values import key_values
from elanus.server.grpc.status import success
from elanus.server.grpc.stubs import milvus_pb2
from elanus.server.repetition import create_partition, drop_partition
from elanus.service.requests.base import Service
from elanus.service.requests.collections import (
    CreatePartition,
    DescribeCollection,
    DropPartition,
    GetRowCount,
    HasPartition,
    ListPartitions,
    LoadCollection,
    ReleaseCollection,
)

__all__ = ["PartitionCalls"]


class PartitionCalls:
    """Translates calls about partitions for a service."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service

    def handlers(self) -> Handlers:
        """The calls answered here."""
        return {
            "CreatePartition": self._create,
            "DropPartition": self._drop,
            "HasPartition": self._has,
            "ShowPartitions": self._list,
            "GetPartitionStatistics": self._statistics,
            "LoadPartitions": self._load,
            "ReleasePartitions": self._release,
        }

    def _create(self, request: milvus_pb2.CreatePartitionRequest, call: Call) -> Any:
        create_partition(
            self._service, CreatePartition(request.collection_name, request.partition_name, call.database(request))
        )
        return success()

    def _drop(self, request: milvus_pb2.DropPartitionRequest, call: Call) -> Any:
        drop_partition(
            self._service, DropPartition(request.collection_name, request.partition_name, call.database(request))
        )
        return success()

    def _has(self, request: milvus_pb2.HasPartitionRequest, call: Call) -> Any:
        exists = self._service.execute(
            HasPartition(request.collection_name, request.partition_name, call.database(request))
        )
        return milvus_pb2.BoolResponse(status=success(), value=exists)

    def _list(self, request: milvus_pb2.ShowPartitionsRequest, call: Call) -> Any:
        database = call.database(request)
        collection = request.collection_name
        if not collection:
            collection = self._service.execute(DescribeCollection("", database, request.collectionID)).name
        entries = self._service.execute(ListPartitions(collection, database))
        names = set(request.partition_names)
        reply = milvus_pb2.ShowPartitionsResponse(status=success())
        for entry in entries:
            if (request.type == milvus_pb2.InMemory and not entry.loaded) or (names and entry.name not in names):
                continue
            reply.partition_names.append(entry.name)
            reply.partitionIDs.append(entry.partition_id)
            reply.created_timestamps.append(entry.created_timestamp)
            reply.created_utc_timestamps.append(physical_ms(entry.created_timestamp))
            reply.inMemory_percentages.append(100 if entry.loaded else 0)
        return reply

    def _statistics(self, request: milvus_pb2.GetPartitionStatisticsRequest, call: Call) -> Any:
        count = self._service.execute(
            GetRowCount(request.collection_name, request.partition_name, call.database(request))
        )
        return milvus_pb2.GetPartitionStatisticsResponse(status=success(), stats=key_values({"row_count": count}))

    def _load(self, request: milvus_pb2.LoadPartitionsRequest, call: Call) -> Any:
        check_load_options(request)
        self._service.execute(
            LoadCollection(
                request.collection_name,
                _named(request),
                request.replica_number or 1,
                call.database(request),
            )
        )
        return success()

    def _release(self, request: milvus_pb2.ReleasePartitionsRequest, call: Call) -> Any:
        self._service.execute(ReleaseCollection(request.collection_name, _named(request), call.database(request)))
        return success()


def _named(request: milvus_pb2.LoadPartitionsRequest | milvus_pb2.ReleasePartitionsRequest) -> tuple[str, ...]:
    """The partitions a request names; none would mean all of them to the service."""
    names = tuple(request.partition_names)
    if not names:
        raise InvalidInput("missing_parameter", "no partition is named; name at least one")
    return names
