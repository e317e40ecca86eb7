"""The HTTP side of the REST interface, called as an ASGI application."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from elanus.runtime.clock import SystemClock
from elanus.runtime.metrics import Metrics
from elanus.runtime.pool import WorkerPool
from elanus.server.compaction_jobs import CompactionJobs
from elanus.server.rest.app import rest_app
from elanus.server.rest.dispatch import RestDispatcher
from elanus.service.requests.collections import DropCollection, HasCollection
from elanus.settings import Settings
from tests.unit.server.conftest import FakeService


@pytest.fixture
def app(service: FakeService) -> Iterator[Any]:
    service.replies[HasCollection] = True
    clock = SystemClock()
    jobs = CompactionJobs(service)
    pool = WorkerPool(thread_count=2, name="test-rest")
    yield rest_app(
        RestDispatcher(service, clock=clock, metrics=Metrics(), jobs=jobs), Settings(request_bytes_max=1000), pool
    )
    pool.close()


def _send(app: Any, method: str, path: str, **options: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.request(method, path, **options)

    return asyncio.run(send())


_HAS = "/v2/vectordb/collections/has"


def test_a_route(app: Any, service: FakeService) -> None:
    headers = {"Authorization": "Bearer root:Milvus", "DB-Name": "d"}
    reply = _send(app, "POST", _HAS, json={"collectionName": "c"}, headers=headers)
    assert (reply.status_code, reply.json()) == (200, {"code": 0, "data": {"has": True}})
    assert reply.headers["content-type"] == "application/json"
    assert service.requests == [HasCollection("c", "d")]


def test_errors_come_with_status_200(app: Any) -> None:
    reply = _send(app, "POST", _HAS, content=b"{")
    assert (reply.status_code, reply.json()["code"]) == (200, 1801)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v2/vectordb/collections/explode"), ("GET", _HAS), ("GET", "/"), ("POST", "/v3/vectordb/x")],
)
def test_routes_that_do_not_exist(app: Any, method: str, path: str) -> None:
    reply = _send(app, method, path)
    assert reply.status_code == 404
    assert "there is no route" in reply.json()["message"]


def test_version_1_points_to_version_2(app: Any) -> None:
    reply = _send(app, "GET", "/v1/vector/collections")
    assert reply.json()["code"] == 1100
    assert "use /v2/vectordb/" in reply.json()["message"]


def test_a_body_that_is_too_large(app: Any) -> None:
    reply = _send(app, "POST", _HAS, content=b" " * 1001)
    assert (reply.status_code, reply.json()["code"]) == (413, 1100)
    assert "more than 1000 bytes" in reply.json()["message"]


def test_a_request_that_takes_too_long(app: Any, service: FakeService) -> None:
    release = threading.Event()

    def wait(_request: Any) -> None:
        release.wait(20)

    service.replies[DropCollection] = wait
    options: dict[str, Any] = {"json": {"collectionName": "c"}, "headers": {"Request-Timeout": "0.05"}}
    reply = _send(app, "POST", "/v2/vectordb/collections/drop", **options)
    release.set()
    assert reply.status_code == 408
    assert "no reply within the 0.05 s" in reply.json()["message"]


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan"])
def test_a_timeout_that_is_none(app: Any, text: str) -> None:
    reply = _send(app, "POST", _HAS, json={"collectionName": "c"}, headers={"Request-Timeout": text})
    assert reply.json()["code"] == 1801
