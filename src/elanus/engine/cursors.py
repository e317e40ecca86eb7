"""Search cursors that live between the batches of an iterator.

A cursor is only ever a saving: whoever asks for a batch can have it computed anew. So it may be dropped at any time, by
count, by age, or with the process.
"""

import threading
from collections import OrderedDict
from typing import Final

from elanus.query.cursor import SearchCursor
from elanus.query.search import Hits
from elanus.runtime.clock import Clock

__all__ = ["CursorSession", "CursorSessions"]


class CursorSession:
    """A cursor, how far it is, and its latest batch, which may be asked for again. Used by one thread at a time."""

    def __init__(self, cursor: SearchCursor, batch_size: int) -> None:
        self._cursor: Final = cursor
        self._batch_size: Final = batch_size
        self._latest: Hits | None = None
        self._next_number = 0

    def has(self, batch_number: int) -> bool:
        """Whether the batch is the latest one or a later one."""
        return batch_number >= max(0, self._next_number - 1)

    def batch(self, batch_number: int) -> Hits:
        """The batch; those between it and the latest are computed and dropped."""
        assert self.has(batch_number), (batch_number, self._next_number)
        while self._latest is None or self._next_number <= batch_number:
            self._latest = self._cursor.next(self._batch_size)
            self._next_number += 1
        return self._latest


class CursorSessions:
    """Sessions by token, at most so many, each for so long after its last use. Thread-safe."""

    def __init__(self, clock: Clock, *, count_max: int, idle_ms: int) -> None:
        self._clock: Final = clock
        self._count_max: Final = count_max
        self._idle_ms: Final = idle_ms
        self._lock: Final = threading.Lock()
        self._sessions: Final[OrderedDict[str, tuple[CursorSession, int]]] = OrderedDict()

    def take(self, token: str, batch_number: int) -> CursorSession | None:
        """The session of a token if it has the batch; nobody else has it until it is put back."""
        with self._lock:
            self._drop_old()
            found = self._sessions.pop(token, None)
        return found[0] if found is not None and found[0].has(batch_number) else None

    def put(self, token: str, session: CursorSession) -> None:
        """Keeps a session for its next batch; the one that was not used for longest makes room."""
        with self._lock:
            self._drop_old()
            self._sessions.pop(token, None)
            self._sessions[token] = (session, self._clock.now_ms())
            while len(self._sessions) > self._count_max:
                self._sessions.popitem(last=False)

    def __len__(self) -> int:
        with self._lock:
            return len(self._sessions)

    def _drop_old(self) -> None:
        oldest_ms = self._clock.now_ms() - self._idle_ms
        while self._sessions and next(iter(self._sessions.values()))[1] < oldest_ms:
            self._sessions.popitem(last=False)
