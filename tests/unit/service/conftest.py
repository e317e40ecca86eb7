"""A service over a simulated disk, asked in requests."""

from collections.abc import Iterator

import pytest

from elanus.app.compose import service_on_disk
from elanus.runtime.clock import ManualClock
from elanus.service.local import LocalService
from elanus.settings import Settings
from tests.simulation.disk import SimulatedDisk

SETTINGS = Settings(background_maintenance=False, search_thread_count=1)


@pytest.fixture
def disk() -> SimulatedDisk:
    return SimulatedDisk()


@pytest.fixture
def service(disk: SimulatedDisk) -> Iterator[LocalService]:
    opened = service_on_disk(disk, SETTINGS, clock=ManualClock())
    yield opened
    opened.close()
