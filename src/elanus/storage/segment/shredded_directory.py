"""What the directory of a shredded JSON field says: its paths, and where their columns lie in the files beside it.

Buffers are little-endian arrays at multiples of 64 bytes in files without any other structure; docs/file-format.md
describes them.
"""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from elanus.errors import DataCorrupt

__all__ = [
    "ALIGNMENT_BYTES",
    "BufferPlace",
    "ColumnPlaces",
    "ElementPlaces",
    "PathEntry",
    "ShreddedDirectory",
    "StringPlaces",
]

ALIGNMENT_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class BufferPlace:
    """Bytes `start` to `start + size_bytes` (exclusive) of a file."""

    file: int
    start: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class StringPlaces:
    """Strings as int32 offsets (one more than strings) and UTF-8 bytes; with codes (int32), those of a dictionary."""

    offsets: BufferPlace
    data: BufferPlace
    codes: BufferPlace | None = None


@dataclass(frozen=True, slots=True)
class ColumnPlaces:
    """A column of values.

    Attributes:
        present: the kinds that occur.
        kinds: uint8 a value; None when they are one and the same.
        integers: int64 a value.
        doubles: float64 a value.
        truths: a byte a value, 0 or 1.
    """

    present: tuple[int, ...]
    kinds: BufferPlace | None = None
    integers: BufferPlace | None = None
    doubles: BufferPlace | None = None
    truths: BufferPlace | None = None
    strings: StringPlaces | None = None


@dataclass(frozen=True, slots=True)
class ElementPlaces:
    """The elements of arrays: int32 offsets, one more than values of the column they belong to, and their column."""

    offsets: BufferPlace
    count: int
    column: ColumnPlaces


@dataclass(frozen=True, slots=True)
class PathEntry:
    """One path of keys.

    Attributes:
        parent: the place in the list of the path without its last key, which stands before it; -1 for ().
        key: the last key.
        counts: rows by kind.
        is_open: some object here has a key that the directory does not have.
        rows: the rows with a value here (int32, ascending); None means every row if there is a column, and unknown
            ones if there is none.
        column: the values, one for each of `rows`; None when they are in the text only.
    """

    parent: int
    key: str
    counts: tuple[int, ...]
    is_open: bool
    rows: BufferPlace | None = None
    column: ColumnPlaces | None = None
    elements: ElementPlaces | None = None


@dataclass(frozen=True, slots=True)
class ShreddedDirectory:
    """The whole directory.

    Attributes:
        paths: () first, each after the one it goes on from.
        unread: rows (int32, ascending) that are in no column: their text must be read.
    """

    row_count: int
    paths: list[PathEntry]
    unread: BufferPlace
    files: list[str] = field(default_factory=list)

    def encode(self) -> bytes:
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, data: bytes | memoryview, key: str) -> "ShreddedDirectory":
        """The directory in `data`, whose checksum was verified.

        Raises:
            DataCorrupt: it is not understood.
        """
        try:
            return msgspec.json.decode(data, type=cls)
        except msgspec.MsgspecError as error:
            raise DataCorrupt("malformed_file", f"{key} is not understood: {error}") from error
