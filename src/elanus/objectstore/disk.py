"""The few file operations that durability is made of, and the local disk that does them.

What each promises is what POSIX promises: written bytes are durable after `sync`, a new name after the sync of its
folder. A simulated disk in the tests keeps exactly these promises and no others.
"""

import errno
import mmap
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from elanus.objectstore.mapped_region import map_region

__all__ = ["Disk", "DiskEntry", "DiskFile", "LocalDisk"]

_WRITE_PARTS_MAX: Final = 512


@dataclass(frozen=True, slots=True)
class DiskEntry:
    """One name in a folder."""

    name: str
    size_bytes: int
    is_folder: bool


class DiskFile(Protocol):
    """A file open for appending."""

    def write(self, parts: list[memoryview]) -> None:
        """Appends all parts in order. After an OSError an unknown prefix of them may be there."""
        ...

    def sync(self) -> None:
        """Makes everything written durable (data and length)."""
        ...

    def truncate(self, size_bytes: int) -> None:
        """Cuts the file; later writes append there."""
        ...

    def map(self, start: int, size_bytes: int) -> memoryview:
        """Bytes that were written, read-only, as the file has them: a view, which reads nothing yet.

        It stays valid when the file is closed or unlinked, and must be gone before the file is cut below its end.
        """
        ...

    def close(self) -> None: ...


class Disk(Protocol):
    """A tree of folders and files. Paths are relative, with `/`; errors are OSErrors."""

    def create(self, path: str) -> DiskFile:
        """A new empty file. Raises FileExistsError."""
        ...

    def open_append(self, path: str) -> DiskFile:
        """An existing file, to append to."""
        ...

    def link(self, source: str, target: str) -> None:
        """A second name for a file, at once or not at all. Raises FileExistsError."""
        ...

    def unlink(self, path: str) -> None: ...

    def make_folder(self, path: str) -> None:
        """A folder and those above it; no error if it is there."""
        ...

    def sync_folder(self, path: str) -> None:
        """Makes the names in a folder durable."""
        ...

    def remove_folder(self, path: str) -> None:
        """A folder and all in it; no error if it is not there."""
        ...

    def list_folder(self, path: str) -> list[DiskEntry]:
        """What is in a folder, by name; nothing if the folder is not there."""
        ...

    def read(self, path: str) -> bytes: ...

    def map(self, path: str) -> memoryview:
        """The bytes of a file, read-only, without reading them. Stays valid after the file is unlinked."""
        ...


class _LocalFile:
    def __init__(self, descriptor: int) -> None:
        self._descriptor: Final = descriptor

    def write(self, parts: list[memoryview]) -> None:
        pending = [part.cast("B") for part in parts if part.nbytes]
        while pending:
            written = os.writev(self._descriptor, pending[:_WRITE_PARTS_MAX])
            if written == 0:
                raise OSError(errno.EIO, "write made no progress")
            while pending and written >= pending[0].nbytes:
                written -= pending.pop(0).nbytes
            if written:
                pending[0] = pending[0][written:]

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def truncate(self, size_bytes: int) -> None:
        os.ftruncate(self._descriptor, size_bytes)

    def map(self, start: int, size_bytes: int) -> memoryview:
        return map_region(self._descriptor, start, size_bytes)

    def close(self) -> None:
        os.close(self._descriptor)


def _disk_entry(entry: "os.DirEntry[str]") -> DiskEntry | None:
    """None when the file was removed since its name was read."""
    if entry.is_dir():
        return DiskEntry(entry.name, 0, is_folder=True)
    try:
        return DiskEntry(entry.name, entry.stat().st_size, is_folder=False)
    except FileNotFoundError:
        return None


class LocalDisk:
    """The machine's file system below `root`."""

    def __init__(self, root: Path) -> None:
        self.root: Final = root

    def create(self, path: str) -> DiskFile:
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
        return _LocalFile(os.open(self.root / path, flags, 0o644))

    def open_append(self, path: str) -> DiskFile:
        return _LocalFile(os.open(self.root / path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC))

    def link(self, source: str, target: str) -> None:
        (self.root / target).hardlink_to(self.root / source)

    def unlink(self, path: str) -> None:
        (self.root / path).unlink()

    def make_folder(self, path: str) -> None:
        (self.root / path).mkdir(parents=True, exist_ok=True)

    def sync_folder(self, path: str) -> None:
        descriptor = os.open(self.root / path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove_folder(self, path: str) -> None:
        try:
            shutil.rmtree(self.root / path)
        except FileNotFoundError:
            return

    def list_folder(self, path: str) -> list[DiskEntry]:
        try:
            with os.scandir(self.root / path) as entries:
                found = [known for entry in entries if (known := _disk_entry(entry)) is not None]
        except FileNotFoundError:
            return []
        return sorted(found, key=lambda entry: entry.name)

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def map(self, path: str) -> memoryview:
        with (self.root / path).open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                return memoryview(b"")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
