"""The states that iterators began on, kept between their batches.

A view that is held keeps the files of its segments, so that rows which a compaction removes meanwhile are still there
for whoever goes on reading at that time. Held views may go at any time, by count, by age, or with the process; a reader
whose state is then not complete any more is refused.
"""

import threading
from collections import OrderedDict
from typing import Final

from elanus.query.view import ReadView
from elanus.runtime.clock import Clock

__all__ = ["HeldViews"]


class HeldViews:
    """Views by collection and timestamp, at most so many, each for so long after its last use. Thread-safe."""

    def __init__(self, clock: Clock, *, count_max: int, idle_ms: int) -> None:
        self._clock: Final = clock
        self._count_max: Final = count_max
        self._idle_ms: Final = idle_ms
        self._lock: Final = threading.Lock()
        self._views: Final[OrderedDict[tuple[int, int], tuple[ReadView, int]]] = OrderedDict()

    def hold(self, collection_id: int, view: ReadView) -> None:
        """Keeps a view for those who read its collection at its time."""
        with self._lock:
            self._drop_old()
            place = (collection_id, view.read_timestamp)
            self._views.setdefault(place, (view, self._clock.now_ms()))
            while len(self._views) > self._count_max:
                self._views.popitem(last=False)

    def find(self, collection_id: int, timestamp: int) -> ReadView | None:
        """The view that is held of a collection at a time, which counts as a use of it."""
        with self._lock:
            self._drop_old()
            found = self._views.pop((collection_id, timestamp), None)
            if found is None:
                return None
            self._views[collection_id, timestamp] = (found[0], self._clock.now_ms())
            return found[0]

    def forget(self, collection_id: int) -> None:
        """Lets go of every view of a collection, as when it is dropped."""
        with self._lock:
            for place in [place for place in self._views if place[0] == collection_id]:
                del self._views[place]

    def __len__(self) -> int:
        with self._lock:
            return len(self._views)

    def _drop_old(self) -> None:
        oldest_ms = self._clock.now_ms() - self._idle_ms
        while self._views and next(iter(self._views.values()))[1] < oldest_ms:
            self._views.popitem(last=False)
