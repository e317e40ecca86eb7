"""Reads every file of a database and holds it against its checksum."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from elanus.app.shared import SharedService
from elanus.engine.collection import Collection
from elanus.engine.segment_indexes import artefact_prefix, built_indexes
from elanus.errors import DataCorrupt, Unavailable
from elanus.settings import Settings
from elanus.storage.artefacts import map_artefacts
from elanus.storage.deletefile import read_deletes

__all__ = ["Verification", "verify"]


@dataclass(frozen=True, slots=True)
class Verification:
    """What was read, and the damage found, a line each."""

    file_count: int
    size_bytes: int
    problems: tuple[str, ...]


def verify(root: Path, settings: Settings) -> Verification:
    """Checks all segments, delete files and index artefacts of every collection.

    Raises:
        Unavailable: another process owns the folder.
        DataCorrupt: the catalog is damaged, so that nothing further can be read.
    """
    # Nothing is flushed, merged or built meanwhile: what is checked is what was there.
    service = SharedService(root, settings.with_changes(background_maintenance=False))
    local = service.local
    try:
        if local is None:
            raise Unavailable("busy", f"{root} is open in another process; close it there first")
        engine = local.engine
        file_count = size_bytes = 0
        problems: list[str] = []
        for collection_id in engine.catalog.read(lambda state: list(state.collections)):
            try:
                collection = engine.open_collection(collection_id)
            except DataCorrupt as error:
                # Its manifest, log or deletes: the collection cannot be opened, others can be looked at.
                problems.append(error.message)
                continue
            for check in _checks(collection):
                file_count += check.file_count
                size_bytes += check.size_bytes
                try:
                    check.read()
                except DataCorrupt as error:
                    problems.append(error.message)
        return Verification(file_count, size_bytes, tuple(problems))
    finally:
        service.close()


@dataclass(frozen=True, slots=True)
class _Check:
    file_count: int
    size_bytes: int
    read: Callable[[], object]


def _checks(collection: Collection) -> Iterator[_Check]:
    store = collection.components.store
    for unit in collection.state.sealed:
        entry, segment = unit.entry, unit.segment
        yield _Check(len(segment.meta.files), segment.meta.size_bytes(), segment.verify)
        yield _Check(
            len(entry.deletes),
            0,
            lambda entry=entry, segment=segment: read_deletes(store, segment.prefix, entry.row_count, entry.deletes),  # type: ignore[misc]
        )
        for built in built_indexes(collection.manifest, entry).values():
            folder = artefact_prefix(segment.prefix, built.field, built.files.index_id)
            files = built.files.artefacts
            yield _Check(
                len(files),
                sum(file.size_bytes for file in files),
                lambda folder=folder, files=files: map_artefacts(store, folder, files),  # type: ignore[misc]
            )
