"""The management port: health, and metrics for Prometheus."""

from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from elanus.runtime.metrics import Metrics
from elanus.server.health import unhealthy_reason
from elanus.server.metrics_text import CONTENT_TYPE, render_metrics
from elanus.service.requests.base import Service

__all__ = ["management_app"]


def management_app(
    service: Service, metrics: Metrics, gauges: Callable[[], Mapping[str, tuple[str, float]]]
) -> Starlette:
    """The application; `gauges` gives values of the moment with their help texts."""

    async def alive(_request: Request) -> Response:
        return PlainTextResponse("OK")

    async def healthy(_request: Request) -> Response:
        reason = await run_in_threadpool(unhealthy_reason, service)
        return PlainTextResponse(reason or "OK", status_code=500 if reason else 200)

    async def measured(_request: Request) -> Response:
        return Response(render_metrics(metrics.samples(), gauges()), media_type=CONTENT_TYPE)

    return Starlette(
        routes=[Route("/livez", alive), Route("/healthz", healthy), Route("/metrics", measured)],
    )
