"""What `segment.json` says: the files of a segment, their checksums, and statistics of its fields.

The manifest holds the checksum of `segment.json`, which holds those of the files, so damage anywhere is found.
"""

import base64
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from elanus.errors import DataCorrupt
from elanus.storage.segment.shredded_directory import BufferPlace

__all__ = [
    "BLOCK_BYTES",
    "FORMAT",
    "CodedField",
    "CodedPlaces",
    "ColumnFile",
    "FieldStats",
    "FileChecksums",
    "SegmentMeta",
    "ShreddedFiles",
    "SideFile",
]

FORMAT: Final = 1
BLOCK_BYTES: Final = 256 << 10


@dataclass(frozen=True, slots=True)
class FileChecksums:
    """Size and CRC-32C of every block (the last may be shorter) of one file."""

    size_bytes: int
    block_bytes: int
    blocks_base64: str

    @classmethod
    def of(cls, size_bytes: int, blocks: npt.NDArray[np.uint32]) -> "FileChecksums":
        return cls(size_bytes, BLOCK_BYTES, base64.b64encode(blocks.astype("<u4").tobytes()).decode())

    def blocks(self) -> npt.NDArray[np.uint32]:
        """One checksum a block."""
        return np.frombuffer(base64.b64decode(self.blocks_base64), "<u4").astype(np.uint32)


@dataclass(frozen=True, slots=True)
class ColumnFile:
    """One Arrow file and the ids of the fields in it, in column order; -1 is the timestamp column."""

    name: str
    field_ids: list[int]
    checksums: FileChecksums


@dataclass(frozen=True, slots=True)
class SideFile:
    """A file with something that speeds up reading a field."""

    name: str
    checksums: FileChecksums


@dataclass(frozen=True, slots=True)
class ShreddedFiles:
    """A JSON field taken apart: the directory of its paths, and the files of their columns."""

    field_id: int
    directory: SideFile
    files: list[SideFile]

    def every(self) -> list[SideFile]:
        """The directory and the files."""
        return [self.directory, *self.files]


@dataclass(frozen=True, slots=True)
class CodedPlaces:
    """A column of strings in a file: a dictionary of `size` strings and a code (int32) a row.

    Attributes:
        validity: Arrow's bitmap; None when no row is null. Codes of null rows are -1.
    """

    size: int
    offsets: BufferPlace
    data: BufferPlace
    codes: BufferPlace
    validity: BufferPlace | None = None


@dataclass(frozen=True, slots=True)
class CodedField:
    """The file that has a string field by a dictionary."""

    field_id: int
    file: SideFile
    places: CodedPlaces


@dataclass(frozen=True, slots=True)
class FieldStats:
    """What is known of a field's values in one segment; bounds are None when unknown or all are null."""

    null_count: int
    minimum: Any = None
    maximum: Any = None


@dataclass(frozen=True, slots=True)
class SegmentMeta:
    """The whole of `segment.json`.

    Attributes:
        stats: by field id (as text, because JSON keys are).
    """

    segment_id: int
    row_count: int
    min_timestamp: int
    max_timestamp: int
    files: list[ColumnFile]
    stats: dict[str, FieldStats]
    format: int = FORMAT
    shredded: list[ShreddedFiles] = field(default_factory=list)
    coded: list[CodedField] = field(default_factory=list)

    def encode(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=1)

    @classmethod
    def decode(cls, data: bytes, key: str) -> "SegmentMeta":
        """The meta in `data`, whose checksum was verified.

        Raises:
            DataCorrupt: written by a newer version, or not understood.
        """
        try:
            meta = msgspec.json.decode(data, type=cls)
        except msgspec.MsgspecError as error:
            raise DataCorrupt("malformed_file", f"{key} is not understood: {error}") from error
        if meta.format > FORMAT:
            raise DataCorrupt("newer_format", f"{key} has format {meta.format}, this version reads up to {FORMAT}")
        return meta

    def size_bytes(self) -> int:
        """Bytes of all files but `segment.json` itself."""
        checksums = [*(file.checksums for file in self.files), *(file.checksums for file in self.side_files())]
        return sum(item.size_bytes for item in checksums)

    def side_files(self) -> list[SideFile]:
        """The files beside those of the columns."""
        shredded = [file for item in self.shredded for file in item.every()]
        return [*shredded, *(item.file for item in self.coded)]
