"""The REST interface as an ASGI application."""

import asyncio
from functools import partial
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from elanus.errors import InvalidInput, NotFound, Unavailable
from elanus.runtime.pool import WorkerPool
from elanus.server.rest.dispatch import RestDispatcher, error_bytes
from elanus.settings import Settings

__all__ = ["rest_app"]

_PREFIX: Final = "/v2/vectordb/"
_TIMEOUT_HEADER: Final = "request-timeout"


def rest_app(dispatcher: RestDispatcher, settings: Settings, pool: WorkerPool) -> Starlette:
    """The application; requests are answered on the threads of `pool`."""

    async def answer(request: Request) -> Response:
        route = request.path_params["route"].rstrip("/")
        if not dispatcher.is_known(route):
            return _json(error_bytes(NotFound("object_not_found", f"there is no route {_PREFIX}{route}")), 404)
        try:
            content = await _content(request, settings.request_bytes_max)
            timeout_s = _timeout_s(request)
        except InvalidInput as error:
            return _json(error_bytes(error), 413 if error.kind == "limit_exceeded" else 200)
        except ClientDisconnect:
            return Response(status_code=499)
        work = asyncio.wrap_future(pool.submit(partial(dispatcher.answer, route, content, request.headers)))
        try:
            # A request that is told to have timed out is not undone: it may have had its effect.
            return _json(await asyncio.wait_for(asyncio.shield(work), timeout_s))
        except TimeoutError:
            message = f"no reply within the {timeout_s:g} s of Request-Timeout"
            return _json(error_bytes(Unavailable("cancelled", message)), 408)

    async def legacy(request: Request) -> Response:
        error = InvalidInput("not_supported", f"{request.url.path} is version 1 of the interface; use {_PREFIX}...")
        return _json(error_bytes(error))

    async def unknown(request: Request, _error: Exception) -> Response:
        error = NotFound("object_not_found", f"there is no route {request.method} {request.url.path}")
        return _json(error_bytes(error), 404)

    routes = [
        Route(_PREFIX + "{route:path}", answer, methods=["POST"]),
        Route("/v1/vector/{route:path}", legacy, methods=["GET", "POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={404: unknown, 405: unknown})


async def _content(request: Request, bytes_max: int) -> bytes:
    """The body of a request, read no further than allowed."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > bytes_max:
            raise InvalidInput("limit_exceeded", f"the request has more than {bytes_max} bytes; send fewer rows")
        chunks.append(chunk)
    return b"".join(chunks)


def _timeout_s(request: Request) -> float | None:
    text = request.headers.get(_TIMEOUT_HEADER)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise InvalidInput("malformed_request", f"Request-Timeout is {text!r}, expected seconds above 0")
    return seconds


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status_code=status, media_type="application/json")
