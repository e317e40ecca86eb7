"""Interim indexes: growing rows are indexed in runs, each an immutable graph in memory, published with the state.

The rows of a run are settled, put together and indexed beside everything else; then one chunk with the index takes the
place of theirs, with the deletes they have by then. Searches see either the chunks or the run, each a value that never
changes, so nothing here is shared with a reader while it is written. Until then rows are scanned, and so are those for
which nobody has time: an insert waits for none of this. A flush drops runs with the rows it seals, and one that comes
first makes the work void. There are no files: after a restart rows are indexed again.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from elanus.columns.structs import vector_column
from elanus.engine.collection import Collection
from elanus.engine.interim import InterimIndexes, interim_definitions
from elanus.engine.policy import ChunkSummary, next_join
from elanus.engine.state import CollectionState
from elanus.errors import Unavailable
from elanus.index.interim import InterimIndex, build_interim
from elanus.index.protocol import BuildContext, VectorColumn
from elanus.runtime.log import get_logger
from elanus.runtime.pool import start_thread
from elanus.schema.collection import IndexDefinition, Schema
from elanus.settings import Settings
from elanus.storage.chunk import ChunkRows, GrowingSegment

__all__ = ["Joining", "join_rows"]

_logger: Final = get_logger("engine.joining")
# Changes that come in quick succession are looked at together.
_COALESCE_S: Final = 0.02
# Where processors are busy, writers come first; not by much, for then scans would keep busy what could end them.
_NICENESS: Final = 5


@dataclass(frozen=True, slots=True)
class _Run:
    """Chunks of a partition that are being indexed, and what for."""

    partition_id: int
    parts: tuple[ChunkRows, ...]
    definitions: tuple[IndexDefinition, ...]
    schema: Schema


def join_rows(collection: Collection, *, cancelled: Callable[[], bool] = lambda: False) -> bool:
    """Indexes one more run of growing rows. False when there is none to index.

    Raises:
        Unavailable: cancelled.
    """
    run = _claimed(collection)
    if run is None:
        return False
    rows = ChunkRows.joined(run.parts)
    # Made here, for otherwise the next delete would wait for it.
    rows.key_index()
    try:
        indexes = _built(run, rows, lambda: cancelled() or not _is_present(collection.state, run))
    except Unavailable:
        if cancelled():
            raise
        return True
    collection.publish(lambda state: _with_index(state, run, rows, indexes))
    collection.report_change()
    return True


def _claimed(collection: Collection) -> _Run | None:
    """The next run, its chunks settled."""
    settings, claimed = collection.components.settings, []

    def claim(state: CollectionState, partition_id: int) -> CollectionState:
        definitions, segment = interim_definitions(state.manifest), state.growing.get(partition_id)
        found = None if segment is None else _next_join(segment, definitions, settings)
        if segment is None or found is None:
            return state
        parts = tuple(chunk.rows for chunk in segment.chunks[slice(*found)])
        claimed.append(_Run(partition_id, parts, definitions, state.manifest.schema))
        return replace(state, growing={**state.growing, partition_id: segment.settled(*found)})

    before = collection.state
    definitions = interim_definitions(before.manifest)
    for partition_id, segment in before.growing.items():
        if not claimed and _next_join(segment, definitions, settings) is not None:
            collection.publish(partial(claim, partition_id=partition_id))
    return claimed[0] if claimed else None


def _next_join(
    segment: GrowingSegment, definitions: tuple[IndexDefinition, ...], settings: Settings
) -> tuple[int, int] | None:
    if not definitions:
        return None
    chunks = [
        ChunkSummary(
            chunk.rows.row_count,
            chunk.size_bytes,
            isinstance(chunk.index, InterimIndexes) and chunk.index.covers(definitions),
        )
        for chunk in segment.chunks
    ]
    return next_join(chunks, settings)


def _built(run: _Run, rows: ChunkRows, cancelled: Callable[[], bool]) -> InterimIndexes:
    built: dict[int, tuple[IndexDefinition, InterimIndex]] = {}
    for definition in run.definitions:
        field = run.schema.find_indexed(definition.field_name)
        assert field is not None, definition.field_name
        assert definition.metric is not None, definition.index_name
        column = VectorColumn(field, vector_column(rows.column, field))
        context = BuildContext(cancelled=cancelled)
        built[definition.index_id] = (
            definition,
            build_interim(column, definition.metric, definition.params, context),
        )
    return InterimIndexes(built)


def _is_present(state: CollectionState, run: _Run) -> bool:
    segment = state.growing.get(run.partition_id)
    return segment is not None and any(chunk.rows is run.parts[0] for chunk in segment.chunks)


def _with_index(state: CollectionState, run: _Run, rows: ChunkRows, indexes: InterimIndexes) -> CollectionState:
    segment = state.growing.get(run.partition_id)
    if segment is None:
        return state
    return replace(state, growing={**state.growing, run.partition_id: segment.with_index(run.parts, rows, indexes)})


class Joining:
    """The thread that indexes growing rows, and its list of collections to look at.

    Beside that of maintenance, so that neither waits for the other's long builds. It starts with the first change and
    never outlives the engine.
    """

    def __init__(self, settings: Settings, open_collection: Callable[[int], Collection | None]) -> None:
        """`open_collection` gives a collection by id if it is open."""
        self._is_enabled: Final = settings.background_maintenance and settings.growing_index_enabled
        self._open_collection: Final = open_collection
        self._condition: Final = threading.Condition()
        self._waiting: Final[dict[int, None]] = {}
        self._thread: threading.Thread | None = None
        self._stopping = False

    def notice(self, collection_id: int) -> None:
        """Says that a collection changed; cheap enough to call after every write."""
        if not self._is_enabled or collection_id in self._waiting:
            return
        with self._condition:
            if self._stopping:
                return
            self._waiting[collection_id] = None
            if self._thread is None:
                self._thread = start_thread(self._run, name="elanus-joining", niceness=_NICENESS)
            self._condition.notify_all()

    def stop(self) -> None:
        """Ends the thread; an index that is being built is given up."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while (collection_id := self._next()) is not None:
            try:
                self._attend(collection_id)
            except Exception:
                # The boundary of the worker loop: one collection's mishap must not end the care for all others.
                _logger.exception("growing rows of collection %d could not be indexed", collection_id)

    def _next(self) -> int | None:
        """Waits for the next collection to look at; None when stopping."""
        with self._condition:
            self._condition.wait_for(lambda: self._stopping or self._waiting)
            self._condition.wait_for(lambda: self._stopping, _COALESCE_S)
            if self._stopping:
                return None
            collection_id = next(iter(self._waiting))
            del self._waiting[collection_id]
            return collection_id

    def _attend(self, collection_id: int) -> None:
        collection = self._open_collection(collection_id)
        if collection is None:
            return

        def cancelled() -> bool:
            return self._stopping or collection.is_refusing

        try:
            while not cancelled() and join_rows(collection, cancelled=cancelled):
                pass
        except Unavailable:
            # Stopped or closed: the rows stay as they are.
            return
