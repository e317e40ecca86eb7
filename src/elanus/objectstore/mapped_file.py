"""The file behind mapped memory, so that parts of it can be read without becoming part of the process's memory.

Linux tells in `/proc/self/maps` what is mapped where. Elsewhere, and for memory that no file is behind, there is none,
and whoever asks reads the memory instead.
"""

import mmap
import os
import weakref
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["MappedFile", "file_behind", "release_pages"]

_MAPS: Final = Path("/proc/self/maps")


class MappedFile:
    """A file, open for reading until the last reference to this is gone, and where in it the memory begins."""

    def __init__(self, descriptor: int, offset: int) -> None:
        self._part: Final = (descriptor, offset)
        weakref.finalize(self, os.close, descriptor)

    @property
    def part(self) -> tuple[int, int]:
        """The descriptor and the offset in bytes."""
        return self._part


@dataclass(frozen=True, slots=True)
class _Mapping:
    start: int
    end: int
    offset: int
    device: int
    inode: int
    path: str


def file_behind(array: npt.NDArray[Any]) -> MappedFile | None:
    """The file that all elements of a C-contiguous `array` are mapped from; None if there is none or it was deleted."""
    start = array.ctypes.data
    end = start + array.nbytes
    reached = start
    found: _Mapping | None = None
    with suppress(OSError):
        for mapping in _mappings():
            if mapping.start <= reached < mapping.end:
                if found is not None and not _continues(found, mapping):
                    return None
                found = found or mapping
                reached = mapping.end
            if reached >= end:
                break
    if found is None or reached < end or array.nbytes == 0:
        return None
    return _opened(found, found.offset + start - found.start)


def release_pages(data: memoryview | Any) -> None:
    """Lets go of the pages of a mapped file that reading has brought in; they are read again when they are needed.

    Nothing happens for other memory.
    """
    mapped = getattr(data, "obj", None)
    # Memory without a file would lose its contents.
    if isinstance(mapped, mmap.mmap) and data.readonly and file_behind(np.frombuffer(data, np.uint8)) is not None:
        mapped.madvise(mmap.MADV_DONTNEED)


def _continues(first: _Mapping, mapping: _Mapping) -> bool:
    is_same = (first.device, first.inode) == (mapping.device, mapping.inode)
    return is_same and mapping.offset - first.offset == mapping.start - first.start


def _mappings() -> Iterator[_Mapping]:
    with _MAPS.open(encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            span, _, offset, device, inode, *path = line.rstrip("\n").split(maxsplit=5)
            start, end = (int(number, 16) for number in span.split("-"))
            major, minor = (int(number, 16) for number in device.split(":"))
            yield _Mapping(start, end, int(offset, 16), os.makedev(major, minor), int(inode), path[0] if path else "")


def _opened(mapping: _Mapping, offset: int) -> MappedFile | None:
    """None unless the path still names the file that is mapped."""
    if mapping.inode == 0 or not mapping.path.startswith("/"):
        return None
    try:
        descriptor = os.open(mapping.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    file = MappedFile(descriptor, offset)
    status = os.fstat(descriptor)
    return file if (status.st_dev, status.st_ino) == (mapping.device, mapping.inode) else None
