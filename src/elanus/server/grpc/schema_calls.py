"""Calls that change the fields of a collection."""

from typing import Any, Final

from google.protobuf.message import DecodeError

from elanus.errors import InvalidInput
from elanus.server.grpc.calls import Call, Handlers
from elanus.server.grpc.key_values import texts_of
from elanus.server.grpc.schema import field_from_message, struct_array_from_message
from elanus.server.grpc.status import success
from elanus.server.grpc.stubs import milvus_pb2, schema_pb2
from elanus.server.refusals import not_supported
from elanus.service.requests.base import Service
from elanus.service.requests.collections import DescribeCollection
from elanus.service.requests.fields import AddField, AlterField, DropField

__all__ = ["SchemaCalls"]


class SchemaCalls:
    """Translates calls about fields for a service."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service

    def handlers(self) -> Handlers:
        """The calls answered here."""
        return {
            "AddCollectionField": self._add,
            "AddCollectionStructField": self._add_struct,
            "AlterCollectionField": self._alter,
            "AlterCollectionSchema": self._alter_schema,
        }

    def _add(self, request: milvus_pb2.AddCollectionFieldRequest, call: Call) -> Any:
        message = schema_pb2.FieldSchema()
        try:
            message.ParseFromString(request.schema)
        except DecodeError as error:
            raise InvalidInput("malformed_request", f"the field cannot be decoded: {error}") from None
        self._add_field(request, call, message)
        return success()

    def _add_struct(self, request: milvus_pb2.AddCollectionStructFieldRequest, call: Call) -> Any:
        field = struct_array_from_message(request.struct_array_field_schema)
        self._service.execute(AddField(self._name(request, call), field, call.database(request)))
        return success()

    def _alter(self, request: milvus_pb2.AlterCollectionFieldRequest, call: Call) -> Any:
        settings = texts_of(request.properties, what="properties")
        removed = tuple(request.delete_keys)
        self._service.execute(
            AlterField(request.collection_name, request.field_name, settings, removed, call.database(request))
        )
        return success()

    def _alter_schema(self, request: milvus_pb2.AlterCollectionSchemaRequest, call: Call) -> Any:
        action = request.action
        if action.WhichOneof("op") == "drop_request":
            drop = action.drop_request
            if drop.function_name:
                raise not_supported("a function in a schema")
            name = self._name(request, call)
            self._service.execute(DropField(name, drop.field_name, drop.field_id, call.database(request)))
        else:
            added = action.add_request
            if added.func_schema or added.do_physical_backfill:
                raise not_supported("a function in a schema")
            if len(added.field_infos) != 1:
                raise InvalidInput(
                    "invalid_argument", f"the request adds {len(added.field_infos)} fields, expected one at a time"
                )
            info = added.field_infos[0]
            if info.extra_params:
                raise not_supported("an index together with a new field", "create the index afterwards")
            self._add_field(request, call, info.field_schema)
        return milvus_pb2.AlterCollectionSchemaResponse(alter_status=success())

    def _add_field(self, request: Any, call: Call, message: schema_pb2.FieldSchema) -> None:
        field = field_from_message(message, collection_auto_id=False)
        self._service.execute(AddField(self._name(request, call), field, call.database(request)))

    def _name(self, request: Any, call: Call) -> str:
        """The collection, which may be named by its id."""
        if request.collection_name:
            return str(request.collection_name)
        return self._service.execute(DescribeCollection("", call.database(request), request.collectionID)).name
