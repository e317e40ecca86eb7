"""What a collection needs done next. Pure: numbers in, one action out.

Order of urgency: flush what has grown too large, drop and merge segments (an index built before a merge is wasted),
then build indexes, oldest segment first.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from elanus.settings import Settings

__all__ = [
    "Action",
    "BuildIndex",
    "ChunkSummary",
    "CollectionSummary",
    "Compact",
    "Flush",
    "SegmentSummary",
    "clustering",
    "merging",
    "next_action",
    "next_join",
]

# Segments are merged when a partition has this many of about one size (a tier): a byte is rewritten once a tier.
_TIER_SEGMENTS_MAX: Final = 4
_TIER_FACTOR: Final = 4
_SMALLEST_TIER_BYTES: Final = 4 << 20
# Growing rows are indexed anew when there are so many times more: each about once for each power of it.
_JOIN_FACTOR: Final = 8
# A larger run is not made out of smaller ones: it would be in memory twice meanwhile, and take long to be cancelled.
_JOIN_BYTES_MAX: Final = 128 << 20
_JOIN_ROWS_MAX: Final = 262_144
# Full segments are a little over their target because they are sealed after a whole batch.
_SIZE_TOLERANCE: Final = 1.05
# Row numbers, and where strings and lists end, are 32-bit numbers in a segment's files.
_NUMBER_MAX: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class SegmentSummary:
    """A sealed segment in numbers.

    Attributes:
        missing_index_ids: indexes defined but not built for it, without those whose last build failed.
        offset_max: no string or list of a column ends behind it.
        is_damaged: its rows cannot be read, so it cannot be rewritten.
    """

    segment_id: int
    partition_id: int
    row_count: int
    deleted_count: int
    size_bytes: int
    missing_index_ids: tuple[int, ...]
    is_damaged: bool = False
    offset_max: int = 0

    @property
    def live_bytes(self) -> float:
        return self.size_bytes * (1 - self.deleted_count / self.row_count) if self.row_count else 0


@dataclass(frozen=True, slots=True)
class CollectionSummary:
    """A collection in numbers. `growing_age_ms` is since the oldest unflushed row."""

    growing_bytes: int
    growing_row_count: int
    growing_age_ms: int
    segments: Sequence[SegmentSummary]


@dataclass(frozen=True, slots=True)
class ChunkSummary:
    """A chunk of growing rows in numbers. `is_indexed`: by every interim index that the rows should have."""

    row_count: int
    size_bytes: int
    is_indexed: bool


@dataclass(frozen=True, slots=True)
class Flush:
    """Seal the growing rows."""


@dataclass(frozen=True, slots=True)
class Compact:
    """Rewrite these segments, of one partition, as one (or as none, if no row of them lives).

    Attributes:
        part_count: into so many by ranges of the clustering key instead.
    """

    segment_ids: tuple[int, ...]
    part_count: int = 1


@dataclass(frozen=True, slots=True)
class BuildIndex:
    """Build an index for a segment."""

    segment_id: int
    index_id: int


Action = Flush | Compact | BuildIndex


def next_action(collection: CollectionSummary, settings: Settings) -> Action | None:
    """The most urgent thing to do, or None."""
    if collection.growing_row_count and (
        collection.growing_bytes >= min(settings.flush_bytes, settings.unflushed_bytes_max)
        or collection.growing_row_count >= settings.flush_rows
        or collection.growing_age_ms >= settings.flush_interval_ms
    ):
        return Flush()
    if settings.compaction_enabled:
        compaction = _compaction([segment for segment in collection.segments if not segment.is_damaged], settings)
        if compaction is not None:
            return compaction
    for segment in sorted(collection.segments, key=lambda item: item.segment_id):
        if segment.row_count >= settings.index_rows_min and segment.missing_index_ids:
            return BuildIndex(segment.segment_id, segment.missing_index_ids[0])
    return None


def next_join(chunks: Sequence[ChunkSummary], settings: Settings) -> tuple[int, int] | None:
    """The neighbouring chunks, from and up to (exclusive), that are to become one with an interim index; or None.

    Those are the first without one that have rows enough, and the runs before them that are of their size or below it
    once there are eight (the logarithmic method of Bentley and Saxe 1980). So n rows lie in a number of runs that grows
    with the logarithm of n, and a row is indexed so many times.
    """
    start = 0
    while start < len(chunks):
        if chunks[start].is_indexed:
            start += 1
            continue
        stop = _end_of_run(chunks, start)
        is_full = stop < len(chunks) and not chunks[stop].is_indexed
        if is_full or sum(chunk.row_count for chunk in chunks[start:stop]) >= settings.growing_index_rows_min:
            return _with_small_runs(chunks, start, stop, unit=max(settings.growing_index_rows_min, 1)), stop
        start = stop
    return None


def clustering(segments: Sequence[SegmentSummary], segment_bytes: int) -> list[Compact]:
    """What divides all rows of each partition by the clustering key, into segments of about `segment_bytes`."""
    actions = []
    for members in _by_partition(segments):
        total = sum(segment.live_bytes for segment in members)
        # Parts have about as many rows each, and not as many bytes.
        numbers = 2 * max(sum(segment.row_count for segment in members), sum(item.offset_max for item in members))
        part_count = max(1, math.ceil(total / (segment_bytes * _SIZE_TOLERANCE)), math.ceil(numbers / _NUMBER_MAX))
        if part_count > 1 or len(members) > 1:
            actions.append(Compact(tuple(segment.segment_id for segment in members), part_count))
    return actions


def merging(segments: Sequence[SegmentSummary], segment_bytes: int) -> list[Compact]:
    """What makes the segments of each partition as few as hold up to `segment_bytes` each, the largest filled first."""
    actions = []
    for members in _by_partition(segments):
        groups: list[list[SegmentSummary]] = []
        for segment in sorted(members, key=lambda item: (-item.live_bytes, item.segment_id)):
            group = next((group for group in groups if _fit([*group, segment], segment_bytes)), None)
            if group is None:
                groups.append([segment])
            else:
                group.append(segment)
        merged = [tuple(sorted(segment.segment_id for segment in group)) for group in groups if len(group) > 1]
        actions += [Compact(segment_ids) for segment_ids in merged]
    return actions


def _by_partition(segments: Sequence[SegmentSummary]) -> Collection[list[SegmentSummary]]:
    """The segments that can be rewritten, oldest first."""
    partitions: dict[int, list[SegmentSummary]] = {}
    for segment in sorted(segments, key=lambda item: item.segment_id):
        if not segment.is_damaged:
            partitions.setdefault(segment.partition_id, []).append(segment)
    return partitions.values()


def _fit(segments: Sequence[SegmentSummary], segment_bytes: int) -> bool:
    """Whether the rows of the segments go into one."""
    return (
        sum(segment.live_bytes for segment in segments) <= segment_bytes * _SIZE_TOLERANCE
        and sum(segment.row_count for segment in segments) <= _NUMBER_MAX
        and sum(segment.offset_max for segment in segments) <= _NUMBER_MAX
    )


def _end_of_run(chunks: Sequence[ChunkSummary], start: int) -> int:
    """Where the run of chunks without an index that begins at `start` ends (exclusive), at the latest when full."""
    stop = start + 1
    while stop < len(chunks) and not chunks[stop].is_indexed and _fits_one_run(chunks[start : stop + 1]):
        stop += 1
    return stop


def _with_small_runs(chunks: Sequence[ChunkSummary], start: int, stop: int, *, unit: int) -> int:
    """Where a new run begins that takes in the runs before it, where those of no larger tier are many enough."""
    while True:
        tier = _run_tier(sum(chunk.row_count for chunk in chunks[start:stop]), unit)
        first = start
        while first and chunks[first - 1].is_indexed and _run_tier(chunks[first - 1].row_count, unit) <= tier:
            first -= 1
        if start - first < _JOIN_FACTOR - 1 or not _fits_one_run(chunks[first:stop]):
            return start
        start = first


def _fits_one_run(chunks: Sequence[ChunkSummary]) -> bool:
    rows, size = sum(chunk.row_count for chunk in chunks), sum(chunk.size_bytes for chunk in chunks)
    return rows <= _JOIN_ROWS_MAX and size <= _JOIN_BYTES_MAX


def _run_tier(row_count: int, unit: int) -> int:
    tier = 0
    while row_count >= unit * _JOIN_FACTOR ** (tier + 1):
        tier += 1
    return tier


def _compaction(segments: Sequence[SegmentSummary], settings: Settings) -> Compact | None:
    for segment in segments:
        if segment.deleted_count and segment.deleted_count >= settings.compaction_deleted_ratio * segment.row_count:
            return Compact((segment.segment_id,))
    tiers: dict[tuple[int, int], list[SegmentSummary]] = {}
    for segment in segments:
        if segment.live_bytes < settings.segment_bytes_max / 2:
            tiers.setdefault((_tier(segment.live_bytes), segment.partition_id), []).append(segment)
    for _, members in sorted(tiers.items()):
        chosen: list[SegmentSummary] = []
        for segment in sorted(members, key=lambda item: (item.live_bytes, item.segment_id)):
            if not _fit([*chosen, segment], settings.segment_bytes_max):
                break
            chosen.append(segment)
        if len(members) >= _TIER_SEGMENTS_MAX and len(chosen) >= 2:
            return Compact(tuple(sorted(segment.segment_id for segment in chosen)))
    return None


def _tier(size_bytes: float) -> int:
    tier = 0
    while size_bytes >= _SMALLEST_TIER_BYTES * _TIER_FACTOR**tier:
        tier += 1
    return tier
