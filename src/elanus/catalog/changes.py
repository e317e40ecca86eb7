"""The entries of the catalog and the changes its commits are made of."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

__all__ = [
    "AliasRemoved",
    "AliasSet",
    "CatalogChange",
    "CatalogSnapshot",
    "CollectionEntry",
    "CollectionRemoved",
    "CollectionSet",
    "DatabaseEntry",
    "DatabaseRemoved",
    "DatabaseSet",
    "decode_changes",
    "decode_snapshot",
    "encode_changes",
    "encode_snapshot",
]


@dataclass(frozen=True, slots=True)
class DatabaseEntry:
    """A database."""

    database_id: int
    name: str
    created_timestamp: int
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CollectionEntry:
    """A collection: its identity, and the name it has now."""

    collection_id: int
    database: str
    name: str
    created_timestamp: int


@dataclass(frozen=True, slots=True)
class CatalogSnapshot:
    """The whole catalog, as a checkpoint stores it. Aliases are (database, alias, collection id)."""

    databases: list[DatabaseEntry]
    collections: list[CollectionEntry]
    aliases: list[tuple[str, str, int]]


class DatabaseSet(msgspec.Struct, frozen=True, tag="database_set", tag_field="change"):
    """A database is new or altered."""

    entry: DatabaseEntry


class DatabaseRemoved(msgspec.Struct, frozen=True, tag="database_removed", tag_field="change"):
    """A database is gone."""

    name: str


class CollectionSet(msgspec.Struct, frozen=True, tag="collection_set", tag_field="change"):
    """A collection is new or has another name."""

    entry: CollectionEntry


class CollectionRemoved(msgspec.Struct, frozen=True, tag="collection_removed", tag_field="change"):
    """A collection and its aliases are gone."""

    collection_id: int


class AliasSet(msgspec.Struct, frozen=True, tag="alias_set", tag_field="change"):
    """An alias is new or points elsewhere."""

    database: str
    alias: str
    collection_id: int


class AliasRemoved(msgspec.Struct, frozen=True, tag="alias_removed", tag_field="change"):
    """An alias is gone."""

    database: str
    alias: str


CatalogChange = DatabaseSet | DatabaseRemoved | CollectionSet | CollectionRemoved | AliasSet | AliasRemoved

_encode: Final = msgspec.json.Encoder().encode
_changes_decoder: Final = msgspec.json.Decoder(list[CatalogChange])
_snapshot_decoder: Final = msgspec.json.Decoder(CatalogSnapshot)


def encode_changes(changes: Iterable[CatalogChange]) -> bytes:
    """The body of a commit."""
    return _encode(list(changes))


def decode_changes(body: bytes) -> list[CatalogChange]:
    """The changes of a commit."""
    return _changes_decoder.decode(body)


def encode_snapshot(snapshot: CatalogSnapshot) -> bytes:
    """The body of a checkpoint."""
    return _encode(snapshot)


def decode_snapshot(body: bytes) -> CatalogSnapshot:
    """The catalog of a checkpoint."""
    return _snapshot_decoder.decode(body)
