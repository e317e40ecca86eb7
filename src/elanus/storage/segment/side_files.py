"""The files beside a segment's columns, mapped at first use.

Knows nothing of the segment, so that what keeps these files does not keep the segment: its folder is removed when the
last reader lets go of it.
"""

import threading
from collections.abc import Iterable
from typing import Final

from elanus.errors import DataCorrupt, NotFound
from elanus.objectstore.store import ObjectStore
from elanus.storage.segment.meta import FileChecksums, SideFile
from elanus.storage.segment.verified import VerifiedFile

__all__ = ["SideFiles", "map_verified"]


class SideFiles:
    """Files of one segment by name."""

    def __init__(self, store: ObjectStore, prefix: str, files: Iterable[SideFile]) -> None:
        self._store: Final = store
        self._prefix: Final = prefix
        self._checksums: Final = {file.name: file.checksums for file in files}
        self._lock: Final = threading.Lock()
        self._opened: dict[str, VerifiedFile] = {}

    def names(self) -> list[str]:
        """In the order they were given."""
        return list(self._checksums)

    def open(self, name: str) -> VerifiedFile:
        """A file, whose blocks are checked by whoever reads them.

        Raises:
            DataCorrupt: it is missing, or has another size.
        """
        found = self._opened.get(name)
        if found is None:
            made = map_verified(self._store, f"{self._prefix}/{name}", self._checksums[name])
            with self._lock:
                found = self._opened.setdefault(name, made)
        return found


def map_verified(store: ObjectStore, key: str, checksums: FileChecksums) -> VerifiedFile:
    """A file mapped, with nothing of it checked yet but its size.

    Raises:
        DataCorrupt: it is missing, or has another size.
    """
    try:
        return VerifiedFile(key, store.map(key), checksums)
    except NotFound as error:
        raise DataCorrupt("missing_file", f"{key} is missing") from error
