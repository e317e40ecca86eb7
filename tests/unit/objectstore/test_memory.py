"""The store in memory does what every store does."""

from collections.abc import Iterator

import pytest
from tests.unit.objectstore.conformance import ObjectStoreTests

from elanus.objectstore.memory import MemoryStore
from elanus.objectstore.store import ObjectStore


class TestMemoryStore(ObjectStoreTests):
    @pytest.fixture
    def store(self) -> Iterator[ObjectStore]:
        yield MemoryStore()
