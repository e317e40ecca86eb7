"""A database on a simulated disk without background work, and what the engine has of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from elanus.app.compose import service_on_disk
from elanus.embedded.collection import Collection
from elanus.embedded.database import Database
from elanus.engine.collection import Collection as EngineCollection
from elanus.runtime.clock import ManualClock
from elanus.service.local import LocalService
from elanus.settings import Settings
from tests.simulation.disk import SimulatedDisk


@dataclass
class Bench:
    """Collection `c`: a key, a vector of two, dynamic keys."""

    disk: SimulatedDisk
    service: LocalService
    database: Database

    @property
    def docs(self) -> Collection:
        return self.database["c"]

    @property
    def inner(self) -> EngineCollection:
        return self.service.engine.collection("default", "c")

    def keys(self) -> list[int]:
        return [row["id"] for row in self.docs.query("id >= 0", output_fields=["id"])]

    def after_power_loss(self, seed: int = 1) -> "Bench":
        return bench_on(self.disk.after_power_loss(seed))


def bench_on(disk: SimulatedDisk, **settings: Any) -> Bench:
    chosen = Settings(**{"background_maintenance": False, "search_thread_count": 1, "index_rows_min": 1, **settings})
    service = service_on_disk(disk, chosen, clock=ManualClock())
    return Bench(disk, service, Database(service, "simulated"))


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = bench_on(SimulatedDisk())
    made.database.create_collection("c", dimension=2, metric="L2")
    yield made
    made.service.close()
