"""Calls about the server itself."""

from typing import Any, Final

import msgspec

from elanus.runtime.clock import Clock
from elanus.runtime.metrics import Counter, Metrics
from elanus.server.grpc.calls import Call, Handlers
from elanus.server.grpc.status import success
from elanus.server.grpc.stubs import common_pb2, milvus_pb2
from elanus.server.health import unhealthy_reason
from elanus.service.requests.base import Service
from elanus.service.requests.system import GetTimestamp
from elanus.version import VERSION

__all__ = ["SERVER_VERSION", "SystemCalls"]

SERVER_VERSION: Final = f"3.0.0+elanus.{VERSION}"
"""The version of the protocol spoken, with our own as build metadata, which every version parser skips."""

_ROLE: Final = "standalone"


class SystemCalls:
    """Answers calls about the server itself."""

    def __init__(self, service: Service, clock: Clock, metrics: Metrics) -> None:
        self._service: Final = service
        self._clock: Final = clock
        self._metrics: Final = metrics
        self._started_ms: Final = clock.now_ms()

    def handlers(self) -> Handlers:
        """The calls answered here."""
        return {
            "Connect": self._connect,
            "GetVersion": self._version,
            "CheckHealth": self._health,
            "GetComponentStates": self._component_states,
            "AllocTimestamp": self._timestamp,
            "GetMetrics": self._metrics_text,
        }

    def _connect(self, _request: milvus_pb2.ConnectRequest, _call: Call) -> Any:
        info = common_pb2.ServerInfo(build_tags=SERVER_VERSION, deploy_mode=_ROLE.upper())
        return milvus_pb2.ConnectResponse(
            status=success(), server_info=info, identifier=self._service.execute(GetTimestamp())
        )

    def _version(self, _request: milvus_pb2.GetVersionRequest, _call: Call) -> Any:
        return milvus_pb2.GetVersionResponse(status=success(), version=SERVER_VERSION)

    def _health(self, _request: milvus_pb2.CheckHealthRequest, _call: Call) -> Any:
        reason = unhealthy_reason(self._service)
        return milvus_pb2.CheckHealthResponse(
            status=success(), isHealthy=not reason, reasons=[reason] if reason else []
        )

    def _component_states(self, _request: milvus_pb2.GetComponentStatesRequest, _call: Call) -> Any:
        code = common_pb2.Abnormal if unhealthy_reason(self._service) else common_pb2.Healthy
        component = milvus_pb2.ComponentInfo(role=_ROLE, state_code=code)
        return milvus_pb2.ComponentStates(state=component, subcomponent_states=[component], status=success())

    def _timestamp(self, _request: milvus_pb2.AllocTimestampRequest, _call: Call) -> Any:
        return milvus_pb2.AllocTimestampResponse(status=success(), timestamp=self._service.execute(GetTimestamp()))

    def _metrics_text(self, _request: milvus_pb2.GetMetricsRequest, _call: Call) -> Any:
        """What the process knows about itself as JSON; the metrics page has more."""
        counters = {
            sample.name + "".join(f"{{{key}={value}}}" for key, value in sample.labels): sample.metric.value()
            for sample in self._metrics.samples()
            if isinstance(sample.metric, Counter)
        }
        told = {
            "version": SERVER_VERSION,
            "role": _ROLE,
            "uptime_s": (self._clock.now_ms() - self._started_ms) / 1000,
            "counters": counters,
        }
        return milvus_pb2.GetMetricsResponse(
            status=success(), response=msgspec.json.encode(told).decode(), component_name=_ROLE
        )
