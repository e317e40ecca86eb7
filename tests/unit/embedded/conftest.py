"""A database in a temporary folder, without background work, and collections in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import elanus
from elanus.embedded.collection import Collection
from elanus.embedded.database import Database
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.reference.every_type import ROWS, SCHEMA


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Closed at the end of the test."""
    with elanus.connect(tmp_path / "data", durability="none", background_maintenance=False) as opened:
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
