"""HTTP servers on one thread with an event loop of its own."""

import asyncio
import socket
import threading
from collections.abc import Sequence
from typing import Final

import uvicorn
from starlette.applications import Starlette

from elanus.errors import Internal
from elanus.runtime.clock import Clock
from elanus.runtime.log import get_logger
from elanus.runtime.pool import start_thread

__all__ = ["HttpServers"]

_log: Final = get_logger("elanus.server.rest.http")

_START_S_MAX: Final = 30.0
_POLL_S: Final = 0.005


class HttpServers:
    """Applications and the listening sockets they answer on."""

    def __init__(self, served: Sequence[tuple[Starlette, socket.socket]], clock: Clock) -> None:
        """Starts them; returns when all of them answer.

        Raises:
            Internal: they did not start.
        """
        self._sockets: Final = [listener for _, listener in served]
        self._servers: Final = [uvicorn.Server(_config(app)) for app, _ in served]
        self._failure: BaseException | None = None
        self._thread: Final[threading.Thread] = start_thread(self._run, name="elanus-http")
        deadline = clock.monotonic_s() + _START_S_MAX
        while not all(server.started for server in self._servers):
            if not self._thread.is_alive() or clock.monotonic_s() > deadline:
                self.stop(0.0)
                raise Internal("internal", f"the HTTP servers did not start: {self._failure}") from self._failure
            clock.sleep(_POLL_S)

    def stop(self, grace_s: float) -> None:
        """Takes no new requests, waits up to `grace_s` for running ones, then ends."""
        for server in self._servers:
            server.config.timeout_graceful_shutdown = max(1, round(grace_s))
            server.should_exit = True
        self._thread.join()
        for listener in self._sockets:
            listener.close()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_new_event_loop) as runner:
                runner.run(self._serve())
        except (OSError, RuntimeError, SystemExit) as error:
            _log.exception("the HTTP servers ended")
            self._failure = error

    async def _serve(self) -> None:
        pairs = zip(self._servers, self._sockets, strict=True)
        await asyncio.gather(*(server.serve(sockets=[listener]) for server, listener in pairs))


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none", server_header=False)


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
