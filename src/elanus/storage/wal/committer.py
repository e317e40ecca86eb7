"""Group commit: many threads write, one of them syncs for all, and effects happen in timestamp order after the sync.

There is no thread of its own. Whoever gets the commit lock first writes everything queued so far, syncs once, applies
the records in order, and everyone else finds the result waiting. Timestamps are given when a group is formed, so their
order is the order in the log and the order of effects.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from typing import Final, Generic, TypeVar

from elanus.errors import ElanusError, Internal, InvalidInput, Unavailable
from elanus.runtime.timestamps import TimestampOracle
from elanus.storage.wal.log import Log, LoggedRecord, RecordsChanged
from elanus.storage.wal.record import EncodedRecord

__all__ = ["Committed", "Committer"]

_Result = TypeVar("_Result")
_Other = TypeVar("_Other")

_GROUP_RECORDS_MAX: Final = 1024


class Committed(Generic[_Result]):
    """What became of a record: when it took effect, and what applying it gave."""

    __slots__ = ("result", "timestamp")

    def __init__(self, timestamp: int, result: _Result) -> None:
        self.timestamp: Final = timestamp
        self.result: Final = result


class _Pending(Generic[_Result]):
    __slots__ = ("outcome", "record")

    def __init__(self, record: EncodedRecord) -> None:
        self.record: Final = record
        self.outcome: Committed[_Result] | ElanusError | None = None


class Committer(Generic[_Result]):
    """Makes records durable and applies them, each once."""

    def __init__(self, log: Log, oracle: TimestampOracle, apply: Callable[[LoggedRecord], _Result]) -> None:
        self._log: Final = log
        self._oracle: Final = oracle
        self._apply: Final = apply
        self._queue_lock: Final = threading.Lock()
        self._commit_lock: Final = threading.Lock()
        self._queue: list[_Pending[_Result]] = []
        self._closed = False

    def commit(self, record: EncodedRecord) -> Committed[_Result]:
        """Returns once the record is durable and its effect visible.

        Raises:
            Unavailable: the disk failed or the log is closed; the record has no effect.
            InvalidInput: the memory of a borrowed record changed while it was written; it has no effect.
        """
        pending: _Pending[_Result] = _Pending(record)
        with self._queue_lock:
            if self._closed:
                raise Unavailable("closed", "the collection is closed")
            self._queue.append(pending)
        with self._commit_lock:
            while pending.outcome is None:
                self._commit_group()
        return _outcome(pending)

    def commit_built(self, build: Callable[[], EncodedRecord]) -> Committed[_Result]:
        """As `commit`, of a record built from the state as it is then: no other record comes between.

        Raises whatever `build` raises; then nothing is written.
        """
        with self._commit_lock:
            with self._queue_lock:
                if self._closed:
                    raise Unavailable("closed", "the collection is closed")
            pending: _Pending[_Result] = _Pending(build())
            self._commit_together([pending])
        return _outcome(pending)

    def paused(self, action: Callable[[int], _Other]) -> _Other:
        """Runs `action` while no record is being written or applied.

        `action` gets a timestamp above every applied record and below every later one.
        """
        with self._commit_lock:
            return action(self._oracle.allocate())

    def close(self) -> None:
        """Refuses further records; those already queued are finished by their threads."""
        with self._queue_lock:
            self._closed = True

    def _commit_group(self) -> None:
        with self._queue_lock:
            group, self._queue = self._queue[:_GROUP_RECORDS_MAX], self._queue[_GROUP_RECORDS_MAX:]
        self._commit_together(group)

    def _commit_together(self, group: Sequence[_Pending[_Result]]) -> None:
        try:
            written: Sequence[_Pending[_Result]] = group
            while written:
                try:
                    logged = self._log.append([(self._oracle.allocate(), pending.record) for pending in written])
                except RecordsChanged as changed:
                    written = _without_changed(written, changed.places)
                    continue
                self._apply_group(written, logged)
                break
        except Unavailable as error:
            for pending in group:
                pending.outcome = pending.outcome or error
        finally:
            for pending in group:
                if pending.outcome is None:
                    pending.outcome = Internal("internal", "the write is logged but could not be applied; reopen")

    def _apply_group(self, group: Sequence[_Pending[_Result]], logged: Sequence[LoggedRecord]) -> None:
        for pending, entry in zip(group, logged, strict=True):
            pending.outcome = Committed(entry.timestamp, self._apply(entry))


def _without_changed(group: Sequence[_Pending[_Result]], places: Collection[int]) -> Sequence[_Pending[_Result]]:
    """The group without the records that changed while they were written, which are refused."""
    for place in places:
        group[place].outcome = InvalidInput(
            "data_changed",
            "the rows changed while they were written (another thread writes into their arrays), and nothing of them "
            "was stored; leave the arrays alone until the call returns, or hand over a copy",
        )
    return [pending for place, pending in enumerate(group) if place not in places]


def _outcome(pending: _Pending[_Result]) -> Committed[_Result]:
    outcome = pending.outcome
    assert outcome is not None
    if isinstance(outcome, ElanusError):
        raise type(outcome)(outcome.kind, outcome.message) from outcome
    return outcome
