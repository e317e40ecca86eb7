"""Collections and partitions."""

from dataclasses import replace

from elanus.catalog.changes import AliasRemoved, CatalogChange, CollectionEntry, CollectionSet
from elanus.catalog.state import CatalogState
from elanus.columns.geometries import check_geometry_defaults
from elanus.engine.alterations import (
    change_properties,
    define_index,
    partition_entry,
    set_load_state,
    truncate,
)
from elanus.engine.alterations import (
    create_partition as make_partition,
)
from elanus.engine.alterations import (
    drop_partition as remove_partition,
)
from elanus.engine.engine import CollectionOptions, Engine
from elanus.engine.expiring import check_expiry
from elanus.engine.schema_changes import enable_dynamic_field
from elanus.errors import Conflict, ElanusError, InvalidInput, NotFound
from elanus.query.plan import plan_scope
from elanus.query.retrieve import count
from elanus.schema.names import check_name
from elanus.service.isolation import check_isolation
from elanus.service.requests.collections import (
    AlterCollectionProperties,
    CollectionInfo,
    CollectionName,
    CreateCollection,
    CreatePartition,
    DescribeCollection,
    DropCollection,
    DropPartition,
    GetLoadState,
    GetRowCount,
    HasCollection,
    HasPartition,
    ListCollections,
    ListPartitions,
    LoadCollection,
    LoadProgress,
    LoadStatus,
    PartitionInfo,
    ReleaseCollection,
    RenameCollection,
    TruncateCollection,
)
from elanus.service.timezones import check_timezone, effective_timezone, with_exact_defaults
from elanus.storage.manifest import LoadState, Manifest

_DYNAMIC_PROPERTY = "dynamicfield.enabled"
_CONSISTENCY_LEVELS = ("Strong", "Session", "Bounded", "Eventually", "Customized")


def create_collection(engine: Engine, request: CreateCollection) -> None:
    check_name("collection", request.name)
    if request.consistency_level not in _CONSISTENCY_LEVELS:
        raise InvalidInput(
            "invalid_argument",
            f"consistency level is {request.consistency_level!r}, expected one of {', '.join(_CONSISTENCY_LEVELS)}",
        )
    options = CollectionOptions(
        shard_count=request.shard_count,
        partition_count=request.partition_count,
        consistency_level=request.consistency_level,
        properties=request.properties,
        loaded=request.loaded,
    )
    check_timezone(request.properties)
    check_isolation(request.schema, request.properties)
    timezone = effective_timezone(engine, request.schema, request.database, properties=request.properties)
    schema = with_exact_defaults(request.schema, timezone)
    check_geometry_defaults(schema)
    check_expiry(request.properties, schema)
    collection = engine.create_collection(request.database, request.name, schema, options)
    try:
        for definition in request.indexes:
            define_index(collection, definition, definition.metric or "")
    except ElanusError:
        # The request is refused whole: a collection without the indexes asked for is not what was wanted.
        engine.drop_collection(request.database, request.name)
        raise


def drop_collection(engine: Engine, request: DropCollection) -> None:
    engine.drop_collection(request.database, request.name)


def has_collection(engine: Engine, request: HasCollection) -> bool:
    try:
        engine.catalog.read(lambda state: state.collection(request.database, request.name))
    except NotFound as error:
        if error.kind == "database_not_found":
            raise
        return False
    return True


def list_collections(engine: Engine, request: ListCollections) -> list[CollectionName]:
    entries = engine.catalog.read(lambda state: state.collections_of(request.database))
    names = []
    for entry in entries:
        loaded = False
        if request.with_load_state:
            load = engine.open_collection(entry.collection_id).manifest.load
            loaded = load.loaded or bool(load.partition_ids)
        names.append(CollectionName(entry.collection_id, entry.name, entry.created_timestamp, loaded))
    return names


def describe_collection(engine: Engine, request: DescribeCollection) -> CollectionInfo:
    def question(state: CatalogState) -> tuple[CollectionEntry, tuple[str, ...]]:
        if request.name or not request.collection_id:
            entry = state.collection(request.database, request.name)
        else:
            entry = state.collection_of(request.collection_id)
        return entry, tuple(state.aliases_of(entry.database, entry.collection_id))

    entry, aliases = engine.catalog.read(question)
    manifest = engine.open_collection(entry.collection_id).manifest
    timezone = effective_timezone(engine, manifest.schema, entry.database, properties=manifest.properties)
    return CollectionInfo(
        collection_id=entry.collection_id,
        database=entry.database,
        name=entry.name,
        schema=manifest.schema.in_timezone(timezone),
        aliases=aliases,
        partition_count=len(manifest.partitions),
        shard_count=manifest.shard_count,
        consistency_level=manifest.consistency_level,
        properties=dict(manifest.properties),
        created_timestamp=manifest.created_timestamp,
        schema_timestamp=manifest.schema_timestamp,
        schema_version=manifest.schema_version,
        indexes=manifest.indexes,
    )


