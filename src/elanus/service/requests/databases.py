"""Databases and aliases."""

from dataclasses import dataclass, field

from elanus.service.requests.base import DEFAULT_DATABASE, Request

__all__ = [
    "AliasInfo",
    "AlterAlias",
    "AlterDatabase",
    "CreateAlias",
    "CreateDatabase",
    "DatabaseInfo",
    "DescribeAlias",
    "DescribeDatabase",
    "DropAlias",
    "DropDatabase",
    "ListAliases",
    "ListDatabases",
]


@dataclass(frozen=True, slots=True)
class DatabaseInfo:
    """A database as users see it."""

    database_id: int
    name: str
    created_timestamp: int
    properties: dict[str, str]


@dataclass(frozen=True, slots=True)
class CreateDatabase(Request[None]):
    name: str
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DropDatabase(Request[None]):
    """Only an empty database can be dropped, and never `default`."""

    name: str


@dataclass(frozen=True, slots=True)
class ListDatabases(Request[list[DatabaseInfo]]):
    pass


@dataclass(frozen=True, slots=True)
class DescribeDatabase(Request[DatabaseInfo]):
    name: str


@dataclass(frozen=True, slots=True)
class AlterDatabase(Request[None]):
    """Sets some properties and removes others."""

    name: str
    properties: dict[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AliasInfo:
    """An alias and the collection it stands for."""

    alias: str
    collection: str
    database: str


@dataclass(frozen=True, slots=True)
class CreateAlias(Request[None]):
    alias: str
    collection: str
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class AlterAlias(Request[None]):
    """Points an existing alias at another collection, at once."""

    alias: str
    collection: str
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class DropAlias(Request[None]):
    alias: str
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class DescribeAlias(Request[AliasInfo]):
    alias: str
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class ListAliases(Request[list[AliasInfo]]):
    """All aliases of a database, or of one collection."""

    collection: str = ""
    database: str = DEFAULT_DATABASE
