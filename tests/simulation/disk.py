"""A disk that keeps only what POSIX promises, and loses its power, or fails, at a chosen operation.

What was written but not synced survives a power cut only by luck: each 512-byte sector of it on its own. A new or
removed name survives only by luck until its folder is synced, each name on its own. A file's length after the cut lies
between the synced and the written one.
"""

import errno
import gc
import random
import weakref
from collections.abc import Container
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

SECTOR_BYTES = 512


class PowerLoss(BaseException):
    """The machine is off. No code under test may catch this."""


@dataclass
class _Inode:
    """A file: what is there now, and what is certain to be there after a power cut."""

    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    views: list[tuple["weakref.ref[npt.NDArray[np.uint8]]", int]] = field(default_factory=list)

    def check_cut(self, size_bytes: int) -> None:
        """Fails when someone still has a view of what is cut off: reading it would kill a real process."""
        if any(array() is not None and stop > size_bytes for array, stop in self.views):
            gc.collect()
        self.views = [(array, stop) for array, stop in self.views if array() is not None]
        assert all(stop <= size_bytes for _, stop in self.views), "a file was cut below a view of it"


@dataclass
class _Folder:
    """Names in a folder: now, and as of its last sync."""

    names: dict[str, _Inode] = field(default_factory=dict)
    synced_names: dict[str, _Inode] = field(default_factory=dict)
    folder_is_durable: bool = False


class SimulatedFile:
    def __init__(self, disk: "SimulatedDisk", inode: _Inode, path: str) -> None:
        self._disk = disk
        self._inode = inode
        self._path = path

    def write(self, parts: list[memoryview]) -> None:
        data = b"".join(bytes(part) for part in parts)
        kept = self._disk.step(f"write {len(data)} bytes to {self._path}", data_bytes=len(data))
        self._inode.data += data[:kept]
        self._disk.finish_step()

    def sync(self) -> None:
        self._disk.step(f"sync {self._path}")
        self._disk.finish_step()
        self._inode.synced = bytes(self._inode.data)

    def truncate(self, size_bytes: int) -> None:
        self._inode.check_cut(size_bytes)
        self._disk.step(f"truncate {self._path}")
        self._disk.finish_step()
        del self._inode.data[size_bytes:]

    def map(self, start: int, size_bytes: int) -> memoryview:
        stop = start + size_bytes
        assert stop <= len(self._inode.data), "a view past the end of a file"
        self._disk.fail_mapping()
        array = np.frombuffer(bytes(self._inode.data[start:stop]), np.uint8)
        self._inode.views.append((weakref.ref(array), stop))
        return memoryview(array)

    def close(self) -> None:
        return


