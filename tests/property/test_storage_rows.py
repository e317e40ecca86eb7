"""Keys, deletes and growing segments against dicts and lists."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from elanus.storage.chunk import Chunk, GrowingSegment
from elanus.storage.deletes import DeleteSet
from elanus.storage.keys import KeyIndex, unique_key_rows

_NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)
_TEXTS = st.text(max_size=3) | st.sampled_from(["", "a", "b", "ab", "é"])
_KEYS = st.one_of(
    st.tuples(st.lists(_NUMBERS, max_size=30), st.lists(_NUMBERS, max_size=10), st.just(pa.int64())),
    st.tuples(st.lists(_TEXTS, max_size=30), st.lists(_TEXTS, max_size=10), st.just(pa.string())),
)


@given(_KEYS, st.integers(0, 3), st.booleans())
def test_a_key_index_is_a_dict_of_lists(
    drawn: tuple[list[int | str], list[int | str], pa.DataType], offset: int, ascending: bool
) -> None:
    keys, asked, kind = drawn
    asked = [*asked, *keys[::3]]
    if ascending:
        keys = sorted(keys)
    rows_of: dict[int | str, list[int]] = {}
    for row, key in enumerate(keys):
        rows_of.setdefault(key, []).append(row)
    around = asked[:offset]
    index = KeyIndex(pa.array([*around, *keys, *around], kind).slice(len(around), len(keys)))
    matches = index.find(pa.array([*around, *asked], kind).slice(len(around)))
    expected = [(position, row) for position, key in enumerate(asked) for row in rows_of.get(key, [])]
    assert list(zip(matches.positions.tolist(), matches.rows.tolist(), strict=True)) == expected


@given(_KEYS)
def test_the_last_row_of_every_key(drawn: tuple[list[int | str], list[int | str], pa.DataType]) -> None:
    keys, _, kind = drawn
    rows = unique_key_rows(pa.array(keys, kind))
    last = sorted({key: row for row, key in enumerate(keys)}.values())
    assert (list(range(len(keys))) if rows is None else rows.tolist()) == last


@st.composite
def _deletes(draw: st.DrawFn, size: int) -> list[list[tuple[int, int]]]:
    """Batches of (row, timestamp), each batch at its own or at one timestamp."""
    if size == 0:
        return []
    return draw(st.lists(st.lists(st.tuples(st.integers(0, size - 1), st.integers(1, 50)), max_size=6), max_size=8))


def _built(size: int, batches: list[list[tuple[int, int]]]) -> DeleteSet:
    deletes = DeleteSet(size)
    for batch in batches:
        rows = np.array([row for row, _ in batch], np.int64)
        deletes = deletes.with_rows(rows, np.array([stamp for _, stamp in batch], np.uint64))
    return deletes


def _check(deletes: DeleteSet, entries: list[tuple[int, int]], size: int) -> None:
    rows, stamps = deletes.arrays()
    assert list(zip(rows.tolist(), stamps.tolist(), strict=True)) == entries
    assert deletes.size == size
    assert deletes.entry_count == len(entries)
    assert deletes.count == len({row for row, _ in entries})
    assert deletes.max_timestamp == max((stamp for _, stamp in entries), default=0)
    for moment in (None, 0, 1, 25, 50):
        expected = sorted({row for row, stamp in entries if moment is None or stamp <= moment})
        hidden = deletes.hidden(moment)
        assert ([] if hidden is None else hidden.rows().tolist()) == expected
        assert hidden is None or hidden.size == size
    for after in (1, 25, 50):
        newer = deletes.arrays(after=after)
        kept = [entry for entry in entries if entry[1] > after]
        assert list(zip(newer[0].tolist(), newer[1].tolist(), strict=True)) == kept


@given(st.integers(0, 80), st.data())
def test_a_delete_set_is_a_list_of_entries(size: int, data: st.DataObject) -> None:
    batches = data.draw(_deletes(size))
    _check(_built(size, batches), [entry for batch in batches for entry in batch], size)


@given(st.lists(st.integers(0, 70), max_size=4), st.data())
def test_delete_sets_laid_end_to_end(sizes: list[int], data: st.DataObject) -> None:
    parts = [data.draw(_deletes(size)) for size in sizes]
    together = DeleteSet.concatenate([_built(size, batches) for size, batches in zip(sizes, parts, strict=True)])
    entries, start = [], 0
    for size, batches in zip(sizes, parts, strict=True):
        entries += [(start + row, stamp) for batch in batches for row, stamp in batch]
        start += size
    _check(together, sorted(entries, key=lambda entry: entry[1]), start)


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 9), max_size=6), st.lists(st.integers(0, 9), max_size=2)), max_size=12)
)
def test_a_growing_segment_is_a_list_of_rows(steps: list[tuple[list[int], list[int]]]) -> None:
    """Each step writes keys and then deletes keys; rows stay in order, deletes at their rows."""
    segment = GrowingSegment(1, "id")
    rows: list[tuple[int, int]] = []
    deleted: list[tuple[int, int]] = []
    for step, (written, removed) in enumerate(steps):
        stamp = 2 * step + 1
        segment = segment.with_rows(pa.record_batch({"id": pa.array(written, pa.int64())}), stamp)
        rows += [(key, stamp) for key in written]
        keys = pa.array(removed, pa.int64())
        segment = segment.with_chunks([
            Chunk(chunk.rows, chunk.deletes.with_rows(np.unique(chunk.rows.key_index().find(keys).rows), stamp + 1))
            for chunk in segment.chunks
        ])  # fmt: skip
        deleted += [(row, stamp + 1) for row, (key, _) in enumerate(rows) if key in removed]
    if segment.chunks:
        found = zip(segment.column("id").to_pylist(), segment.column("$timestamp").to_pylist(), strict=True)
        assert list(found) == rows
    assert segment.row_count == len(rows)
    _check(segment.deletes(), sorted(deleted, key=lambda entry: (entry[1], entry[0])), len(rows))
    starts = np.cumsum([0, *(chunk.rows.row_count for chunk in segment.chunks)]).tolist()
    for start, chunk in zip(starts, segment.chunks, strict=False):
        of_chunk = rows[start : start + chunk.rows.row_count]
        assert chunk.rows.timestamps().tolist() == [stamp for _, stamp in of_chunk]
        matches = chunk.rows.key_index().find(pa.array([5], pa.int64()))
        assert matches.rows.tolist() == [row for row, (key, _) in enumerate(of_chunk) if key == 5]
