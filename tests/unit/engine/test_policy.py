"""What is done next, as a table and as properties: never a segment twice, never segments of two partitions, an end."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.engine.policy import (
    Action,
    BuildIndex,
    ChunkSummary,
    CollectionSummary,
    Compact,
    Flush,
    SegmentSummary,
    clustering,
    merging,
    next_action,
    next_join,
)
from elanus.settings import Settings

MIB = 1 << 20
SETTINGS = Settings(
    flush_bytes=100, flush_rows=50, flush_interval_ms=1000, unflushed_bytes_max=1000, index_rows_min=10,
    segment_bytes_max=100 * MIB, compaction_deleted_ratio=0.2,
)  # fmt: skip


def segment(number: int, *, size: int = MIB, rows: int = 100, deleted: int = 0, missing: tuple[int, ...] = (),
            partition: int = 1, damaged: bool = False, offset: int = 0) -> SegmentSummary:  # fmt: skip
    return SegmentSummary(number, partition, rows, deleted, size, missing, damaged, offset)


def growing(size: int = 0, rows: int = 0, age: int = 0, *segments: SegmentSummary) -> CollectionSummary:
    return CollectionSummary(size, rows, age, segments)


def sealed(*segments: SegmentSummary) -> CollectionSummary:
    return CollectionSummary(0, 0, 0, segments)


CASES: list[tuple[CollectionSummary, Action | None]] = [
    (sealed(), None),
    (growing(99, 49, 999), None),
    (growing(100, 1, 0), Flush()),
    (growing(1, 50, 0), Flush()),
    (growing(1, 1, 1000), Flush()),
    (growing(0, 0, 5000), None),
    (growing(100, 1, 0, segment(1, missing=(7,)), segment(2, deleted=100)), Flush()),
    (sealed(segment(1, deleted=19)), None),
    (sealed(segment(1, deleted=20)), Compact((1,))),
    (sealed(segment(1, deleted=100, damaged=True)), None),
    (sealed(segment(1, missing=(7, 8)), segment(2, deleted=50)), Compact((2,))),
    (sealed(*map(segment, (1, 2, 3))), None),
    (sealed(*map(segment, (4, 3, 2, 1))), Compact((1, 2, 3, 4))),
    (sealed(*(segment(number, partition=number % 2) for number in range(1, 7))), None),
    (sealed(*(segment(number, partition=number % 2) for number in range(1, 9))), Compact((2, 4, 6, 8))),
    (sealed(*(segment(number, damaged=number == 2) for number in range(1, 5))), None),
    (sealed(*(segment(number, size=49 * MIB) for number in range(1, 5))), Compact((1, 2))),
    (sealed(*(segment(number, size=51 * MIB) for number in range(1, 9))), None),
    (sealed(*(segment(number, offset=1 << 30) for number in range(1, 5))), None),
    (sealed(*(segment(number, offset=900 << 20) for number in range(1, 5))), Compact((1, 2))),
    (sealed(*(segment(number, rows=3 << 28) for number in range(1, 5))), Compact((1, 2))),
    (sealed(segment(2, missing=(9,)), segment(1, missing=(7, 8))), BuildIndex(1, 7)),
    (sealed(segment(1, rows=9, missing=(7,))), None),
    (sealed(segment(1, missing=(7,), damaged=True)), BuildIndex(1, 7)),
]


@pytest.mark.parametrize(("collection", "action"), CASES)
def test_the_most_urgent_action(collection: CollectionSummary, action: Action | None) -> None:
    assert next_action(collection, SETTINGS) == action


def test_a_row_is_written_three_times_on_its_way_to_a_full_segment() -> None:
    """A flush and two merges, if every flush fills its memory; and indexed at most once after each."""
    settings = Settings()
    collection, written, indexed, flushes = sealed(), 0, 0, 128
    for _ in range(flushes):
        number = max((item.segment_id for item in collection.segments), default=0) + 1
        flushed = segment(number, size=settings.flush_bytes, missing=(1,))
        collection, written = sealed(*collection.segments, flushed), written + flushed.size_bytes
        while (action := next_action(collection, settings)) is not None:
            members = {item.segment_id: item for item in collection.segments}
            if isinstance(action, Compact):
                written += sum(members[item].size_bytes for item in action.segment_ids)
            elif isinstance(action, BuildIndex):
                indexed += members[action.segment_id].size_bytes
            collection = after(collection, action)
    sizes = [item.size_bytes for item in collection.segments]
    assert sizes == [settings.segment_bytes_max] * (flushes * settings.flush_bytes // settings.segment_bytes_max)
    assert written == 3 * sum(sizes)
    assert indexed < 3 * sum(sizes)


MERGES: list[tuple[list[SegmentSummary], int, list[Compact]]] = [
    ([], 100, []),
    ([segment(1)], 100 * MIB, []),
    ([segment(1, size=60), segment(2, size=60)], 100, []),
    ([segment(1, size=60), segment(2, size=45)], 100, [Compact((1, 2))]),
    ([segment(3, size=30), segment(2, size=30), segment(1, size=60)], 100, [Compact((1, 2))]),
    ([segment(1, size=60), segment(2, size=50), segment(3, size=40), segment(4, size=50)], 100,
     [Compact((1, 3)), Compact((2, 4))]),
    ([segment(1, size=900), segment(2, size=50), segment(3, size=40)], 100, [Compact((2, 3))]),
    ([segment(1, size=900, deleted=95), segment(2, size=50)], 100, [Compact((1, 2))]),
    ([segment(1), segment(2, partition=2), segment(3), segment(4, partition=2)], 1 << 60,
     [Compact((1, 3)), Compact((2, 4))]),
    ([segment(1), segment(2, damaged=True), segment(3)], 1 << 60, [Compact((1, 3))]),
    ([segment(1, offset=1 << 30), segment(2, offset=1 << 30), segment(3, offset=1 << 20)], 1 << 60,
     [Compact((1, 3))]),
    ([segment(1, rows=1 << 30), segment(2, rows=1 << 30), segment(3, rows=100)], 1 << 60, [Compact((1, 3))]),
]  # fmt: skip


@pytest.mark.parametrize(("segments", "size", "actions"), MERGES)
def test_segments_are_made_as_few_as_hold_so_much(
    segments: list[SegmentSummary], size: int, actions: list[Compact]
) -> None:
    assert merging(segments, size) == actions


def test_rows_divided_by_a_key_are_in_as_many_parts_as_numbers_need() -> None:
    assert clustering([segment(1, size=10 * MIB), segment(2)], 1 << 40) == [Compact((1, 2), 1)]
    assert clustering([segment(1, offset=1 << 31), segment(2)], 1 << 40) == [Compact((1, 2), 3)]
    assert clustering([segment(1, size=100), segment(2, size=200)], 100) == [Compact((1, 2), 3)]


def test_without_compaction_segments_stay() -> None:
    settings = SETTINGS.with_changes(compaction_enabled=False)
    assert next_action(sealed(*(segment(number, deleted=100) for number in range(1, 9))), settings) is None


@st.composite
def summaries(draw: st.DrawFn) -> CollectionSummary:
    segments = []
    for number in range(1, draw(st.integers(0, 12)) + 1):
        rows = draw(st.integers(1, 200))
        segments.append(
            segment(
                number,
                size=draw(st.sampled_from([1, 1000, MIB, 5 * MIB, 30 * MIB, 60 * MIB, 110 * MIB])),
                rows=rows,
                deleted=draw(st.integers(0, rows)),
                missing=tuple(draw(st.lists(st.integers(1, 3), max_size=2, unique=True))),
                partition=draw(st.integers(1, 2)),
                damaged=draw(st.booleans()),
            )
        )
    return growing(draw(st.integers(0, 200)), draw(st.integers(0, 60)), draw(st.integers(0, 2000)), *segments)


def after(collection: CollectionSummary, action: Action) -> CollectionSummary:
    """The collection when the action is done; flushed rows and merged segments lack their indexes."""
    segments = {item.segment_id: item for item in collection.segments}
    number = max(segments, default=0) + 1
    if isinstance(action, Flush):
        new = segment(number, size=collection.growing_bytes, rows=collection.growing_row_count, missing=(1, 2))
        return sealed(*collection.segments, new)
    if isinstance(action, BuildIndex):
        built = segments[action.segment_id]
        missing = tuple(item for item in built.missing_index_ids if item != action.index_id)
        segments[action.segment_id] = replace(built, missing_index_ids=missing)
        return replace(collection, segments=tuple(segments.values()))
    merged = [segments.pop(item) for item in action.segment_ids]
    rows = sum(item.row_count - item.deleted_count for item in merged)
    size = int(sum(item.live_bytes for item in merged))
    if rows:
        segments[number] = segment(number, size=size, rows=rows, missing=(1, 2), partition=merged[0].partition_id)
    return replace(collection, segments=tuple(segments.values()))


@given(summaries())
def test_doing_what_is_said_comes_to_an_end(collection: CollectionSummary) -> None:
    steps = 0
    while (action := next_action(collection, SETTINGS)) is not None:
        check(collection, action)
        collection = after(collection, action)
        steps += 1
        assert steps < 100
    waiting = [item for item in collection.segments if item.missing_index_ids and item.row_count >= 10]
    assert waiting == []


def check(collection: CollectionSummary, action: Action) -> None:
    """What an action names is there, once, and may be treated so."""
    by_id = {item.segment_id: item for item in collection.segments}
    match action:
        case Flush():
            assert collection.growing_row_count > 0
        case Compact(segment_ids):
            members = [by_id[item] for item in segment_ids]
            assert len(set(segment_ids)) == len(segment_ids) > 0
            assert len({item.partition_id for item in members}) == 1
            assert not any(item.is_damaged for item in members)
            if len(members) > 1:
                assert sum(item.live_bytes for item in members) <= 1.05 * SETTINGS.segment_bytes_max
        case BuildIndex(segment_id, index_id):
            assert index_id in by_id[segment_id].missing_index_ids


JOINS = Settings(growing_index_rows_min=10)


def chunks(*row_counts: int, size: int = 1) -> list[ChunkSummary]:
    """Negative numbers are rows that are indexed."""
    return [ChunkSummary(abs(count), abs(count) * size, count < 0) for count in row_counts]


@pytest.mark.parametrize(
    ("row_counts", "expected"),
    [
        ((), None),
        ((9,), None),
        ((10,), (0, 1)),
        ((4, 4, 4), (0, 3)),
        ((-10,), None),
        ((-10, 9), None),
        ((-10, 5, 5), (1, 3)),
        ((-10, -10, -10, -10, -10, -10, 10), (6, 7)),
        ((-10, -10, -10, -10, -10, -10, -10, 10), (0, 8)),
        ((-80, -10, -10, -10, -10, -10, -10, -10, 10), (1, 9)),
        ((-80, -80, -80, -80, -80, -80, -80, -10, -10, -10, -10, -10, -10, -10, 10), (0, 15)),
        ((-10, -10, -10, -10, -10, -10, -10, 90), (0, 8)),
        ((-10, -10, 90), (2, 3)),
        ((5, -10, 5), None),
        ((5, -10, 5, 5), (2, 4)),
        ((10, -10, 10), (0, 1)),
    ],
)
def test_which_growing_rows_are_indexed_next(row_counts: tuple[int, ...], expected: tuple[int, int] | None) -> None:
    assert next_join(chunks(*row_counts), JOINS) == expected


def test_runs_of_growing_rows_have_a_size() -> None:
    """Rows are taken up to it, a larger chunk alone, and runs that would pass it are left as they are."""
    assert next_join(chunks(50, 50, 50, size=MIB), JOINS) == (0, 2)
    assert next_join(chunks(200, 50, size=MIB), JOINS) == (0, 1)
    assert next_join(chunks(*[-20] * 7, 20, size=MIB), JOINS) == (7, 8)
    assert next_join(chunks(5, 5, size=100 * MIB), JOINS) == (0, 1)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=300))
def test_growing_rows_lie_in_few_runs_and_are_indexed_few_times(batches: list[int]) -> None:
    rows: list[ChunkSummary] = []
    work = 0
    for count in batches:
        rows.append(ChunkSummary(count, count, is_indexed=False))
        while (found := next_join(rows, JOINS)) is not None:
            total = sum(chunk.row_count for chunk in rows[slice(*found)])
            work += total
            rows[slice(*found)] = [ChunkSummary(total, total, is_indexed=True)]
    count = sum(batches)
    tiers = next(tier for tier in range(1, 20) if count < 10 * 8**tier)
    assert sum(chunk.row_count for chunk in rows if not chunk.is_indexed) < 10
    assert sum(chunk.is_indexed for chunk in rows) <= 7 * tiers
    assert work <= count * tiers
