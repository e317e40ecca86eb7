"""Objects in memory: for `:memory:` databases and tests."""

import threading
from collections.abc import Iterable
from typing import Final

from elanus.errors import AlreadyExists, NotFound
from elanus.objectstore.store import ObjectInfo

__all__ = ["MemoryStore"]


class MemoryStore:
    """An `ObjectStore` that is gone with the process."""

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()
        self._objects: dict[str, bytes] = {}

    def put(self, key: str, parts: Iterable[bytes | memoryview]) -> None:
        data = b"".join(bytes(part) for part in parts)
        with self._lock:
            if key in self._objects:
                raise AlreadyExists("object_exists", f"{key} exists already")
            self._objects[key] = data

    def get(self, key: str) -> bytes:
        with self._lock:
            data = self._objects.get(key)
        if data is None:
            raise NotFound("object_not_found", f"{key} does not exist")
        return data

    def map(self, key: str) -> memoryview:
        return memoryview(self.get(key))

    def list_objects(self, prefix: str) -> list[ObjectInfo]:
        start = f"{prefix}/" if prefix else ""
        with self._lock:
            found = [
                ObjectInfo(key, len(data))
                for key, data in self._objects.items()
                if key.startswith(start) and "/" not in key[len(start) :]
            ]
        return sorted(found, key=lambda item: item.key)

    def list_folders(self, prefix: str) -> list[str]:
        start = f"{prefix}/" if prefix else ""
        with self._lock:
            tails = [key[len(start) :] for key in self._objects if key.startswith(start)]
        return sorted({tail.partition("/")[0] for tail in tails if "/" in tail})

    def delete(self, key: str) -> None:
        with self._lock:
            self._objects.pop(key, None)

    def delete_folder(self, prefix: str) -> None:
        with self._lock:
            for key in [key for key in self._objects if key.startswith(f"{prefix}/")]:
                del self._objects[key]

    def delete_leftovers(self, prefix: str) -> None:
        """Nothing: a put in memory is never interrupted."""
        del prefix