class SimulatedDisk:
    """An in-memory `Disk`. `steps` lists every operation that changes something, in order."""

    def __init__(self) -> None:
        self._folders: dict[str, _Folder] = {"": _Folder(folder_is_durable=True)}
        # Removed folders may come back, in part, until the names above them are synced; here they always may.
        self._removed: dict[str, _Folder] = {}
        self.steps: list[str] = []
        self.power_loss_at: int | None = None
        self.failure_at: int | None = None
        self.failures_last: int = 1
        self.failing_mappings: Container[int] = ()
        self._mapping_count = 0
        self._off = False
        self._fail_after_write = False
        self._lose_after_write = False

    def step(self, what: str, *, data_bytes: int = 0) -> int:
        """Counts an operation; returns how many of its bytes reach the file before the power goes or the disk fails."""
        if self._off:
            raise PowerLoss(what)
        number = len(self.steps)
        self.steps.append(what)
        if self.power_loss_at is not None and number >= self.power_loss_at:
            self._lose_after_write = True
            return data_bytes // 2 if number % 2 else data_bytes
        if self.failure_at is not None and self.failure_at <= number < self.failure_at + self.failures_last:
            self._fail_after_write = True
            return data_bytes // 3
        return data_bytes

    def finish_step(self) -> None:
        """Ends an operation: by a power cut, an error, or well."""
        if self._lose_after_write:
            self._off = True
            raise PowerLoss(self.steps[-1])
        if self._fail_after_write:
            self._fail_after_write = False
            raise OSError(errno.ENOSPC if len(self.steps) % 2 else errno.EIO, f"simulated failure of {self.steps[-1]}")

    def fail_mapping(self) -> None:
        """Counts a mapping of written bytes, and fails if `failing_mappings` has its number."""
        self._mapping_count += 1
        if self._mapping_count - 1 in self.failing_mappings:
            raise OSError(errno.ENOMEM, "simulated failure of a mapping")

    def _change(self, what: str) -> None:
        self.step(what)
        self.finish_step()

    def create(self, path: str) -> SimulatedFile:
        folder, name = self._parent(path)
        self._change(f"create {path}")
        if name in folder.names:
            raise FileExistsError(path)
        inode = folder.names[name] = _Inode()
        return SimulatedFile(self, inode, path)

    def open_append(self, path: str) -> SimulatedFile:
        return SimulatedFile(self, self._inode(path), path)

    def link(self, source: str, target: str) -> None:
        inode = self._inode(source)
        folder, name = self._parent(target)
        self._change(f"link {target}")
        if name in folder.names:
            raise FileExistsError(target)
        folder.names[name] = inode

    def unlink(self, path: str) -> None:
        folder, name = self._parent(path)
        self._change(f"unlink {path}")
        if name not in folder.names:
            raise FileNotFoundError(path)
        del folder.names[name]

    def make_folder(self, path: str) -> None:
        self._change(f"make folder {path}")
        so_far = ""
        for part in path.split("/"):
            so_far = f"{so_far}/{part}" if so_far else part
            self._folders.setdefault(so_far, _Folder())

    def sync_folder(self, path: str) -> None:
        folder = self._folder(path)
        self._change(f"sync folder {path}")
        folder.synced_names = dict(folder.names)
        prefix = f"{path}/" if path else ""
        # Over a copy, because other threads may make folders meanwhile.
        for name, child in list(self._folders.items()):
            if name.startswith(prefix) and "/" not in name[len(prefix) :] and name != path:
                child.folder_is_durable = True

    def remove_folder(self, path: str) -> None:
        """Never raises: it runs in finalizers, where nothing could catch; the next operation meets the power cut."""
        if path not in self._folders or self._off:
            return
        self.step(f"remove folder {path}")
        self._fail_after_write = False
        if self._lose_after_write:
            self._off = True
            return
        for name in [name for name in self._folders if name == path or name.startswith(f"{path}/")]:
            self._removed[name] = self._folders.pop(name)

    def list_folder(self, path: str) -> list["_Entry"]:
        self._check_power()
        if path not in self._folders:
            return []
        prefix = f"{path}/" if path else ""
        found = [_Entry(name, len(inode.data), False) for name, inode in self._folders[path].names.items()]
        for name in self._folders:
            if name.startswith(prefix) and name != path and "/" not in name[len(prefix) :]:
                found.append(_Entry(name[len(prefix) :], 0, True))
        return sorted(found, key=lambda entry: entry.name)

    def read(self, path: str) -> bytes:
        return bytes(self._inode(path).data)

    def map(self, path: str) -> memoryview:
        return memoryview(bytes(self._inode(path).data))

    def after_power_loss(self, seed: int) -> "SimulatedDisk":
        """The disk as it is found when the power is back."""
        luck = random.Random(seed)
        disk = SimulatedDisk()
        disk._folders = {}
        survivors: dict[int, _Inode] = {}
        removed = {path: folder for path, folder in self._removed.items() if luck.random() < 0.3}
        for path in sorted({*self._folders, *removed}):
            parent = path.rpartition("/")[0]
            folder = self._folders.get(path) or removed[path]
            if path and (parent not in disk._folders or not (folder.folder_is_durable or luck.random() < 0.5)):
                continue
            names: dict[str, _Inode] = {}
            for name in sorted({*folder.names, *folder.synced_names}):
                now, certain = folder.names.get(name), folder.synced_names.get(name)
                inode = now if now is certain or luck.random() < 0.5 else certain
                if inode is not None:
                    names[name] = survivors.setdefault(id(inode), _survivor(inode, luck))
            disk._folders[path] = _Folder(names, dict(names), folder_is_durable=True)
        return disk

    def corrupted(self, path: str, edit: "callable[[bytes], bytes]") -> None:  # type: ignore[valid-type]
        """Changes a file behind everybody's back."""
        inode = self._inode(path)
        inode.data = bytearray(edit(bytes(inode.data)))
        inode.synced = bytes(inode.data)

    def paths(self) -> list[str]:
        """Every file."""
        return sorted(
            f"{folder}/{name}" if folder else name for folder, entry in self._folders.items() for name in entry.names
        )

    def _check_power(self) -> None:
        if self._off:
            raise PowerLoss("off")

    def _folder(self, path: str) -> _Folder:
        self._check_power()
        if path not in self._folders:
            raise FileNotFoundError(path)
        return self._folders[path]

    def _parent(self, path: str) -> tuple[_Folder, str]:
        folder, _, name = path.rpartition("/")
        return self._folder(folder), name

    def _inode(self, path: str) -> _Inode:
        folder, name = self._parent(path)
        if name not in folder.names:
            raise FileNotFoundError(path)
        return folder.names[name]


@dataclass(frozen=True)
class _Entry:
    name: str
    size_bytes: int
    is_folder: bool


def _survivor(inode: _Inode, luck: random.Random) -> _Inode:
    """A file after the cut: synced bytes for sure, each sector of the others by luck, the length somewhere between."""
    now, synced = bytes(inode.data), inode.synced
    if now == synced:
        return _Inode(bytearray(now), now)
    low, high = sorted((len(synced), len(now)))
    length = luck.choice([low, high, luck.randint(low, high)])
    content = bytearray(synced[:length].ljust(length, b"\0"))
    for start in range(0, min(length, len(now)), SECTOR_BYTES):
        if luck.random() < 0.5:
            stop = min(start + SECTOR_BYTES, length, len(now))
            content[start:stop] = now[start:stop]
    return _Inode(content, bytes(content))
