"""One folder, any number of processes.

Whoever has the lock is the owner, the others ask it, and when it ends one of them takes over. Callers see one service
throughout.
"""

import hashlib
import os
import tempfile
import threading
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from elanus.app.compose import local_service
from elanus.embedded.sharing.client import OwnerLostError, ShareClient
from elanus.embedded.sharing.lock import RootLock
from elanus.embedded.sharing.server import ShareServer
from elanus.errors import InvalidInput, Unavailable
from elanus.runtime.clock import Clock, SystemClock
from elanus.runtime.ids import random_token
from elanus.service.local import LocalService
from elanus.service.requests.base import Request
from elanus.service.requests.data import Delete, Insert, Upsert
from elanus.settings import Settings
from elanus.version import VERSION

__all__ = ["SharedService"]

_Reply = TypeVar("_Reply")

_SOCKET_NAME: Final = "elanus.sock"
# The kernel's limit on the length of a unix socket's path, less a margin.
_SOCKET_PATH_BYTES_MAX: Final = 100
_OWNER_WAIT_S: Final = 30.0
_OWNER_POLL_S: Final = 0.02


class _Ownership:
    """What the owner of a folder holds."""

    def __init__(self, lock: RootLock, service: LocalService, server: ShareServer) -> None:
        self.lock: Final = lock
        self.service: Final = service
        self.server: Final = server

    def close(self) -> None:
        """Answers nobody any more, closes the engine, frees the folder; in that order."""
        self.server.stop()
        self.service.close()
        self.lock.release()


class SharedService:
    """A `Service` over a folder, owned by this process or by another one."""

    def __init__(self, root: Path, settings: Settings, *, clock: Clock | None = None) -> None:
        """Opens the folder, making it if need be.

        Raises:
            InvalidInput: the folder cannot be made.
            DataCorrupt: the catalog is damaged.
            Unavailable: another process holds the folder and does not answer.
            Conflict: another process holds it with another version of elanus.
        """
        self.root: Final = root
        self.settings: Final = settings
        self._clock: Final = clock or SystemClock()
        self._lock = threading.RLock()
        self._link: _Ownership | ShareClient | None = None
        self._closed = False
        self._inherited: _Ownership | None = None
        _live_services.add(self)
        _make_folder(root)
        self._linked()

    @property
    def is_owner(self) -> bool:
        """Whether this process holds the folder."""
        return isinstance(self._link, _Ownership)

    @property
    def local(self) -> LocalService | None:
        """The service itself when this process is the owner."""
        link = self._link
        return link.service if isinstance(link, _Ownership) else None

    def execute(self, request: Request[_Reply]) -> _Reply:
        """The reply to a request, wherever it is answered.

        A request whose owner dies under it is asked again of the next owner; writes carry an id then, so that none is
        done twice.

        Raises:
            Conflict: so many writes came before one was asked again that whether it was done is forgotten.
        """
        link = self._link
        if isinstance(link, _Ownership):
            return link.service.execute(request)
        identified: Request[_Reply] = _identified(request)
        asked_ms = self._clock.now_ms()
        while True:
            link = self._linked()
            if isinstance(link, _Ownership):
                return link.service.execute(identified)
            try:
                return link.execute(identified)
            except OwnerLostError:
                self._drop(link)
                identified = _repeated(identified, asked_ms)

    def close(self) -> None:
        """Closes this process's side; the owner's close hands the folder to whoever asks next."""
        with self._lock:
            link, self._link = self._link, None
            self._closed = True
        if link is not None:
            link.close()

    def _linked(self) -> _Ownership | ShareClient:
        with self._lock:
            if self._closed:
                raise Unavailable("closed", "the database is closed")
            if self._link is None:
                self._link = self._connect_or_own()
            return self._link

    def _connect_or_own(self) -> _Ownership | ShareClient:
        """Takes the lock, or finds its holder; tries again while one owner leaves and the next is not ready yet."""
        deadline = self._clock.monotonic_s() + _OWNER_WAIT_S
        lock = RootLock(self.root)
        socket_path = self._socket_path()
        while True:
            if lock.acquire(self._clock, str(socket_path)):
                return self._own(lock, socket_path)
            holder = lock.holder()
            if holder is not None:
                try:
                    return ShareClient(holder.socket_path, VERSION)
                except OwnerLostError:
                    pass
            if self._clock.monotonic_s() >= deadline:
                told = "unknown" if holder is None else f"process {holder.process_id} on {holder.host}"
                raise Unavailable(
                    "busy", f"{self.root} is held by another process ({told}) that does not answer; end it or wait"
                )
            self._clock.sleep(_OWNER_POLL_S)

    def _own(self, lock: RootLock, socket_path: Path) -> _Ownership:
        try:
            service = local_service(self.root, self.settings)
            return _Ownership(lock, service, ShareServer(service, socket_path, VERSION))
        except BaseException:
            lock.release()
            raise

    def _drop(self, link: ShareClient) -> None:
        with self._lock:
            if self._link is link:
                self._link = None
        link.close()

    def _forget_parent(self) -> None:
        """In a forked child, where the engine's threads are gone and its files are the parent's: starts over."""
        self._lock = threading.RLock()
        link, self._link = self._link, None
        if isinstance(link, _Ownership):
            link.lock.abandon()
            link.server.abandon()
            # Kept for good: freeing the parent's engine here could remove files the parent still reads.
            self._inherited = link

    def _socket_path(self) -> Path:
        path = self.root.resolve() / _SOCKET_NAME
        if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES_MAX:
            return path
        digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"elanus-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{digest}.sock"


def _make_folder(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InvalidInput("invalid_argument", f"{root} is a file, expected a folder") from None
    except OSError as error:
        raise InvalidInput("invalid_argument", f"the folder {root} cannot be made: {error.strerror}") from error


def _identified(request: Request[Any]) -> Any:
    """A write with an id, so that it can be asked again."""
    if isinstance(request, Insert | Upsert | Delete) and not request.request_id:
        return replace(request, request_id=random_token())
    return request


def _repeated(request: Request[Any], asked_ms: int) -> Any:
    """The request asked again: of a write it is said when it was asked first."""
    if isinstance(request, Insert | Upsert | Delete):
        return replace(request, repeated_since_ms=request.repeated_since_ms or max(1, asked_ms))
    return request


_live_services: Final[weakref.WeakSet[SharedService]] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for service in list(_live_services):
        service._forget_parent()  # noqa: SLF001 (the module's own class)


os.register_at_fork(after_in_child=_after_fork_in_child)
