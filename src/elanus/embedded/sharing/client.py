"""The other side: a service that is somewhere else, reached over the owner's socket."""

import socket
import threading
from typing import Final, TypeVar, cast

from elanus.embedded.sharing.frames import PROTOCOL_VERSION, receive, send
from elanus.errors import Conflict, ElanusError, Unavailable
from elanus.service.requests.base import Request

__all__ = ["OwnerLostError", "ShareClient"]

_Reply = TypeVar("_Reply")

_IDLE_CONNECTIONS_MAX: Final = 16


class OwnerLostError(Exception):
    """The owner ended, or ended the connection, before the answer came."""


class ShareClient:
    """Sends requests to the owner, each thread over a connection of its own while it waits."""

    def __init__(self, socket_path: str, version: str) -> None:
        """Connects.

        Raises:
            OwnerLostError: nobody listens.
            Conflict: the owner runs another version of elanus.
        """
        self._path: Final = socket_path
        self._version: Final = version
        self._lock: Final = threading.Lock()
        self._idle: list[socket.socket] = []
        self._closed = False
        self._give_back(self._connect())

    def execute(self, request: Request[_Reply]) -> _Reply:
        """The owner's reply.

        Raises:
            OwnerLostError: the answer did not come; the request may or may not have been carried out.
            ElanusError: the owner's answer is an error.
        """
        connection = self._take()
        try:
            send(connection, request)
            outcome, value = receive(connection)
        except OSError as error:
            connection.close()
            raise OwnerLostError from error
        self._give_back(connection)
        if outcome == "error":
            assert isinstance(value, ElanusError)
            raise value
        return cast("_Reply", value)

    def close(self) -> None:
        """Closes idle connections; those in use close when their answer is there."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> socket.socket:
        with self._lock:
            if self._closed:
                raise Unavailable("closed", "the database is closed")
            if self._idle:
                return self._idle.pop()
        return self._connect()

    def _give_back(self, connection: socket.socket) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < _IDLE_CONNECTIONS_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(self._path)
            protocol, version, process_id = receive(connection)
        except OSError as error:
            connection.close()
            raise OwnerLostError from error
        if (protocol, version) != (PROTOCOL_VERSION, self._version):
            connection.close()
            raise Conflict(
                "operation_not_allowed",
                f"process {process_id} has this database open with elanus {version}, this one is {self._version}; "
                "use the same version in every process",
            )
        return connection
