"""Objects as files, with the syncs that make them survive a power cut.

A file gets its name by a hard link only after its bytes are synced; the folder is synced before the call returns. So a
name never shows torn bytes, and put-if-absent is the file system's own (a link to a taken name fails).
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from elanus.errors import AlreadyExists, NotFound, Unavailable
from elanus.objectstore.disk import Disk, DiskEntry
from elanus.objectstore.store import ObjectInfo
from elanus.runtime.ids import random_token

__all__ = ["LocalStore"]

_TEMPORARY_PREFIX: Final = ".tmp-"
_GROUP_BYTES: Final = 8 << 20


class LocalStore:
    """An `ObjectStore` on a disk."""

    def __init__(self, disk: Disk) -> None:
        self._disk: Final = disk
        self._lock: Final = threading.Lock()
        self._known_folders: set[str] = set()

    def put(self, key: str, parts: Iterable[bytes | memoryview]) -> None:
        folder, _, name = key.rpartition("/")
        temporary = _join(folder, f"{_TEMPORARY_PREFIX}{name}-{random_token(4)}")
        is_linked = False
        try:
            self._ensure_folder(folder)
            self._write_file(temporary, parts)
            self._disk.link(temporary, key)
            is_linked = True
            self._discard(temporary)
            self._disk.sync_folder(folder)
        except FileExistsError:
            self._discard(temporary)
            raise AlreadyExists("object_exists", f"{key} exists already") from None
        except OSError as error:
            # What was refused must not be found later: the next commit of the same number would take it for another's.
            self._discard(key if is_linked else temporary)
            raise Unavailable("storage_failed", f"writing {key} failed: {error}") from error
        except BaseException:
            # The parts are made while they are written, and whoever makes them may give up.
            self._discard(key if is_linked else temporary)
            raise

    def get(self, key: str) -> bytes:
        try:
            return self._disk.read(key)
        except FileNotFoundError:
            raise NotFound("object_not_found", f"{key} does not exist") from None
        except OSError as error:
            raise Unavailable("storage_failed", f"reading {key} failed: {error}") from error

    def map(self, key: str) -> memoryview:
        try:
            return self._disk.map(key)
        except FileNotFoundError:
            raise NotFound("object_not_found", f"{key} does not exist") from None
        except OSError as error:
            raise Unavailable("storage_failed", f"mapping {key} failed: {error}") from error

    def list_objects(self, prefix: str) -> list[ObjectInfo]:
        return [
            ObjectInfo(_join(prefix, entry.name), entry.size_bytes)
            for entry in self._list(prefix)
            if not entry.is_folder and not entry.name.startswith(_TEMPORARY_PREFIX)
        ]

    def list_folders(self, prefix: str) -> list[str]:
        return [entry.name for entry in self._list(prefix) if entry.is_folder]

    def delete(self, key: str) -> None:
        try:
            self._disk.unlink(key)
        except FileNotFoundError:
            return
        except OSError as error:
            raise Unavailable("storage_failed", f"deleting {key} failed: {error}") from error

    def delete_folder(self, prefix: str) -> None:
        with self._lock:
            self._known_folders = {
                folder for folder in self._known_folders if folder != prefix and not folder.startswith(f"{prefix}/")
            }
        try:
            self._disk.remove_folder(prefix)
        except OSError as error:
            raise Unavailable("storage_failed", f"deleting {prefix} failed: {error}") from error

    def delete_leftovers(self, prefix: str) -> None:
        """Removes the temporary files that a crash left directly below a folder."""
        for entry in self._list(prefix):
            if entry.name.startswith(_TEMPORARY_PREFIX):
                self.delete(_join(prefix, entry.name))

    def _list(self, prefix: str) -> list[DiskEntry]:
        try:
            return self._disk.list_folder(prefix)
        except OSError as error:
            raise Unavailable("storage_failed", f"listing {prefix} failed: {error}") from error

    def _write_file(self, path: str, parts: Iterable[bytes | memoryview]) -> None:
        file = self._disk.create(path)
        try:
            for group in _groups(parts):
                file.write(group)
            file.sync()
        finally:
            file.close()

    def _discard(self, path: str) -> None:
        with suppress(OSError):
            self._disk.unlink(path)

    def _ensure_folder(self, folder: str) -> None:
        """Makes a folder durable, and every folder on the way to it."""
        with self._lock:
            if folder in self._known_folders:
                return
        path = ""
        self._disk.make_folder(folder)
        for name in folder.split("/"):
            self._disk.sync_folder(path)
            path = _join(path, name)
        with self._lock:
            self._known_folders.add(folder)


def _groups(parts: Iterable[bytes | memoryview]) -> Iterator[list[memoryview]]:
    """The parts in groups that are worth a call and are never much memory, however many parts there are."""
    group: list[memoryview] = []
    size_bytes = 0
    for part in parts:
        group.append(memoryview(part))
        size_bytes += group[-1].nbytes
        if size_bytes >= _GROUP_BYTES:
            yield group
            group, size_bytes = [], 0
    yield group


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
