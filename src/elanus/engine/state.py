"""A collection in memory as one immutable value, and the effect of a log record on it.

`apply_record` is used alike when a write is acknowledged and when the log is replayed, so that both give the same rows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pyarrow as pa

from elanus.columns.fitting import fitted_batch
from elanus.engine.interim import InterimIndexes, SealedInterim
from elanus.expr.access import PredicateIndexes
from elanus.expr.stats import SegmentStats
from elanus.index.protocol import VectorIndex
from elanus.query.view import ReadView, RowSource, SegmentView
from elanus.schema.collection import IndexDefinition
from elanus.storage.chunk import GrowingSegment
from elanus.storage.deletes import DeleteSet
from elanus.storage.manifest import Manifest, RequestOutcome, SegmentEntry
from elanus.storage.segment.reader import SealedSegment
from elanus.storage.wal.log import LoggedRecord
from elanus.storage.wal.record import DeleteRecord, InsertRecord

__all__ = ["CollectionState", "SealedUnit", "apply_record", "read_view"]


def _no_index(_field_name: str) -> VectorIndex | None:
    return None


@dataclass(frozen=True, slots=True)
class SealedUnit:
    """A sealed segment with what changes around it.

    Attributes:
        persisted_delete_count: so many of the first entries of `deletes` are in delete files.
        index: the opened index on a vector field, or None.
        predicates: the indexes on its other fields; None when there is none.
        stats: bounds of its fields by name.
        interim: what its rows were searched by while they grew, until `index` has indexes in its place.
    """

    entry: SegmentEntry
    segment: SealedSegment
    deletes: DeleteSet
    persisted_delete_count: int = 0
    index: Callable[[str], VectorIndex | None] = _no_index
    predicates: PredicateIndexes | None = None
    stats: SegmentStats | None = None
    interim: SealedInterim | None = None

    def indexes(self, definitions: Sequence[IndexDefinition]) -> Callable[[str], VectorIndex | None]:
        """What gives the index on a vector field, by the definitions that the collection has."""
        interim = self.interim
        if interim is None:
            return self.index

        def index(field_name: str) -> VectorIndex | None:
            found = self.index(field_name)
            return interim.on_field(definitions, field_name) if found is None else found

        return index


@dataclass(frozen=True, slots=True)
class CollectionState:
    """All of a collection.

    Attributes:
        growing: unflushed rows by partition id.
        sealing: rows that a running flush is writing; searched, deleted from, never added to.
        applied_timestamp: of the newest record applied, or of the truncation or drop of a partition after it.
    """

    manifest: Manifest
    sealed: tuple[SealedUnit, ...] = ()
    growing: Mapping[int, GrowingSegment] = field(default_factory=dict)
    sealing: tuple[GrowingSegment, ...] = ()
    applied_timestamp: int = 0

    @property
    def growing_bytes(self) -> int:
        return sum(segment.size_bytes for segment in self.growing.values())

    @property
    def unflushed_bytes(self) -> int:
        return sum(segment.size_bytes for segment in (*self.growing.values(), *self.sealing))

    @property
    def growing_row_count(self) -> int:
        return sum(segment.row_count for segment in self.growing.values())


def apply_record(state: CollectionState, logged: LoggedRecord) -> tuple[CollectionState, RequestOutcome]:
    """The state after a record took effect at its timestamp, and what it did.

    Parts for partitions that were dropped since are left out, which only a replay meets.
    """
    record, timestamp = logged.record, logged.timestamp
    if isinstance(record, DeleteRecord):
        state, deleted = _delete(state, record.keys.column(0), timestamp, record.before, record.partition_ids)
        outcome = RequestOutcome(record.request_id, timestamp, 0, deleted, 0)
        return replace(state, applied_timestamp=max(timestamp, state.applied_timestamp)), outcome
    return _insert(state, record, timestamp)


def _insert(state: CollectionState, record: InsertRecord, timestamp: int) -> tuple[CollectionState, RequestOutcome]:
    manifest = state.manifest
    primary = manifest.schema.primary_field.name
    live_partitions = {entry.partition_id for entry in manifest.partitions}
    deleted = inserted = 0
    if record.replace:
        for part in record.parts:
            state, count = _delete(state, part.rows.column(primary), timestamp, timestamp, None)
            deleted += count
    growing = dict(state.growing)
    for part in record.parts:
        if part.partition_id not in live_partitions or part.rows.num_rows == 0:
            continue
        segment = growing.get(part.partition_id) or GrowingSegment(part.partition_id, primary)
        # They may have been admitted, or logged, before the schema changed, if it ever did.
        rows = part.rows if manifest.schema_version == 1 else fitted_batch(part.rows, manifest.schema)
        growing[part.partition_id] = segment.with_rows(rows, timestamp)
        inserted += part.rows.num_rows
    outcome = RequestOutcome(record.request_id, timestamp, inserted, deleted, record.first_id)
    return replace(state, growing=growing, applied_timestamp=max(timestamp, state.applied_timestamp)), outcome


def _delete(
    state: CollectionState, keys: pa.Array, timestamp: int, before: int, partition_ids: tuple[int, ...] | None
) -> tuple[CollectionState, int]:
    """Marks every row of `keys` older than `before` (0: than `timestamp`) as deleted since `timestamp`."""
    limit = before or timestamp
    deleted = 0

    def wanted(partition_id: int) -> bool:
        return partition_ids is None or partition_id in partition_ids

    def in_sealed(unit: SealedUnit) -> SealedUnit:
        nonlocal deleted
        if not wanted(unit.entry.partition_id):
            return unit
        deletes, count = _delete_rows(unit.segment, unit.deletes, keys, timestamp, limit)
        deleted += count
        return replace(unit, deletes=deletes) if count else unit

    def in_growing(segment: GrowingSegment) -> GrowingSegment:
        nonlocal deleted
        if not wanted(segment.partition_id):
            return segment
        chunks, changed = [], False
        for chunk in segment.chunks:
            deletes, count = _delete_rows(chunk.rows, chunk.deletes, keys, timestamp, limit)
            deleted += count
            changed = changed or count > 0
            chunks.append(replace(chunk, deletes=deletes) if count else chunk)
        return segment.with_chunks(chunks) if changed else segment

    state = replace(
        state,
        sealed=tuple(in_sealed(unit) for unit in state.sealed),
        growing={partition: in_growing(segment) for partition, segment in state.growing.items()},
        sealing=tuple(in_growing(segment) for segment in state.sealing),
    )
    return state, deleted


def _delete_rows(
    source: RowSource, deletes: DeleteSet, keys: pa.Array, timestamp: int, before: int
) -> tuple[DeleteSet, int]:
    """The deletes with the live rows of `keys` added, and how many those are. Rows deleted already stay as they are."""
    rows = np.unique(source.key_index().find(keys).rows)
    if len(rows) == 0:
        return deletes, 0
    rows = rows[source.timestamps()[rows] < before]
    hidden = deletes.hidden()
    if hidden is not None and len(rows):
        rows = rows[~hidden.test(rows)]
    return deletes.with_rows(rows, timestamp), len(rows)


def read_view(state: CollectionState) -> ReadView:
    """What a reader of this state sees."""
    manifest = state.manifest
    return ReadView(
        schema=manifest.schema,
        indexes=manifest.indexes,
        partitions={entry.name: entry.partition_id for entry in manifest.partitions},
        keyed_partition_ids=tuple(entry.partition_id for entry in manifest.partitions[: manifest.partitions_by_key]),
        segments=tuple(_segment_views(state)),
        read_timestamp=state.applied_timestamp,
        complete_since=manifest.complete_since,
        primary_field=manifest.schema.primary_field,
        vector_fields=manifest.schema.vector_fields,
        has_timestamps=manifest.schema.has_timestamps,
    )


def _segment_views(state: CollectionState) -> Iterator[SegmentView]:
    for unit in state.sealed:
        yield SegmentView(
            segment_id=unit.entry.segment_id,
            partition_id=unit.entry.partition_id,
            source=unit.segment,
            deletes=unit.deletes,
            index=unit.indexes(state.manifest.indexes),
            predicates=unit.predicates,
            stats=unit.stats,
        )
    for growing in (*state.sealing, *state.growing.values()):
        for chunk in growing.chunks:
            own = chunk.index
            index = partial(own.on_field, state.manifest.indexes) if isinstance(own, InterimIndexes) else _no_index
            yield SegmentView(0, growing.partition_id, chunk.rows, chunk.deletes, index)
