"""Calls that write rows."""

from typing import Any, Final

from elanus.errors import Conflict
from elanus.server.grpc.calls import Call, Handlers
from elanus.server.grpc.field_data_reader import batch_from_fields_data
from elanus.server.grpc.field_data_writer import ids_from_column
from elanus.server.grpc.query_request import delete_from_message
from elanus.server.grpc.status import success
from elanus.server.grpc.stubs import milvus_pb2, schema_pb2
from elanus.server.refusals import not_supported
from elanus.service.requests.base import Service
from elanus.service.requests.collections import CollectionInfo, DescribeCollection
from elanus.service.requests.data import Insert, Upsert, WriteReply

__all__ = ["DataCalls"]


class DataCalls:
    """Translates calls that write rows for a service."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service

    def handlers(self) -> Handlers:
        """The calls answered here."""
        return {"Insert": self._insert, "Upsert": self._upsert, "Delete": self._delete}

    def _insert(self, request: milvus_pb2.InsertRequest, call: Call) -> Any:
        info = self._described(request, call)
        batch = batch_from_fields_data(request.fields_data, info.schema, row_count=request.num_rows)
        reply = self._service.execute(
            Insert(
                collection=request.collection_name,
                batch=batch,
                partition=request.partition_name,
                database=info.database,
                schema_timestamp=info.schema_timestamp,
            )
        )
        return _result(reply, insert_cnt=reply.inserted_count)

    def _upsert(self, request: milvus_pb2.UpsertRequest, call: Call) -> Any:
        for operation in request.field_ops:
            if operation.op != schema_pb2.FieldPartialUpdateOp.REPLACE:
                raise not_supported(
                    f"field {operation.field_name!r}: update operation "
                    f"{schema_pb2.FieldPartialUpdateOp.OpType.Name(operation.op)}"
                )
        info = self._described(request, call)
        batch = batch_from_fields_data(request.fields_data, info.schema, row_count=request.num_rows)
        reply = self._service.execute(
            Upsert(
                collection=request.collection_name,
                batch=batch,
                partition=request.partition_name,
                database=info.database,
                schema_timestamp=info.schema_timestamp,
                partial=request.partial_update,
            )
        )
        return _result(
            reply,
            insert_cnt=reply.inserted_count,
            delete_cnt=reply.deleted_count,
            upsert_cnt=reply.inserted_count,
        )

    def _delete(self, request: milvus_pb2.DeleteRequest, call: Call) -> Any:
        reply = self._service.execute(delete_from_message(request, database=call.database(request)))
        return milvus_pb2.MutationResult(
            status=success(), acknowledged=True, delete_cnt=reply.deleted_count, timestamp=reply.timestamp
        )

    def _described(self, request: milvus_pb2.InsertRequest | milvus_pb2.UpsertRequest, call: Call) -> CollectionInfo:
        """The collection written to, whose schema is the one the client made its columns for."""
        if request.namespace:
            raise not_supported("a namespace")
        info = self._service.execute(DescribeCollection(request.collection_name, call.database(request)))
        if request.schema_timestamp not in {0, info.schema_timestamp}:
            # Clients take this for a sign to fetch the schema again, and repeat the request.
            raise Conflict(
                "schema_mismatch",
                f"collection {request.collection_name!r} has a newer schema than the request was made for; "
                "describe it again and retry",
            )
        return info


def _result(reply: WriteReply, **counts: int) -> milvus_pb2.MutationResult:
    return milvus_pb2.MutationResult(
        status=success(),
        IDs=ids_from_column(reply.ids),
        succ_index=range(len(reply.ids)),
        acknowledged=True,
        timestamp=reply.timestamp,
        **counts,
    )
