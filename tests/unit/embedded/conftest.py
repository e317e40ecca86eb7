"""A database on a disk in memory, without background work, and collections in it."""

from collections.abc import Iterator

import pytest

from elanus.app.compose import service_on_disk
from elanus.embedded.collection import Collection
from elanus.embedded.database import Database
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.settings import Settings
from tests.reference.every_type import ROWS, SCHEMA
from tests.simulation.disk import SimulatedDisk


@pytest.fixture
def database() -> Iterator[Database]:
    """Closed at the end of the test."""
    service = service_on_disk(SimulatedDisk(), Settings(background_maintenance=False, search_thread_count=1))
    with Database(service, "simulated") as opened:
        yield opened


@pytest.fixture
def every(database: Database) -> Collection:
    """Three rows over every type."""
    collection = database.create_collection("every", SCHEMA)
    collection.insert(ROWS)
    return collection


@pytest.fixture
def books(database: Database) -> Collection:
    """Empty: a key, a vector of two, a title, a nullable year; no dynamic field."""
    return database.create_collection(
        "books",
        Schema(
            (
                Field("id", DataType.INT64, is_primary=True),
                Field("vector", DataType.FLOAT_VECTOR, dim=2),
                Field("title", DataType.VARCHAR, max_length=10),
                Field("year", DataType.INT16, nullable=True),
            )
        ),
    )
