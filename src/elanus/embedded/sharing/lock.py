"""Who owns a folder: an advisory lock that the system frees when its holder dies, with a note of who that is."""

import fcntl
import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from elanus.runtime.clock import Clock

__all__ = ["Holder", "RootLock"]

_LOCK_NAME: Final = "LOCK"


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that owns a folder."""

    process_id: int
    host: str
    since_ms: int
    socket_path: str


class RootLock:
    """A lock on a folder, held from `acquire` to `release` or the end of the process.

    A forked child inherits the open file and with it the lock; it must call `abandon` so as not to keep it alive.
    """

    def __init__(self, root: Path) -> None:
        self._path: Final = root / _LOCK_NAME
        self._descriptor: int | None = None

    def acquire(self, clock: Clock, socket_path: str) -> bool:
        """Takes the lock and notes who holds it. False when another process has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        holder = Holder(os.getpid(), socket.gethostname(), clock.now_ms(), socket_path)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(holder)).encode(), 0)
        self._descriptor = descriptor
        return True

    def holder(self) -> Holder | None:
        """Who holds the lock, as far as the note tells; None when there is no readable note."""
        try:
            return Holder(**json.loads(self._path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def release(self) -> None:
        """Gives the lock up."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            self.abandon()

    def abandon(self) -> None:
        """Closes this process's handle without freeing the lock for a process that shares it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
