"""A service that answers what it was told to, and golden files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elanus.runtime.clock import ManualClock
from elanus.runtime.metrics import Metrics
from elanus.runtime.timestamps import TimestampOracle
from elanus.schema.collection import IndexDefinition, Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric
from elanus.service.requests.collections import CollectionInfo
from elanus.service.requests.system import GetTimestamp

_GOLDEN = Path(__file__).parent.parent.parent / "golden" / "server"


class FakeService:
    """Remembers requests; `replies` holds, by request class, a reply, an error, or a function of the request."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        clock = ManualClock()
        oracle = TimestampOracle(clock)
        self.replies: dict[type, Any] = {GetTimestamp: lambda _request: oracle.allocate()}
        self.is_closed = False

    def execute(self, request: Any) -> Any:
        self.requests.append(request)
        reply = self.replies.get(type(request))
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def close(self) -> None:
        self.is_closed = True

    def last(self, kind: type) -> Any:
        """The newest request of a class."""
        return next(request for request in reversed(self.requests) if type(request) is kind)


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def books() -> CollectionInfo:
    """A collection with a field of most kinds."""
    schema = Schema(
        (
            Field("id", DataType.INT64, is_primary=True, description="the key"),
            Field("title", DataType.VARCHAR, max_length=64, default_value="untitled"),
            Field("pages", DataType.INT16, nullable=True),
            Field("tags", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=8, max_length=16),
            Field("info", DataType.JSON, nullable=True, params={"mmap.enabled": "true"}),
            Field("vector", DataType.FLOAT_VECTOR, dim=2),
            Field("sparse", DataType.SPARSE_FLOAT_VECTOR, nullable=True),
        ),
        enable_dynamic_field=True,
        description="what was read",
    ).with_ids()
    return CollectionInfo(
        collection_id=7,
        database="default",
        name="books",
        schema=schema,
        aliases=("library",),
        partition_count=1,
        shard_count=2,
        consistency_level="Bounded",
        properties={"collection.ttl.seconds": "3600"},
        created_timestamp=(1_700_000_000_000 << 18) | 5,
        schema_timestamp=(1_700_000_000_001 << 18) | 6,
        schema_version=3,
        indexes=(IndexDefinition("by_vector", "vector", "HNSW", Metric.COSINE, {"M": 16}, index_id=9),),
    )


@pytest.fixture
def golden(update_golden: bool) -> Callable[[str, str], None]:
    """Compares a text with a file; `--update-golden` writes it."""

    def compare(name: str, text: str) -> None:
        path = _GOLDEN / name
        if update_golden:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{name} differs; run pytest --update-golden and review it"

    return compare
