"""Delete sets: who sees what when, in which order entries come, and that a set never changes."""

import numpy as np
import pytest

from elanus.storage.deletes import DeleteSet


def _rows(*rows: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(rows, np.int64)


def _stamps(*stamps: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(stamps, np.uint64)


def _entries(deletes: DeleteSet, *, after: int = 0) -> list[tuple[int, int]]:
    rows, stamps = deletes.arrays(after=after)
    return list(zip(rows.tolist(), stamps.tolist(), strict=True))


def test_an_empty_set_hides_nothing() -> None:
    deletes = DeleteSet(5)
    assert deletes.hidden() is None
    assert deletes.hidden(0) is None
    assert (deletes.count, deletes.entry_count, deletes.max_timestamp) == (0, 0, 0)
    assert _entries(deletes) == []
    assert deletes.with_rows(_rows(), 7) is deletes


def test_a_row_is_hidden_from_its_timestamp_on() -> None:
    deletes = DeleteSet(5).with_rows(_rows(1, 3), 10).with_rows(_rows(4), 20)
    seen = {moment: deletes.hidden(moment) for moment in (9, 10, 19, 20, 21)}
    assert seen[9] is None
    for moment, rows in ((10, [1, 3]), (19, [1, 3]), (20, [1, 3, 4]), (21, [1, 3, 4])):
        hidden = seen[moment]
        assert hidden is not None
        assert hidden.rows().tolist() == rows
    newest = deletes.hidden()
    assert newest is not None
    assert newest.rows().tolist() == [1, 3, 4]


def test_a_row_deleted_twice_is_hidden_from_the_first_time() -> None:
    deletes = DeleteSet(3).with_rows(_rows(0), 30).with_rows(_rows(0), 10)
    early = deletes.hidden(15)
    assert early is not None
    assert early.rows().tolist() == [0]
    assert (deletes.count, deletes.entry_count, deletes.max_timestamp) == (1, 2, 30)


def test_adding_leaves_the_set_before_as_it_was() -> None:
    before = DeleteSet(4).with_rows(_rows(0), 5)
    after = before.with_rows(_rows(1), 6)
    assert _entries(before) == [(0, 5)]
    assert before.count == 1
    assert _entries(after) == [(0, 5), (1, 6)]


def test_the_callers_arrays_may_change_afterwards() -> None:
    rows, stamps = _rows(1, 2), _stamps(5, 6)
    deletes = DeleteSet(4).with_rows(rows, stamps)
    rows[:], stamps[:] = 0, 99
    assert _entries(deletes) == [(1, 5), (2, 6)]


def test_entries_after_a_timestamp() -> None:
    deletes = DeleteSet.from_arrays(9, _rows(1, 2, 3), _stamps(5, 6, 7))
    assert _entries(deletes, after=5) == [(2, 6), (3, 7)]
    assert _entries(deletes, after=7) == []


def test_many_small_deletes_stay_in_order_and_in_few_runs() -> None:
    deletes = DeleteSet(1000)
    for row in range(1000):
        deletes = deletes.with_rows(_rows(row), row + 1)
    assert _entries(deletes) == [(row, row + 1) for row in range(1000)]
    assert len(deletes._runs) <= 11


def test_laid_end_to_end_entries_are_in_order_of_time() -> None:
    first = DeleteSet(3).with_rows(_rows(0), 30).with_rows(_rows(2), 40)
    second = DeleteSet(2)
    third = DeleteSet(2).with_rows(_rows(1), 10).with_rows(_rows(0), 30)
    together = DeleteSet.concatenate([first, second, third])
    assert together.size == 7
    assert _entries(together) == [(6, 10), (0, 30), (5, 30), (2, 40)]
    hidden = together.hidden(30)
    assert hidden is not None
    assert hidden.rows().tolist() == [0, 5, 6]


def test_nothing_laid_end_to_end() -> None:
    assert DeleteSet.concatenate([]).size == 0
    assert DeleteSet.concatenate([DeleteSet(0), DeleteSet(3)]).size == 3


@pytest.mark.parametrize("moment", [0, 2**62, 2**63, 2**64 - 1])
def test_timestamps_use_all_64_bits(moment: int) -> None:
    deletes = DeleteSet(2).with_rows(_rows(1), moment)
    assert deletes.max_timestamp == moment
    hidden = deletes.hidden(moment)
    assert hidden is not None
    assert 1 in hidden
    if moment:
        assert deletes.hidden(moment - 1) is None
