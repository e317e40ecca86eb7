"""Group commit: effects in timestamp order, each once, after the sync; and what a failing disk leaves."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest

from elanus.errors import Internal, InvalidInput, Unavailable
from elanus.runtime.clock import ManualClock
from elanus.runtime.timestamps import TimestampOracle
from elanus.storage.wal.committer import Committed, Committer
from elanus.storage.wal.log import Log, LoggedRecord
from elanus.storage.wal.record import EncodedRecord, InsertRecord, PartitionRows, encode
from tests.simulation.disk import SimulatedDisk, SimulatedFile
from tests.unit.storage.wal.records import FOLDER, delete, insert, keys_of, opened

Effects = list[tuple[int, list[int]]]


def _committer(
    disk: SimulatedDisk, apply: Callable[[LoggedRecord], int] | None = None
) -> tuple[Committer[int], Effects]:
    """A committer whose effects are kept; the result of a record is how many effects there were before."""
    effects: Effects = []

    def keep(entry: LoggedRecord) -> int:
        effects.append((entry.timestamp, keys_of(entry)))
        return len(effects) - 1

    log = Log(disk, FOLDER, sync=True, file_bytes_max=4096)
    log.recover(lambda entry: None, after=0)
    return Committer(log, TimestampOracle(ManualClock()), apply or keep), effects


def test_a_record_is_durable_and_its_effect_there_on_return() -> None:
    disk = SimulatedDisk()
    committer, effects = _committer(disk)
    first, second = committer.commit(insert(1)), committer.commit(insert(2))
    assert (first.result, second.result) == (0, 1)
    assert effects == [(first.timestamp, [1]), (second.timestamp, [2])]
    assert first.timestamp < second.timestamp
    assert opened(disk.after_power_loss(3))[1] == effects


def test_many_threads_each_get_their_own_result_and_effects_are_in_order() -> None:
    disk = SimulatedDisk()
    committer, effects = _committer(disk)

    def write(thread: int) -> list[tuple[int, Committed[int]]]:
        return [(key, committer.commit(insert(key))) for key in range(thread * 100, thread * 100 + 25)]

    with ThreadPoolExecutor(12) as pool:
        written = [item for part in pool.map(write, range(12)) for item in part]
    assert [timestamp for timestamp, _ in effects] == sorted({timestamp for timestamp, _ in effects})
    assert sorted(key for _, keys in effects for key in keys) == sorted(key for key, _ in written)
    for key, committed in written:
        assert effects[committed.result] == (committed.timestamp, [key])
    assert opened(disk.after_power_loss(1))[1] == effects


def test_waiting_writers_share_one_sync() -> None:
    """While the first is being written the others queue; they are then written together."""
    disk = SimulatedDisk()
    entered, go_on = threading.Event(), threading.Event()
    applied: list[int] = []

    def apply(entry: LoggedRecord) -> int:
        if not applied:
            entered.set()
            go_on.wait(10)
        applied.extend(keys_of(entry))
        return 0

    committer, _ = _committer(disk, apply)
    with ThreadPoolExecutor(9) as pool:
        futures = [pool.submit(committer.commit, insert(0))]
        entered.wait(10)
        before = sum(step.startswith("sync c/") for step in disk.steps)
        futures += [pool.submit(committer.commit, insert(key)) for key in range(1, 9)]
        while len(committer._queue) < 8:
            threading.Event().wait(0.001)
        go_on.set()
        for future in futures:
            future.result()
    assert sorted(applied) == list(range(9))
    assert sum(step.startswith("sync c/") for step in disk.steps) == before + 1


def test_a_failing_disk_refuses_without_effect_and_the_next_record_is_fine() -> None:
    disk = SimulatedDisk()
    committer, effects = _committer(disk)
    committer.commit(insert(1))
    disk.failure_at, disk.failures_last = len(disk.steps), 1
    with pytest.raises(Unavailable, match="writing the log"):
        committer.commit(insert(2))
    disk.failure_at = None
    committer.commit(insert(3))
    assert [keys for _, keys in effects] == [[1], [3]]
    assert opened(disk)[1] == effects


def test_writers_on_a_disk_that_fails_now_and_then_are_told_the_truth() -> None:
    """Whoever got a result finds the record after a power cut; whoever got an error left no effect."""
    disk = SimulatedDisk()
    committer, effects = _committer(disk)
    disk.failure_at, disk.failures_last = 40, 3

    def write(thread: int) -> tuple[list[int], list[int]]:
        done: list[int] = []
        refused: list[int] = []
        for key in range(thread * 100, thread * 100 + 20):
            try:
                committer.commit(insert(key))
            except Unavailable:
                refused.append(key)
            else:
                done.append(key)
        return done, refused

    with ThreadPoolExecutor(6) as pool:
        parts = list(pool.map(write, range(6)))
    done = {key for part, _ in parts for key in part}
    refused = {key for _, part in parts for key in part}
    disk.failure_at = None
    assert len(done) + len(refused) == 120
    assert {key for _, keys in effects for key in keys} == done
    after = {key for _, keys in opened(disk.after_power_loss(7))[1] for key in keys}
    assert done <= after


def test_a_record_may_be_built_from_the_state_no_other_comes_between() -> None:
    disk = SimulatedDisk()
    committer, effects = _committer(disk)

    def next_key() -> EncodedRecord:
        return insert(len(effects))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: committer.commit_built(next_key), range(60)))
    assert [keys for _, keys in effects] == [[number] for number in range(60)]


def test_building_may_refuse_and_nothing_is_written() -> None:
    disk = SimulatedDisk()
    committer, effects = _committer(disk)

    def refuse() -> EncodedRecord:
        raise InvalidInput("invalid_argument", "no")

    with pytest.raises(InvalidInput):
        committer.commit_built(refuse)
    committer.commit(insert(1))
    assert [keys for _, keys in effects] == [[1]]


def test_a_pause_has_a_timestamp_between_the_records() -> None:
    committer, effects = _committer(SimulatedDisk())
    committer.commit(insert(1))
    moment, count = committer.paused(lambda timestamp: (timestamp, len(effects)))
    committer.commit(insert(2))
    assert count == 1
    assert effects[0][0] < moment < effects[1][0]


def test_no_record_takes_effect_during_a_pause() -> None:
    committer, effects = _committer(SimulatedDisk())
    begun, may_end = threading.Event(), threading.Event()

    def hold(_: int) -> tuple[int, int]:
        begun.set()
        before = len(effects)
        may_end.wait(0.05)
        return before, len(effects)

    with ThreadPoolExecutor(2) as pool:
        paused = pool.submit(committer.paused, hold)
        begun.wait(10)
        write = pool.submit(committer.commit, insert(1))
        assert paused.result() == (0, 0)
        assert write.result().result == 0


def test_a_closed_committer_refuses_everything() -> None:
    committer, effects = _committer(SimulatedDisk())
    committer.close()
    with pytest.raises(Unavailable, match="the collection is closed"):
        committer.commit(insert(1))
    with pytest.raises(Unavailable, match="the collection is closed"):
        committer.commit_built(lambda: insert(1))
    assert effects == []


def test_a_mistake_while_applying_is_said_to_everyone_waiting() -> None:
    """The record is logged, so it will be there at the next opening; nobody may think that it was refused."""
    disk = SimulatedDisk()

    def fail(entry: LoggedRecord) -> int:
        raise ZeroDivisionError

    committer, _ = _committer(disk, fail)
    with pytest.raises(ZeroDivisionError):
        committer.commit(insert(1))
    entry_count = len(opened(disk)[1])
    assert entry_count == 1


def test_those_who_waited_with_a_mistake_get_an_internal_error() -> None:
    disk = SimulatedDisk()
    entered, go_on = threading.Event(), threading.Event()

    def apply(entry: LoggedRecord) -> int:
        if keys_of(entry) == [0]:
            entered.set()
            go_on.wait(10)
            return 0
        raise ZeroDivisionError

    committer, _ = _committer(disk, apply)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(committer.commit, insert(0))
        entered.wait(10)
        others = [pool.submit(committer.commit, insert(key)) for key in (1, 2)]
        while len(committer._queue) < 2:
            threading.Event().wait(0.001)
        go_on.set()
        assert first.result().result == 0
        errors = sorted(type(future.exception()).__name__ for future in others)
    assert errors == [Internal.__name__, ZeroDivisionError.__name__]
    assert [keys for _, keys in opened(disk)[1]] == [[0], [1], [2]]


class _Rows:
    """A borrowed insert over an array that the test changes; `key` is what it holds."""

    def __init__(self, key: int) -> None:
        self.keys = np.array([key], np.int64)
        batch = pa.record_batch({"id": pa.array(self.keys)})
        self.record = encode(InsertRecord((PartitionRows(1, batch),)), borrow_bytes_min=0)


def _changing(monkeypatch: pytest.MonkeyPatch, change: Callable[[], None]) -> None:
    """Has `change` happen between the checksum of a group and its bytes reaching the disk, each time."""
    whole = SimulatedFile.write

    def write(file: SimulatedFile, parts: list[memoryview]) -> None:
        change()
        whole(file, parts)

    monkeypatch.setattr(SimulatedFile, "write", write)


def test_rows_that_change_while_they_are_written_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SimulatedDisk()
    committer, effects = _committer(disk)
    rows = _Rows(1)
    _changing(monkeypatch, lambda: np.add(rows.keys, 1, out=rows.keys))
    with pytest.raises(InvalidInput, match="changed while they were written") as caught:
        committer.commit(rows.record)
    assert caught.value.kind == "data_changed"
    assert effects == []
    committer.commit(insert(5))
    assert [keys for _, keys in effects] == [[5]]
    assert opened(disk.after_power_loss(1))[1] == effects


def test_rows_that_change_before_their_turn_are_refused() -> None:
    """They were checked before they were encoded, and nobody checks them again."""
    committer, effects = _committer(SimulatedDisk())
    rows = _Rows(1)
    rows.keys[:] = 2
    with pytest.raises(InvalidInput, match="changed while they were written"):
        committer.commit(rows.record)
    assert effects == []


def test_only_the_rows_that_changed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that came with them are written without them, and none of them twice."""
    disk = SimulatedDisk()
    entered, go_on = threading.Event(), threading.Event()
    effects: Effects = []

    def apply(entry: LoggedRecord) -> int:
        if not effects:
            entered.set()
            go_on.wait(10)
        effects.append((entry.timestamp, keys_of(entry)))
        return 0

    committer, _ = _committer(disk, apply)
    rows = [_Rows(key) for key in range(10, 15)]
    changing = [rows[1].keys, rows[3].keys]
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(committer.commit, insert(0))
        entered.wait(10)
        futures = [pool.submit(committer.commit, item.record) for item in rows]
        futures.append(pool.submit(committer.commit, delete(20)))
        while len(committer._queue) < 6:
            threading.Event().wait(0.001)
        _changing(monkeypatch, lambda: [np.add(keys, 100, out=keys) for keys in changing] and None)
        go_on.set()
        first.result()
        errors = [future.exception() for future in futures]
    assert [error is not None for error in errors] == [False, True, False, True, False, False]
    assert {error.kind for error in errors if isinstance(error, InvalidInput)} == {"data_changed"}
    assert sorted(keys[0] for _, keys in effects) == [0, 10, 12, 14, 20]
    assert [timestamp for timestamp, _ in effects] == sorted(timestamp for timestamp, _ in effects)
    assert opened(disk.after_power_loss(2))[1] == effects


def test_rows_that_change_on_a_disk_that_cannot_be_cut_are_an_error_of_the_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = SimulatedDisk()
    committer, effects = _committer(disk)
    committer.commit(insert(1))
    rows = _Rows(2)

    def change() -> None:
        rows.keys[:] = 7
        disk.failure_at, disk.failures_last = len(disk.steps) + 1, 1

    _changing(monkeypatch, change)
    with pytest.raises(Unavailable, match="could not be undone"):
        committer.commit(rows.record)
    monkeypatch.undo()
    with pytest.raises(Unavailable, match="open it again"):
        committer.commit(insert(3))
    disk.failure_at = None
    assert opened(disk)[1] == effects
