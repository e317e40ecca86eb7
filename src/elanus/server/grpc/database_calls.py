"""Calls about databases and aliases."""

from typing import Any, Final

from elanus.server.grpc.calls import Call, Handlers
from elanus.server.grpc.key_values import key_values, texts_of
from elanus.server.grpc.status import success
from elanus.server.grpc.stubs import milvus_pb2
from elanus.service.requests.base import Service
from elanus.service.requests.databases import (
    AlterAlias,
    AlterDatabase,
    CreateAlias,
    CreateDatabase,
    DescribeAlias,
    DescribeDatabase,
    DropAlias,
    DropDatabase,
    ListAliases,
    ListDatabases,
)

__all__ = ["DatabaseCalls"]


class DatabaseCalls:
    """Translates calls about databases and aliases for a service."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service

    def handlers(self) -> Handlers:
        """The calls answered here."""
        return {
            "CreateDatabase": self._create,
            "DropDatabase": self._drop,
            "ListDatabases": self._list,
            "AlterDatabase": self._alter,
            "DescribeDatabase": self._describe,
            "CreateAlias": self._create_alias,
            "DropAlias": self._drop_alias,
            "AlterAlias": self._alter_alias,
            "DescribeAlias": self._describe_alias,
            "ListAliases": self._list_aliases,
        }

    def _create(self, request: milvus_pb2.CreateDatabaseRequest, _call: Call) -> Any:
        self._service.execute(CreateDatabase(request.db_name, texts_of(request.properties, what="properties")))
        return success()

    def _drop(self, request: milvus_pb2.DropDatabaseRequest, _call: Call) -> Any:
        self._service.execute(DropDatabase(request.db_name))
        return success()

    def _list(self, _request: milvus_pb2.ListDatabasesRequest, _call: Call) -> Any:
        entries = self._service.execute(ListDatabases())
        return milvus_pb2.ListDatabasesResponse(
            status=success(),
            db_names=[entry.name for entry in entries],
            created_timestamp=[entry.created_timestamp for entry in entries],
            db_ids=[entry.database_id for entry in entries],
        )

    def _alter(self, request: milvus_pb2.AlterDatabaseRequest, _call: Call) -> Any:
        properties = texts_of(request.properties, what="properties")
        self._service.execute(AlterDatabase(request.db_name, properties, tuple(request.delete_keys)))
        return success()

    def _describe(self, request: milvus_pb2.DescribeDatabaseRequest, _call: Call) -> Any:
        entry = self._service.execute(DescribeDatabase(request.db_name))
        return milvus_pb2.DescribeDatabaseResponse(
            status=success(),
            db_name=entry.name,
            dbID=entry.database_id,
            created_timestamp=entry.created_timestamp,
            properties=key_values(entry.properties),
        )

    def _create_alias(self, request: milvus_pb2.CreateAliasRequest, call: Call) -> Any:
        self._service.execute(CreateAlias(request.alias, request.collection_name, call.database(request)))
        return success()

    def _drop_alias(self, request: milvus_pb2.DropAliasRequest, call: Call) -> Any:
        self._service.execute(DropAlias(request.alias, call.database(request)))
        return success()

    def _alter_alias(self, request: milvus_pb2.AlterAliasRequest, call: Call) -> Any:
        self._service.execute(AlterAlias(request.alias, request.collection_name, call.database(request)))
        return success()

    def _describe_alias(self, request: milvus_pb2.DescribeAliasRequest, call: Call) -> Any:
        info = self._service.execute(DescribeAlias(request.alias, call.database(request)))
        return milvus_pb2.DescribeAliasResponse(
            status=success(), db_name=info.database, alias=info.alias, collection=info.collection
        )

    def _list_aliases(self, request: milvus_pb2.ListAliasesRequest, call: Call) -> Any:
        database = call.database(request)
        infos = self._service.execute(ListAliases(request.collection_name, database))
        return milvus_pb2.ListAliasesResponse(
            status=success(),
            db_name=database,
            collection_name=request.collection_name,
            aliases=[info.alias for info in infos],
        )
