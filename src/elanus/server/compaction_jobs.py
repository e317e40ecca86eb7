"""Compactions as jobs with numbers, as the protocol has them.

The service compacts before it answers, so that a job is finished when its number is known; clients ask for its state
nevertheless.
"""

import threading
from collections import OrderedDict
from typing import Final

from elanus.errors import NotFound
from elanus.service.requests.base import Service
from elanus.service.requests.collections import CollectionInfo
from elanus.service.requests.data import Compact
from elanus.service.requests.system import GetTimestamp

__all__ = ["CompactionJobs"]

_FINISHED_JOB_COUNT_MAX: Final = 10_000


class CompactionJobs:
    """Runs compactions and remembers the newest of them. Thread-safe."""

    def __init__(self, service: Service) -> None:
        self._service: Final = service
        self._lock: Final = threading.Lock()
        self._collections: Final[OrderedDict[int, int]] = OrderedDict()

    def run(self, info: CollectionInfo, *, by_clustering_key: bool = False, segment_bytes: int | None = None) -> int:
        """Does every compaction that is due in a collection, or what the arguments ask; the number of the finished job.

        Raises:
            InvalidInput: rows are to be divided by a clustering key, and there is none.
        """
        request = Compact(
            info.name, database=info.database, by_clustering_key=by_clustering_key, segment_bytes=segment_bytes
        )
        self._service.execute(request)
        job = self._service.execute(GetTimestamp())
        with self._lock:
            self._collections[job] = info.collection_id
            while len(self._collections) > _FINISHED_JOB_COUNT_MAX:
                self._collections.popitem(last=False)
        return job

    def check_finished(self, job: int) -> None:
        """Accepts the number of a finished job.

        Raises:
            NotFound: there is no such job, or it was too long ago.
        """
        with self._lock:
            if job not in self._collections:
                raise NotFound("entity_not_found", f"there is no compaction {job}")
