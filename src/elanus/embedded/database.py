"""A database, as Python code holds it: collections by name, open until closed."""

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from elanus.embedded.collection import Collection
from elanus.errors import ElanusError, InvalidInput
from elanus.schema.collection import IndexDefinition, Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric
from elanus.service.requests.base import DEFAULT_DATABASE, Service
from elanus.service.requests.collections import (
    CreateCollection,
    DescribeCollection,
    DropCollection,
    HasCollection,
    ListCollections,
    RenameCollection,
)
from elanus.service.requests.databases import (
    CreateAlias,
    CreateDatabase,
    DropAlias,
    DropDatabase,
    ListDatabases,
)

__all__ = ["Database"]


class Database:
    """The collections of one database. A context manager; nothing is lost if you forget to `close` it."""

    def __init__(self, service: Service, place: str, name: str = DEFAULT_DATABASE) -> None:
        self._service: Final = service
        self._place: Final = place
        self._name: Final = name

    @property
    def name(self) -> str:
        return self._name

    @property
    def service(self) -> Service:
        """What answers this database's requests; for tools that speak in requests."""
        return self._service

    def create_collection(
        self,
        name: str,
        schema: Schema | None = None,
        *,
        dimension: int | None = None,
        metric: str = "COSINE",
        partition_count: int = 0,
        properties: Mapping[str, str] | None = None,
    ) -> Collection:
        """A new collection: with a schema, or with `dimension` alone.

        With `dimension` it has an Int64 primary key `id`, a float vector `vector`, further keys as dynamic fields, and
        an AUTOINDEX for `metric`.

        Raises:
            InvalidInput: the schema breaks a rule.
            AlreadyExists: the name is taken.
        """
        if (schema is None) == (dimension is None):
            raise InvalidInput("invalid_argument", "give either a schema or a dimension")
        indexes: tuple[IndexDefinition, ...] = ()
        if schema is None:
            schema = Schema(
                (
                    Field("id", DataType.INT64, is_primary=True),
                    Field("vector", DataType.FLOAT_VECTOR, dim=dimension),
                ),
                enable_dynamic_field=True,
            )
            indexes = (IndexDefinition("vector", "vector", "AUTOINDEX", _metric(metric)),)
        self._service.execute(
            CreateCollection(
                name,
                schema,
                database=self._name,
                partition_count=partition_count,
                properties=dict(properties or {}),
                indexes=indexes,
                loaded=True,
            )
        )
        return self.collection(name)

    def collection(self, name: str) -> Collection:
        """A collection by name or alias. Raises NotFound."""
        return Collection(self._service, self._service.execute(DescribeCollection(name, self._name)))

    def __getitem__(self, name: str) -> Collection:
        return self.collection(name)

    def __contains__(self, name: str) -> bool:
        return self._service.execute(HasCollection(name, self._name))

    def list_collections(self) -> list[str]:
        """The names of the collections, oldest first."""
        return [entry.name for entry in self._service.execute(ListCollections(self._name))]

    def drop_collection(self, name: str) -> None:
        """Removes a collection and its rows, by its own name. Raises NotFound, or Conflict when it is an alias."""
        self._service.execute(DropCollection(name, self._name))

    def rename_collection(self, name: str, new_name: str) -> None:
        self._service.execute(RenameCollection(name, new_name, self._name))

    def create_alias(self, alias: str, collection: str) -> None:
        """Another name for a collection."""
        self._service.execute(CreateAlias(alias, collection, self._name))

    def drop_alias(self, alias: str) -> None:
        self._service.execute(DropAlias(alias, self._name))

    def create_database(self, name: str) -> "Database":
        """A new database beside this one, over the same files."""
        self._service.execute(CreateDatabase(name))
        return self.database(name)

    def database(self, name: str) -> "Database":
        """Another database over the same files; closing either closes both."""
        return Database(self._service, self._place, name)

    def list_databases(self) -> list[str]:
        return [entry.name for entry in self._service.execute(ListDatabases())]

    def drop_database(self, name: str) -> None:
        """Removes an empty database."""
        self._service.execute(DropDatabase(name))

    def close(self) -> None:
        """Ends this handle; others in the process or elsewhere go on."""
        self._service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        try:
            names = self.list_collections()
        except ElanusError as error:
            # A description is asked for by debuggers and logs too, which an error would disturb.
            return f"Database({self._place!r}, {self._name!r}, {error.kind})"
        told = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        return f"Database({self._place!r}, {self._name!r}, {len(names)} collections: {told})"


def _metric(name: str) -> Metric:
    try:
        return Metric(name.upper())
    except ValueError:
        raise InvalidInput("metric_mismatch", f"metric is {name!r}, expected one of {', '.join(Metric)}") from None
