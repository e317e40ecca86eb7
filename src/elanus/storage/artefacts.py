"""Index artefacts on disk: named files that storage does not look into, with a checksum each."""

from collections.abc import Iterable, Mapping
from typing import Any

from elanus.errors import AlreadyExists, DataCorrupt, NotFound
from elanus.kernels.checksum import crc32c
from elanus.objectstore.store import ObjectStore
from elanus.storage.manifest import ArtefactFile

__all__ = ["map_artefacts", "write_artefacts"]


def write_artefacts(store: ObjectStore, prefix: str, artefacts: Mapping[str, Any]) -> tuple[ArtefactFile, ...]:
    """Stores every artefact durably below `prefix`; leftovers of an interrupted build of the same name are replaced."""
    files = []
    for name, content in artefacts.items():
        view = memoryview(content)
        data = view.cast("B") if view.nbytes else memoryview(b"")
        key = f"{prefix}/{name}"
        try:
            store.put(key, [data])
        except AlreadyExists:
            store.delete(key)
            store.put(key, [data])
        files.append(ArtefactFile(name, data.nbytes, crc32c(data)))
    return tuple(files)


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
