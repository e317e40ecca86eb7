"""The files of one log, one writer at a time.

Files are named by the smallest timestamp they may hold; a record lives in the newest file whose name is not above it. A
file starts with a 64-byte header and, unless it is the newest, ends with an end record, so that a file cut short is
noticed. The log is poisoned after a failed sync: what the disk holds is unknown then, so nothing more is written until
the log is opened again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from elanus.errors import DataCorrupt, Unavailable
from elanus.kernels.checksum import crc32c
from elanus.objectstore.disk import Disk, DiskFile
from elanus.runtime.timestamps import MAX_TIMESTAMP
from elanus.storage.wal.record import (
    ALIGNMENT,
    END_KIND,
    HEADER_BYTES,
    SCHEMA_KIND,
    EncodedRecord,
    LogRecord,
    RecordDecoder,
    RecordHeader,
    encode_end,
    encode_schema,
    header_bytes,
    is_intact,
    read_header,
    schema_name,
)

__all__ = ["Log", "LoggedRecord", "RecordsChanged"]

_FORMAT: Final = 1
_FILE_MAGIC: Final = b"elanus log\n"
_SUFFIX: Final = ".wal"


@dataclass(frozen=True, slots=True)
class LoggedRecord:
    """A record and the timestamp it took effect at."""

    timestamp: int
    record: LogRecord


class RecordsChanged(Exception):
    """Rows were changed by their owners while they were written. Nothing of the records is in the log.

    Attributes:
        places: which of the records, by their place in the group.
    """

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__(f"records {list(places)} changed while they were written")
        self.places: Final = frozenset(places)


class Log:
    """Appends records in timestamp order and reads them back. Not thread-safe: the committer serialises."""

    def __init__(self, disk: Disk, folder: str, *, sync: bool, file_bytes_max: int) -> None:
        self._disk: Final = disk
        self._folder: Final = folder
        self._sync: Final = sync
        self._file_bytes_max: Final = file_bytes_max
        self._file: DiskFile | None = None
        self._file_name = ""
        self._size_bytes = 0
        self._synced_bytes = 0
        self._schemas: set[str] = set()
        self._poison: str | None = None
        self._last_timestamps: dict[str, int] = {}

    def recover(self, apply: Callable[[LoggedRecord], None], *, after: int) -> int:
        """Reads every record with a timestamp above `after`, in order, and cuts a torn tail. Call once, first.

        Records applied are made durable before this returns, so that they cannot be lost later.

        Returns:
            The largest timestamp found, or 0.

        Raises:
            DataCorrupt: damage before the tail; the message names file and offset.
        """
        files = self._file_names()
        for name in files:
            path = f"{self._folder}/{name}"
            data = self._disk.map(path)
            end, ended = 0, False
            self._last_timestamps[name] = 0
            for offset, header, record in _read_file(path, data):
                end, ended = offset + HEADER_BYTES + header.length_bytes, header.kind == END_KIND
                self._last_timestamps[name] = max(self._last_timestamps[name], header.timestamp)
                if record is not None and header.timestamp > after:
                    apply(LoggedRecord(header.timestamp, record))
            if name != files[-1] and not ended:
                raise DataCorrupt("checksum_mismatch", f"{path} ends at offset {end} without its end record")
        if files:
            self._mend_tail(files[-1], end, ended=ended)
        return max(self._last_timestamps.values(), default=0)

    def append(self, records: Sequence[tuple[int, EncodedRecord]]) -> list[LoggedRecord]:
        """Writes records, each with its timestamp, and with syncing on makes them durable. All or none.

        Returns:
            The records as they are to be kept. The columns of borrowed ones are views of the file: they take no memory
            but the system's copy of the file, which it may drop and read again.

        Raises:
            Unavailable: the disk failed; none of the records counts as written.
            RecordsChanged: borrowed records changed while they were written; none of the records counts as written.
        """
        if self._poison is not None:
            raise Unavailable("storage_failed", f"the log {self._folder} stopped: {self._poison}; open it again")
        # What was not synced may be lost while the system goes on, and a view of it would then show something else.
        assert self._sync or not any(encoded.is_borrowed for _, encoded in records)
        try:
            if self._file is None or self._size_bytes >= self._file_bytes_max:
                self._start_file(records[0][0])
            assert self._file is not None
            parts, ends = self._encode(records)
            self._file.write(parts)
            kept = self._kept(records, ends)
        except OSError as error:
            self._undo_write(error)
            raise Unavailable("storage_failed", f"writing the log {self._folder} failed: {error}") from error
        changed = [place for place, entry in enumerate(kept) if entry is None]
        if changed:
            # No view may be left of what is cut off.
            kept.clear()
            refusal = RecordsChanged(changed)
            self._undo_write(refusal)
            if self._poison is not None:
                raise Unavailable("storage_failed", f"the log {self._folder} stopped: {self._poison}") from refusal
            raise refusal
        self._size_bytes += ends[-1]
        self._last_timestamps[self._file_name] = records[-1][0]
        if self._sync:
            self._sync_file()
        return [entry for entry in kept if entry is not None]

    def rotate(self) -> None:
        """Ends the current file; the next record starts a new one.

        Raises:
            Unavailable: the disk failed; the file goes on.
        """
        if self._file is None:
            return
        if self._poison is None:
            if self._synced_bytes < self._size_bytes:
                # The end record then says that what is before it was synced, so that damage there is told from a tear.
                self._sync_file()
            parts: list[memoryview] = []
            self._frame(parts, END_KIND, encode_end(), 0)
            try:
                self._file.write(parts)
            except OSError as error:
                self._undo_write(error)
                raise Unavailable("storage_failed", f"ending a file of {self._folder} failed: {error}") from error
            self._size_bytes += sum(part.nbytes for part in parts)
            self._sync_file()
        self._file.close()
        self._file = None
        self._file_name = ""

    def remove_through(self, timestamp: int) -> None:
        """Removes files that hold only records up to `timestamp` (inclusive). Call after `rotate`."""
        for name in self._file_names():
            if name == self._file_name or self._last_timestamps.get(name, MAX_TIMESTAMP) > timestamp:
                return
            self._disk.unlink(f"{self._folder}/{name}")
            del self._last_timestamps[name]

    def close(self) -> None:
        """Syncs and closes."""
        self.rotate()

    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(entry.size_bytes for entry in self._disk.list_folder(self._folder) if entry.name.endswith(_SUFFIX))

    def _encode(self, records: Sequence[tuple[int, EncodedRecord]]) -> tuple[list[memoryview], list[int]]:
        """What is to be written, and where each record ends in it."""
        parts: list[memoryview] = []
        ends = []
        size_bytes = 0
        for timestamp, encoded in records:
            first = len(parts)
            for schema in encoded.schemas:
                name = schema_name(schema)
                if name not in self._schemas:
                    self._schemas.add(name)
                    self._frame(parts, SCHEMA_KIND, encode_schema(schema), timestamp)
            self._frame(parts, encoded.kind, encoded.contents, timestamp, checksum=encoded.checksum)
            size_bytes += sum(part.nbytes for part in parts[first:])
            ends.append(size_bytes)
        return parts, ends

    def _kept(self, records: Sequence[tuple[int, EncodedRecord]], ends: Sequence[int]) -> list[LoggedRecord | None]:
        """The records just written, as they are to be kept; None for those that are not what their checksum says.

        The checksum of a borrowed record is of the caller's memory when it was encoded, so that one that matches it was
        not changed since.
        """
        # A mapping that fails must leave no view of what is then cut off: no variable here holds one.
        return [
            self._kept_entry(timestamp, encoded, self._size_bytes + end)
            for (timestamp, encoded), end in zip(records, ends, strict=True)
        ]

    def _kept_entry(self, timestamp: int, encoded: EncodedRecord, end: int) -> LoggedRecord | None:
        if not encoded.is_borrowed:
            return LoggedRecord(timestamp, encoded.record)
        assert self._file is not None
        size_bytes = HEADER_BYTES + encoded.size_bytes
        data = self._file.map(end - size_bytes, size_bytes)
        header = read_header(data, 0)
        if header is None or not is_intact(data, 0, header):
            return None
        record = RecordDecoder(encoded.schemas).decode(encoded.kind, data[HEADER_BYTES:])
        assert record is not None
        return LoggedRecord(timestamp, record)

    def _frame(
        self,
        parts: list[memoryview],
        kind: int,
        contents: tuple[memoryview, ...],
        timestamp: int,
        *,
        checksum: int | None = None,
    ) -> None:
        head = header_bytes(
            kind, contents, timestamp=timestamp, synced_offset=self._synced_bytes, contents_checksum=checksum
        )
        parts.append(memoryview(head))
        parts.extend(contents)

    def _start_file(self, first_timestamp: int) -> None:
        self.rotate()
        name = f"{first_timestamp:020d}{_SUFFIX}"
        path = f"{self._folder}/{name}"
        self._disk.make_folder(self._folder)
        file = self._disk.create(path)
        try:
            file.write([memoryview(_with_checksum(_FILE_MAGIC + f'{{"format":{_FORMAT}}}\n'.encode()))])
            if self._sync:
                file.sync()
                self._sync_folders()
        except OSError as error:
            file.close()
            self._drop_stub(path, error)
            raise
        self._file, self._file_name = file, name
        self._size_bytes = HEADER_BYTES
        self._synced_bytes = HEADER_BYTES if self._sync else 0
        self._schemas = set()

    def _drop_stub(self, path: str, cause: OSError) -> None:
        """Removes a file that never got its header, so that recovery does not meet it between whole ones."""
        try:
            self._disk.unlink(path)
        except OSError as error:
            self._poison = f"a log file could not be started ({cause}) nor removed ({error})"

    def _sync_folders(self) -> None:
        folder = self._folder
        while folder:
            self._disk.sync_folder(folder)
            folder = folder.rpartition("/")[0]
        self._disk.sync_folder("")

    def _sync_file(self) -> None:
        assert self._file is not None
        try:
            self._file.sync()
        except OSError as error:
            self._poison = f"a sync failed ({error})"
            raise Unavailable("storage_failed", f"syncing the log {self._folder} failed: {error}") from error
        self._synced_bytes = self._size_bytes

    def _undo_write(self, cause: Exception) -> None:
        """Cuts a record off that was written in part or wrongly, so that the file ends with whole ones."""
        self._schemas = set()
        if self._file is None:
            return
        try:
            self._file.truncate(self._size_bytes)
            self._file.sync()
        except OSError as error:
            self._poison = f"a write failed ({cause}) and could not be undone ({error})"

    def _mend_tail(self, name: str, end: int, *, ended: bool) -> None:
        """Cuts the newest file after its last whole record, ends it and makes it durable; one without records goes."""
        path = f"{self._folder}/{name}"
        if end == 0:
            self._disk.unlink(path)
            del self._last_timestamps[name]
            return
        file = self._disk.open_append(path)
        try:
            file.truncate(end)
            if not ended:
                file.sync()
                contents = encode_end()
                file.write([memoryview(header_bytes(END_KIND, contents, timestamp=0, synced_offset=end)), *contents])
            file.sync()
        finally:
            file.close()
        self._sync_folders()

    def _file_names(self) -> list[str]:
        return [entry.name for entry in self._disk.list_folder(self._folder) if entry.name.endswith(_SUFFIX)]


def _read_file(path: str, data: memoryview) -> Iterator[tuple[int, RecordHeader, LogRecord | None]]:
    """The intact records of a file up to a torn tail.

    Raises:
        DataCorrupt: a record is damaged that was durable before a later one was written.
    """
    if data.nbytes < HEADER_BYTES or not _has_file_header(path, data):
        _check_tail(path, data, 0)
        return
    decoder = RecordDecoder()
    offset = HEADER_BYTES
    while offset < data.nbytes:
        header = read_header(data, offset)
        if header is None or not is_intact(data, offset, header):
            _check_tail(path, data, offset)
            return
        start = offset + HEADER_BYTES
        try:
            record = decoder.decode(header.kind, data[start : start + header.length_bytes])
        except DataCorrupt as error:
            error.add_note(f"in {path} at offset {offset}")
            raise
        yield offset, header, record
        offset = start + header.length_bytes


def _check_tail(path: str, data: memoryview, bad_offset: int) -> None:
    """Tells a torn tail from damage: an intact record further on that was written after a sync past the bad one."""
    for offset in range(bad_offset + ALIGNMENT, data.nbytes - HEADER_BYTES + 1, ALIGNMENT):
        header = read_header(data, offset)
        if header is not None and header.synced_offset > bad_offset and is_intact(data, offset, header):
            raise DataCorrupt("checksum_mismatch", f"{path} is damaged at offset {bad_offset}; newer records follow it")


def _has_file_header(path: str, data: memoryview) -> bool:
    """Whether the file starts with a header that was written whole.

    Raises:
        DataCorrupt: a whole header of a newer format.
    """
    head = bytes(data[:HEADER_BYTES])
    if head != _with_checksum(head[:-4]) or not head.startswith(_FILE_MAGIC):
        return False
    if f'{{"format":{_FORMAT}}}\n'.encode() not in head:
        raise DataCorrupt("newer_format", f"{path} was written by a newer version; upgrade elanus")
    return True


def _with_checksum(head: bytes) -> bytes:
    padded = head.ljust(HEADER_BYTES - 4, b"\0")
    checksum: int = crc32c(padded)
    return padded + checksum.to_bytes(4, "little")
