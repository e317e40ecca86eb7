"""Compaction: the live rows of some segments, rewritten as one.

Runs beside writes, deletes and flushes. Rows deleted when it starts are left out; rows deleted while it runs are
carried over by position; those that a flush meanwhile moved the log past are written to a delete file in the commit
that swaps the segments. Files of the old segments go when the last reader lets go of them.
"""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.taking import take_rows
from elanus.engine.collection import Collection
from elanus.engine.sealing import shredding_rules
from elanus.engine.state import CollectionState, SealedUnit
from elanus.errors import DataCorrupt, Unavailable
from elanus.runtime.ids import process_id
from elanus.runtime.log import get_logger
from elanus.storage.deletefile import write_deletes
from elanus.storage.deletes import DeleteSet
from elanus.storage.manifest import Change, Manifest, SegmentEntry, SegmentsReplaced
from elanus.storage.segment.writer import write_segment

__all__ = ["compact", "note_damage", "retire"]

Rows = npt.NDArray[np.int64]

_logger: Final = get_logger("engine.compaction")


@dataclass(frozen=True, slots=True)
class _Source:
    """A segment to be rewritten, as it was at the start.

    Attributes:
        live: its rows that are kept; None for all.
        seen_delete_count: entries of its delete set that `live` accounts for.
    """

    unit: SealedUnit
    live: Rows | None
    seen_delete_count: int

    @property
    def live_count(self) -> int:
        return self.unit.segment.row_count if self.live is None else len(self.live)

    def column(self, name: str) -> pa.Array:
        column = self.unit.segment.column(name)
        return column if self.live is None else take_rows(column, self.live)


def compact(collection: Collection, segment_ids: Sequence[int]) -> bool:
    """Rewrites segments of one partition. False when one of them has left the collection, and nothing was changed.

    Raises:
        Unavailable: the disk failed; nothing was changed.
    """
    units = [unit for unit in collection.state.sealed if unit.entry.segment_id in segment_ids]
    if len(units) != len(segment_ids):
        return False
    sources = [_source(unit) for unit in sorted(units, key=lambda unit: unit.segment.meta.min_timestamp)]
    order = _time_order(sources)
    entry = None if len(order) == 0 else _write(collection, sources, order)
    if not _publish(collection, sources, order, entry):
        if entry is not None:
            collection.components.store.delete_folder(collection.segment_prefix(entry.segment_id))
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
    weakref.finalize(unit.segment, remove).atexit = False


def _source(unit: SealedUnit) -> _Source:
    hidden = unit.deletes.hidden()
    return _Source(unit, None if hidden is None else (~hidden).rows(), unit.deletes.entry_count)


def _time_order(sources: Sequence[_Source]) -> Rows:
    """Positions in the sources' live rows laid end to end, by timestamp; equal timestamps keep their order."""
    stamps = np.concatenate([_live_timestamps(source) for source in sources])
    return np.argsort(stamps, kind="stable")


def _live_timestamps(source: _Source) -> npt.NDArray[np.uint64]:
    stamps = source.unit.segment.timestamps()
    return stamps if source.live is None else stamps[source.live]


def _write(collection: Collection, sources: Sequence[_Source], order: Rows) -> SegmentEntry:
    in_order = bool((order[1:] > order[:-1]).all())

    def column(name: str) -> pa.Array:
        joined = pa.concat_arrays([source.column(name) for source in sources])
        return joined if in_order else take_rows(joined, order)

    segment_id = collection.components.ids.allocate()
    fields = collection.manifest.schema.fields
    written = write_segment(
        collection.components.store,
        collection.segment_prefix(segment_id),
        segment_id,
        fields,
        column,
        shredding=shredding_rules(collection.components.settings),
    )
    return SegmentEntry(
        segment_id=segment_id,
        partition_id=sources[0].unit.entry.partition_id,
        row_count=len(order),
        size_bytes=written.meta.size_bytes(),
        meta_crc32c=written.meta_crc32c,
    )


def _publish(collection: Collection, sources: Sequence[_Source], order: Rows, entry: SegmentEntry | None) -> bool:
    """Swaps the sources for the new segment, unless one of them has left the collection."""
    removed = tuple(source.unit.entry.segment_id for source in sources)
    places = _new_places(sources, order)
    published: list[SealedUnit | None] = []

    def decide(manifest: Manifest) -> list[Change]:
        present = {item.segment_id for item in manifest.segments}
        if not present.issuperset(removed):
            return []
        if entry is None:
            published.append(None)
            return [SegmentsReplaced(removed, ())]
        late = _late_deletes(collection.state, sources, places, entry)
        complete = _with_deletes(collection, entry, late, manifest.flushed_timestamp)
        published.append(collection.sealed_unit(manifest, complete, deletes=DeleteSet(entry.row_count)))
        return [SegmentsReplaced(removed, (complete,))]

    def swap(state: CollectionState) -> CollectionState:
        kept = tuple(unit for unit in state.sealed if unit.entry.segment_id not in removed)
        new = published[0]
        if entry is None or new is None:
            return replace(state, sealed=kept)
        return replace(state, sealed=(*kept, replace(new, deletes=_late_deletes(state, sources, places, entry))))

    collection.decide_and_change(decide, swap)
    return bool(published)


def _new_places(sources: Sequence[_Source], order: Rows) -> dict[int, Rows]:
    """For every source segment, the new row of each old row, -1 for rows left out."""
    position_to_row = np.empty(len(order), np.int64)
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


def _with_deletes(
    collection: Collection, entry: SegmentEntry, deletes: DeleteSet, flushed_timestamp: int
) -> SegmentEntry:
    """The entry with a file of the deletes that the log does not hold any more."""
    rows, stamps = deletes.arrays()
    old = stamps <= flushed_timestamp
    if not old.any():
        return entry
    components = collection.components
    prefix = collection.segment_prefix(entry.segment_id)
    file = write_deletes(components.store, prefix, components.ids.allocate(), rows[old], stamps[old])
    return replace(entry, deletes=(file,))
