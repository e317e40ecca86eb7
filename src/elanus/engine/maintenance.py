"""Background work: one thread asks the policy what each collection that changed needs, and does it.

The thread starts with the first change and never outlives the engine. Failures are logged and tried again later.
"""

import heapq
import threading
from collections.abc import Callable
from typing import Final

from elanus.engine.collection import Collection
from elanus.engine.compaction import compact, note_damage
from elanus.engine.flush import flush
from elanus.engine.indexing import build_index, summarise_segments
from elanus.engine.policy import (
    Action,
    BuildIndex,
    CollectionSummary,
    Compact,
    Flush,
    clustering,
    merging,
    next_action,
)
from elanus.errors import DataCorrupt, ElanusError, Unavailable
from elanus.runtime.clock import Clock
from elanus.runtime.log import get_logger
from elanus.runtime.pool import processor_count, start_thread
from elanus.settings import Settings

__all__ = ["Maintenance", "cluster", "merge", "perform", "planned_action"]

_logger: Final = get_logger("engine.maintenance")
_RETRY_S: Final = 5.0
# Changes that come in quick succession are looked at together.
_COALESCE_S: Final = 0.02


def planned_action(collection: Collection) -> Action | None:
    """What the collection needs next."""
    state = collection.state
    summary = CollectionSummary(
        growing_bytes=state.growing_bytes,
        growing_row_count=state.growing_row_count,
        growing_age_ms=collection.growing_age_ms,
        segments=summarise_segments(collection),
    )
    if state.sealing:
        # A flush failed half-way; its rows wait in memory.
        return Flush()
    return next_action(summary, collection.components.settings)


def perform(collection: Collection, action: Action, *, cancelled: Callable[[], bool]) -> None:
    """Does one action to its end.

    Raises:
        Unavailable: cancelled, the disk failed, or the collection was closed; the action is planned again.
        DataCorrupt: a segment to be merged is damaged; the next plan leaves it as it is.
    """
    with collection.work_lock:
        if collection.is_refusing:
            raise Unavailable("closed", f"{collection.prefix} was closed or dropped before its maintenance")
        match action:
            case Flush():
                flush(collection)
            case Compact(segment_ids, part_count):
                with collection.compaction_lock:
                    try:
                        compact(collection, segment_ids, part_count=part_count)
                    except DataCorrupt:
                        note_damage(collection, segment_ids)
                        raise
            case BuildIndex(segment_id, index_id):
                build_index(collection, segment_id, index_id, thread_count=processor_count(), cancelled=cancelled)


def cluster(collection: Collection, segment_bytes: int) -> None:
    """Divides the sealed rows of every partition by the clustering key, of which the schema has one.

    The segments have about `segment_bytes` each.

    Raises:
        Unavailable: the disk failed, or the collection was closed; partitions may be divided already.
        DataCorrupt: a segment is damaged; its partition stays as it is.
    """
    with collection.work_lock:
        for action in clustering(summarise_segments(collection), segment_bytes):
            perform(collection, action, cancelled=lambda: False)


def merge(collection: Collection, segment_bytes: int) -> None:
    """Merges the segments of every partition into as few as hold up to `segment_bytes` each.

    Raises:
        Unavailable: the disk failed, or the collection was closed; some may be merged already.
        DataCorrupt: a segment is damaged; those that were to be merged with it stay as they are.
    """
    with collection.work_lock:
        for action in merging(summarise_segments(collection), segment_bytes):
            perform(collection, action, cancelled=lambda: False)


