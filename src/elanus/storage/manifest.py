"""What is true of one collection: a value, and the changes that a commit makes to it.

A commit is a list of changes applied together. `apply` is the only meaning of a change: the state after opening a
collection is the fold of every commit over the checkpoint.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec

from elanus.schema.collection import IndexDefinition, Schema

__all__ = [
    "ArtefactFile",
    "Change",
    "CollectionCreated",
    "DeleteFile",
    "DeletesAdded",
    "IndexBuilt",
    "IndexDefined",
    "IndexDropped",
    "LoadChanged",
    "LoadState",
    "LogAdvanced",
    "Manifest",
    "PartitionAdded",
    "PartitionDropped",
    "PartitionEntry",
    "PropertiesChanged",
    "RequestOutcome",
    "SchemaChanged",
    "SegmentEntry",
    "SegmentIndex",
    "SegmentsReplaced",
    "apply",
    "decode_changes",
    "decode_manifest",
    "encode_changes",
    "encode_manifest",
]


@dataclass(frozen=True, slots=True)
class PartitionEntry:
    """A partition of the collection."""

    partition_id: int
    name: str
    created_timestamp: int


@dataclass(frozen=True, slots=True)
class DeleteFile:
    """An Arrow file with rows of a segment deleted since the previous one."""

    name: str
    crc32c: int
    entry_count: int


@dataclass(frozen=True, slots=True)
class ArtefactFile:
    """One file of an index."""

    name: str
    size_bytes: int
    crc32c: int


@dataclass(frozen=True, slots=True)
class SegmentIndex:
    """An index built for one segment; no artefacts when the column is all it needs."""

    index_id: int
    artefacts: tuple[ArtefactFile, ...]


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """A sealed segment that is part of the collection."""

    segment_id: int
    partition_id: int
    row_count: int
    size_bytes: int
    meta_crc32c: int
    deletes: tuple[DeleteFile, ...] = ()
    indexes: tuple[SegmentIndex, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestOutcome:
    """What a write did that came with a request id."""

    request_id: str
    timestamp: int
    inserted_count: int
    deleted_count: int
    first_id: int


@dataclass(frozen=True, slots=True)
class LoadState:
    """Whether searches through the Milvus protocol are allowed; the engine itself needs no loading.

    Attributes:
        loaded: the collection as a whole.
        partition_ids: when not, the partitions that are loaded by themselves.
        replica_count: as asked for at loading; reported back.
    """

    loaded: bool = False
    partition_ids: tuple[int, ...] = ()
    replica_count: int = 1

    def allows(self, partition_id: int) -> bool:
        """Whether rows of a partition may be searched."""
        return self.loaded or partition_id in self.partition_ids


@dataclass(frozen=True, slots=True)
class Manifest:
    """A collection at one version.

    Attributes:
        version: number of the last commit applied.
        schema_version: counts changes of the schema.
        schema_timestamp: when the schema last changed; clients compare it with theirs.
        next_field_id: ids of dropped fields are never used again.
        partitions_by_key: partitions that the partition key spreads rows over; 0 without a partition key.
        flushed_timestamp: every log record up to this one (inclusive) is in the segments and delete files.
        recent_requests: the newest requests that came with an id, so that a repeated one is recognised.
        load: see `LoadState`.
        complete_since: readers at this time or later find every row of theirs; earlier ones may miss some, which were
            deleted up to this time and have been removed since.
    """

    collection_id: int
    schema: Schema
    version: int = 0
    created_timestamp: int = 0
    schema_version: int = 1
    schema_timestamp: int = 0
    next_field_id: int = 0
    shard_count: int = 1
    partitions_by_key: int = 0
    consistency_level: str = "Bounded"
    properties: dict[str, str] = field(default_factory=dict)
    partitions: tuple[PartitionEntry, ...] = ()
    indexes: tuple[IndexDefinition, ...] = ()
    segments: tuple[SegmentEntry, ...] = ()
    flushed_timestamp: int = 0
    recent_requests: tuple[RequestOutcome, ...] = ()
    load: LoadState = LoadState()
    complete_since: int = 0

    def segment(self, segment_id: int) -> SegmentEntry:
        """The entry of a segment; KeyError if it is not part of the collection."""
        for entry in self.segments:
            if entry.segment_id == segment_id:
                return entry
        raise KeyError(segment_id)


class CollectionCreated(msgspec.Struct, frozen=True, tag="collection_created", tag_field="change"):
    """The first change of every manifest."""

    manifest: Manifest


class SchemaChanged(msgspec.Struct, frozen=True, tag="schema_changed", tag_field="change"):
    """Fields added, altered or dropped."""

    schema: Schema
    next_field_id: int
    timestamp: int


class PropertiesChanged(msgspec.Struct, frozen=True, tag="properties_changed", tag_field="change"):
    """The collection's properties as they are from now on."""

    properties: dict[str, str]


class PartitionAdded(msgspec.Struct, frozen=True, tag="partition_added", tag_field="change"):
    """A new, empty partition."""

    partition: PartitionEntry


class PartitionDropped(msgspec.Struct, frozen=True, tag="partition_dropped", tag_field="change"):
    """A partition and its segments are gone; for `complete_since` see `Manifest`."""

    partition_id: int
    complete_since: int = 0


class IndexDefined(msgspec.Struct, frozen=True, tag="index_defined", tag_field="change"):
    """A new index, or a changed definition of one (same id)."""

    definition: IndexDefinition


class IndexDropped(msgspec.Struct, frozen=True, tag="index_dropped", tag_field="change"):
    """An index and its artefacts are gone."""

    index_id: int


class IndexBuilt(msgspec.Struct, frozen=True, tag="index_built", tag_field="change"):
    """The artefacts of an index for one segment."""

    segment_id: int
    index: SegmentIndex


