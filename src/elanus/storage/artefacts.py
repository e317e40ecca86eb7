"""Index artefacts on disk: named files that storage does not look into, with a checksum each."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from elanus.errors import DataCorrupt, NotFound
from elanus.kernels.checksum import crc32c
from elanus.objectstore.store import ObjectStore
from elanus.storage.manifest import ArtefactFile

__all__ = ["ArtefactWriter", "map_artefacts"]


class ArtefactWriter:
    """Stores artefacts durably below `prefix`; leftovers of an interrupted build of the same name are replaced."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store: Final = store
        self._prefix: Final = prefix
        self._files: list[ArtefactFile] = []

    @property
    def files(self) -> tuple[ArtefactFile, ...]:
        """Those that were written, in order."""
        return tuple(self._files)

    def write(self, name: str, parts: Iterable[Any]) -> None:
        """Stores one artefact, made of `parts` in order, which may be made while they are written."""
        key = f"{self._prefix}/{name}"
        checked = _Checked(parts)
        self._store.delete(key)
        self._store.put(key, checked)
        self._files.append(ArtefactFile(name, checked.size_bytes, checked.checksum))


class _Checked:
    """Parts as they pass by, with the size and the checksum of all so far."""

    def __init__(self, parts: Iterable[Any]) -> None:
        self._parts: Final = parts
        self.size_bytes = 0
        self.checksum = 0

    def __iter__(self) -> Iterator[memoryview]:
        for part in self._parts:
            view = memoryview(part)
            if view.nbytes == 0:
                continue
            data = view.cast("B")
            self.size_bytes += data.nbytes
            self.checksum = crc32c(data, self.checksum)
            yield data


def map_artefacts(store: ObjectStore, prefix: str, files: Iterable[ArtefactFile]) -> dict[str, memoryview]:
    """The artefacts mapped, after reading each once to check it.

    Raises:
        DataCorrupt: one is missing or damaged.
    """
    mapped = {}
    for file in files:
        key = f"{prefix}/{file.name}"
        try:
            data = store.map(key)
        except NotFound as error:
            raise DataCorrupt("missing_file", f"{key} is missing") from error
        if data.nbytes != file.size_bytes or crc32c(data) != file.crc32c:
            raise DataCorrupt("checksum_mismatch", f"{key} is damaged: size or checksum is not the manifest's")
        mapped[file.name] = data
    return mapped
