"""Compaction: the live rows of some segments, rewritten as one, or as several by ranges of the clustering key.

Columns go from the mapped files of the old segments to the new files a few rows at a time: the numbers of the rows are
in memory, and their values are not.

Runs beside writes, deletes and flushes. Rows deleted when it starts are left out; rows deleted while it runs are
carried over by position; those that a flush meanwhile moved the log past are written to a delete file in the commit
that swaps the segments. Files of the old segments go when the last reader lets go of them.
"""

import weakref
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.taking import take_rows
from elanus.engine.clustering import clustering_key, parts_by_key
from elanus.engine.collection import Collection
from elanus.engine.sealing import shredding_rules
from elanus.engine.state import CollectionState, SealedUnit
from elanus.errors import DataCorrupt, ElanusError, Unavailable
from elanus.query.expiry import Expiry
from elanus.runtime.ids import process_id
from elanus.runtime.log import get_logger
from elanus.storage.deletefile import write_deletes
from elanus.storage.deletes import DeleteSet
from elanus.storage.manifest import Change, Manifest, SegmentEntry, SegmentsReplaced
from elanus.storage.segment.writer import write_segment

__all__ = ["compact", "note_damage", "retire"]

Rows = npt.NDArray[np.int64]

_logger: Final = get_logger("engine.compaction")

# Rows are rewritten so many bytes at a time, a column of small values so many rows: enough that a call costs nothing.
_BLOCK_BYTES: Final = 2 << 20
_BLOCK_ROWS_MAX: Final = 65_536


@dataclass(frozen=True, slots=True)
class _Source:
    """A segment to be rewritten, as it was at the start.

    Attributes:
        live: its rows that are kept; None for all.
        seen_delete_count: entries of its delete set that `live` accounts for.
        seen_delete_timestamp: of the newest of them, 0 without any.
    """

    unit: SealedUnit
    live: Rows | None
    seen_delete_count: int
    seen_delete_timestamp: int

    @property
    def live_count(self) -> int:
        return self.unit.segment.row_count if self.live is None else len(self.live)

    def column(self, name: str) -> pa.Array:
        """The values of the live rows."""
        column = self.unit.segment.column(name)
        return column if self.live is None else take_rows(column, self.live)

    def rows(self, places: Rows) -> Rows:
        """The rows of its segment at ascending `places` among the live ones."""
        return places if self.live is None else self.live[places]


