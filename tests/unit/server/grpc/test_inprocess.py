"""The channel inside the process, by itself and under grpc's interceptors."""

from typing import Any

import grpc
import pytest

from elanus.errors import NotFound
from elanus.runtime.clock import ManualClock
from elanus.runtime.metrics import Metrics
from elanus.server.grpc.inprocess import InProcessChannel, milvus_client
from elanus.server.grpc.servicer import METHODS, MilvusServicer
from elanus.server.grpc.stubs import milvus_pb2
from elanus.service.requests.collections import CollectionName, HasCollection, ListCollections
from tests.unit.server.conftest import FakeService


@pytest.fixture
def channel(service: FakeService, clock: ManualClock, metrics: Metrics) -> InProcessChannel:
    service.replies[HasCollection] = True
    return InProcessChannel(MilvusServicer(service, clock=clock, metrics=metrics))


def _has(channel: Any) -> Any:
    method = METHODS["HasCollection"]
    return channel.unary_unary(
        method.path,
        request_serializer=method.request_class.SerializeToString,
        response_deserializer=method.reply_class.FromString,
    )


_REQUEST = milvus_pb2.HasCollectionRequest(collection_name="c")


def test_a_call_runs_in_the_calling_thread(channel: InProcessChannel, service: FakeService) -> None:
    assert _has(channel)(_REQUEST, timeout=3, metadata=[("dbname", "d")]).value
    assert service.requests == [HasCollection("c", "d")]


def test_with_call_and_future(channel: InProcessChannel) -> None:
    reply, call = _has(channel).with_call(_REQUEST)
    assert reply.value
    assert (call.code(), call.details()) == (grpc.StatusCode.OK, "")
    future = _has(channel).future(_REQUEST)
    assert future.done()
    assert not future.cancel()
    assert future.result(timeout=1).value
    assert future.exception() is None
    seen: list[Any] = []
    future.add_done_callback(seen.append)
    assert seen == [future]


class _Adds(grpc.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        details = client_call_details._replace(metadata=[("dbname", "added")])
        return continuation(details, request)


def test_interceptors_see_calls_and_errors(channel: InProcessChannel, service: FakeService) -> None:
    intercepted: Any = grpc.intercept_channel(channel, _Adds())
    assert _has(intercepted)(_REQUEST).value
    assert _has(intercepted).future(_REQUEST).result().value
    assert service.requests == [HasCollection("c", "added")] * 2
    method = METHODS["CreateRole"]
    with pytest.raises(grpc.RpcError) as raised:
        intercepted.unary_unary(method.path)(method.request_class())
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
    failed = intercepted.unary_unary(method.path).future(method.request_class())
    assert isinstance(failed.exception(), grpc.RpcError)


@pytest.mark.parametrize("path", [METHODS["CreateRole"].path, "/another.Service/Call"])
def test_calls_that_are_not_supported(channel: InProcessChannel, path: str) -> None:
    with pytest.raises(grpc.RpcError, match="is not supported by Elanus yet"):
        channel.unary_unary(path)(None)


@pytest.mark.parametrize("kind", ["unary_stream", "stream_unary", "stream_stream"])
def test_streams_are_not_supported(channel: InProcessChannel, kind: str) -> None:
    with pytest.raises(grpc.RpcError, match="DumpMessages is not supported by Elanus yet"):
        getattr(channel, kind)(METHODS["DumpMessages"].path)(iter(()))


def test_a_closed_channel(channel: InProcessChannel) -> None:
    with channel:
        pass
    with pytest.raises(ValueError, match="closed channel"):
        _has(channel)(_REQUEST)


def test_subscribers_hear_that_it_is_ready(channel: InProcessChannel) -> None:
    seen: list[Any] = []
    channel.subscribe(seen.append, try_to_connect=True)
    channel.unsubscribe(seen.append)
    assert seen == [grpc.ChannelConnectivity.READY]


def test_the_client_is_pymilvuss_own(service: FakeService) -> None:
    from pymilvus import MilvusClient
    from pymilvus.exceptions import MilvusException

    service.replies[ListCollections] = [CollectionName(1, "c", 0, False)]
    closed: list[bool] = []
    client = milvus_client(service, db_name="shelf", on_close=lambda: closed.append(True))
    assert type(client) is MilvusClient
    assert client.list_collections() == ["c"]
    assert service.last(ListCollections) == ListCollections("shelf")
    service.replies[ListCollections] = NotFound("database_not_found", "no database")
    with pytest.raises(MilvusException) as raised:
        client.list_collections()
    assert (raised.value.code, raised.value.message) == (800, "no database")
    client.close()
    client.close()
    assert closed == [True]
    assert not service.is_closed


def test_clients_do_not_share_what_they_cache(service: FakeService) -> None:
    first, second = milvus_client(service), milvus_client(service)
    assert first._get_connection().server_address != second._get_connection().server_address
    first.close()
    assert second.get_server_version().startswith("3.0.0")
    second.close()
