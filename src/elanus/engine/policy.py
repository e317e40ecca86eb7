"""What a collection needs done next. Pure: numbers in, one action out.

Order of urgency: flush what has grown too large, drop and merge segments (an index built before a merge is wasted),
then build indexes, oldest segment first.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from elanus.settings import Settings

__all__ = [
    "Action",
    "BuildIndex",
    "CollectionSummary",
    "Compact",
    "Flush",
    "SegmentSummary",
    "clustering",
    "next_action",
]

# Segments are merged when a partition has this many of about one size (a tier): a byte is rewritten once a tier.
_TIER_SEGMENTS_MAX: Final = 4
_TIER_FACTOR: Final = 4
_SMALLEST_TIER_BYTES: Final = 4 << 20
# Full segments are a little over their target because they are sealed after a whole batch.
_SIZE_TOLERANCE: Final = 1.05


@dataclass(frozen=True, slots=True)
class SegmentSummary:
    """A sealed segment in numbers.

    Attributes:
        missing_index_ids: indexes defined but not built for it, without those whose last build failed.
        is_damaged: its rows cannot be read, so it cannot be rewritten.
    """

    segment_id: int
    partition_id: int
    row_count: int
    deleted_count: int
    size_bytes: int
    missing_index_ids: tuple[int, ...]
    is_damaged: bool = False

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


def clustering(segments: Sequence[SegmentSummary], settings: Settings) -> list[Compact]:
    """What divides all rows of each partition by the clustering key, into segments of about full size."""
    partitions: dict[int, list[SegmentSummary]] = {}
    for segment in sorted(segments, key=lambda item: item.segment_id):
        if not segment.is_damaged:
            partitions.setdefault(segment.partition_id, []).append(segment)
    actions = []
    for members in partitions.values():
        total = sum(segment.live_bytes for segment in members)
        part_count = max(1, math.ceil(total / (settings.segment_bytes_max * _SIZE_TOLERANCE)))
        if part_count > 1 or len(members) > 1:
            actions.append(Compact(tuple(segment.segment_id for segment in members), part_count))
    return actions


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
        total = 0.0
        for segment in sorted(members, key=lambda item: (item.live_bytes, item.segment_id)):
            if total + segment.live_bytes > settings.segment_bytes_max * _SIZE_TOLERANCE:
                break
            chosen.append(segment)
            total += segment.live_bytes
        if len(members) >= _TIER_SEGMENTS_MAX and len(chosen) >= 2:
            return Compact(tuple(sorted(segment.segment_id for segment in chosen)))
    return None


def _tier(size_bytes: float) -> int:
    tier = 0
    while size_bytes >= _SMALLEST_TIER_BYTES * _TIER_FACTOR**tier:
        tier += 1
    return tier
