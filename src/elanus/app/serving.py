"""`elanus serve`: a folder, its service, and the servers in front of it."""

from pathlib import Path
from typing import Final

from elanus.app.shared import SharedService
from elanus.errors import Unavailable
from elanus.kernels import info as kernel_info
from elanus.runtime.log import get_logger
from elanus.server.serve import RunningServer, start
from elanus.settings import Settings
from elanus.version import VERSION

__all__ = ["Serving", "serve"]

_logger: Final = get_logger("serve")


class Serving:
    """A running server and the service behind it."""

    def __init__(self, service: SharedService, server: RunningServer) -> None:
        self._service: Final = service
        self._server: Final = server

    @property
    def address(self) -> str:
        """Host and port of gRPC and REST."""
        return self._server.address

    @property
    def management_address(self) -> str:
        """Host and port of health and metrics."""
        return self._server.management_address

    def stop(self) -> None:
        """Finishes requests that run, stops listening, closes the database."""
        self._server.stop()
        self._service.close()
        _logger.info("stopped")


def serve(root: Path, settings: Settings) -> Serving:
    """Serves a folder.

    Raises:
        Unavailable: another process owns the folder, or a port is taken.
    """
    service = SharedService(root, settings)
    local = service.local
    if local is None:
        service.close()
        raise Unavailable(
            "busy", f"{root} is open in another process; close it there, or use it there without a server"
        )
    try:
        server = start(local, settings)
    except BaseException:
        service.close()
        raise
    serving = Serving(service, server)
    _logger.info(
        "elanus %s serves %s on %s (health and metrics on %s), kernels %s",
        VERSION, root.resolve(), serving.address, serving.management_address, kernel_info().level,
    )  # fmt: skip
    return serving
