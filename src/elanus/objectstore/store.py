"""Objects: whole byte strings under keys, written once, durable when the call returns."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["ObjectInfo", "ObjectStore"]


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """A key and its size."""

    key: str
    size_bytes: int


class ObjectStore(Protocol):
    """Keys are relative paths of letters, digits, `_`, `-`, `.` and `/`.

    Raises (every method): `Unavailable` when the storage fails; trying again may help.
    """

    def put(self, key: str, parts: Iterable[bytes | memoryview]) -> None:
        """Stores an object made of the parts in order. It appears whole or not at all, and is durable on return.

        Raises:
            AlreadyExists: the key is taken; nothing changed. Of several writers exactly one wins.
        """
        ...

    def get(self, key: str) -> bytes:
        """A copy of an object.

        Raises:
            NotFound: there is none.
        """
        ...

    def map(self, key: str) -> memoryview:
        """An object's bytes without reading them where the store can do that; valid after the object is deleted.

        Raises:
            NotFound: there is none.
        """
        ...

    def list_objects(self, prefix: str) -> list[ObjectInfo]:
        """The objects directly below the folder `prefix`, by key."""
        ...

    def list_folders(self, prefix: str) -> list[str]:
        """The names of the folders directly below the folder `prefix`."""
        ...

    def delete(self, key: str) -> None:
        """Removes an object; no error if there is none. Not durable at once."""
        ...

    def delete_folder(self, prefix: str) -> None:
        """Removes everything below a folder."""
        ...

    def delete_leftovers(self, prefix: str) -> None:
        """Removes what an interrupted `put` left directly below a folder."""
        ...
