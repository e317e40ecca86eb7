"""Routes about what has a name and little else: databases, aliases, partitions, indexes."""

from typing import Final

from elanus.server.option_values import option_text
from elanus.server.repetition import create_partition, drop_partition
from elanus.server.rest.body import Body
from elanus.server.rest.index_json import index_from_json, index_to_json
from elanus.server.rest.routes import Reply, Routes, done
from elanus.service.requests.base import Service
from elanus.service.requests.collections import (
    CreatePartition,
    DropPartition,
    GetRowCount,
    HasPartition,
    ListPartitions,
    LoadCollection,
    ReleaseCollection,
)
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
from elanus.service.requests.indexes import AlterIndex, CreateIndex, DescribeIndexes, DropIndex

__all__ = ["AliasRoutes", "DatabaseRoutes", "IndexRoutes", "PartitionRoutes"]


class DatabaseRoutes:
    """Translates routes about databases for a service."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service

    def routes(self) -> Routes:
        """The routes answered here."""
        return {
            "databases/create": self._create,
            "databases/drop": self._drop,
            "databases/list": self._list,
            "databases/describe": self._describe,
            "databases/alter": self._alter,
            "databases/alter_properties": self._alter,
            "databases/drop_properties": self._drop_properties,
        }

    def _create(self, body: Body) -> Reply:
        properties = {key: option_text(value) for key, value in body.mapping("properties").items()}
        self._service.execute(CreateDatabase(body.text("dbName"), properties))
        return done()

    def _drop(self, body: Body) -> Reply:
        self._service.execute(DropDatabase(body.text("dbName")))
        return done()

    def _list(self, _body: Body) -> Reply:
        return {"data": [entry.name for entry in self._service.execute(ListDatabases())]}

    def _describe(self, body: Body) -> Reply:
        entry = self._service.execute(DescribeDatabase(body.text("dbName")))
        properties = [{"key": key, "value": value} for key, value in entry.properties.items()]
        return {"data": {"dbName": entry.name, "dbID": entry.database_id, "properties": properties}}

    def _alter(self, body: Body) -> Reply:
        properties = {key: option_text(value) for key, value in body.mapping("properties").items()}
        self._service.execute(AlterDatabase(body.text("dbName"), properties))
        return done()

    def _drop_properties(self, body: Body) -> Reply:
        self._service.execute(AlterDatabase(body.text("dbName"), removed=body.texts("propertyKeys")))
        return done()


class AliasRoutes:
    """Translates routes about aliases for a service."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service

    def routes(self) -> Routes:
        """The routes answered here."""
        return {
            "aliases/create": self._create,
            "aliases/drop": self._drop,
            "aliases/alter": self._alter,
            "aliases/describe": self._describe,
            "aliases/list": self._list,
        }

    def _create(self, body: Body) -> Reply:
        self._service.execute(CreateAlias(body.text("aliasName"), body.collection, body.database))
        return done()

    def _drop(self, body: Body) -> Reply:
        self._service.execute(DropAlias(body.text("aliasName"), body.database))
        return done()

    def _alter(self, body: Body) -> Reply:
        self._service.execute(AlterAlias(body.text("aliasName"), body.collection, body.database))
        return done()

    def _describe(self, body: Body) -> Reply:
        info = self._service.execute(DescribeAlias(body.text("aliasName"), body.database))
        return {"data": {"dbName": info.database, "collectionName": info.collection, "aliasName": info.alias}}

    def _list(self, body: Body) -> Reply:
        infos = self._service.execute(ListAliases(body.text("collectionName", default=""), body.database))
        return {"data": [info.alias for info in infos]}


class PartitionRoutes:
    """Translates routes about partitions for a service."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service

    def routes(self) -> Routes:
        """The routes answered here."""
        return {
            "partitions/create": self._create,
            "partitions/drop": self._drop,
            "partitions/has": self._has,
            "partitions/list": self._list,
            "partitions/get_stats": self._statistics,
            "partitions/load": self._load,
            "partitions/release": self._release,
        }

    def _create(self, body: Body) -> Reply:
        create_partition(self._service, CreatePartition(body.collection, body.text("partitionName"), body.database))
        return done()

    def _drop(self, body: Body) -> Reply:
        drop_partition(self._service, DropPartition(body.collection, body.text("partitionName"), body.database))
        return done()

    def _has(self, body: Body) -> Reply:
        exists = self._service.execute(HasPartition(body.collection, body.text("partitionName"), body.database))
        return {"data": {"has": exists}}

    def _list(self, body: Body) -> Reply:
        entries = self._service.execute(ListPartitions(body.collection, body.database))
        return {"data": [entry.name for entry in entries]}

    def _statistics(self, body: Body) -> Reply:
        count = self._service.execute(GetRowCount(body.collection, body.text("partitionName"), body.database))
        return {"data": {"rowCount": count}}

    def _load(self, body: Body) -> Reply:
        self._service.execute(
            LoadCollection(body.collection, body.required_texts("partitionNames"), database=body.database)
        )
        return done()

    def _release(self, body: Body) -> Reply:
        self._service.execute(ReleaseCollection(body.collection, body.required_texts("partitionNames"), body.database))
        return done()


class IndexRoutes:
    """Translates routes about indexes for a service."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service

    def routes(self) -> Routes:
        """The routes answered here."""
        return {
            "indexes/create": self._create,
            "indexes/list": self._list,
            "indexes/describe": self._describe,
            "indexes/drop": self._drop,
            "indexes/alter_properties": self._alter,
            "indexes/drop_properties": self._drop_properties,
        }

    def _create(self, body: Body) -> Reply:
        for part in body.parts("indexParams"):
            options = index_from_json(part)
            self._service.execute(
                CreateIndex(
                    collection=body.collection,
                    field_name=options.field_name,
                    index_type=options.index_type,
                    metric=options.metric,
                    params=options.params,
                    index_name=options.index_name,
                    settings=options.settings,
                    database=body.database,
                )
            )
        return done()

    def _list(self, body: Body) -> Reply:
        infos = self._service.execute(DescribeIndexes(body.collection, database=body.database))
        return {"data": [info.definition.index_name for info in infos]}

    def _describe(self, body: Body) -> Reply:
        infos = self._service.execute(DescribeIndexes(body.collection, body.text("indexName"), body.database))
        return {"data": [index_to_json(info) for info in infos]}

    def _drop(self, body: Body) -> Reply:
        self._service.execute(DropIndex(body.collection, body.text("indexName"), database=body.database))
        return done()

    def _alter(self, body: Body) -> Reply:
        settings = body.mapping("properties")
        self._service.execute(AlterIndex(body.collection, body.text("indexName"), settings, database=body.database))
        return done()

    def _drop_properties(self, body: Body) -> Reply:
        keys = body.texts("propertyKeys")
        self._service.execute(AlterIndex(body.collection, body.text("indexName"), removed=keys, database=body.database))
        return done()
