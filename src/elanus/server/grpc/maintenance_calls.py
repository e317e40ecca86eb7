"""Calls about flushing and compaction.

The service does both before it answers; the polling that clients do afterwards finds everything done.
"""

from typing import Any, Final

from elanus.runtime.timestamps import physical_ms
from elanus.server.compaction_jobs import CompactionJobs
from elanus.server.grpc.calls import Call, Handlers
from elanus.server.grpc.status import success
from elanus.server.grpc.stubs import common_pb2, milvus_pb2
from elanus.server.refusals import not_supported
from elanus.service.requests.base import Service
from elanus.service.requests.collections import DescribeCollection, ListCollections
from elanus.service.requests.data import Flush
from elanus.service.requests.databases import ListDatabases
from elanus.service.requests.system import GetTimestamp

__all__ = ["MaintenanceCalls"]

_MIB: Final = 1 << 20
_INT64_MAX: Final = 2**63 - 1


class MaintenanceCalls:
    """Translates calls about flushing and compaction for a service."""

    def __init__(self, service: Service, jobs: CompactionJobs) -> None:
        self._service: Final = service
        self._jobs: Final = jobs

    def handlers(self) -> Handlers:
        """The calls answered here."""
        return {
            "Flush": self._flush,
            "GetFlushState": self._flush_state,
            "FlushAll": self._flush_all,
            "GetFlushAllState": self._flush_all_state,
            "ManualCompaction": self._compact,
            "GetCompactionState": self._compaction_state,
            "GetCompactionStateWithPlans": self._compaction_plans,
        }

    def _flush(self, request: milvus_pb2.FlushRequest, call: Call) -> Any:
        database = call.database(request)
        reply = milvus_pb2.FlushResponse(status=success(), db_name=database)
        for name in request.collection_names:
            timestamp = self._service.execute(Flush(name, database))
            reply.coll_segIDs[name].SetInParent()
            reply.flush_coll_segIDs[name].SetInParent()
            reply.coll_flush_ts[name] = timestamp
            reply.coll_seal_times[name] = physical_ms(timestamp) // 1000
        return reply

    def _flush_state(self, request: milvus_pb2.GetFlushStateRequest, call: Call) -> Any:
        if request.collection_name:
            self._service.execute(DescribeCollection(request.collection_name, call.database(request)))
        return milvus_pb2.GetFlushStateResponse(status=success(), flushed=True)

    def _flush_all(self, request: milvus_pb2.FlushAllRequest, _call: Call) -> Any:
        reply = milvus_pb2.FlushAllResponse(status=success())
        newest = 0
        for database, names in self._flush_targets(request).items():
            result = reply.flush_results.add(db_name=database)
            for name in names:
                timestamp = self._service.execute(Flush(name, database))
                result.collection_results.add(
                    collection_name=name, flush_ts=timestamp, seal_time=physical_ms(timestamp) // 1000
                )
                newest = max(newest, timestamp)
        reply.flush_all_ts = newest or self._service.execute(GetTimestamp())
        return reply

    def _flush_targets(self, request: milvus_pb2.FlushAllRequest) -> dict[str, list[str]]:
        """The collections to flush by database: those named, all of a database named, or all there are."""
        targets: dict[str, list[str]] = {}
        for target in request.flush_targets:
            targets.setdefault(target.db_name, []).extend(target.collection_names)
        if not targets and request.db_name:
            targets[request.db_name] = []
        if not targets:
            targets = {entry.name: [] for entry in self._service.execute(ListDatabases())}
        return {
            database: names or [entry.name for entry in self._service.execute(ListCollections(database))]
            for database, names in targets.items()
        }

    def _flush_all_state(self, _request: milvus_pb2.GetFlushAllStateRequest, _call: Call) -> Any:
        return milvus_pb2.GetFlushAllStateResponse(status=success(), flushed=True)

    def _compact(self, request: milvus_pb2.ManualCompactionRequest, call: Call) -> Any:
        if request.partition_id or request.channel or request.segment_ids:
            raise not_supported("compaction of a part of a collection")
        info = self._service.execute(
            DescribeCollection(request.collection_name, call.database(request), request.collectionID)
        )
        # The largest number asks for segments as large as they can be.
        size = min(request.target_size * _MIB, _INT64_MAX) if request.target_size else None
        job = self._jobs.run(info, by_clustering_key=request.majorCompaction, segment_bytes=size)
        return milvus_pb2.ManualCompactionResponse(status=success(), compactionID=job, compactionPlanCount=1)

    def _compaction_state(self, request: milvus_pb2.GetCompactionStateRequest, _call: Call) -> Any:
        self._jobs.check_finished(request.compactionID)
        return milvus_pb2.GetCompactionStateResponse(status=success(), state=common_pb2.Completed, completedPlanNo=1)

    def _compaction_plans(self, request: milvus_pb2.GetCompactionPlansRequest, _call: Call) -> Any:
        """The plans of a compaction that is done, of which none are kept."""
        if not request.compactionID:
            raise not_supported("the list of a collection's compactions")
        self._jobs.check_finished(request.compactionID)
        return milvus_pb2.GetCompactionPlansResponse(status=success(), state=common_pb2.Completed)
