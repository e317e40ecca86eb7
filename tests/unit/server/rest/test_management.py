"""Health and metrics over HTTP."""

import asyncio
from typing import Any

import httpx
import pytest

from elanus.errors import Unavailable
from elanus.runtime.metrics import Metrics
from elanus.server.rest.management import management_app
from elanus.service.requests.databases import ListDatabases
from tests.unit.server.conftest import FakeService


def _get(app: Any, path: str) -> httpx.Response:
    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get(path)

    return asyncio.run(send())


@pytest.fixture
def app(service: FakeService, metrics: Metrics) -> Any:
    return management_app(service, metrics, lambda: {"elanus_open": ("Open now.", 2)})


@pytest.mark.parametrize("path", ["/healthz", "/livez"])
def test_healthy(app: Any, path: str) -> None:
    reply = _get(app, path)
    assert (reply.status_code, reply.text) == (200, "OK")


def test_a_service_that_does_not_answer_is_alive_but_not_healthy(app: Any, service: FakeService) -> None:
    service.replies[ListDatabases] = Unavailable("closed", "the database is closed")
    assert _get(app, "/livez").status_code == 200
    reply = _get(app, "/healthz")
    assert (reply.status_code, reply.text) == (500, "the database is closed")


def test_metrics(app: Any, metrics: Metrics) -> None:
    metrics.counter("calls_total", "Calls.", kind="x").add(2)
    reply = _get(app, "/metrics")
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'calls_total{kind="x"} 2\n' in reply.text
    assert "elanus_open 2\n" in reply.text
