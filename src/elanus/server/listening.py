"""Listening sockets on a host and port, with errors that say what to do."""

import errno
import socket
from typing import Final

from elanus.errors import InvalidInput, Unavailable

__all__ = ["listen_tcp"]

_BACKLOG: Final = 1024


def listen_tcp(host: str, port: int, *, purpose: str) -> socket.socket:
    """A listening, non-blocking socket; port 0 takes a free one.

    Args:
        host: an address or name of this machine; empty or `::` for every address.
        port: 0 to 65535.
        purpose: what listens there, and the setting that chooses the port, for messages.

    Raises:
        InvalidInput: no such host, or no such port.
        Unavailable: the port is in use or not allowed.
    """
    if not 0 <= port <= 65_535:
        raise InvalidInput("out_of_range", f"port {port} ({purpose}) does not exist, expected 0 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or "::", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise InvalidInput(
            "invalid_argument", f"{host!r} is no address of this machine ({purpose}): {error.strerror}"
        ) from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and host in {"", "::"}:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.settimeout(0)
    except OSError as error:
        listener.close()
        raise _refused(error, host, port, purpose) from error
    return listener


def _refused(error: OSError, host: str, port: int, purpose: str) -> Unavailable:
    if error.errno == errno.EADDRINUSE:
        advice = "another program uses it; end that program or choose another port"
    elif error.errno in {errno.EACCES, errno.EPERM}:
        advice = "this user may not; choose a port above 1023"
    elif error.errno == errno.EADDRNOTAVAIL:
        advice = "this machine has no such address"
    else:
        advice = error.strerror or str(error)
    return Unavailable("busy", f"cannot listen on {host or '*'}:{port} ({purpose}): {advice}")
