"""The network server: grpcio's thread pool in front of the servicer."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import grpc

from elanus.errors import Unavailable
from elanus.runtime.pool import WorkerPool
from elanus.server.grpc.servicer import METHODS, Method, MilvusServicer, UnimplementedError
from elanus.server.grpc.stubs import SERVICE_NAME
from elanus.settings import Settings

__all__ = ["GrpcServer", "start"]

_T = TypeVar("_T")

# pymilvus pings every ten seconds, also without calls; a server answers more than two such pings in five minutes with a
# refusal unless it is told that they are welcome.
_KEEPALIVE: Final = (
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
)


class _PoolExecutor(Executor):
    """grpcio's view of a worker pool."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool: Final = pool

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        return self._pool.submit(partial(fn, *args, **kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        self._pool.close()


@dataclass(frozen=True, slots=True)
class GrpcServer:
    """A running server.

    Attributes:
        port: of a TCP address; 0 for a unix socket.
    """

    address: str
    port: int
    server: grpc.Server
    pool: WorkerPool

    def stop(self, grace_s: float) -> None:
        """Takes no new calls, waits up to `grace_s` for running ones, then ends."""
        self.server.stop(grace_s).wait()
        self.pool.close()


def start(servicer: MilvusServicer, settings: Settings, address: str) -> GrpcServer:
    """Starts a server on `unix:<path>` or `<host>:<port>`; port 0 takes a free one.

    Raises:
        Unavailable: the address is in use or not ours.
    """
    pool = WorkerPool(thread_count=settings.server_thread_count, name="elanus-grpc")
    server = grpc.server(
        _PoolExecutor(pool),  # type: ignore[arg-type]  # grpcio only calls submit
        options=[
            ("grpc.max_receive_message_length", settings.request_bytes_max),
            ("grpc.max_send_message_length", settings.reply_bytes_max),
            ("grpc.so_reuseport", 0),
            *_KEEPALIVE,
        ],
    )
    handlers = {name: _method_handler(servicer, method) for name, method in METHODS.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE_NAME, handlers),))
    try:
        port = server.add_insecure_port(address)
        server.start()
    # grpcio says that an address is taken by a RuntimeError of its own wording.
    except RuntimeError as error:
        pool.close()
        raise Unavailable("busy", f"cannot listen on {address}: {error}; choose another port") from error
    return GrpcServer(address, 0 if address.startswith("unix:") else port, server, pool)


def _method_handler(servicer: MilvusServicer, method: Method) -> "grpc.RpcMethodHandler[Any, Any]":
    if method.is_streaming:

        def refuse(_request: Any, context: grpc.ServicerContext) -> Any:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, str(UnimplementedError(method.name)))

        return grpc.stream_stream_rpc_method_handler(refuse, method.request_class.FromString, _serialized)

    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return servicer.answer(method.name, request, context.invocation_metadata())
        except UnimplementedError as error:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))

    return grpc.unary_unary_rpc_method_handler(answer, method.request_class.FromString, _serialized)


def _serialized(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data