class Maintenance:
    """The thread and its list of collections to look at."""

    def __init__(self, settings: Settings, clock: Clock, open_collection: Callable[[int], Collection | None]) -> None:
        """`open_collection` gives a collection by id if it is open."""
        self._settings: Final = settings
        self._clock: Final = clock
        self._open_collection: Final = open_collection
        self._condition: Final = threading.Condition()
        self._due: list[tuple[float, int]] = []
        self._waiting: dict[int, float] = {}
        self._thread: threading.Thread | None = None
        self._stopping = False

    def notice(self, collection_id: int) -> None:
        """Says that a collection changed; cheap enough to call after every write."""
        if self._settings.background_maintenance:
            self._schedule(collection_id, self._clock.monotonic_s() + _COALESCE_S)

    def finish(self, collection: Collection, condition: Callable[[], bool], timeout_s: float | None) -> bool:
        """Waits until `condition`, which maintenance of the collection brings about; does it here if nobody else does.

        False when the time is over first.

        Raises:
            Unavailable: the engine was closed first.
        """
        if self._settings.background_maintenance:
            self.notice(collection.collection_id)
            self._wait_for(condition, timeout_s)
            if not (complete := condition()) and self._stopping:
                raise Unavailable("closed", "the database was closed while its maintenance was waited for")
            return complete
        while not condition() and (action := planned_action(collection)) is not None:
            perform(collection, action, cancelled=lambda: False)
        return condition()

    def _wait_for(self, condition: Callable[[], bool], timeout_s: float | None) -> None:
        with self._condition:
            self._condition.wait_for(lambda: self._stopping or condition(), timeout_s)

    def stop(self) -> None:
        """Ends the thread after the step it is in; a running index build is cancelled."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _schedule(self, collection_id: int, when_s: float) -> None:
        with self._condition:
            if self._stopping or self._waiting.get(collection_id, float("inf")) <= when_s:
                return
            self._waiting[collection_id] = when_s
            heapq.heappush(self._due, (when_s, collection_id))
            if self._thread is None:
                self._thread = start_thread(self._run, name="elanus-maintenance")
            self._condition.notify_all()

    def _run(self) -> None:
        while True:
            collection_id = self._next_due()
            if collection_id is None:
                return
            try:
                self._attend(collection_id)
            except Exception:
                # The boundary of the worker loop: one collection's mishap must not end the care for all others.
                _logger.exception("maintenance of collection %d failed", collection_id)
            with self._condition:
                self._condition.notify_all()

    def _next_due(self) -> int | None:
        """Waits for the next collection to look at; None when stopping."""
        with self._condition:
            while not self._stopping:
                now = self._clock.monotonic_s()
                while self._due and self._waiting.get(self._due[0][1]) != self._due[0][0]:
                    heapq.heappop(self._due)
                if self._due and self._due[0][0] <= now:
                    _, collection_id = heapq.heappop(self._due)
                    del self._waiting[collection_id]
                    return collection_id
                self._condition.wait(self._due[0][0] - now if self._due else None)
            return None

    def _attend(self, collection_id: int) -> None:
        """Does everything one collection needs now, and schedules the next look at unflushed rows."""
        collection = self._open_collection(collection_id)
        if collection is None:
            return
        try:
            while not self._stopping and not collection.is_refusing:
                action = planned_action(collection)
                if action is None:
                    break
                self._perform(collection, action)
                with self._condition:
                    self._condition.notify_all()
        except (Unavailable, OSError) as error:
            if not self._stopping and not collection.is_refusing:
                _logger.warning("maintenance of %s failed, tried again in %g s: %s", collection.prefix, _RETRY_S, error)
                self._schedule(collection_id, self._clock.monotonic_s() + _RETRY_S)
            return
        except ElanusError:
            _logger.exception("maintenance of %s failed", collection.prefix)
            return
        if collection.state.growing:
            wait_s = (self._settings.flush_interval_ms - collection.growing_age_ms) / 1000
            self._schedule(collection_id, self._clock.monotonic_s() + max(wait_s, 0.1))

    def _perform(self, collection: Collection, action: Action) -> None:
        try:
            perform(collection, action, cancelled=lambda: self._stopping or collection.is_refusing)
        except DataCorrupt:
            if not isinstance(action, Compact):
                raise
            # Whoever reads the segment gets the error too; the other segments are looked after.
            _logger.exception("segments of %s cannot be merged", collection.prefix)
