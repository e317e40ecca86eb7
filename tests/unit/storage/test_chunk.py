"""Growing segments: rows in order, deletes beside them, few chunks, and values that never change."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from elanus.storage import chunk as chunk_module
from elanus.storage.chunk import ChunkRows, GrowingSegment


def _batch(*keys: int) -> pa.RecordBatch:
    return pa.record_batch({"id": pa.array(keys, pa.int64()), "s": [f"row {key}" for key in keys]})


def _values(segment: GrowingSegment, name: str) -> list[Any]:
    return [value for block in segment.blocks(name) for value in block.to_pylist()]


def _grown(*batches: tuple[int, ...]) -> GrowingSegment:
    segment = GrowingSegment(3, "id")
    for number, keys in enumerate(batches):
        segment = segment.with_rows(_batch(*keys), 100 + number)
    return segment


def _deleted(segment: GrowingSegment, key: int, timestamp: int) -> GrowingSegment:
    """The segment with every row of a key deleted."""
    chunks = []
    for chunk in segment.chunks:
        rows = chunk.rows.key_index().find(pa.array([key])).rows
        chunks.append(replace(chunk, deletes=chunk.deletes.with_rows(rows, timestamp)))
    return segment.with_chunks(chunks)


def test_rows_are_in_order_with_their_timestamps() -> None:
    segment = _grown((1, 2), (3,), (4, 5, 6))
    assert _values(segment, "id") == [1, 2, 3, 4, 5, 6]
    assert _values(segment, "$timestamp") == [100, 100, 101, 102, 102, 102]
    assert _values(segment, "s")[3] == "row 4"
    assert (segment.row_count, segment.partition_id) == (6, 3)
    assert segment.size_bytes == sum(chunk.rows.size_bytes for chunk in segment.chunks) > 0


def test_a_new_segment_has_no_rows() -> None:
    segment = GrowingSegment(3, "id")
    assert (segment.row_count, segment.size_bytes, segment.chunks) == (0, 0, ())
    assert segment.deletes().size == 0


def test_adding_rows_leaves_the_segment_before_as_it_was() -> None:
    before = _grown((1,), (2,))
    after = before.with_rows(_batch(3), 200)
    assert _values(before, "id") == [1, 2]
    assert _values(after, "id") == [1, 2, 3]


def test_rows_written_one_by_one_lie_in_few_chunks() -> None:
    segment = GrowingSegment(3, "id")
    for key in range(600):
        segment = segment.with_rows(_batch(key), key + 1)
        assert len(segment.chunks) <= 2 + np.log2(key + 1)
    assert _values(segment, "id") == list(range(600))
    assert _values(segment, "$timestamp") == list(range(1, 601))


def test_merging_keeps_deletes_at_their_rows() -> None:
    segment = _deleted(_grown((1, 2, 3, 4, 5, 6, 7, 8)), 7, 150)
    segment = _deleted(segment.with_rows(_batch(9, 10), 101), 9, 151)
    for key in range(20, 60):
        segment = segment.with_rows(_batch(key), 200 + key)
        if key % 7 == 0:
            segment = _deleted(segment, key, 200 + key)
    rows, stamps = segment.deletes().arrays()
    keys = _values(segment, "id")
    assert [(keys[row], stamp) for row, stamp in zip(rows.tolist(), stamps.tolist(), strict=True)] == [
        (7, 150),
        (9, 151),
        *((key, 200 + key) for key in range(21, 60, 7)),
    ]
    hidden = segment.deletes().hidden(150)
    assert hidden is not None
    assert [keys[row] for row in hidden.rows()] == [7]


def test_large_chunks_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_module, "_MERGE_BYTES_MAX", 100)
    segment = _grown(tuple(range(100)), tuple(range(100, 200)), (200,), (201,))
    assert [chunk.rows.row_count for chunk in segment.chunks] == [100, 100, 2]


def test_a_large_chunk_is_not_copied_for_the_sake_of_a_smaller_one(monkeypatch: pytest.MonkeyPatch) -> None:
    first = _grown(tuple(range(150)))
    monkeypatch.setattr(chunk_module, "_MERGE_BYTES_MAX", first.size_bytes)
    assert [chunk.rows.row_count for chunk in first.with_rows(_batch(*range(140)), 7).chunks] == [290]
    monkeypatch.setattr(chunk_module, "_MERGE_BYTES_MAX", first.size_bytes - 1)
    assert [chunk.rows.row_count for chunk in first.with_rows(_batch(*range(140)), 7).chunks] == [150, 140]


def test_slices_of_a_callers_batch_keep_their_rows() -> None:
    segment = GrowingSegment(3, "id").with_rows(_batch(*range(20)).slice(5, 3), 7)
    segment = segment.with_rows(_batch(*range(20)).slice(15), 8)
    assert _values(segment, "id") == [5, 6, 7, 15, 16, 17, 18, 19]


def test_a_chunk_gives_columns_rows_and_keys() -> None:
    (chunk,) = _grown((5, 4, 5)).chunks
    rows = chunk.rows
    assert isinstance(rows, ChunkRows)
    assert rows.row_count == 3
    assert rows.take("s", np.array([2, 0])).to_pylist() == ["row 5", "row 5"]
    assert rows.timestamps().tolist() == [100, 100, 100]
    assert rows.key_index() is rows.key_index()
    assert rows.key_index().find(pa.array([5])).rows.tolist() == [0, 2]
    with pytest.raises(KeyError):
        rows.column("nothing")


class _Index:
    """What stands beside a chunk in these tests."""

    memory_bytes = 1000


def test_settled_chunks_are_not_merged_with_newer_rows() -> None:
    segment = _grown((1, 2), (3,)).settled(0, 1)
    (settled,) = segment.chunks
    assert settled.is_settled
    segment = _deleted(segment.with_rows(_batch(4), 200).with_rows(_batch(5), 201), 4, 202)
    assert segment.chunks[0].rows is settled.rows
    assert [chunk.rows.row_count for chunk in segment.chunks] == [3, 2]
    assert _values(segment, "id") == [1, 2, 3, 4, 5]


def test_one_chunk_with_an_index_takes_the_place_of_others() -> None:
    """With the deletes that they have by then; what the index takes in memory counts."""
    parts = []
    segment = GrowingSegment(3, "id")
    for number, keys in enumerate([(1, 2), (3, 4), (5, 6)]):
        segment = segment.with_rows(_batch(*keys), 100 + number).settled(number, number + 1)
        parts.append(segment.chunks[-1].rows)
    rows = ChunkRows.joined(parts[:2])
    later = _deleted(_deleted(segment.with_rows(_batch(7), 300), 3, 301), 6, 302)
    indexed = later.with_index(parts[:2], rows, _Index())
    assert [chunk.rows.row_count for chunk in indexed.chunks] == [4, 2, 1]
    assert _values(indexed, "id") == _values(later, "id")
    assert _values(indexed, "$timestamp") == _values(later, "$timestamp")
    for found, expected in zip(indexed.deletes().arrays(), later.deletes().arrays(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert indexed.size_bytes == sum(chunk.rows.size_bytes for chunk in indexed.chunks) + 1000
    assert [chunk.rows.row_count for chunk in indexed.with_rows(_batch(8), 400).chunks] == [4, 2, 2]


def test_an_index_over_chunks_that_have_gone_changes_nothing() -> None:
    segment = _grown((1, 2), (3, 4))
    gone = _grown((1, 2)).chunks[0].rows
    assert segment.with_index([gone], gone, _Index()) is segment
    (own,) = (chunk.rows for chunk in segment.chunks)
    assert segment.with_index([own, gone], ChunkRows.joined([own, gone]), _Index()) is segment
