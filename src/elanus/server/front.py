"""One public port for gRPC and REST.

A native thread looks at the first bytes of each connection and passes it to one of two servers behind unix sockets in a
private folder: HTTP/2 to gRPC, everything else to HTTP/1.1. No Python is on the way of the data.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from elanus.errors import Unavailable
from elanus.server.listening import listen_tcp

if TYPE_CHECKING:
    from elanus.server._relay import Relay

__all__ = ["Front", "FrontCounts"]

"""Connections at a time that are served when nothing else is said."""

_DECISION_MS_MAX: Final = 60_000


@dataclass(frozen=True, slots=True)
class FrontCounts:
    """Connections and bytes since the start; `active` is at present."""

    accepted: int
    refused: int
    active: int
    bytes: int


class Front:
    """The public port."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        grpc_path: Path,
        rest_path: Path,
        connection_count_max: int = 10_000,
        decision_ms_max: int = _DECISION_MS_MAX,
    ) -> None:
        """Opens the port; the servers behind the paths listen already.

        A connection that has not shown its protocol after `decision_ms_max` is closed.

        Raises:
            Unavailable: the port is in use, or the native relay is not installed.
            InvalidInput: the host or port does not exist.
        """
        relay = _relay_class()
        listener = listen_tcp(host, port, purpose="gRPC and REST, setting port")
        bound = listener.getsockname()
        self.host: Final[str] = bound[0]
        self.port: Final[int] = bound[1]
        self._lock: Final = threading.Lock()
        self._last = FrontCounts(0, 0, 0, 0)
        try:
            self._relay: Relay | None = relay(
                listener.detach(),
                http2_path=str(grpc_path),
                http1_path=str(rest_path),
                connection_count_max=connection_count_max,
                decision_ms_max=decision_ms_max,
            )
        except RuntimeError as error:
            raise Unavailable("busy", f"cannot start the relay of port {self.port}: {error}") from error

    def stop_accepting(self) -> None:
        """Closes the port; connections stay until they end, or until `stop`."""
        with self._lock:
            if self._relay is not None:
                self._relay.stop_accepting()

    def stop(self) -> None:
        """Closes the port and every connection, and gives every descriptor back."""
        with self._lock:
            relay, self._relay = self._relay, None
            if relay is not None:
                relay.stop()
                self._last = _counts_of(relay)

    def counts(self) -> FrontCounts:
        """The counts of this moment; those at the end once it is stopped."""
        with self._lock:
            return self._last if self._relay is None else _counts_of(self._relay)


def _counts_of(relay: "Relay") -> FrontCounts:
    counts = relay.counts()
    return FrontCounts(counts.accepted, counts.refused, counts.active, counts.bytes)


def _relay_class() -> "type[Relay]":
    try:
        from elanus.server._relay import Relay
    except ImportError as error:
        raise Unavailable(
            "not_installed",
            "the server's native relay is missing; install a wheel of elanus, or build it on Linux with a C++ compiler",
        ) from error
    return Relay
