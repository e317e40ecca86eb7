"""The network server, with plain grpc as its client."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from elanus.errors import Unavailable
from elanus.runtime.clock import SystemClock
from elanus.runtime.metrics import Metrics
from elanus.server.grpc.network import GrpcServer, start
from elanus.server.grpc.servicer import METHODS, MilvusServicer
from elanus.server.grpc.stubs import milvus_pb2
from elanus.service.requests.collections import HasCollection, ListCollections
from elanus.service.requests.databases import DatabaseInfo, ListDatabases
from elanus.settings import Settings
from tests.unit.server.conftest import FakeService

_SETTINGS = Settings(server_thread_count=2, request_bytes_max=200_000, reply_bytes_max=100_000)


@pytest.fixture
def server(service: FakeService) -> Iterator[GrpcServer]:
    service.replies[HasCollection] = True
    servicer = MilvusServicer(service, clock=SystemClock(), metrics=Metrics())
    running = start(servicer, _SETTINGS, "127.0.0.1:0")
    yield running
    running.stop(0)


@pytest.fixture
def channel(server: GrpcServer) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{server.port}", [("grpc.max_receive_message_length", -1)]) as channel:
        yield channel


def _call(channel: grpc.Channel, name: str, request: Any, **options: Any) -> Any:
    method = METHODS[name]
    call: Any = channel.unary_unary(method.path, method.request_class.SerializeToString, method.reply_class.FromString)
    return call(request, timeout=20, **options)


def test_a_call_and_its_database(channel: grpc.Channel, service: FakeService) -> None:
    request = milvus_pb2.HasCollectionRequest(collection_name="c")
    assert _call(channel, "HasCollection", request, metadata=(("dbname", "d"),)).value
    assert service.requests == [HasCollection("c", "d")]


def test_calls_that_are_not_supported(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        _call(channel, "CreateRole", METHODS["CreateRole"].request_class())
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert raised.value.details() == "CreateRole is not supported by Elanus yet"


def test_streams_are_not_supported(channel: grpc.Channel) -> None:
    method = METHODS["DumpMessages"]
    stream: Any = channel.unary_stream(
        method.path, method.request_class.SerializeToString, method.reply_class.FromString
    )
    with pytest.raises(grpc.RpcError, match="DumpMessages is not supported by Elanus yet"):
        next(stream(method.request_class(), timeout=20))


def test_a_request_that_is_too_large(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        _call(channel, "HasCollection", milvus_pb2.HasCollectionRequest(collection_name="x" * 300_000))
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_reply_that_is_too_large(channel: grpc.Channel, service: FakeService) -> None:
    service.replies[ListDatabases] = [DatabaseInfo(1, "x" * 200_000, 0, {})]
    with pytest.raises(grpc.RpcError) as raised:
        _call(channel, "ListDatabases", milvus_pb2.ListDatabasesRequest())
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_taken_port(server: GrpcServer, service: FakeService) -> None:
    servicer = MilvusServicer(service, clock=SystemClock(), metrics=Metrics())
    with pytest.raises(Unavailable, match=rf"cannot listen on 127.0.0.1:{server.port}"):
        start(servicer, _SETTINGS, f"127.0.0.1:{server.port}")


def test_a_unix_socket_and_a_graceful_stop(service: FakeService, tmp_path: Path) -> None:
    service.replies[ListCollections] = []
    servicer = MilvusServicer(service, clock=SystemClock(), metrics=Metrics())
    running = start(servicer, _SETTINGS, f"unix:{tmp_path / 'socket'}")
    assert running.port == 0
    with grpc.insecure_channel(running.address) as channel:
        assert _call(channel, "ShowCollections", milvus_pb2.ShowCollectionsRequest()).status.code == 0
    running.stop(5)
    assert not (tmp_path / "socket").exists()