class SegmentsReplaced(msgspec.Struct, frozen=True, tag="segments_replaced", tag_field="change"):
    """Segments leave and others come: flush (none leaves), compaction, truncation (none comes).

    For `complete_since` see `Manifest`.
    """

    removed: tuple[int, ...]
    added: tuple[SegmentEntry, ...]
    complete_since: int = 0


class DeletesAdded(msgspec.Struct, frozen=True, tag="deletes_added", tag_field="change"):
    """More rows of a segment are deleted."""

    segment_id: int
    file: DeleteFile


class LoadChanged(msgspec.Struct, frozen=True, tag="load_changed", tag_field="change"):
    """The collection or partitions were loaded or released."""

    load: LoadState


class LogAdvanced(msgspec.Struct, frozen=True, tag="log_advanced", tag_field="change"):
    """Log records up to a timestamp are not needed any more."""

    flushed_timestamp: int
    recent_requests: tuple[RequestOutcome, ...] = ()


Change = (
    CollectionCreated
    | SchemaChanged
    | PropertiesChanged
    | PartitionAdded
    | PartitionDropped
    | IndexDefined
    | IndexDropped
    | IndexBuilt
    | SegmentsReplaced
    | DeletesAdded
    | LoadChanged
    | LogAdvanced
)

_encode: Final = msgspec.json.Encoder().encode
_changes_decoder: Final = msgspec.json.Decoder(list[Change])
_manifest_decoder: Final = msgspec.json.Decoder(Manifest)


def encode_changes(changes: Iterable[Change]) -> bytes:
    """The body of a commit."""
    return _encode(list(changes))


def decode_changes(body: bytes) -> list[Change]:
    """The changes of a commit."""
    return _changes_decoder.decode(body)


def encode_manifest(manifest: Manifest) -> bytes:
    """The body of a checkpoint."""
    return _encode(manifest)


def decode_manifest(body: bytes) -> Manifest:
    """The manifest of a checkpoint."""
    return _manifest_decoder.decode(body)


def apply(manifest: Manifest | None, changes: Iterable[Change], version: int) -> Manifest:
    """The manifest after commit `version`; None stands for the state before the first."""
    for change in changes:
        manifest = _apply_one(manifest, change)
    assert manifest is not None, "the first commit of a manifest creates the collection"
    return replace(manifest, version=version)


def _apply_one(before: Manifest | None, change: Change) -> Manifest:
    if isinstance(change, CollectionCreated):
        assert before is None
        return change.manifest
    assert before is not None
    return _APPLIERS[type(change)](before, change)


def _schema_changed(before: Manifest, change: SchemaChanged) -> Manifest:
    return replace(
        before,
        schema=change.schema,
        schema_version=before.schema_version + 1,
        schema_timestamp=change.timestamp,
        next_field_id=change.next_field_id,
    )


def _partition_dropped(before: Manifest, change: PartitionDropped) -> Manifest:
    gone = change.partition_id
    return replace(
        before,
        partitions=tuple(entry for entry in before.partitions if entry.partition_id != gone),
        segments=tuple(entry for entry in before.segments if entry.partition_id != gone),
        complete_since=max(before.complete_since, change.complete_since),
    )


def _index_defined(before: Manifest, change: IndexDefined) -> Manifest:
    others = tuple(entry for entry in before.indexes if entry.index_id != change.definition.index_id)
    return replace(before, indexes=(*others, change.definition))


def _index_dropped(before: Manifest, change: IndexDropped) -> Manifest:
    def without(entry: SegmentEntry) -> SegmentEntry:
        return replace(entry, indexes=tuple(index for index in entry.indexes if index.index_id != change.index_id))

    return replace(
        before,
        indexes=tuple(entry for entry in before.indexes if entry.index_id != change.index_id),
        segments=tuple(without(entry) for entry in before.segments),
    )


def _index_built(before: Manifest, change: IndexBuilt) -> Manifest:
    def with_index(entry: SegmentEntry) -> SegmentEntry:
        others = tuple(index for index in entry.indexes if index.index_id != change.index.index_id)
        return replace(entry, indexes=(*others, change.index))

    return _with_segment(before, change.segment_id, with_index)


def _deletes_added(before: Manifest, change: DeletesAdded) -> Manifest:
    return _with_segment(before, change.segment_id, lambda entry: replace(entry, deletes=(*entry.deletes, change.file)))


def _segments_replaced(before: Manifest, change: SegmentsReplaced) -> Manifest:
    kept = tuple(entry for entry in before.segments if entry.segment_id not in change.removed)
    complete_since = max(before.complete_since, change.complete_since)
    return replace(before, segments=(*kept, *change.added), complete_since=complete_since)


def _with_segment(before: Manifest, segment_id: int, edit: Callable[[SegmentEntry], SegmentEntry]) -> Manifest:
    return replace(
        before,
        segments=tuple(edit(entry) if entry.segment_id == segment_id else entry for entry in before.segments),
    )


_APPLIERS: Final[dict[type, Callable[[Manifest, Any], Manifest]]] = {
    SchemaChanged: _schema_changed,
    PropertiesChanged: lambda before, change: replace(before, properties=change.properties),
    PartitionAdded: lambda before, change: replace(before, partitions=(*before.partitions, change.partition)),
    PartitionDropped: _partition_dropped,
    IndexDefined: _index_defined,
    IndexDropped: _index_dropped,
    IndexBuilt: _index_built,
    SegmentsReplaced: _segments_replaced,
    DeletesAdded: _deletes_added,
    LoadChanged: lambda before, change: replace(before, load=change.load),
    LogAdvanced: lambda before, change: replace(
        before, flushed_timestamp=change.flushed_timestamp, recent_requests=change.recent_requests
    ),
}
