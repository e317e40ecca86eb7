"""All collections of one root: opened at first use, kept open, looked after in the background."""

import threading
from dataclasses import dataclass, field
from typing import Final

from elanus.catalog.catalog import Catalog
from elanus.catalog.changes import CollectionEntry, CollectionRemoved, CollectionSet, DatabaseEntry, DatabaseSet
from elanus.catalog.state import CatalogState
from elanus.engine.collection import Collection, collection_prefix
from elanus.engine.components import Components
from elanus.engine.cursors import CursorSessions
from elanus.engine.flush import flush
from elanus.engine.held_views import HeldViews
from elanus.engine.joining import Joining
from elanus.engine.maintenance import Maintenance
from elanus.engine.recovery import (
    ids_of_catalog,
    ids_of_collection,
    remove_unnamed_collections,
    remove_unnamed_files,
)
from elanus.errors import Conflict, InvalidInput, Unavailable
from elanus.runtime.log import get_logger
from elanus.schema.collection import Schema
from elanus.schema.rules import check_schema
from elanus.storage.manifest import LoadState, Manifest, PartitionEntry

__all__ = ["COLLECTIONS_MAX", "DEFAULT_DATABASE", "DEFAULT_PARTITION", "CollectionOptions", "Engine"]

_logger: Final = get_logger("engine")

DEFAULT_DATABASE: Final = "default"
DEFAULT_PARTITION: Final = "_default"
COLLECTIONS_MAX: Final = "database.max.collections"
"""The property of a database that says how many collections it may have."""

_KEYED_PARTITION_COUNT: Final = 16
# On closing, more unflushed bytes than this are flushed, so that the next opening need not replay them.
_REPLAY_BYTES_MAX: Final = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionOptions:
    """What a collection is made with, besides its schema.

    Attributes:
        partition_count: partitions of a partition key; 0 for the default of 16.
        loaded: whether searches through the Milvus protocol are allowed at once.
    """

    shard_count: int = 1
    partition_count: int = 0
    consistency_level: str = "Bounded"
    properties: dict[str, str] = field(default_factory=dict)
    loaded: bool = False


