"""Puts an engine together from settings and a place for its data."""

from pathlib import Path
from typing import Final

from elanus.engine.components import Components
from elanus.engine.engine import Engine
from elanus.objectstore.disk import Disk, LocalDisk
from elanus.objectstore.local import LocalStore
from elanus.runtime.clock import Clock, SystemClock
from elanus.runtime.ids import IdAllocator
from elanus.runtime.metrics import Metrics
from elanus.runtime.pool import WorkerPool
from elanus.runtime.timestamps import TimestampOracle
from elanus.service.local import LocalService
from elanus.settings import Settings

__all__ = ["local_service", "service_on_disk"]

_SEARCH_POOL: Final = "elanus-search"


def local_service(root: Path, settings: Settings) -> LocalService:
    """A service over the files below `root`. The caller holds the root's lock.

    Raises:
        DataCorrupt: the catalog is damaged.
    """
    return service_on_disk(LocalDisk(root), settings)


def service_on_disk(disk: Disk, settings: Settings, *, clock: Clock | None = None) -> LocalService:
    """A service over any disk and clock, as tests and simulations want it."""
    clock = clock or SystemClock()
    oracle = TimestampOracle(clock)
    components = Components(
        settings=settings,
        clock=clock,
        oracle=oracle,
        ids=IdAllocator(oracle, cluster_id=settings.cluster_id),
        store=LocalStore(disk),
        disk=disk,
        search_pool=WorkerPool(thread_count=settings.search_thread_count, name=_SEARCH_POOL),
        metrics=Metrics(),
    )
    return LocalService(Engine(components))
