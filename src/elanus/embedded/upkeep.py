"""What is done to a collection besides writing and reading rows: its description, indexes, segments and partitions."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.service.requests.base import Service
from elanus.service.requests.collections import (
    AlterCollectionProperties,
    CollectionInfo,
    CreatePartition,
    DescribeCollection,
    DropPartition,
    ListPartitions,
    TruncateCollection,
)
from elanus.service.requests.data import Compact, Flush
from elanus.service.requests.fields import AddField, AlterField, DropField
from elanus.service.requests.indexes import CreateIndex, DescribeIndexes, DropIndex, IndexInfo, WaitForIndexes

__all__ = ["CollectionUpkeep"]


class CollectionUpkeep:
    """A handle on a collection; `Collection` adds its rows."""

    def __init__(self, service: Service, info: CollectionInfo) -> None:
        self._service: Final = service
        self._database: Final = info.database
        self._name: Final = info.name
        self._info = info
        self._vector_fields = info.schema.vector_fields

    @property
    def name(self) -> str:
        return self._name

    @property
    def schema(self) -> Schema:
        """Fields and types, as last seen."""
        return self._info.schema

    def describe(self) -> CollectionInfo:
        """Everything about the collection, as it is now."""
        self._info = self._service.execute(DescribeCollection(self._name, self._database))
        self._vector_fields = self._info.schema.vector_fields
        return self._info

    def add_field(self, field: Field) -> None:
        """A new field, which must be nullable: it is null, or its default value, in the rows there are."""
        self._service.execute(AddField(self._name, field, self._database))
        self.describe()

    def alter_field(
        self, name: str, *, max_length: int | None = None, max_capacity: int | None = None, **settings: str
    ) -> None:
        """Sets how long values of a field, or of a member of structs as `array[member]`, may be from now on."""
        sizes = {"max_length": max_length, "max_capacity": max_capacity}
        changed = {key: str(value) for key, value in sizes.items() if value is not None}
        self._service.execute(AlterField(self._name, name, {**settings, **changed}, database=self._database))
        self.describe()

    def drop_field(self, name: str) -> None:
        """Removes a field and its indexes; not a key, and not the last field with vectors."""
        self._service.execute(DropField(self._name, name, database=self._database))
        self.describe()

    def alter_properties(self, properties: Mapping[str, str], *, removed: Sequence[str] = ()) -> None:
        """Sets some properties of the collection (`collection.ttl.seconds`, `timezone`, ...) and removes others."""
        request = AlterCollectionProperties(self._name, dict(properties), tuple(removed), self._database)
        self._service.execute(request)
        self.describe()

    def create_index(
        self,
        field: str = "",
        index_type: str = "AUTOINDEX",
        *,
        metric: str = "",
        name: str = "",
        wait: bool = True,
        **params: Any,
    ) -> None:
        """Defines an index on a field (the vector field, if there is one) and waits until it is built.

        Searches are right at every moment; the index makes them faster.
        """
        target = field or self._vector_field("").name
        self._service.execute(
            CreateIndex(
                self._name,
                target,
                index_type=index_type,
                metric=metric,
                params=params,
                index_name=name,
                database=self._database,
            )
        )
        if wait:
            self.wait_for_indexes()

    def drop_index(self, name: str) -> None:
        """Removes an index, by its name or its field's."""
        self._service.execute(DropIndex(self._name, name, while_loaded=True, database=self._database))

    def indexes(self) -> list[IndexInfo]:
        """Every index and how far it is built."""
        return self._service.execute(DescribeIndexes(self._name, database=self._database))

    def wait_for_indexes(self, timeout_s: float | None = None) -> bool:
        """Waits until every sealed segment has its indexes. False when the time is over first."""
        return self._service.execute(WaitForIndexes(self._name, timeout_s, database=self._database))

    def flush(self) -> None:
        """Writes growing rows into segment files: not needed for durability, it frees memory and lets indexes build."""
        self._service.execute(Flush(self._name, database=self._database))

    def compact(self, *, segment_bytes: int | None = None, by_clustering_key: bool = False) -> None:
        """Merges small segments and removes deleted rows now, as the background would in time.

        With `segment_bytes` all segments of a partition become as few as hold up to so many bytes each: a search goes
        through one index a segment, so the fewer the faster. Their indexes are built anew, so this is for when many
        rows were written and few will follow. The setting `segment_bytes_max` does not bound it.

        With `by_clustering_key` all flushed rows are divided into segments with ranges of that key, so that filters on
        it read few of them.

        Raises:
            InvalidInput: the schema has no clustering key; `segment_bytes` is below 1, or, where a key divides the
                rows, below `segment_bytes_max`.
        """
        self._service.execute(
            Compact(
                self._name,
                database=self._database,
                by_clustering_key=by_clustering_key,
                segment_bytes=segment_bytes,
            )
        )

    def truncate(self) -> None:
        """Removes every row."""
        self._service.execute(TruncateCollection(self._name, database=self._database))

    def create_partition(self, name: str) -> None:
        self._service.execute(CreatePartition(self._name, name, database=self._database))

    def drop_partition(self, name: str) -> None:
        """Removes a partition and its rows."""
        self._service.execute(DropPartition(self._name, name, database=self._database))

    def partitions(self) -> list[str]:
        """The names of the partitions."""
        listed = self._service.execute(ListPartitions(self._name, database=self._database))
        return [partition.name for partition in listed]

    def _vector_field(self, name: str) -> Field:
        vectors = self._vector_fields
        found = vectors[0] if not name and len(vectors) == 1 else self.schema.find(name) if name else None
        found = found or self.schema.vector_member(name)
        if found is None or not found.is_vector:
            names = ", ".join(field.name for field in vectors)
            raise InvalidInput("invalid_argument", f"{name!r} is no vector field; say one of {names}", field=name)
        return found
