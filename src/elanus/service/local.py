"""The service of the process that owns the database: every request goes to its handler."""

import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from elanus.engine.engine import Engine
from elanus.errors import InvalidInput, Unavailable
from elanus.runtime.metrics import Metrics
from elanus.service import (
    aggregation,
    collections,
    data,
    databases,
    explain,
    faceting,
    fields,
    hybrid,
    indexes,
    query,
    system,
)
from elanus.service.requests import collections as collection_requests
from elanus.service.requests import data as data_requests
from elanus.service.requests import databases as database_requests
from elanus.service.requests import explain as explain_requests
from elanus.service.requests import facets as facet_requests
from elanus.service.requests import fields as field_requests
from elanus.service.requests import indexes as index_requests
from elanus.service.requests import query as query_requests
from elanus.service.requests import system as system_requests
from elanus.service.requests.base import Request

__all__ = ["HANDLERS", "LocalService"]

_Reply = TypeVar("_Reply")

HANDLERS: Final[dict[type[Request[Any]], Callable[[Engine, Any], Any]]] = {
    database_requests.CreateDatabase: databases.create_database,
    database_requests.DropDatabase: databases.drop_database,
    database_requests.ListDatabases: databases.list_databases,
    database_requests.DescribeDatabase: databases.describe_database,
    database_requests.AlterDatabase: databases.alter_database,
    database_requests.CreateAlias: databases.create_alias,
    database_requests.AlterAlias: databases.alter_alias,
    database_requests.DropAlias: databases.drop_alias,
    database_requests.DescribeAlias: databases.describe_alias,
    database_requests.ListAliases: databases.list_aliases,
    collection_requests.CreateCollection: collections.create_collection,
    collection_requests.DropCollection: collections.drop_collection,
    collection_requests.HasCollection: collections.has_collection,
    collection_requests.ListCollections: collections.list_collections,
    collection_requests.DescribeCollection: collections.describe_collection,
    collection_requests.RenameCollection: collections.rename_collection,
    collection_requests.TruncateCollection: collections.truncate_collection,
    collection_requests.AlterCollectionProperties: collections.alter_properties,
    collection_requests.GetRowCount: collections.row_count,
    collection_requests.LoadCollection: collections.load_collection,
    collection_requests.ReleaseCollection: collections.release_collection,
    collection_requests.GetLoadState: collections.load_state,
    collection_requests.CreatePartition: collections.create_partition,
    collection_requests.DropPartition: collections.drop_partition,
    collection_requests.HasPartition: collections.has_partition,
    collection_requests.ListPartitions: collections.list_partitions,
    field_requests.AddField: fields.add_field,
    field_requests.AlterField: fields.alter_field,
    field_requests.DropField: fields.drop_field,
    index_requests.CreateIndex: indexes.create_index,
    index_requests.DropIndex: indexes.drop_index,
    index_requests.AlterIndex: indexes.alter_index,
    index_requests.DescribeIndexes: indexes.describe_indexes,
    index_requests.WaitForIndexes: indexes.wait_for_indexes,
    data_requests.Insert: data.insert,
    data_requests.Upsert: data.upsert,
    data_requests.Delete: data.delete,
    data_requests.Flush: data.flush,
    data_requests.Compact: data.compact,
    query_requests.Search: query.search,
    query_requests.SearchBatch: query.search_batch,
    query_requests.HybridSearch: hybrid.hybrid_search,
    query_requests.Query: query.query,
    query_requests.Aggregate: aggregation.aggregate,
    facet_requests.FacetedSearch: faceting.faceted_search,
    explain_requests.Explain: explain.explain,
    system_requests.GetTimestamp: system.get_timestamp,
}
"""The function that answers each kind of request."""


class LocalService:
    """A `Service` over an engine in this process. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self.engine: Final = engine
        self._lock: Final = threading.Lock()
        self._ended: Final = threading.Condition(self._lock)
        self._running_count = 0
        self._closing = False
        self._is_awaited = False

    @property
    def metrics(self) -> Metrics:
        return self.engine.components.metrics

    def execute(self, request: Request[_Reply]) -> _Reply:
        """The reply to a request. Raises ElanusError."""
        handler = HANDLERS.get(type(request))
        if handler is None:
            raise InvalidInput("not_supported", f"requests of type {type(request).__name__} are not supported")
        with self._lock:
            if self._closing:
                raise Unavailable("closed", "the database is closed")
            self._running_count += 1
        try:
            return cast("_Reply", handler(self.engine, request))
        finally:
            with self._lock:
                self._running_count -= 1
                if self._is_awaited:
                    self._ended.notify_all()

    def close(self) -> None:
        """Refuses new requests, waits for those that run, and closes the engine; a second call does nothing.

        After it nothing of this service touches the files, so that another process may own them.
        """
        with self._lock:
            if self._closing:
                return
            self._closing = self._is_awaited = True
        self.engine.stop_working()
        with self._lock:
            self._ended.wait_for(lambda: self._running_count == 0)
        self.engine.close()
