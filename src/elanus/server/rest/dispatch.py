"""From the bytes of a REST request to the bytes of its reply, without the HTTP framework.

As in Milvus, errors are replies too: their code and message stand in the body, and the HTTP status is 200.
"""

from collections.abc import Mapping
from typing import Final

import orjson

from elanus.errors import ElanusError, Internal, InvalidInput
from elanus.runtime.clock import Clock
from elanus.runtime.log import get_logger
from elanus.runtime.metrics import Metrics
from elanus.server.codes import wire_code
from elanus.server.compaction_jobs import CompactionJobs
from elanus.server.instruments import CallMeter
from elanus.server.option_values import option_flag
from elanus.server.refusals import not_supported
from elanus.server.rest.body import Body
from elanus.server.rest.collection_routes import CollectionRoutes
from elanus.server.rest.entity_routes import EntityRoutes
from elanus.server.rest.hybrid_routes import HybridRoutes
from elanus.server.rest.name_routes import AliasRoutes, DatabaseRoutes, IndexRoutes, PartitionRoutes
from elanus.server.rest.routes import Handler, Reply
from elanus.service.requests.base import Service

__all__ = ["LATER_ROUTES", "RestDispatcher", "error_bytes", "is_known"]

_log: Final = get_logger("elanus.server.rest")

_INT64_HEADER: Final = "accept-type-allow-int64"
_DATABASE_HEADER: Final = "db-name"

LATER_ROUTES: Final = frozenset(
    {
        "collections/add_function",
        "collections/alter_function",
        "collections/drop_function",
        "common/run_analyzer",
    }
)
_LATER_GROUPS: Final = frozenset({"jobs", "users", "roles", "privilege_groups", "resource_groups"})


class RestDispatcher:
    """Answers the routes of version 2 with the help of a service. Thread-safe."""

    def __init__(self, service: Service, *, clock: Clock, metrics: Metrics, jobs: CompactionJobs) -> None:
        self._clock: Final = clock
        self._meter: Final = CallMeter(metrics, "rest")
        self._routes: Final[Mapping[str, Handler]] = {
            **CollectionRoutes(service, jobs).routes(),
            **EntityRoutes(service).routes(),
            **HybridRoutes(service).routes(),
            **IndexRoutes(service).routes(),
            **PartitionRoutes(service).routes(),
            **AliasRoutes(service).routes(),
            **DatabaseRoutes(service).routes(),
        }

    @property
    def supported(self) -> frozenset[str]:
        """The routes that are answered."""
        return frozenset(self._routes)

    def is_known(self, route: str) -> bool:
        """Whether the protocol has the route, supported or not."""
        return route in self._routes or is_known(route)

    def answer(self, route: str, content: bytes, headers: Mapping[str, str]) -> bytes:
        """The reply to a request; `route` is known, and header names are in lower case."""
        started = self._clock.monotonic_s()
        outcome = "ok"
        try:
            handler = self._routes.get(route)
            if handler is None:
                raise not_supported(f"the route {route}")
            reply = _encoded({"code": 0, **handler(_body(content, headers))})
        except ElanusError as error:
            outcome = error.kind
            if isinstance(error, Internal):
                _log.exception("%s failed", route)
            reply = error_bytes(error)
        except Exception as error:  # noqa: BLE001 (the boundary to the network)
            _log.exception("%s failed", route)
            outcome = "internal"
            reply = error_bytes(Internal("internal", f"internal error in {route}: {type(error).__name__}: {error}"))
        self._meter.record(route, outcome, self._clock.monotonic_s() - started)
        return reply


def is_known(route: str) -> bool:
    """Whether the protocol has the route but this version does not."""
    return route in LATER_ROUTES or route.partition("/")[0] in _LATER_GROUPS


def error_bytes(error: ElanusError) -> bytes:
    """The body that tells of an error."""
    return _encoded({"code": wire_code(error).code, "message": error.message})


def _encoded(reply: Reply) -> bytes:
    return orjson.dumps(reply, option=orjson.OPT_SERIALIZE_NUMPY)


def _body(content: bytes, headers: Mapping[str, str]) -> Body:
    if content.strip():
        try:
            values = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise InvalidInput("malformed_request", f"can only accept json format request, error: {error}") from None
    else:
        values = {}
    if not isinstance(values, dict):
        raise InvalidInput(
            "malformed_request", f"can only accept json format request, expected an object, got {type(values).__name__}"
        )
    allow_int64 = option_flag("Accept-Type-Allow-Int64", headers.get(_INT64_HEADER, "true"))
    return Body(values, database=headers.get(_DATABASE_HEADER, ""), allow_int64=allow_int64)
