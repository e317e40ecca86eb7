"""Sessions of search cursors: batches that may be asked for again, and limits by count and age."""

from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from elanus.engine.cursors import CursorSession, CursorSessions
from elanus.query.output import FoundRows
from elanus.query.search import Hits
from elanus.runtime.clock import ManualClock


class Counting:
    """Stands in for a search cursor: its batches are numbered."""

    def __init__(self) -> None:
        self.number = 0

    def next(self, count: int) -> Hits:
        self.number += 1
        none = FoundRows((), np.empty(0, np.int64), np.empty(0, np.int64))
        return Hits(np.array([self.number, count]), none, np.empty(0, np.float32), pa.array([]))


def session() -> CursorSession:
    return CursorSession(cast("Any", Counting()), 7)


def test_batches_come_in_order_and_the_latest_again() -> None:
    kept = session()
    assert [kept.batch(number).counts.tolist() for number in (0, 1, 1, 4)] == [[1, 7], [2, 7], [2, 7], [5, 7]]
    assert not kept.has(3)
    assert kept.has(4)


def test_a_session_is_taken_by_one_only() -> None:
    sessions = CursorSessions(ManualClock(), count_max=4, idle_ms=1000)
    kept = session()
    kept.batch(2)
    sessions.put("a", kept)
    assert sessions.take("a", 3) is kept
    assert sessions.take("a", 3) is None


@pytest.mark.parametrize(("batch_number", "found"), [(0, False), (1, False), (2, True), (3, True)])
def test_a_session_beyond_the_batch_is_of_no_use(batch_number: int, found: bool) -> None:
    sessions = CursorSessions(ManualClock(), count_max=4, idle_ms=1000)
    kept = session()
    kept.batch(2)
    sessions.put("a", kept)
    assert (sessions.take("a", batch_number) is not None) is found


def test_the_one_unused_for_longest_makes_room_and_old_ones_go() -> None:
    clock = ManualClock()
    sessions = CursorSessions(clock, count_max=2, idle_ms=1000)
    for token in "abc":
        sessions.put(token, session())
        clock.advance(100)
    assert len(sessions) == 2
    assert sessions.take("a", 5) is None
    clock.advance(850)
    assert sessions.take("b", 5) is None
    assert sessions.take("c", 5) is not None
