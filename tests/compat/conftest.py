"""The genuine pymilvus client over both transports: a server on a port, and a channel inside the process."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pymilvus.client.grpc_handler
import pytest
from pymilvus import MilvusClient

from elanus.app.compose import local_service
from elanus.server.grpc.inprocess import milvus_client
from elanus.server.serve import RunningServer, start
from elanus.service.local import LocalService
from elanus.settings import Settings

_SETTINGS = Settings(durability="none", port=0, management_port=0, server_thread_count=4)


@dataclass(frozen=True)
class Connected:
    """A client, the service it talks to, and the server between them if there is one."""

    client: MilvusClient
    service: LocalService
    server: RunningServer | None

    def another(self, **options: Any) -> MilvusClient:
        """A second client of the same service."""
        if self.server is None:
            return milvus_client(self.service, **options)
        return MilvusClient(uri=f"http://{self.server.address}", **options)


@pytest.fixture(scope="session", autouse=True)
def _short_naps() -> Iterator[None]:
    """The client sleeps half a second before it first asks whether an index is built; here a moment will do."""
    with pytest.MonkeyPatch.context() as patch:
        naps = SimpleNamespace(time=time.time, sleep=lambda seconds: time.sleep(min(seconds, 0.01)))
        patch.setattr(pymilvus.client.grpc_handler, "time", naps)
        yield


@pytest.fixture(scope="session", params=["in_process", "network"])
def connected(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connected]:
    root: Path = tmp_path_factory.mktemp("compat")
    service = local_service(root, _SETTINGS)
    server = start(service, _SETTINGS) if request.param == "network" else None
    client = milvus_client(service) if server is None else MilvusClient(uri=f"http://{server.address}")
    yield Connected(client, service, server)
    client.close()
    if server is not None:
        server.stop(5)
    service.close()


@pytest.fixture
def client(connected: Connected) -> MilvusClient:
    return connected.client


@pytest.fixture
def name(request: pytest.FixtureRequest, client: MilvusClient) -> Iterator[str]:
    """A collection name of the test's own; the collection is dropped afterwards."""
    name = re.sub(r"\W+", "_", request.node.name)
    yield name
    client.drop_collection(name)
