"""Starts everything that answers the network for a service, and stops it in the right order."""

import shutil
import socket
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from elanus.runtime.clock import Clock, SystemClock
from elanus.runtime.metrics import Metrics
from elanus.runtime.pool import WorkerPool
from elanus.server.compaction_jobs import CompactionJobs
from elanus.server.front import Front
from elanus.server.grpc.network import GrpcServer
from elanus.server.grpc.network import start as start_grpc
from elanus.server.grpc.servicer import MilvusServicer
from elanus.server.instruments import metrics_of
from elanus.server.listening import listen_tcp
from elanus.server.rest.app import rest_app
from elanus.server.rest.dispatch import RestDispatcher
from elanus.server.rest.http import HttpServers
from elanus.server.rest.management import management_app
from elanus.service.requests.base import Service
from elanus.settings import Settings

__all__ = ["RunningServer", "start"]

_GRACE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """All servers of one service.

    Attributes:
        host, port: of gRPC and REST.
        management_port: of health and metrics, on the same host.
    """

    host: str
    port: int
    management_port: int
    front: Front
    grpc_server: GrpcServer
    http_servers: HttpServers
    rest_pool: WorkerPool
    folder: Path

    @property
    def address(self) -> str:
        """Host and port of gRPC and REST."""
        return _address(self.host, self.port)

    @property
    def management_address(self) -> str:
        """Host and port of health and metrics."""
        return _address(self.host, self.management_port)

    def stop(self, grace_s: float = _GRACE_S) -> None:
        """Takes no new connections, finishes running requests for up to `grace_s` each way, then ends everything."""
        self.front.stop_accepting()
        self.grpc_server.stop(grace_s)
        self.http_servers.stop(grace_s)
        self.rest_pool.close()
        self.front.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def start(
    service: Service,
    settings: Settings,
    *,
    metrics: Metrics | None = None,
    clock: Clock | None = None,
) -> RunningServer:
    """Starts gRPC and REST on `settings.port` and health and metrics on `settings.management_port`.

    Args:
        service: answers the requests; stopping the server does not close it.
        settings: ports may be 0 for free ones.
        metrics: what the metrics page shows; the service's own when it has some.
        clock: for timing requests.

    Raises:
        Unavailable: a port is taken, or a part of the server is not installed.
        InvalidInput: no such host or port.
    """
    clock = clock or SystemClock()
    metrics = metrics or metrics_of(service)
    jobs = CompactionJobs(service)
    with ExitStack() as undo:
        management = listen_tcp(
            settings.host, settings.management_port, purpose="health and metrics, setting management_port"
        )
        undo.callback(management.close)
        folder = Path(tempfile.mkdtemp(prefix="elanus-server-"))
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        servicer = MilvusServicer(service, clock=clock, metrics=metrics, jobs=jobs)
        grpc_server = start_grpc(servicer, settings, f"unix:{folder / 'grpc'}")
        undo.callback(grpc_server.stop, 0.0)
        rest_listener = _listen_unix(folder / "rest")
        undo.callback(rest_listener.close)
        # Opened before the HTTP servers start, so that a taken port is told at once and the metrics page can ask it.
        front = Front(
            settings.host,
            settings.port,
            grpc_path=folder / "grpc",
            rest_path=folder / "rest",
            connection_count_max=settings.server_connection_count_max,
        )
        undo.callback(front.stop)
        rest_pool = WorkerPool(thread_count=settings.server_thread_count, name="elanus-rest")
        dispatcher = RestDispatcher(service, clock=clock, metrics=metrics, jobs=jobs)
        http_servers = HttpServers(
            [
                (rest_app(dispatcher, settings, rest_pool), rest_listener),
                (management_app(service, metrics, lambda: _gauges(front)), management),
            ],
            clock,
        )
        undo.pop_all()
    return RunningServer(
        host=settings.host,
        port=front.port,
        management_port=management.getsockname()[1],
        front=front,
        grpc_server=grpc_server,
        http_servers=http_servers,
        rest_pool=rest_pool,
        folder=folder,
    )


def _listen_unix(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1024)
    listener.settimeout(0)
    return listener


def _gauges(front: Front) -> dict[str, tuple[str, float]]:
    counts = front.counts()
    return {
        "elanus_connections": ("Connections at present.", counts.active),
        "elanus_connections_accepted": ("Connections accepted since the start.", counts.accepted),
        "elanus_connections_refused": ("Connections refused since the start.", counts.refused),
        "elanus_relayed_bytes": ("Bytes passed between clients and servers since the start.", counts.bytes),
    }


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
