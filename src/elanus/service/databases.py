"""Databases and aliases: names in the catalog."""

from collections.abc import Mapping

from elanus.catalog.changes import AliasRemoved, AliasSet, CatalogChange, DatabaseEntry, DatabaseRemoved, DatabaseSet
from elanus.catalog.state import CatalogState
from elanus.engine.engine import COLLECTIONS_MAX, Engine
from elanus.errors import AlreadyExists, InvalidInput, NotFound
from elanus.schema.names import check_name
from elanus.service.requests.base import DEFAULT_DATABASE
from elanus.service.requests.databases import (
    AliasInfo,
    AlterAlias,
    AlterDatabase,
    CreateAlias,
    CreateDatabase,
    DatabaseInfo,
    DescribeAlias,
    DescribeDatabase,
    DropAlias,
    DropDatabase,
    ListAliases,
    ListDatabases,
)
from elanus.service.timezones import check_timezone


def create_database(engine: Engine, request: CreateDatabase) -> None:
    check_name("database", request.name)
    _check_properties(request.properties)
    components = engine.components
    entry = DatabaseEntry(
        components.ids.allocate(), request.name, components.oracle.allocate(), dict(request.properties)
    )

    def decide(state: CatalogState) -> list[CatalogChange]:
        if request.name in state.databases:
            raise AlreadyExists("database_exists", f"database {request.name!r} exists already")
        limit = components.settings.database_count_max
        if len(state.databases) >= limit:
            raise InvalidInput("limit_exceeded", f"there are {limit} databases already (setting database_count_max)")
        return [DatabaseSet(entry)]

    engine.catalog.change(decide)


def drop_database(engine: Engine, request: DropDatabase) -> None:
    if request.name == DEFAULT_DATABASE:
        raise InvalidInput("not_supported", "the default database cannot be dropped")

    def decide(state: CatalogState) -> list[CatalogChange]:
        state.check_database_empty(request.name)
        return [DatabaseRemoved(request.name)]

    engine.catalog.change(decide)


def list_databases(engine: Engine, _request: ListDatabases) -> list[DatabaseInfo]:
    return engine.catalog.read(lambda state: [_database_info(entry) for entry in state.databases.values()])


def describe_database(engine: Engine, request: DescribeDatabase) -> DatabaseInfo:
    return _database_info(engine.catalog.read(lambda state: state.database(request.name)))


def alter_database(engine: Engine, request: AlterDatabase) -> None:
    _check_properties(request.properties)

    def decide(state: CatalogState) -> list[CatalogChange]:
        entry = state.database(request.name)
        kept = {name: value for name, value in entry.properties.items() if name not in request.removed}
        properties = {**kept, **request.properties}
        return [DatabaseSet(DatabaseEntry(entry.database_id, entry.name, entry.created_timestamp, properties))]

    engine.catalog.change(decide)


def _check_properties(properties: Mapping[str, str]) -> None:
    check_timezone(properties)
    most = properties.get(COLLECTIONS_MAX, "0")
    if not most.isdecimal():
        raise InvalidInput("invalid_argument", f"{COLLECTIONS_MAX} is {most!r}, expected a whole number")


def create_alias(engine: Engine, request: CreateAlias) -> None:
    check_name("alias", request.alias)

    def decide(state: CatalogState) -> list[CatalogChange]:
        target = state.collection(request.database, request.collection)
        if state.aliases_of(request.database).get(request.alias) == target.collection_id:
            return []
        state.check_name_free(request.database, request.alias)
        return [AliasSet(request.database, request.alias, target.collection_id)]

    engine.catalog.change(decide)


def alter_alias(engine: Engine, request: AlterAlias) -> None:
    def decide(state: CatalogState) -> list[CatalogChange]:
        state.alias_target(request.database, request.alias)
        target = state.collection(request.database, request.collection)
        return [AliasSet(request.database, request.alias, target.collection_id)]

    engine.catalog.change(decide)


def drop_alias(engine: Engine, request: DropAlias) -> None:
    def decide(state: CatalogState) -> list[CatalogChange]:
        try:
            state.alias_target(request.database, request.alias)
        except NotFound:
            return []
        return [AliasRemoved(request.database, request.alias)]

    engine.catalog.change(decide)


def describe_alias(engine: Engine, request: DescribeAlias) -> AliasInfo:
    target = engine.catalog.read(lambda state: state.alias_target(request.database, request.alias))
    return AliasInfo(request.alias, target.name, request.database)


def list_aliases(engine: Engine, request: ListAliases) -> list[AliasInfo]:
    def question(state: CatalogState) -> list[AliasInfo]:
        target = None
        if request.collection:
            target = state.collection(request.database, request.collection).collection_id
        return [
            AliasInfo(alias, state.collections[collection_id].name, request.database)
            for alias, collection_id in state.aliases_of(request.database, target).items()
        ]

    return engine.catalog.read(question)


def _database_info(entry: DatabaseEntry) -> DatabaseInfo:
    return DatabaseInfo(entry.database_id, entry.name, entry.created_timestamp, dict(entry.properties))
