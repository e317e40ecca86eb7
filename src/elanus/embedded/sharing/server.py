"""The owner's side: answers the requests of other processes, one thread a connection."""

import os
import pickle
import socket
import threading
from pathlib import Path
from typing import Final

from elanus.embedded.sharing.frames import PROTOCOL_VERSION, receive, send
from elanus.errors import ElanusError, Internal, InvalidInput
from elanus.runtime.log import get_logger
from elanus.runtime.pool import start_thread
from elanus.service.requests.base import Request, Service

__all__ = ["ShareServer"]

_logger: Final = get_logger("sharing")
_BACKLOG: Final = 128
_CONNECTIONS_MAX: Final = 1024
_ACCEPT_PAUSE_S: Final = 0.1


class ShareServer:
    """Listens on a unix socket that only this user may open."""

    def __init__(self, service: Service, socket_path: Path, version: str) -> None:
        self._service: Final = service
        self._path: Final = socket_path
        self._version: Final = version
        self._lock: Final = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._stopping: Final = threading.Event()
        socket_path.unlink(missing_ok=True)
        self._listener: Final = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(socket_path))
        socket_path.chmod(0o600)
        self._listener.listen(_BACKLOG)
        self._acceptor: Final = start_thread(self._accept, name="elanus-share")

    def stop(self) -> None:
        """Finishes the requests that run, then closes every connection."""
        with self._lock:
            self._stopping.set()
            connections, threads = list(self._connections), list(self._threads)
        # Wakes the acceptor, which closing the listener would not; nor could a connection, were the path removed.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        self._path.unlink(missing_ok=True)
        for connection in connections:
            try:
                # Reading ends at once; a reply under way is still sent.
                connection.shutdown(socket.SHUT_RD)
            except OSError:
                # The peer ended in this very moment, and its thread has closed the connection.
                continue
        for thread in threads:
            thread.join()

    def abandon(self) -> None:
        """In a forked child: closes the inherited sockets and leaves the parent's alone."""
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                if self._stopping.is_set():
                    return
                # Too many files are open, most likely; the peer waits in the queue.
                _logger.warning("another process could not be let in: %s", error)
                self._stopping.wait(_ACCEPT_PAUSE_S)
                continue
            with self._lock:
                if self._stopping.is_set() or len(self._connections) >= _CONNECTIONS_MAX:
                    connection.close()
                    continue
                self._connections.add(connection)
                thread = start_thread(lambda peer=connection: self._serve(peer), name="elanus-share-peer")  # type: ignore[misc]
                self._threads.add(thread)

    def _serve(self, connection: socket.socket) -> None:
        try:
            send(connection, (PROTOCOL_VERSION, self._version, os.getpid()))
            while not self._stopping.is_set():
                send(connection, self._next_answer(connection))
        except (ConnectionError, OSError):
            # The peer ended; its requests are done or were never whole.
            return
        finally:
            with self._lock:
                self._connections.discard(connection)
                self._threads.discard(threading.current_thread())
            connection.close()

    def _next_answer(self, connection: socket.socket) -> tuple[str, object]:
        """Waits for a request and answers it."""
        try:
            request = receive(connection)
        except pickle.UnpicklingError as error:
            # The whole request was read, so the next one is found. Without an answer it would be asked for ever.
            return "error", InvalidInput(
                "type_mismatch", f"the request holds a value that is refused from another process: {error}"
            )
        return self._answer(request)

    def _answer(self, request: Request[object]) -> tuple[str, object]:
        try:
            return "reply", self._service.execute(request)
        except ElanusError as error:
            return "error", error
        except Exception:
            # The boundary of a request: the asking process gets an error, and this one goes on.
            _logger.exception("a request of another process failed")
            return "error", Internal(
                "internal", f"{type(request).__name__} failed in the process that owns the database"
            )
