"""What an engine is made of: settings are values in one of these, everything else is a live part."""

from dataclasses import dataclass

from elanus.objectstore.disk import Disk
from elanus.objectstore.store import ObjectStore
from elanus.runtime.clock import Clock
from elanus.runtime.ids import IdAllocator
from elanus.runtime.metrics import Metrics
from elanus.runtime.pool import WorkerPool
from elanus.runtime.timestamps import TimestampOracle
from elanus.settings import Settings

__all__ = ["Components"]


@dataclass(frozen=True, slots=True)
class Components:
    """Shared by every collection of an engine.

    Attributes:
        store: catalog, manifests, segments.
        disk: the logs.
    """

    settings: Settings
    clock: Clock
    oracle: TimestampOracle
    ids: IdAllocator
    store: ObjectStore
    disk: Disk
    search_pool: WorkerPool
    metrics: Metrics
