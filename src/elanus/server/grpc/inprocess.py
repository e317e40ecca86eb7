"""A gRPC channel that stays in the process, and the genuine pymilvus client over it.

Calls run in the calling thread: the request message goes to the servicer as it is, and the reply comes back as it is,
without network or serialisation. Nothing of either is kept or shared afterwards. A timeout cannot interrupt a call.
"""

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

import grpc

from elanus.runtime.clock import Clock, SystemClock
from elanus.runtime.ids import random_token
from elanus.runtime.metrics import Metrics
from elanus.server.grpc.servicer import METHODS, MilvusServicer, UnimplementedError
from elanus.server.instruments import metrics_of
from elanus.service.requests.base import Service

if TYPE_CHECKING:
    from pymilvus import MilvusClient

__all__ = ["InProcessChannel", "milvus_client"]

_Metadata = Iterable[tuple[str, str | bytes]] | None
_NAMES: Final = {method.path: name for name, method in METHODS.items()}


class _Outcome:
    """A call that has ended: what grpc's interceptors and pymilvus ask of a `grpc.Call` and a `grpc.Future`."""

    def __init__(self, reply: Any) -> None:
        self._reply: Final = reply

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002
        return self._reply

    def exception(self, timeout: float | None = None) -> Exception | None:  # noqa: ARG002
        return None

    def traceback(self, timeout: float | None = None) -> TracebackType | None:  # noqa: ARG002
        return None

    def add_done_callback(self, fn: Callable[[Any], None]) -> None:
        fn(self)

    def add_callback(self, callback: Callable[[], None]) -> bool:  # noqa: ARG002
        return False

    def cancel(self) -> bool:
        return False

    def cancelled(self) -> bool:
        return False

    def running(self) -> bool:
        return False

    def done(self) -> bool:
        return True

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> float | None:
        return None

    def initial_metadata(self) -> tuple[()]:
        return ()

    def trailing_metadata(self) -> tuple[()]:
        return ()

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.OK

    def details(self) -> str:
        return ""


class _FailedCall(_Outcome, grpc.RpcError):
    """A call that ended with a gRPC status: it is raised, and it can be asked like a call."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(None)
        self._code: Final = code
        self._details: Final = details

    def __str__(self) -> str:
        return f"<{self._code}: {self._details}>"

    def result(self, timeout: float | None = None) -> NoReturn:  # noqa: ARG002
        raise self

    def exception(self, timeout: float | None = None) -> Exception:  # noqa: ARG002
        return self

    def traceback(self, timeout: float | None = None) -> TracebackType | None:  # noqa: ARG002
        return self.__traceback__

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details


class _UnaryCall:
    """One method of the channel."""

    def __init__(self, channel: "InProcessChannel", path: str) -> None:
        self._channel: Final = channel
        self._path: Final = path

    def __call__(self, request: Any, timeout: float | None = None, metadata: Any = None, **_options: Any) -> Any:  # noqa: ARG002
        return self._channel.answer(self._path, request, metadata)

    def with_call(self, request: Any, timeout: float | None = None, metadata: Any = None, **_options: Any) -> Any:  # noqa: ARG002
        reply = self._channel.answer(self._path, request, metadata)
        return reply, _Outcome(reply)

    def future(self, request: Any, timeout: float | None = None, metadata: Any = None, **_options: Any) -> Any:  # noqa: ARG002
        try:
            return _Outcome(self._channel.answer(self._path, request, metadata))
        except _FailedCall as failed:
            return failed


class _StreamCall:
    """A streaming method, of which none is supported."""

    def __init__(self, path: str) -> None:
        self._path: Final = path

    def __call__(self, *_arguments: Any, **_options: Any) -> NoReturn:
        name = self._path.rpartition("/")[2]
        raise _FailedCall(grpc.StatusCode.UNIMPLEMENTED, str(UnimplementedError(name)))

    with_call = future = __call__


class InProcessChannel(grpc.Channel):
    """A channel to a servicer in this process; always ready, until it is closed."""

    def __init__(self, servicer: MilvusServicer, on_close: Callable[[], None] = lambda: None) -> None:
        self._servicer: Final = servicer
        self._on_close: Final = on_close
        self._calls: Final[dict[str, _UnaryCall]] = {}
        self._closed = False

    def answer(self, path: str, request: Any, metadata: _Metadata) -> Any:
        """The reply to a request.

        Raises:
            ValueError: the channel is closed, as grpc's own channels say it.
            grpc.RpcError: the call is not supported.
        """
        if self._closed:
            raise ValueError("Cannot invoke RPC on closed channel!")
        name = _NAMES.get(path)
        try:
            if name is None:
                raise UnimplementedError(path)
            return self._servicer.answer(name, request, metadata)
        except UnimplementedError as error:
            raise _FailedCall(grpc.StatusCode.UNIMPLEMENTED, str(error)) from None

    def unary_unary(self, method: str, *_arguments: Any, **_options: Any) -> Any:
        call = self._calls.get(method)
        if call is None:
            call = self._calls[method] = _UnaryCall(self, method)
        return call

    def unary_stream(self, method: str, *_arguments: Any, **_options: Any) -> Any:
        return _StreamCall(method)

    def stream_unary(self, method: str, *_arguments: Any, **_options: Any) -> Any:
        return _StreamCall(method)

    def stream_stream(self, method: str, *_arguments: Any, **_options: Any) -> Any:
        return _StreamCall(method)

    def subscribe(
        self,
        callback: Callable[[grpc.ChannelConnectivity], None],
        try_to_connect: bool | None = False,  # noqa: ARG002, FBT001, FBT002
    ) -> None:
        callback(grpc.ChannelConnectivity.READY)

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """The state never changes again, so nobody has to be forgotten."""

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None:
        self.close()
        return None


def milvus_client(
    service: Service,
    *,
    clock: Clock | None = None,
    metrics: Metrics | None = None,
    on_close: Callable[[], None] = lambda: None,
    **options: Any,
) -> "MilvusClient":
    """The genuine `pymilvus.MilvusClient` over a service in this process.

    Args:
        service: answers everything; closing the client does not close it.
        clock: for timing calls.
        metrics: where calls are counted; the service's own when it has some.
        on_close: called once when the client is closed.
        **options: further arguments of `MilvusClient`, such as `db_name`; not `uri`.
    """
    from pymilvus import MilvusClient

    servicer = MilvusServicer(service, clock=clock or SystemClock(), metrics=metrics or metrics_of(service))
    # pymilvus caches schemas by address, so every client of this kind has an address of its own. `dedicated` keeps it
    # from sharing the connection, and the channel is handed through to the handler.
    uri = f"http://in-process-{random_token(8)}:1"
    return MilvusClient(uri=uri, channel=InProcessChannel(servicer, on_close), dedicated=True, **options)
