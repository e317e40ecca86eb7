"""Calls about indexes."""

from typing import Any, Final

from elanus.errors import NotFound
from elanus.server.grpc.calls import Call, Handlers
from elanus.server.grpc.index_messages import create_index_from_message, index_description
from elanus.server.grpc.key_values import texts_of
from elanus.server.grpc.status import success
from elanus.server.grpc.stubs import common_pb2, milvus_pb2
from elanus.service.requests.base import Service
from elanus.service.requests.indexes import AlterIndex, DescribeIndexes, DropIndex, IndexInfo

__all__ = ["IndexCalls"]


class IndexCalls:
    """Translates calls about indexes for a service."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service

    def handlers(self) -> Handlers:
        """The calls answered here."""
        return {
            "CreateIndex": self._create,
            "AlterIndex": self._alter,
            "DescribeIndex": self._describe,
            "DropIndex": self._drop,
            "GetIndexState": self._state,
            "GetIndexBuildProgress": self._progress,
            "GetIndexStatistics": self._statistics,
        }

    def _create(self, request: milvus_pb2.CreateIndexRequest, call: Call) -> Any:
        self._service.execute(create_index_from_message(request, database=call.database(request)))
        return success()

    def _alter(self, request: milvus_pb2.AlterIndexRequest, call: Call) -> Any:
        self._service.execute(
            AlterIndex(
                request.collection_name,
                request.index_name,
                dict(texts_of(request.extra_params, what="extra_params")),
                tuple(request.delete_keys),
                call.database(request),
            )
        )
        return success()

    def _describe(self, request: milvus_pb2.DescribeIndexRequest, call: Call) -> Any:
        infos = self._indexes(request, call)
        return milvus_pb2.DescribeIndexResponse(
            status=success(), index_descriptions=[index_description(info) for info in infos]
        )

    def _statistics(self, request: milvus_pb2.GetIndexStatisticsRequest, call: Call) -> Any:
        infos = self._service.execute(
            DescribeIndexes(request.collection_name, request.index_name, call.database(request))
        )
        return milvus_pb2.GetIndexStatisticsResponse(
            status=success(), index_descriptions=[index_description(info) for info in infos]
        )

    def _drop(self, request: milvus_pb2.DropIndexRequest, call: Call) -> Any:
        name = request.index_name or request.field_name
        self._service.execute(DropIndex(request.collection_name, name, database=call.database(request)))
        return success()

    def _state(self, request: milvus_pb2.GetIndexStateRequest, call: Call) -> Any:
        info = self._indexes(request, call)[0]
        state = common_pb2.IndexState.Value(info.state.value)
        return milvus_pb2.GetIndexStateResponse(status=success(), state=state, fail_reason=info.failure)

    def _progress(self, request: milvus_pb2.GetIndexBuildProgressRequest, call: Call) -> Any:
        info = self._indexes(request, call)[0]
        return milvus_pb2.GetIndexBuildProgressResponse(
            status=success(), indexed_rows=info.indexed_row_count, total_rows=info.total_row_count
        )

    def _indexes(self, request: Any, call: Call) -> list[IndexInfo]:
        """The index a request names, by its own name or its field's, or all of them; at least one."""
        name = request.index_name or request.field_name
        infos = self._service.execute(DescribeIndexes(request.collection_name, name, call.database(request)))
        if not infos:
            raise NotFound("index_not_found", f"index not found: collection {request.collection_name!r} has none")
        return infos
