"""The catalog in memory: lookups by name, and the rules a change must obey before it is committed."""

from collections.abc import Iterable

from elanus.catalog.changes import (
    AliasRemoved,
    AliasSet,
    CatalogChange,
    CatalogSnapshot,
    CollectionEntry,
    CollectionRemoved,
    CollectionSet,
    DatabaseEntry,
    DatabaseRemoved,
    DatabaseSet,
)
from elanus.errors import AlreadyExists, Conflict, NotFound

__all__ = ["CatalogState"]


class CatalogState:
    """Databases, collections and aliases. Changed only by `apply`; whoever holds it serialises."""

    def __init__(self) -> None:
        self.databases: dict[str, DatabaseEntry] = {}
        self.collections: dict[int, CollectionEntry] = {}
        self._names: dict[tuple[str, str], int] = {}
        self._aliases: dict[tuple[str, str], int] = {}

    @classmethod
    def from_snapshot(cls, snapshot: CatalogSnapshot) -> "CatalogState":
        state = cls()
        state.apply(DatabaseSet(entry) for entry in snapshot.databases)
        state.apply(CollectionSet(entry) for entry in snapshot.collections)
        state.apply(AliasSet(*alias) for alias in snapshot.aliases)
        return state

    def snapshot(self) -> CatalogSnapshot:
        """The whole state as a value."""
        aliases = [(database, alias, target) for (database, alias), target in self._aliases.items()]
        return CatalogSnapshot(list(self.databases.values()), list(self.collections.values()), aliases)

    @property
    def entry_count(self) -> int:
        return len(self.databases) + len(self.collections) + len(self._aliases)

    def database(self, name: str) -> DatabaseEntry:
        """Raises NotFound."""
        entry = self.databases.get(name)
        if entry is None:
            raise NotFound("database_not_found", f"database not found: {name!r}")
        return entry

    def collection(self, database: str, name: str) -> CollectionEntry:
        """The collection of a name or alias; the name wins. Raises NotFound."""
        self.database(database)
        target = self._names.get((database, name), self._aliases.get((database, name)))
        if target is None:
            raise NotFound("collection_not_found", f"collection not found: {name!r} in database {database!r}")
        return self.collections[target]

    def collection_of(self, collection_id: int) -> CollectionEntry:
        """The collection of an id. Raises NotFound."""
        found = self.collections.get(collection_id)
        if found is None:
            raise NotFound("collection_not_found", f"collection not found: id {collection_id}")
        return found

    def collections_of(self, database: str) -> list[CollectionEntry]:
        """Every collection of a database, oldest first. Raises NotFound."""
        self.database(database)
        return [entry for entry in self.collections.values() if entry.database == database]

    def alias_target(self, database: str, alias: str) -> CollectionEntry:
        """Raises NotFound."""
        self.database(database)
        target = self._aliases.get((database, alias))
        if target is None:
            raise NotFound("alias_not_found", f"alias not found: {alias!r} in database {database!r}")
        return self.collections[target]

    def aliases_of(self, database: str, collection_id: int | None = None) -> dict[str, int]:
        """Aliases of a database (of one collection, if given) and the collections they point to."""
        return {
            alias: target
            for (name, alias), target in self._aliases.items()
            if name == database and collection_id in {None, target}
        }

    def check_name_free(self, database: str, name: str) -> None:
        """Raises AlreadyExists when a collection or alias has the name, NotFound when there is no such database."""
        self.database(database)
        if (database, name) in self._names:
            raise AlreadyExists("collection_exists", f"collection {name!r} exists already in database {database!r}")
        if (database, name) in self._aliases:
            raise AlreadyExists("alias_exists", f"{name!r} is an alias in database {database!r} already")

    def check_database_empty(self, name: str) -> None:
        """Raises Conflict when a database still has collections."""
        left = self.collections_of(name)
        if left:
            raise Conflict(
                "database_not_empty", f"database {name!r} still has {len(left)} collections; drop them first"
            )

    def apply(self, changes: Iterable[CatalogChange]) -> None:
        """Takes over changes that were checked (or read back from the log)."""
        for change in changes:
            match change:
                case DatabaseSet(entry):
                    self.databases[entry.name] = entry
                case DatabaseRemoved(name):
                    del self.databases[name]
                case CollectionSet(entry):
                    self._set_collection(entry)
                case CollectionRemoved(collection_id):
                    self._remove_collection(collection_id)
                case AliasSet(database, alias, collection_id):
                    self._aliases[database, alias] = collection_id
                case AliasRemoved(database, alias):
                    del self._aliases[database, alias]

    def _set_collection(self, entry: CollectionEntry) -> None:
        before = self.collections.get(entry.collection_id)
        if before is not None:
            del self._names[before.database, before.name]
        self.collections[entry.collection_id] = entry
        self._names[entry.database, entry.name] = entry.collection_id

    def _remove_collection(self, collection_id: int) -> None:
        entry = self.collections.pop(collection_id)
        del self._names[entry.database, entry.name]
        for key in [key for key, target in self._aliases.items() if target == collection_id]:
            del self._aliases[key]
