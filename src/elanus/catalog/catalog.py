"""The catalog on disk: every change is a durable commit before it is visible."""

import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from elanus.catalog.changes import (
    CatalogChange,
    decode_changes,
    decode_snapshot,
    encode_changes,
    encode_snapshot,
)
from elanus.catalog.state import CatalogState
from elanus.errors import Unavailable
from elanus.objectstore.store import ObjectStore
from elanus.objectstore.versioned import VersionedLog
from elanus.runtime.log import get_logger

__all__ = ["Catalog"]

_Result = TypeVar("_Result")

_logger: Final = get_logger("catalog")
_PREFIX: Final = "catalog"
# A checkpoint costs as much as the catalog is large, so large catalogs write one less often.
_ENTRIES_PER_COMMIT: Final = 16


class Catalog:
    """The one place that knows names. Thread-safe; changes are serialised and atomic."""

    def __init__(self, store: ObjectStore, *, checkpoint_commit_count: int) -> None:
        self._log: Final = VersionedLog(store, _PREFIX)
        self._checkpoint_commit_count: Final = checkpoint_commit_count
        self._lock: Final = threading.RLock()
        loaded = self._log.load()
        state = CatalogState()
        if loaded.checkpoint is not None:
            state = CatalogState.from_snapshot(decode_snapshot(loaded.checkpoint))
        for body in loaded.commits:
            state.apply(decode_changes(body))
        self._state: Final = state
        self._version = loaded.version
        self._checkpoint_version = loaded.checkpoint_version

    def read(self, question: Callable[[CatalogState], _Result]) -> _Result:
        """What `question` makes of the present state; it must not keep the state."""
        with self._lock:
            return question(self._state)

    def change(self, decide: Callable[[CatalogState], Sequence[CatalogChange]]) -> None:
        """Commits what `decide` returns for the present state, or nothing if it raises.

        No other change comes between deciding and committing.
        """
        with self._lock:
            changes = decide(self._state)
            if not changes:
                return
            version = self._version + 1
            self._log.commit(version, encode_changes(changes))
            self._version = version
            self._state.apply(changes)
            self._write_checkpoint_if_due()

    def _write_checkpoint_if_due(self) -> None:
        due = max(self._checkpoint_commit_count, self._state.entry_count // _ENTRIES_PER_COMMIT)
        if self._version - self._checkpoint_version < due:
            return
        try:
            self._log.write_checkpoint(self._version, encode_snapshot(self._state.snapshot()))
            self._checkpoint_version = self._version
        except Unavailable as error:
            # The commit itself is durable; a checkpoint only makes the next opening faster.
            _logger.warning("the catalog checkpoint could not be written: %s", error)