@dataclass(frozen=True, slots=True)
class _Output:
    """A segment to be written.

    Attributes:
        order: its rows as positions in the sources' live rows laid end to end.
    """

    sources: Sequence[_Source]
    order: Rows

    def blocks(self, name: str) -> Iterator[pa.Array]:
        """The values of its rows, a few at a time."""
        columns = [source.unit.segment.column(name) for source in self.sources]
        row_count = sum(len(column) for column in columns)
        size_bytes = sum(column.nbytes for column in columns)
        block_rows = min(max(_BLOCK_BYTES * row_count // max(size_bytes, 1), 1), _BLOCK_ROWS_MAX)
        starts = np.cumsum([0, *(source.live_count for source in self.sources)])
        for first in range(0, len(self.order), block_rows):
            yield self._block(columns, starts, self.order[first : first + block_rows])

    def _block(self, columns: Sequence[pa.Array], starts: Rows, order: Rows) -> pa.Array:
        source_of = np.searchsorted(starts[1:], order, side="right")
        numbers = np.unique(source_of).tolist()
        parts = [
            _values(columns[number], self.sources[number].rows(order[source_of == number] - starts[number]))
            for number in numbers
        ]
        if (source_of[1:] >= source_of[:-1]).all():
            return parts[0] if len(parts) == 1 else pa.concat_arrays(parts)
        moves = np.empty(len(order), np.int64)
        moves[np.argsort(source_of, kind="stable")] = np.arange(len(order))
        return take_rows(pa.concat_arrays(parts), moves)


def compact(collection: Collection, segment_ids: Sequence[int], *, part_count: int = 1) -> bool:
    """Rewrites segments of one partition. False when one of them has left the collection, and nothing was changed.

    With a clustering key they become up to `part_count` segments, each with a range of its values.

    Raises:
        Unavailable: the disk failed; nothing was changed.
    """
    units = [unit for unit in collection.state.sealed if unit.entry.segment_id in segment_ids]
    if len(units) != len(segment_ids):
        return False
    expiry = collection.expiry(collection.manifest)
    sources = [_source(unit, expiry) for unit in sorted(units, key=lambda unit: unit.segment.meta.min_timestamp)]
    outputs = [_Output(sources, order) for order in _orders(collection, sources, part_count) if len(order)]
    new_ids = [collection.components.ids.allocate() for _ in outputs]
    try:
        entries = [_write(collection, output, number) for output, number in zip(outputs, new_ids, strict=True)]
    except ElanusError:
        # They may be gigabytes, on a disk that is full, and the next attempt writes others.
        with suppress(Unavailable):
            _discard(collection, new_ids)
        raise
    if not _publish(collection, sources, outputs, entries):
        _discard(collection, new_ids)
        return False
    for unit in units:
        retire(collection, unit)
    return True


def note_damage(collection: Collection, segment_ids: Sequence[int]) -> None:
    """Reads segments that could not be merged and notes which are damaged (all, if that is not found out).

    They are not chosen again until the collection is opened anew.
    """
    damaged = []
    for unit in collection.state.sealed:
        if unit.entry.segment_id in segment_ids:
            try:
                unit.segment.verify()
            except DataCorrupt:
                damaged.append(unit.entry.segment_id)
    collection.damaged_segments.update(damaged or segment_ids)


def retire(collection: Collection, unit: SealedUnit) -> None:
    """Removes a segment's folder when no reader holds it any more."""
    store, prefix, owner = collection.components.store, unit.segment.prefix, process_id()

    def remove() -> None:
        # A forked child drops its copy of the parent's objects; the files are the parent's.
        if process_id() != owner:
            return
        try:
            store.delete_folder(prefix)
        except Unavailable as error:
            _logger.warning("%s could not be removed, the next opening will: %s", prefix, error)

    # At the end of the process files are left alone; the next opening removes what the manifest does not name.
    weakref.finalize(unit.segment.latest, remove).atexit = False


def _source(unit: SealedUnit, expiry: Expiry | None) -> _Source:
    hidden = unit.deletes.hidden()
    expired = None if expiry is None else expiry.expired(unit.segment)
    if expired is not None:
        hidden = expired if hidden is None else hidden | expired
    live = None if hidden is None else (~hidden).rows()
    return _Source(unit, live, unit.deletes.entry_count, unit.deletes.max_timestamp)


def _orders(collection: Collection, sources: Sequence[_Source], part_count: int) -> list[Rows]:
    """The rows of each new segment, by timestamp."""
    order = _time_order(sources)
    key = clustering_key(collection.manifest.schema, collection.components.settings)
    if part_count == 1 or key is None or len(order) == 0:
        return [order]
    part_of = parts_by_key(pa.concat_arrays([source.column(key.name) for source in sources]), part_count)
    return [order[part_of[order] == part] for part in range(part_count)]


def _time_order(sources: Sequence[_Source]) -> Rows:
    """Positions in the sources' live rows laid end to end, by timestamp; equal timestamps keep their order."""
    stamps = np.concatenate([_live_timestamps(source) for source in sources])
    return np.argsort(stamps, kind="stable")


def _live_timestamps(source: _Source) -> npt.NDArray[np.uint64]:
    stamps = source.unit.segment.timestamps()
    return stamps if source.live is None else stamps[source.live]


def _values(column: pa.Array, rows: Rows) -> pa.Array:
    """The values of ascending `rows`, of which there is one at least; a view where no row between them is left out."""
    first, count = int(rows[0]), len(rows)
    return column.slice(first, count) if rows[-1] - first == count - 1 else take_rows(column, rows)


def _discard(collection: Collection, segment_ids: Sequence[int]) -> None:
    """Removes the files of segments that no manifest names."""
    for segment_id in segment_ids:
        collection.components.store.delete_folder(collection.segment_prefix(segment_id))


def _write(collection: Collection, output: _Output, segment_id: int) -> SegmentEntry:
    # The schema may have changed since the sources were chosen; the new segment is seen through the present one.
    first = output.sources[0].unit
    written = write_segment(
        collection.components.store,
        collection.segment_prefix(segment_id),
        segment_id,
        first.segment.fields,
        output.blocks,
        row_count=len(output.order),
        shredding=shredding_rules(collection.components.settings),
    )
    return SegmentEntry(
        segment_id=segment_id,
        partition_id=first.entry.partition_id,
        row_count=len(output.order),
        size_bytes=written.meta.size_bytes(),
        meta_crc32c=written.meta_crc32c,
    )


def _publish(
    collection: Collection, sources: Sequence[_Source], outputs: Sequence[_Output], entries: Sequence[SegmentEntry]
) -> bool:
    """Swaps the sources for the new segments, unless one of them has left the collection."""
    removed = tuple(source.unit.entry.segment_id for source in sources)
    places = [_new_places(sources, output.order) for output in outputs]
    complete_since = max(source.seen_delete_timestamp for source in sources)
    published: list[list[SealedUnit]] = []

    def decide(manifest: Manifest) -> list[Change]:
        present = {item.segment_id for item in manifest.segments}
        if not present.issuperset(removed):
            return []
        complete = [
            _with_deletes(collection, entry, _late_deletes(collection.state, sources, rows, entry), manifest)
            for entry, rows in zip(entries, places, strict=True)
        ]
        published.append(
            [collection.sealed_unit(manifest, entry, deletes=DeleteSet(entry.row_count)) for entry in complete]
        )
        return [SegmentsReplaced(removed, tuple(complete), complete_since)]

    def swap(state: CollectionState) -> CollectionState:
        kept = tuple(unit for unit in state.sealed if unit.entry.segment_id not in removed)
        new = [
            replace(unit, deletes=_late_deletes(state, sources, rows, unit.entry))
            for unit, rows in zip(published[0], places, strict=True)
        ]
        return replace(state, sealed=(*kept, *new))

    collection.decide_and_change(decide, swap)
    return bool(published)


def _new_places(sources: Sequence[_Source], order: Rows) -> dict[int, Rows]:
    """For every source segment, the new row of each old row, -1 for rows left out."""
    position_to_row = np.full(sum(source.live_count for source in sources), -1)
    position_to_row[order] = np.arange(len(order))
    places, start = {}, 0
    for source in sources:
        new_rows = position_to_row[start : start + source.live_count]
        start += source.live_count
        if source.live is None:
            places[source.unit.entry.segment_id] = new_rows
        else:
            spread = np.full(source.unit.segment.row_count, -1, np.int64)
            spread[source.live] = new_rows
            places[source.unit.entry.segment_id] = spread
    return places


def _late_deletes(
    state: CollectionState, sources: Sequence[_Source], places: dict[int, Rows], entry: SegmentEntry
) -> DeleteSet:
    """The deletes that came since the start, at the rows' new places, in order of time."""
    units = {unit.entry.segment_id: unit for unit in state.sealed}
    rows, stamps = [], []
    for source in sources:
        segment_id = source.unit.entry.segment_id
        old_rows, old_stamps = units[segment_id].deletes.arrays()
        new_rows = places[segment_id][old_rows[source.seen_delete_count :]]
        kept = new_rows >= 0
        rows.append(new_rows[kept])
        stamps.append(old_stamps[source.seen_delete_count :][kept])
    all_rows, all_stamps = np.concatenate(rows), np.concatenate(stamps)
    by_time = np.argsort(all_stamps, kind="stable")
    return DeleteSet.from_arrays(entry.row_count, all_rows[by_time], all_stamps[by_time])


def _with_deletes(collection: Collection, entry: SegmentEntry, deletes: DeleteSet, manifest: Manifest) -> SegmentEntry:
    """The entry with a file of the deletes that the log does not hold any more."""
    rows, stamps = deletes.arrays()
    old = stamps <= manifest.flushed_timestamp
    if not old.any():
        return entry
    components = collection.components
    prefix = collection.segment_prefix(entry.segment_id)
    file = write_deletes(components.store, prefix, components.ids.allocate(), rows[old], stamps[old])
    return replace(entry, deletes=(file,))