class Engine:
    """The owner of a root. One at a time; whoever makes it holds the root's lock."""

    def __init__(self, components: Components) -> None:
        """Reads the catalog.

        Raises:
            DataCorrupt: the catalog is damaged; nothing was changed.
        """
        self.components: Final = components
        settings = components.settings
        self.catalog: Final = Catalog(components.store, checkpoint_commit_count=settings.checkpoint_commit_count)
        components.ids.skip_past(self.catalog.read(lambda state: list(ids_of_catalog(state))))
        remove_unnamed_collections(components.store, self.catalog)
        self._lock: Final = threading.Lock()
        self._opening: Final[dict[int, threading.Lock]] = {}
        self._collections: Final[dict[int, Collection]] = {}
        self._closed = False
        self.cursors: Final = CursorSessions(
            components.clock, count_max=settings.search_cursor_count_max, idle_ms=settings.search_cursor_idle_ms
        )
        self.held_views: Final = HeldViews(
            components.clock, count_max=settings.search_cursor_count_max, idle_ms=settings.search_cursor_idle_ms
        )
        self.maintenance: Final = Maintenance(settings, components.clock, self._collections.get)
        self._joining: Final = Joining(settings, self._collections.get)
        self._ensure_default_database()

    def collection(self, database: str, name: str) -> Collection:
        """The collection of a name or alias, opened if need be.

        Raises:
            NotFound: there is none.
            DataCorrupt: it is damaged.
        """
        return self.open_collection(self.catalog.read(lambda state: state.collection(database, name)).collection_id)

    def open_collection(self, collection_id: int) -> Collection:
        """The collection of an id. Two threads that ask at once open it once."""
        opened = self._collections.get(collection_id)
        if opened is not None:
            return opened
        with self._lock:
            if self._closed:
                raise Unavailable("closed", "the database is closed")
            opening = self._opening.setdefault(collection_id, threading.Lock())
        with opening:
            opened = self._collections.get(collection_id)
            if opened is None:
                self.catalog.read(lambda state: state.collection_of(collection_id))
                opened = Collection(collection_id, self.components, on_change=self._notice, make_space=flush)
                self.components.ids.skip_past(ids_of_collection(opened.manifest))
                remove_unnamed_files(self.components.store, opened.manifest)
                self._collections[collection_id] = opened
                self._notice(collection_id)
        return opened

    def create_collection(self, database: str, name: str, schema: Schema, options: CollectionOptions) -> Collection:
        """A new collection.

        Raises:
            InvalidInput: the schema or an option breaks a rule.
            AlreadyExists: the name is taken.
        """
        settings = self.components.settings
        check_schema(schema, settings)
        _check_options(schema, options, settings.shard_count_max, settings.partition_count_max)
        if settings.partition_key_required and schema.partition_key_field is None:
            raise InvalidInput("invalid_schema", "a partition key is required here; make a field of the schema one")
        self.catalog.read(lambda state: state.check_name_free(database, name))
        manifest = self._first_manifest(schema, options)
        Collection.create(manifest, self.components)
        entry = CollectionEntry(manifest.collection_id, database, name, manifest.created_timestamp)

        def decide(state: CatalogState) -> list[CollectionSet]:
            state.check_name_free(database, name)
            if len(state.collections) >= settings.collection_count_max:
                raise InvalidInput(
                    "limit_exceeded",
                    f"there are {len(state.collections)} collections already (setting collection_count_max)",
                )
            most = state.database(database).properties.get(COLLECTIONS_MAX, "")
            if most.isdecimal() and len(state.collections_of(database)) >= int(most):
                raise InvalidInput(
                    "limit_exceeded", f"database {database!r} has {most} collections ({COLLECTIONS_MAX}) already"
                )
            return [CollectionSet(entry)]

        self.catalog.change(decide)
        return self.open_collection(manifest.collection_id)

    def drop_collection(self, database: str, name: str) -> None:
        """Removes a collection, its aliases and its files. A search that runs may end with an error.

        Raises:
            NotFound: there is none.
            Conflict: the name is an alias.
        """
        dropped: list[int] = []

        def decide(state: CatalogState) -> list[CollectionRemoved]:
            entry = state.collection(database, name)
            if entry.name != name:
                raise Conflict(
                    "operation_not_allowed",
                    f"{name!r} is an alias; drop the alias, or the collection {entry.name!r} by its own name",
                )
            dropped[:] = [entry.collection_id]
            return [CollectionRemoved(entry.collection_id)]

        self.catalog.change(decide)
        collection_id = dropped[0]
        with self._lock:
            collection = self._collections.pop(collection_id, None)
            self._opening.pop(collection_id, None)
        self.held_views.forget(collection_id)
        if collection is None:
            self.components.store.delete_folder(collection_prefix(collection_id))
        else:
            # Ends a running index build, and waits for other work: files made meanwhile would stay.
            collection.refuse_writes()
            collection.note_drop()
            with collection.work_lock:
                collection.close()
                self.components.store.delete_folder(collection_prefix(collection_id))
        # Wakes whoever waits for its indexes.
        self.maintenance.notice(collection_id)

    def stop_working(self) -> None:
        """Ends background work and refuses writes, so that requests under way end soon: waiting ones get an error."""
        self.maintenance.stop()
        self._joining.stop()
        for collection in list(self._collections.values()):
            collection.refuse_writes()

    def close(self) -> None:
        """Stops background work and closes every collection. Nothing acknowledged is lost if this never runs."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self.maintenance.stop()
        self._joining.stop()
        for collection in list(self._collections.values()):
            try:
                if collection.state.unflushed_bytes > _REPLAY_BYTES_MAX:
                    flush(collection)
                collection.close()
            except Unavailable as error:
                # Every acknowledged row is in the log; the next opening reads it from there.
                _logger.warning("closing %s: %s", collection.prefix, error)
        self.components.search_pool.close()

    def _notice(self, collection_id: int) -> None:
        self.maintenance.notice(collection_id)
        self._joining.notice(collection_id)

    def _first_manifest(self, schema: Schema, options: CollectionOptions) -> Manifest:
        components = self.components
        now = components.oracle.allocate()
        schema = schema.without_ids().with_ids()
        keyed = schema.partition_key_field is not None
        count = (options.partition_count or _KEYED_PARTITION_COUNT) if keyed else 0
        names = [f"{DEFAULT_PARTITION}_{slot}" for slot in range(count)] or [DEFAULT_PARTITION]
        return Manifest(
            collection_id=components.ids.allocate(),
            schema=schema,
            created_timestamp=now,
            schema_timestamp=now,
            next_field_id=schema.field_id_max + 1,
            shard_count=options.shard_count,
            partitions_by_key=count,
            consistency_level=options.consistency_level,
            properties=dict(options.properties),
            partitions=tuple(PartitionEntry(components.ids.allocate(), name, now) for name in names),
            load=LoadState(loaded=options.loaded),
        )

    def _ensure_default_database(self) -> None:
        entry = DatabaseEntry(1, DEFAULT_DATABASE, self.components.oracle.allocate())
        self.catalog.change(lambda state: [] if DEFAULT_DATABASE in state.databases else [DatabaseSet(entry)])


def _check_options(schema: Schema, options: CollectionOptions, shard_count_max: int, partition_count_max: int) -> None:
    if not 1 <= options.shard_count <= shard_count_max:
        raise InvalidInput("out_of_range", f"shard count is {options.shard_count}, expected 1 to {shard_count_max}")
    if options.partition_count and schema.partition_key_field is None:
        raise InvalidInput("invalid_argument", "a number of partitions needs a partition key field")
    if not 0 <= options.partition_count <= partition_count_max:
        raise InvalidInput(
            "out_of_range", f"partition count is {options.partition_count}, expected 1 to {partition_count_max}"
        )