def rename_collection(engine: Engine, request: RenameCollection) -> None:
    check_name("collection", request.new_name)
    target = request.new_database or request.database

    def decide(state: CatalogState) -> list[CatalogChange]:
        entry = state.collection(request.database, request.name)
        if entry.name != request.name:
            raise Conflict("operation_not_allowed", f"{request.name!r} is an alias; rename collection {entry.name!r}")
        state.check_name_free(target, request.new_name)
        changes: list[CatalogChange] = []
        if target != request.database:
            aliases = state.aliases_of(request.database, entry.collection_id)
            changes += [AliasRemoved(request.database, alias) for alias in aliases]
        return [*changes, CollectionSet(replace(entry, database=target, name=request.new_name))]

    engine.catalog.change(decide)


def truncate_collection(engine: Engine, request: TruncateCollection) -> None:
    truncate(engine.collection(request.database, request.name))


def alter_properties(engine: Engine, request: AlterCollectionProperties) -> None:
    check_timezone(request.properties)
    collection = engine.collection(request.database, request.name)
    check_isolation(collection.manifest.schema, request.properties)
    kept = {name: value for name, value in collection.manifest.properties.items() if name not in request.removed}
    check_expiry({**kept, **request.properties}, collection.manifest.schema)
    dynamic = request.properties.get(_DYNAMIC_PROPERTY, "").strip().lower()
    if dynamic not in {"", "true", "false"}:
        raise InvalidInput("invalid_argument", f"{_DYNAMIC_PROPERTY} is {dynamic!r}, expected true")
    if dynamic == "false" and collection.manifest.schema.enable_dynamic_field:
        raise InvalidInput("not_supported", "the dynamic field cannot be taken away from a collection that has it")
    if dynamic == "true":
        enable_dynamic_field(collection)
    change_properties(collection, dict(request.properties), request.removed)


def row_count(engine: Engine, request: GetRowCount) -> int:
    view = engine.collection(request.database, request.collection).view()
    partitions = (request.partition,) if request.partition else ()
    return count(plan_scope(view, filter_text="", filter_params={}, partitions=partitions, ignore_growing=False))


def load_collection(engine: Engine, request: LoadCollection) -> None:
    collection = engine.collection(request.database, request.name)
    manifest = collection.manifest
    indexed = {definition.field_name for definition in manifest.indexes}
    for field in manifest.schema.vector_fields:
        if field.name not in indexed:
            raise NotFound(
                "index_not_found",
                f"there is no vector index on field {field.name!r}; create an index before loading",
                field=field.name,
            )
    ids = _partition_ids(manifest, request.partitions)

    def load(before: LoadState) -> LoadState:
        if before.loaded or not ids:
            return LoadState(loaded=True, replica_count=request.replica_count)
        return LoadState(
            partition_ids=tuple(sorted({*before.partition_ids, *ids})), replica_count=request.replica_count
        )

    set_load_state(collection, load)


def release_collection(engine: Engine, request: ReleaseCollection) -> None:
    collection = engine.collection(request.database, request.name)
    manifest = collection.manifest
    ids = _partition_ids(manifest, request.partitions)

    def release(before: LoadState) -> LoadState:
        if not ids:
            return LoadState()
        every = tuple(entry.partition_id for entry in manifest.partitions)
        left = tuple(item for item in (every if before.loaded else before.partition_ids) if item not in ids)
        return LoadState(partition_ids=left, replica_count=before.replica_count)

    set_load_state(collection, release)


def load_state(engine: Engine, request: GetLoadState) -> LoadProgress:
    try:
        manifest = engine.collection(request.database, request.name).manifest
    except NotFound as error:
        if error.kind != "collection_not_found":
            raise
        return LoadProgress(LoadStatus.NOT_EXIST, 0)
    ids = _partition_ids(manifest, request.partitions)
    load = manifest.load
    loaded = all(load.allows(item) for item in ids) if ids else load.loaded or bool(load.partition_ids)
    return LoadProgress(LoadStatus.LOADED if loaded else LoadStatus.NOT_LOADED, load.replica_count)


def create_partition(engine: Engine, request: CreatePartition) -> None:
    make_partition(engine.collection(request.database, request.collection), request.partition)


def drop_partition(engine: Engine, request: DropPartition) -> None:
    remove_partition(engine.collection(request.database, request.collection), request.partition)


def has_partition(engine: Engine, request: HasPartition) -> bool:
    manifest = engine.collection(request.database, request.collection).manifest
    return any(entry.name == request.partition for entry in manifest.partitions)


def list_partitions(engine: Engine, request: ListPartitions) -> list[PartitionInfo]:
    manifest = engine.collection(request.database, request.collection).manifest
    return [
        PartitionInfo(entry.partition_id, entry.name, entry.created_timestamp, manifest.load.allows(entry.partition_id))
        for entry in manifest.partitions
    ]


def _partition_ids(manifest: Manifest, names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(partition_entry(manifest, name).partition_id for name in names)
