"""All servers together, on ports of this machine."""

import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from elanus.errors import Unavailable
from elanus.runtime.metrics import Metrics
from elanus.server.grpc.servicer import METHODS
from elanus.server.serve import RunningServer, start
from elanus.service.requests.collections import HasCollection
from elanus.settings import Settings
from tests.unit.server.conftest import FakeService

_SETTINGS = Settings(port=0, management_port=0, server_thread_count=2)


@pytest.fixture
def running(service: FakeService) -> Iterator[RunningServer]:
    service.replies[HasCollection] = True
    server = start(service, _SETTINGS)
    yield server
    server.stop(1)


def _has_by_grpc(address: str) -> bool:
    method = METHODS["HasCollection"]
    with grpc.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(
            method.path, method.request_class.SerializeToString, method.reply_class.FromString
        )
        return bool(call(method.request_class(collection_name="c"), timeout=20).value)


def _has_by_rest(address: str) -> Any:
    return httpx.post(f"http://{address}/v2/vectordb/collections/has", json={"collectionName": "c"}, timeout=20).json()


def test_both_protocols_on_one_port(running: RunningServer) -> None:
    for _ in range(2):
        assert _has_by_grpc(running.address)
        assert _has_by_rest(running.address) == {"code": 0, "data": {"has": True}}
    assert running.address == f"127.0.0.1:{running.port}"
    text = httpx.get(f"http://{running.management_address}/metrics", timeout=20).text
    assert 'elanus_requests_total{interface="grpc",method="HasCollection",status="ok"} 2\n' in text
    assert 'elanus_requests_total{interface="rest",method="collections/has",status="ok"} 2\n' in text
    assert "elanus_connections_accepted 4\n" in text
    assert httpx.get(f"http://{running.management_address}/healthz", timeout=20).text == "OK"


def test_garbage_gets_an_answer_or_the_end(running: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection:
        connection.sendall(b"\x00\x01\x02 nonsense\r\n\r\n")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 400")
    assert _has_by_grpc(running.address)


def _names_of_threads() -> list[str]:
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("elanus"))


def test_stopping_leaves_nothing(service: FakeService) -> None:
    service.replies[HasCollection] = True
    threads = _names_of_threads()
    folders = set(Path(tempfile.gettempdir()).glob("elanus-server-*"))
    server = start(service, _SETTINGS)
    assert oct(server.folder.stat().st_mode)[-3:] == "700"
    _has_by_grpc(server.address)
    _has_by_rest(server.address)
    server.stop(1)
    assert _names_of_threads() == threads
    assert set(Path(tempfile.gettempdir()).glob("elanus-server-*")) <= folders
    for port in (server.port, server.management_port):
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port), timeout=5)
    assert not service.is_closed


@pytest.mark.parametrize("taken", ["port", "management_port"])
def test_a_taken_port_undoes_everything(running: RunningServer, service: FakeService, taken: str) -> None:
    before = _names_of_threads()
    settings = _SETTINGS.with_changes(**{taken: running.port})
    with pytest.raises(Unavailable, match=rf":{running.port} .*setting {taken}.*another program uses it"):
        start(service, settings)
    assert _names_of_threads() == before


def test_the_services_own_metrics_are_shown() -> None:
    class Measured(FakeService):
        metrics = Metrics()

    service = Measured()
    service.metrics.counter("inner_total", "From within.").add(3)
    server = start(service, _SETTINGS)
    try:
        assert "inner_total 3\n" in httpx.get(f"http://{server.management_address}/metrics", timeout=20).text
    finally:
        server.stop(1)


def test_a_running_request_is_finished(service: FakeService) -> None:
    entered, release = threading.Semaphore(0), threading.Event()

    def slow(_request: Any) -> bool:
        entered.release()
        assert release.wait(20)
        return True

    service.replies[HasCollection] = slow
    server = start(service, _SETTINGS)
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(_has_by_grpc(server.address))),
        threading.Thread(target=lambda: answers.append(_has_by_rest(server.address)["data"]["has"])),
    ]
    for thread in threads:
        thread.start()
    assert all(entered.acquire(timeout=20) for _ in threads)
    stopper = threading.Thread(target=server.stop, args=(15,))
    stopper.start()
    release.set()
    for thread in [*threads, stopper]:
        thread.join(30)
        assert not thread.is_alive()
    assert answers == [True, True]
