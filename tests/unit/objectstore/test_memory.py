"""The store in memory does what every store does."""

import pytest

from elanus.objectstore.memory import MemoryStore
from elanus.objectstore.store import ObjectStore
from tests.unit.objectstore.conformance import ObjectStoreTests


class TestMemoryStore(ObjectStoreTests):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return MemoryStore()
