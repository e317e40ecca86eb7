"""All calls of the protocol behind one door, with the one place where errors become statuses.

Both transports come here: the network server and the channel inside the process.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message_factory import GetMessageClass

from elanus.errors import ElanusError, Internal
from elanus.runtime.clock import Clock
from elanus.runtime.log import get_logger
from elanus.runtime.metrics import Metrics
from elanus.server.compaction_jobs import CompactionJobs
from elanus.server.grpc.calls import Handler, call_of
from elanus.server.grpc.collection_calls import CollectionCalls
from elanus.server.grpc.data_calls import DataCalls
from elanus.server.grpc.database_calls import DatabaseCalls
from elanus.server.grpc.index_calls import IndexCalls
from elanus.server.grpc.maintenance_calls import MaintenanceCalls
from elanus.server.grpc.partition_calls import PartitionCalls
from elanus.server.grpc.read_calls import ReadCalls
from elanus.server.grpc.schema_calls import SchemaCalls
from elanus.server.grpc.status import refuse
from elanus.server.grpc.stubs import SERVICE_NAME, milvus_pb2
from elanus.server.grpc.system_calls import SystemCalls
from elanus.server.instruments import CallMeter
from elanus.service.requests.base import Service

__all__ = ["METHODS", "Method", "MilvusServicer", "UnimplementedError"]

_log: Final = get_logger("elanus.server.grpc")


class UnimplementedError(Exception):
    """The protocol has the call, this version does not; its transport says so in its own way."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not supported by Elanus yet")


@dataclass(frozen=True, slots=True)
class Method:
    """One call of the protocol and the classes of its messages."""

    name: str
    request_class: Any
    reply_class: Any
    is_streaming: bool

    @property
    def path(self) -> str:
        """The name on the wire."""
        return f"/{SERVICE_NAME}/{self.name}"


def _methods() -> dict[str, Method]:
    service = milvus_pb2.DESCRIPTOR.services_by_name[SERVICE_NAME.rpartition(".")[2]]
    return {
        method.name: Method(
            method.name,
            GetMessageClass(method.input_type),
            GetMessageClass(method.output_type),
            is_streaming=bool(method.client_streaming or method.server_streaming),
        )
        for method in service.methods
    }


METHODS: Final = _methods()
"""Every call of the protocol by name, supported or not."""


class MilvusServicer:
    """Answers calls of the protocol with the help of a service. Thread-safe."""

    def __init__(self, service: Service, *, clock: Clock, metrics: Metrics, jobs: CompactionJobs | None = None) -> None:
        """`jobs` are shared with other interfaces of the same service."""
        jobs = jobs or CompactionJobs(service)
        self._clock: Final = clock
        self._meter: Final = CallMeter(metrics, "grpc")
        self._handlers: Final[dict[str, Handler]] = {
            **CollectionCalls(service).handlers(),
            **SchemaCalls(service).handlers(),
            **PartitionCalls(service).handlers(),
            **DatabaseCalls(service).handlers(),
            **IndexCalls(service).handlers(),
            **DataCalls(service).handlers(),
            **ReadCalls(service).handlers(),
            **MaintenanceCalls(service, jobs).handlers(),
            **SystemCalls(service, clock, metrics).handlers(),
        }
        unknown = self._handlers.keys() - METHODS.keys()
        assert not unknown, f"handlers for calls the protocol does not have: {sorted(unknown)}"

    @property
    def supported(self) -> frozenset[str]:
        """The names of the calls that are answered."""
        return frozenset(self._handlers)

    def answer(self, name: str, request: Any, metadata: Iterable[tuple[str, str | bytes]] | None) -> Any:
        """The reply to a request; errors are told in its status.

        Raises:
            UnimplementedError: the call is not supported.
        """
        handler = self._handlers.get(name)
        started = self._clock.monotonic_s()
        if handler is None:
            self._meter.record(name, "unimplemented", 0.0)
            raise UnimplementedError(name)
        outcome = "ok"
        try:
            reply = handler(request, call_of(metadata))
        except ElanusError as error:
            outcome = error.kind
            if isinstance(error, Internal):
                _log.exception("%s failed", name)
            reply = refuse(METHODS[name].reply_class, error)
        except Exception as error:  # noqa: BLE001 (the boundary to the network)
            _log.exception("%s failed", name)
            outcome = "internal"
            wrapped = Internal("internal", f"internal error in {name}: {type(error).__name__}: {error}")
            reply = refuse(METHODS[name].reply_class, wrapped)
        self._meter.record(name, outcome, self._clock.monotonic_s() - started)
        return reply
