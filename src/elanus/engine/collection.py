"""One open collection: its state, and the ways it changes.

Locks, always taken in this order: `flush_lock` (one flush or change of schema or partitions at a time), the committer's
(no record is being written or applied), the manifest's (one commit at a time), the publish lock (the state is being
replaced; never held over I/O). Readers take none: they read the state once and work on that value.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from elanus.engine.components import Components
from elanus.engine.expiring import expiry_of
from elanus.engine.segment_indexes import SegmentIndexes, built_indexes
from elanus.engine.state import CollectionState, SealedUnit, apply_record, read_view
from elanus.errors import Conflict, DataCorrupt, Unavailable
from elanus.expr.stats import FieldStats, SegmentStats
from elanus.objectstore.versioned import VersionedLog
from elanus.query.expiry import Expiry
from elanus.query.view import ReadView
from elanus.runtime.log import get_logger
from elanus.runtime.timestamps import physical_ms
from elanus.schema.collection import Schema
from elanus.storage.deletefile import read_deletes
from elanus.storage.deletes import DeleteSet
from elanus.storage.manifest import (
    Change,
    CollectionCreated,
    Manifest,
    RequestOutcome,
    SegmentEntry,
    apply,
    decode_changes,
    decode_manifest,
    encode_changes,
    encode_manifest,
)
from elanus.storage.segment.reader import SealedSegment, open_segment
from elanus.storage.wal.committer import Committer
from elanus.storage.wal.log import Log, LoggedRecord
from elanus.storage.wal.record import EncodedRecord, LogRecord, encode

__all__ = ["Collection", "collection_prefix"]

_logger: Final = get_logger("engine.collection")

_REMEMBERED_REQUESTS_MAX: Final = 1024
_SPACE_WAIT_S: Final = 120.0
# Of the rows that make growing ones worth an index, the share that may come unnoticed beyond them.
_UNNOTICED_SHARE: Final = 1 / 16


def collection_prefix(collection_id: int) -> str:
    """The folder of a collection."""
    return f"collections/{collection_id}"


class Collection:
    """State and log of one collection. Every method may be called from any thread."""

    def __init__(
        self,
        collection_id: int,
        components: Components,
        *,
        on_change: Callable[[int], None],
        make_space: Callable[["Collection"], None],
    ) -> None:
        """Opens the collection: reads its manifest and its segments' metadata, replays its log.

        `on_change` is called with the collection's id, from any thread, when there may be maintenance to do;
        `make_space` flushes, for when nothing is done in the background.

        Raises:
            DataCorrupt: something on disk is damaged; nothing was changed.
        """
        self.collection_id: Final = collection_id
        self.components: Final = components
        self.prefix: Final = collection_prefix(collection_id)
        self.flush_lock: Final = threading.RLock()
        self.compaction_lock: Final = threading.RLock()
        # Held by work on files that nobody waits for, so that a drop can wait for it.
        self.work_lock: Final = threading.RLock()
        self.failed_builds: Final[dict[tuple[int, int], str]] = {}
        self.damaged_indexes: Final[set[tuple[int, int]]] = set()
        self.damaged_segments: Final[set[int]] = set()
        self._on_change: Final = on_change
        self._make_space: Final = make_space
        self._manifest_lock: Final = threading.RLock()
        self._publish_lock: Final = threading.Lock()
        self._space: Final = threading.Condition()
        self._manifest_log: Final = VersionedLog(components.store, f"{self.prefix}/manifest")
        self._view: tuple[CollectionState, ReadView] | None = None
        self._growing_since_ms = 0
        self._reported_row_count = 0
        self._refusing = False
        self._is_dropped = False

        settings = components.settings
        manifest = self._load_manifest()
        self._requests: dict[str, RequestOutcome] = {item.request_id: item for item in manifest.recent_requests}
        self._state = CollectionState(
            manifest,
            sealed=tuple(self.sealed_unit(manifest, entry) for entry in manifest.segments),
            applied_timestamp=max(manifest.flushed_timestamp, manifest.complete_since),
        )
        self.log: Final = Log(
            components.disk,
            f"{self.prefix}/wal/0",
            sync=settings.durability == "fsync",
            file_bytes_max=settings.wal_file_bytes_max,
        )
        newest = self.log.recover(self._replay, after=manifest.flushed_timestamp)
        components.oracle.advance(max(newest, self._state.applied_timestamp, manifest.schema_timestamp))
        self._committer: Final[Committer[RequestOutcome]] = Committer(self.log, components.oracle, self._apply)

    @classmethod
    def create(cls, manifest: Manifest, components: Components) -> None:
        """Writes the first commit of a new collection. It exists once the catalog names it."""
        log = VersionedLog(components.store, f"{collection_prefix(manifest.collection_id)}/manifest")
        log.commit(1, encode_changes([CollectionCreated(manifest)]))

    @property
    def state(self) -> CollectionState:
        """The present state; a value that stays as it is."""
        return self._state

    @property
    def manifest(self) -> Manifest:
        return self._state.manifest

    @property
    def growing_age_ms(self) -> int:
        """Since the oldest unflushed row was written; 0 without any."""
        if not self._state.growing:
            return 0
        return max(0, self.components.clock.now_ms() - self._growing_since_ms)

    def view(self) -> ReadView:
        """What a reader sees now: every acknowledged write, but for rows that are past their time."""
        state, cached = self._state, self._view
        if cached is not None and cached[0] is state:
            view = cached[1]
        else:
            view = read_view(state)
            self._view = (state, view)
        expiry = self.expiry(state.manifest)
        return view if expiry is None else view.expiring(expiry)

    def expiry(self, manifest: Manifest) -> Expiry | None:
        """Which rows are past their time now; None when rows do not expire."""
        if not manifest.properties:
            return None
        return expiry_of(manifest.properties, self.components.clock.now_ms())

    def write(self, record: LogRecord | Callable[[], LogRecord]) -> RequestOutcome:
        """Makes a record durable and visible. A function is asked for the record when no other can come between.

        Raises:
            Unavailable: the disk failed, the collection is closed, or unflushed rows could not be flushed in time.
            InvalidInput: the caller's arrays changed during the call.
        """
        if callable(record):
            self._wait_for_space()
            return self._committer.commit_built(lambda: self._encoded(record())).result
        # First, so that the rows are those that were checked, however long it takes until they are written.
        encoded = self._encoded(record)
        self._wait_for_space()
        return self._committer.commit(encoded).result

    def _encoded(self, record: LogRecord) -> EncodedRecord:
        settings = self.components.settings
        return encode(record, borrow_bytes_min=settings.wal_view_bytes_min if settings.durability == "fsync" else None)

    def outcome_of(self, request_id: str, *, repeated_since_ms: int = 0) -> RequestOutcome | None:
        """What a request did that was written before; None when it was not.

        `repeated_since_ms` is when a request that is asked again was asked first: had it been written since, it is
        remembered or among those that were forgotten.

        Raises:
            Conflict: it is asked again, and what was written since it was asked first is partly forgotten.
        """
        known = self._requests.get(request_id) if request_id else None
        if known is None and repeated_since_ms and len(self._requests) >= _REMEMBERED_REQUESTS_MAX:
            oldest = self.recent_requests()[0]
            if physical_ms(oldest.timestamp) >= repeated_since_ms:
                raise Conflict(
                    "outcome_unknown",
                    f"whether this write was done before its answer was lost cannot be said: {len(self._requests)} "
                    "later ones came since; look for its rows, and write them again if they are not there",
                )
        return known

    def paused(self, action: Callable[[int], None]) -> None:
        """Runs `action` while no record is being written; it gets a timestamp between earlier and later records."""
        self._committer.paused(action)

    def change_manifest(
        self,
        changes: Sequence[Change],
        edit: Callable[[CollectionState], CollectionState] = lambda state: state,
    ) -> None:
        """Commits changes durably, then publishes them together with `edit` of the state as it is then."""
        with self._manifest_lock:
            self._check_not_dropped()
            version = self.manifest.version + 1
            self._manifest_log.commit(version, encode_changes(changes))
            self.publish(
                lambda state: edit(replace(state, manifest=apply(state.manifest, changes, version))),
            )
            self._write_checkpoint_if_due()
        self.report_change()

    def decide_and_change(
        self,
        decide: Callable[[Manifest], Sequence[Change]],
        edit: Callable[[CollectionState], CollectionState] = lambda state: state,
    ) -> None:
        """Commits what `decide` makes of the manifest; no other commit comes between. Nothing decided, nothing done.

        Raises:
            Unavailable: the disk failed, or the collection was dropped; whatever `decide` raises, before a commit.
        """
        with self._manifest_lock:
            self._check_not_dropped()
            changes = decide(self.manifest)
            if changes:
                self.change_manifest(changes, edit)

    def publish(self, edit: Callable[[CollectionState], CollectionState]) -> None:
        """Replaces the state by `edit` of it, which must be quick and do no I/O."""
        with self._publish_lock:
            self._state = edit(self._state)
        with self._space:
            self._space.notify_all()

    def report_change(self) -> None:
        """Says that there may be work in the background."""
        self._reported_row_count = self._state.growing_row_count
        self._on_change(self.collection_id)

    def sealed_unit(
        self,
        manifest: Manifest,
        entry: SegmentEntry,
        *,
        segment: SealedSegment | None = None,
        deletes: DeleteSet | None = None,
    ) -> SealedUnit:
        """A sealed segment ready to be searched; opened from its files unless given.

        Raises:
            DataCorrupt: its metadata or delete files are damaged.
        """
        store = self.components.store
        prefix = self.segment_prefix(entry.segment_id)
        if segment is None:
            segment = open_segment(store, prefix, entry.meta_crc32c, manifest.schema.fields)
        if deletes is None:
            deletes = read_deletes(store, prefix, entry.row_count, entry.deletes)
        indexes = SegmentIndexes(store, segment, built_indexes(manifest, entry), self._report_damage)
        persisted = sum(file.entry_count for file in entry.deletes)
        stats = _stats(manifest.schema, segment)
        return SealedUnit(entry, segment, deletes, persisted, indexes, indexes.predicates(), stats)

    def segment_prefix(self, segment_id: int) -> str:
        """The folder of a segment."""
        return f"{self.prefix}/segments/{segment_id}"

    def recent_requests(self) -> tuple[RequestOutcome, ...]:
        """Outcomes of the newest writes that came with a request id, oldest first."""
        return tuple(self._requests.values())

    def refuse_writes(self) -> None:
        """Refuses further writes, and those that wait for memory."""
        self._committer.close()
        with self._space:
            self._refusing = True
            self._space.notify_all()

    def note_drop(self) -> None:
        """Refuses further commits: work under way ends, and writes no manifest into a folder that is being removed."""
        with self._manifest_lock:
            self._is_dropped = True

    def _check_not_dropped(self) -> None:
        if self._is_dropped:
            raise Unavailable("closed", "the collection was dropped")

    @property
    def is_refusing(self) -> bool:
        """Whether writes are refused, and work in the background ends."""
        return self._refusing

    def close(self) -> None:
        """Refuses further writes and closes the log. Unflushed rows stay in the log."""
        self.refuse_writes()
        self._committer.paused(lambda _cut: self.log.close())

    def _load_manifest(self) -> Manifest:
        loaded = self._manifest_log.load()
        if loaded.version == 0:
            raise DataCorrupt("missing_file", f"{self.prefix}/manifest has no commits")
        self._checkpoint_version = loaded.checkpoint_version
        manifest = None if loaded.checkpoint is None else decode_manifest(loaded.checkpoint)
        for version, body in enumerate(loaded.commits, loaded.checkpoint_version + 1):
            manifest = apply(manifest, decode_changes(body), version)
        assert manifest is not None
        return manifest

    def _write_checkpoint_if_due(self) -> None:
        manifest = self.manifest
        if manifest.version - self._checkpoint_version < self.components.settings.checkpoint_commit_count:
            return
        try:
            self._manifest_log.write_checkpoint(manifest.version, encode_manifest(manifest))
            self._checkpoint_version = manifest.version
        except Unavailable as error:
            # The commits are durable; a checkpoint only makes the next opening faster.
            _logger.warning("a checkpoint of %s could not be written: %s", self.prefix, error)

    def _replay(self, logged: LoggedRecord) -> None:
        self._apply(logged)

    def _apply(self, logged: LoggedRecord) -> RequestOutcome:
        known = self._requests.get(logged.record.request_id) if logged.record.request_id else None
        if known is not None and known.timestamp < logged.timestamp:
            # The same request was asked twice at once, and the log has it twice. (That of this very record is known
            # when a flush that ran beside it remembered it; its rows are yet to be replayed.)
            return known
        was_empty = not self._state.growing
        with self._publish_lock:
            self._state, outcome = apply_record(self._state, logged)
        if was_empty:
            self._growing_since_ms = self.components.clock.now_ms()
        if was_empty or outcome.deleted_count or self._is_large() or self._has_grown():
            self.report_change()
        if outcome.request_id:
            self._requests[outcome.request_id] = outcome
            if len(self._requests) > _REMEMBERED_REQUESTS_MAX:
                del self._requests[next(iter(self._requests))]
        return outcome

    def _is_large(self) -> bool:
        """Whether the growing rows should be flushed."""
        state, settings = self._state, self.components.settings
        return state.growing_bytes >= settings.flush_bytes or state.growing_row_count >= settings.flush_rows

    def _has_grown(self) -> bool:
        """Whether so many growing rows came since the last report that some of them may be worth an interim index."""
        step = self.components.settings.growing_index_rows_min * _UNNOTICED_SHARE
        return self._state.growing_row_count - self._reported_row_count >= step

    def _wait_for_space(self) -> None:
        """Holds writers back while unflushed rows fill the memory they may have."""
        limit = max(1, self.components.settings.unflushed_bytes_max)
        if self._state.unflushed_bytes < limit:
            return
        if not self.components.settings.background_maintenance:
            self._make_space(self)
            return
        self._on_change(self.collection_id)
        with self._space:
            if not self._space.wait_for(
                lambda: self._refusing or self._state.unflushed_bytes < limit, timeout=_SPACE_WAIT_S
            ):
                raise Unavailable(
                    "busy",
                    f"{self._state.unflushed_bytes} bytes of rows wait to be flushed (setting unflushed_bytes_max is "
                    f"{limit}); the disk is too slow or full",
                )

    def _report_damage(self, segment_id: int, index_id: int) -> None:
        """Notes a damaged index for the maintenance, which builds it again."""
        self.damaged_indexes.add((segment_id, index_id))
        self._on_change(self.collection_id)


def _stats(schema: Schema, segment: SealedSegment) -> SegmentStats:
    """The bounds that the segment's metadata gives, by field name. A field it does not know may hold anything."""
    fields = {}
    for field in schema.fields:
        known = segment.meta.stats.get(str(field.field_id))
        if known is not None:
            fields[field.name] = FieldStats(known.null_count, known.minimum, known.maximum)
    return SegmentStats(segment.row_count, fields)
