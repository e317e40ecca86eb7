"""Flush: growing rows become sealed segments, deletes become files, and the log starts anew.

The cut is taken while no record is written: everything before it is in memory, everything after it in newer log files.
Then, with writes going on, the files are written; one manifest commit makes them the truth and moves the log position;
only then are old log files removed. A crash anywhere leaves either the old truth and the whole log, or the new truth.
"""

from collections.abc import Container, Mapping
from dataclasses import replace

from elanus.engine.collection import Collection
from elanus.engine.interim import SealedInterim
from elanus.engine.sealing import shredding_rules
from elanus.engine.state import CollectionState, SealedUnit
from elanus.storage.chunk import GrowingSegment
from elanus.storage.deletefile import write_deletes
from elanus.storage.deletes import DeleteSet
from elanus.storage.manifest import (
    Change,
    DeleteFile,
    DeletesAdded,
    LogAdvanced,
    Manifest,
    SegmentEntry,
    SegmentsReplaced,
)
from elanus.storage.segment.writer import write_segment

__all__ = ["flush"]


def flush(collection: Collection) -> None:
    """Makes everything written before the call part of sealed segments. Waits for a running flush, then does its own.

    Raises:
        Unavailable: the disk failed; nothing is lost, and the next flush tries again.
    """
    with collection.flush_lock:
        cut = _seal(collection)
        before = collection.state
        if not before.sealing and not _unpersisted(before):
            return
        entries = {segment.partition_id: _write_rows(collection, segment, cut) for segment in before.sealing}
        delete_files = {
            unit.entry.segment_id: file
            for unit in _unpersisted(before)
            if (file := _write_deletes(collection, unit.entry.segment_id, unit.deletes, unit, cut)) is not None
        }
        _publish(collection, cut, entries, delete_files)
        collection.log.remove_through(cut)


def _seal(collection: Collection) -> int:
    """Moves growing rows aside and ends the log file. Returns the cut; rows left by a failed flush stay aside."""
    cuts: list[int] = []

    def seal(cut: int) -> None:
        collection.log.rotate()

        def move(state: CollectionState) -> CollectionState:
            moved = {segment.partition_id: segment for segment in state.sealing}
            for partition_id, segment in state.growing.items():
                earlier = moved.get(partition_id)
                chunks = segment.chunks if earlier is None else (*earlier.chunks, *segment.chunks)
                moved[partition_id] = segment.with_chunks(chunks)
            return replace(state, growing={}, sealing=tuple(moved.values()))

        collection.publish(move)
        cuts.append(cut)

    collection.paused(seal)
    return cuts[0]


def _unpersisted(state: CollectionState) -> list[SealedUnit]:
    return [unit for unit in state.sealed if unit.deletes.entry_count > unit.persisted_delete_count]


def _write_rows(collection: Collection, segment: GrowingSegment, cut: int) -> SegmentEntry:
    segment_id = collection.components.ids.allocate()
    written = write_segment(
        collection.components.store,
        collection.segment_prefix(segment_id),
        segment_id,
        collection.manifest.schema.fields,
        segment.blocks,
        row_count=segment.row_count,
        shredding=shredding_rules(collection.components.settings),
    )
    deletes = _write_deletes(collection, segment_id, segment.deletes(), None, cut)
    return SegmentEntry(
        segment_id=segment_id,
        partition_id=segment.partition_id,
        row_count=segment.row_count,
        size_bytes=written.meta.size_bytes(),
        meta_crc32c=written.meta_crc32c,
        deletes=() if deletes is None else (deletes,),
    )


def _write_deletes(
    collection: Collection, segment_id: int, deletes: DeleteSet, unit: SealedUnit | None, cut: int
) -> DeleteFile | None:
    """Stores the deletes up to the cut that no file has yet. Later ones stay in the log with what they belong to."""
    rows, stamps = deletes.arrays()
    first = 0 if unit is None else unit.persisted_delete_count
    rows, stamps = rows[first:], stamps[first:]
    old = stamps <= cut
    if not old.any():
        return None
    components = collection.components
    prefix = collection.segment_prefix(segment_id)
    return write_deletes(components.store, prefix, components.ids.allocate(), rows[old], stamps[old])


def _publish(
    collection: Collection,
    cut: int,
    entries: Mapping[int, SegmentEntry],
    delete_files: Mapping[int, DeleteFile],
) -> None:
    """Commits, and swaps the sealing rows for their segments, taking over deletes that came meanwhile."""
    opened: dict[int, SealedUnit] = {}

    def decide(manifest: Manifest) -> list[Change]:
        present = {entry.segment_id for entry in manifest.segments}
        for partition_id, entry in entries.items():
            opened[partition_id] = collection.sealed_unit(manifest, entry, deletes=DeleteSet(entry.row_count))
        changes: list[Change] = [SegmentsReplaced((), tuple(entries.values()))]
        changes += [
            DeletesAdded(segment_id, file) for segment_id, file in delete_files.items() if segment_id in present
        ]
        changes += _deletes_of_newcomers(collection, cut, delete_files.keys())
        changes.append(LogAdvanced(cut, collection.recent_requests()))
        return changes

    def swap(state: CollectionState) -> CollectionState:
        sealed = [_with_entry(state, unit) for unit in state.sealed]
        sealed += [_grown(state, opened[segment.partition_id], segment) for segment in state.sealing]
        return replace(state, sealed=tuple(sealed), sealing=())

    collection.decide_and_change(decide, swap)


def _grown(state: CollectionState, unit: SealedUnit, segment: GrowingSegment) -> SealedUnit:
    """The unit with the deletes of the growing rows it was made of, and with what they are searched by."""
    interim = SealedInterim(unit.segment, state.manifest.schema, segment)
    is_needed = interim.is_needed(state.manifest.indexes, ())
    return replace(unit, deletes=segment.deletes(), interim=interim if is_needed else None)


def _deletes_of_newcomers(collection: Collection, cut: int, known: Container[int]) -> list[Change]:
    """Files for segments that a compaction made since the flush began; they took over deletes of their sources."""
    changes: list[Change] = []
    for unit in _unpersisted(collection.state):
        segment_id = unit.entry.segment_id
        if segment_id not in known:
            file = _write_deletes(collection, segment_id, unit.deletes, unit, cut)
            if file is not None:
                changes.append(DeletesAdded(segment_id, file))
    return changes


def _with_entry(state: CollectionState, unit: SealedUnit) -> SealedUnit:
    entry = state.manifest.segment(unit.entry.segment_id)
    return replace(unit, entry=entry, persisted_delete_count=sum(file.entry_count for file in entry.deletes))
