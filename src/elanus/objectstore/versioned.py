"""A state kept as numbered commits: the one mechanism behind catalog and manifests.

Commit n is the object `<prefix>/<n>.json`, put only if absent; that it exists is what makes it true, and of two writers
one wins. Every so often the whole state is written beside them as `<n>.checkpoint.json`, after which commits up to n
are removed. There is no pointer to the newest: it is found by listing. Both kinds are two lines of JSON, a header with
the checksum of the second line, and the body.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from elanus.errors import AlreadyExists, Conflict, DataCorrupt
from elanus.kernels.checksum import crc32c
from elanus.objectstore.store import ObjectStore

__all__ = ["VersionedLog", "VersionedState"]

_FORMAT: Final = 1
_KEY: Final = re.compile(r"(\d{20})\.(json|checkpoint\.json)\Z")


@dataclass(frozen=True, slots=True)
class _Header:
    kind: str
    format: int
    version: int
    crc32c: int


@dataclass(frozen=True, slots=True)
class VersionedState:
    """What a log holds: the newest checkpoint and the commits after it.

    Attributes:
        version: of the last commit; 0 when there is none.
        checkpoint: body of the newest checkpoint, or None.
        checkpoint_version: the commits up to this one (inclusive) are in the checkpoint; 0 when there is none.
        commits: bodies of the commits after it, oldest first.
    """

    version: int
    checkpoint: bytes | None
    checkpoint_version: int
    commits: Sequence[bytes]


class VersionedLog:
    """The commits under one prefix. The caller folds bodies into a state; here they are bytes."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store: Final = store
        self._prefix: Final = prefix

    def load(self) -> VersionedState:
        """Everything needed to rebuild the state.

        Raises:
            DataCorrupt: a commit or checkpoint is damaged or missing, or of a newer format.
        """
        commits: set[int] = set()
        checkpoints: set[int] = set()
        for info in self._store.list_objects(self._prefix):
            match = _KEY.search(info.key)
            if match:
                (commits if match[2] == "json" else checkpoints).add(int(match[1]))
        base = max(checkpoints, default=0)
        checkpoint = self._read(_checkpoint_name(base), "checkpoint", base) if base else None
        newest = max([base, *commits])
        wanted = range(base + 1, newest + 1)
        missing = [version for version in wanted if version not in commits]
        if missing:
            raise DataCorrupt("missing_file", f"{self._prefix}/{_commit_name(missing[0])} is missing")
        bodies = [self._read(_commit_name(version), "commit", version) for version in wanted]
        return VersionedState(newest, checkpoint, base, bodies)

    def commit(self, version: int, body: bytes) -> None:
        """Makes `body` the commit `version`, which must be one after the last the caller saw.

        Raises:
            Conflict: somebody else made that commit; load again and decide anew.
        """
        try:
            self._put(_commit_name(version), "commit", version, body)
        except AlreadyExists:
            raise Conflict(
                "operation_not_allowed", f"{self._prefix} has a commit {version} already, made by another writer"
            ) from None

    def write_checkpoint(self, version: int, body: bytes) -> None:
        """Stores the state as of commit `version` (inclusive) and removes what it replaces."""
        try:
            self._put(_checkpoint_name(version), "checkpoint", version, body)
        except AlreadyExists:
            return
        for info in self._store.list_objects(self._prefix):
            match = _KEY.search(info.key)
            if match and int(match[1]) <= version and not info.key.endswith(_checkpoint_name(version)):
                self._store.delete(info.key)

    def _put(self, name: str, kind: str, version: int, body: bytes) -> None:
        header = msgspec.json.encode(_Header(kind, _FORMAT, version, crc32c(body)))
        self._store.put(f"{self._prefix}/{name}", [header + b"\n" + body + b"\n"])

    def _read(self, name: str, kind: str, version: int) -> bytes:
        key = f"{self._prefix}/{name}"
        head, _, body = self._store.get(key).partition(b"\n")
        try:
            header = msgspec.json.decode(head, type=_Header)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DataCorrupt("malformed_file", f"{key} does not start with a {kind} header: {error}") from error
        if header.format > _FORMAT:
            raise DataCorrupt(
                "newer_format", f"{key} has format {header.format}, this version reads up to {_FORMAT}; upgrade elanus"
            )
        body = body.removesuffix(b"\n")
        if (header.kind, header.version) != (kind, version) or header.crc32c != crc32c(body):
            raise DataCorrupt("checksum_mismatch", f"{key} is damaged: its checksum does not match its content")
        return body


def _commit_name(version: int) -> str:
    return f"{version:020d}.json"


def _checkpoint_name(version: int) -> str:
    return f"{version:020d}.checkpoint.json"
