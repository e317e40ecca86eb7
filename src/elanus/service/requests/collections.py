"""Collections and partitions."""

import enum
from dataclasses import dataclass, field

from elanus.schema.collection import IndexDefinition, Schema
from elanus.service.requests.base import DEFAULT_DATABASE, Request

__all__ = [
    "AlterCollectionProperties",
    "CollectionInfo",
    "CollectionName",
    "CreateCollection",
    "CreatePartition",
    "DescribeCollection",
    "DropCollection",
    "DropPartition",
    "GetLoadState",
    "GetRowCount",
    "HasCollection",
    "HasPartition",
    "ListCollections",
    "ListPartitions",
    "LoadCollection",
    "LoadProgress",
    "LoadStatus",
    "PartitionInfo",
    "ReleaseCollection",
    "RenameCollection",
    "TruncateCollection",
]


@dataclass(frozen=True, slots=True)
class CreateCollection(Request[None]):
    """A new collection, with its indexes if any are given.

    Attributes:
        indexes: names and ids are filled in where they are left empty.
        partition_count: partitions of a partition key; 0 for the default of 16.
        loaded: searchable through the Milvus protocol at once.
    """

    name: str
    schema: Schema
    database: str = DEFAULT_DATABASE
    shard_count: int = 1
    partition_count: int = 0
    consistency_level: str = "Bounded"
    properties: dict[str, str] = field(default_factory=dict)
    indexes: tuple[IndexDefinition, ...] = ()
    loaded: bool = False


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """A collection as users see it.

    Attributes:
        name: its own name, also when it was asked for by an alias.
        schema: its Timestamptz fields know the collection's time zone.
        schema_timestamp: changes with every change of the schema; writes may carry it to be refused when it is old.
    """

    collection_id: int
    database: str
    name: str
    schema: Schema
    aliases: tuple[str, ...]
    partition_count: int
    shard_count: int
    consistency_level: str
    properties: dict[str, str]
    created_timestamp: int
    schema_timestamp: int
    schema_version: int
    indexes: tuple[IndexDefinition, ...]


@dataclass(frozen=True, slots=True)
class DescribeCollection(Request[CollectionInfo]):
    """By name or alias, or by id when the name is empty."""

    name: str
    database: str = DEFAULT_DATABASE
    collection_id: int = 0


@dataclass(frozen=True, slots=True)
class HasCollection(Request[bool]):
    name: str
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class CollectionName:
    """One line of a listing."""

    collection_id: int
    name: str
    created_timestamp: int
    loaded: bool


@dataclass(frozen=True, slots=True)
class ListCollections(Request[list[CollectionName]]):
    """Every collection of a database, oldest first. `with_load_state` opens each: leave it off where there are many."""

    database: str = DEFAULT_DATABASE
    with_load_state: bool = False


@dataclass(frozen=True, slots=True)
class DropCollection(Request[None]):
    """By its own name: an alias is refused."""

    name: str
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class RenameCollection(Request[None]):
    """Aliases go along when the database stays the same, and are dropped otherwise."""

    name: str
    new_name: str
    database: str = DEFAULT_DATABASE
    new_database: str = ""


@dataclass(frozen=True, slots=True)
class TruncateCollection(Request[None]):
    """Removes every row and keeps everything else."""

    name: str
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class AlterCollectionProperties(Request[None]):
    """Sets some properties and removes others."""

    name: str
    properties: dict[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class GetRowCount(Request[int]):
    """Rows that are neither deleted nor replaced; of one partition if it is named."""

    collection: str
    partition: str = ""
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class LoadCollection(Request[None]):
    """Allows searches through the Milvus protocol; takes no time here. Of some partitions, if they are named.

    Every vector field must have an index.
    """

    name: str
    partitions: tuple[str, ...] = ()
    replica_count: int = 1
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class ReleaseCollection(Request[None]):
    """Ends what `LoadCollection` allowed. Of some partitions, if they are named."""

    name: str
    partitions: tuple[str, ...] = ()
    database: str = DEFAULT_DATABASE


class LoadStatus(enum.StrEnum):
    """Whether a collection may be searched through the Milvus protocol."""

    NOT_EXIST = "NotExist"
    NOT_LOADED = "NotLoad"
    LOADED = "Loaded"


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """The load state of a collection or of some of its partitions."""

    status: LoadStatus
    replica_count: int


@dataclass(frozen=True, slots=True)
class GetLoadState(Request[LoadProgress]):
    name: str
    partitions: tuple[str, ...] = ()
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class PartitionInfo:
    """One partition."""

    partition_id: int
    name: str
    created_timestamp: int
    loaded: bool


@dataclass(frozen=True, slots=True)
class CreatePartition(Request[None]):
    collection: str
    partition: str
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class DropPartition(Request[None]):
    collection: str
    partition: str
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class HasPartition(Request[bool]):
    collection: str
    partition: str
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class ListPartitions(Request[list[PartitionInfo]]):
    collection: str
    database: str = DEFAULT_DATABASE
