"""Log records and their bytes.

A record is a 64-byte header, a JSON part and any number of Arrow messages, each padded to 64 bytes so that a mapped log
gives aligned columns. The header holds the length, the kind, the timestamp, a checksum of header and contents, and the
offset up to which the file was synced when the record was written; recovery needs that to tell a torn tail from damage.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec
import pyarrow as pa

from elanus.errors import DataCorrupt
from elanus.kernels.checksum import crc32c, joined_crc32c
from elanus.storage.arrow_parts import message_parts

__all__ = [
    "ALIGNMENT",
    "END_KIND",
    "HEADER_BYTES",
    "SCHEMA_KIND",
    "DeleteRecord",
    "EncodedRecord",
    "InsertRecord",
    "LogRecord",
    "PartitionRows",
    "RecordDecoder",
    "RecordHeader",
    "encode",
    "encode_end",
    "encode_schema",
    "header_bytes",
    "is_intact",
    "read_header",
    "schema_name",
]

ALIGNMENT: Final = 64
HEADER_BYTES: Final = 64

_MAGIC: Final = 0x4C4E4145  # "EANL", little-endian
_HEADER: Final = struct.Struct("<IIQQQI")  # magic, kind, length, timestamp, synced offset, checksum
_KIND_SCHEMA: Final = 1
_KIND_INSERT: Final = 2
_KIND_DELETE: Final = 3
_KIND_END: Final = 4


@dataclass(frozen=True, slots=True)
class PartitionRows:
    """Rows of one request that go to one partition."""

    partition_id: int
    rows: pa.RecordBatch


@dataclass(frozen=True, slots=True)
class InsertRecord:
    """Rows to add.

    Attributes:
        parts: by partition.
        replace: older rows with the same primary keys, in any partition, are deleted at the same timestamp (an upsert).
        first_id: the first of the primary keys generated for the rows, which are consecutive; 0 if none were.
        request_id: names the client's request, so that it is not done twice when its answer was lost; may be empty.
    """

    parts: tuple[PartitionRows, ...]
    replace: bool = False
    first_id: int = 0
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class DeleteRecord:
    """Primary keys to delete.

    Attributes:
        keys: one column.
        before: only rows with a timestamp below this; 0 stands for the record's own timestamp.
        partition_ids: only rows of these partitions; None for all.
        request_id: see `InsertRecord`.
    """

    keys: pa.RecordBatch
    before: int
    partition_ids: tuple[int, ...] | None = None
    request_id: str = ""


LogRecord = InsertRecord | DeleteRecord


@dataclass(frozen=True, slots=True)
class RecordHeader:
    """What the first 64 bytes of a record say."""

    kind: int
    length_bytes: int
    timestamp: int
    synced_offset: int
    checksum: int


@dataclass(frozen=True, slots=True)
class _Part:
    partition_id: int
    schema: str
    length_bytes: int


@dataclass(frozen=True, slots=True)
class _Meta:
    parts: list[_Part] = field(default_factory=list)
    replace: bool = False
    first_id: int = 0
    before: int = 0
    partition_ids: list[int] | None = None
    request_id: str = ""


def schema_name(schema: pa.Schema) -> str:
    """A short name for an Arrow schema, the same for equal schemas."""
    return f"{crc32c(schema.serialize()):08x}"


def encode_schema(schema: pa.Schema) -> tuple[memoryview, ...]:
    """The contents of a record that introduces a schema to its file."""
    text = memoryview(schema.serialize())
    return _contents(schema_name(schema), [[text]])


@dataclass(frozen=True, slots=True)
class EncodedRecord:
    """A record as bytes, ready for the log.

    Attributes:
        record: the record itself; its columns are views of `contents`.
        contents: JSON part and Arrow messages, padded.
        schemas: of the Arrow messages, to be introduced to the file before the record.
        checksum: of `contents`, when they are borrowed: they are in the caller's memory then, which may change behind
            our back. Whoever writes them compares what was written with the checksum, and keeps the record as
            `RecordDecoder` reads it from there. None for contents of our own.
    """

    record: LogRecord
    kind: int
    contents: tuple[memoryview, ...]
    schemas: tuple[pa.Schema, ...]
    checksum: int | None = None

    @property
    def is_borrowed(self) -> bool:
        return self.checksum is not None

    @property
    def size_bytes(self) -> int:
        return sum(part.nbytes for part in self.contents)


def encode(record: LogRecord, *, borrow_bytes_min: int | None = None) -> EncodedRecord:
    """The bytes of a record. Copies every column once, but those of an insert of `borrow_bytes_min` bytes or more.

    Those are borrowed, which is worth some small costs: the rows are then in memory once, as the pages of the log file.
    """
    if isinstance(record, InsertRecord):
        size_bytes = sum(part.rows.nbytes for part in record.parts)
        is_borrowed = borrow_bytes_min is not None and size_bytes >= borrow_bytes_min
        schemas = tuple(part.rows.schema for part in record.parts)
        messages = [_message(part.rows, is_borrowed=is_borrowed) for part in record.parts]
        parts = [
            _Part(part.partition_id, schema_name(part.rows.schema), message.size_bytes)
            for part, message in zip(record.parts, messages, strict=True)
        ]
        rows = tuple(
            PartitionRows(part.partition_id, message.batch)
            for part, message in zip(record.parts, messages, strict=True)
        )
        meta = _Meta(parts, replace=record.replace, first_id=record.first_id, request_id=record.request_id)
        contents = _contents(meta, [message.parts for message in messages])
        checksum = _checksum(contents, 0) if is_borrowed else None
        return EncodedRecord(replace(record, parts=rows), _KIND_INSERT, contents, schemas, checksum)
    message = _message(record.keys, is_borrowed=False)
    parts = [_Part(0, schema_name(record.keys.schema), message.size_bytes)]
    ids = None if record.partition_ids is None else list(record.partition_ids)
    meta = _Meta(parts, before=record.before, partition_ids=ids, request_id=record.request_id)
    contents = _contents(meta, [message.parts])
    return EncodedRecord(replace(record, keys=message.batch), _KIND_DELETE, contents, (record.keys.schema,))


def encode_end() -> tuple[memoryview, ...]:
    """The contents of the record that ends a file which was closed in order."""
    return _contents(None, [])


def header_bytes(
    kind: int,
    contents: Sequence[memoryview],
    *,
    timestamp: int,
    synced_offset: int,
    contents_checksum: int | None = None,
) -> bytes:
    """The header of a record with these contents, whose checksum is given or else computed."""
    length = sum(part.nbytes for part in contents)
    unsigned = _HEADER.pack(_MAGIC, kind, length, timestamp, synced_offset, 0)
    checksum: int = crc32c(unsigned)
    if contents_checksum is None:
        checksum = _checksum(contents, checksum)
    else:
        checksum = joined_crc32c(checksum, contents_checksum, length)
    return _HEADER.pack(_MAGIC, kind, length, timestamp, synced_offset, checksum).ljust(HEADER_BYTES, b"\0")


def read_header(data: memoryview, offset: int) -> RecordHeader | None:
    """The header at `offset`, or None when those bytes are none, or the record would pass the end of the data."""
    if offset + HEADER_BYTES > data.nbytes:
        return None
    magic, kind, length, timestamp, synced_offset, checksum = _HEADER.unpack_from(data, offset)
    if magic != _MAGIC or offset + HEADER_BYTES + length > data.nbytes:
        return None
    return RecordHeader(kind, length, timestamp, synced_offset, checksum)


def is_intact(data: memoryview, offset: int, header: RecordHeader) -> bool:
    """Whether the checksum of the record at `offset` matches its bytes."""
    unsigned = _HEADER.pack(_MAGIC, header.kind, header.length_bytes, header.timestamp, header.synced_offset, 0)
    start = offset + HEADER_BYTES
    found: int = crc32c(data[start : start + header.length_bytes], crc32c(unsigned))
    return found == header.checksum


class RecordDecoder:
    """Contents back into records; remembers the schemas that the file introduced, and those it is given."""

    def __init__(self, schemas: Sequence[pa.Schema] = ()) -> None:
        self._schemas: dict[str, pa.Schema] = {schema_name(schema): schema for schema in schemas}

    def decode(self, kind: int, contents: memoryview) -> LogRecord | None:
        """The record, its columns views of `contents`; None for a schema or the end of the file.

        Raises:
            DataCorrupt: contents that pass the checksum but make no sense (a newer version wrote them).
        """
        try:
            return self._decode(kind, contents)
        except (msgspec.MsgspecError, UnicodeDecodeError, pa.ArrowInvalid, OSError, LookupError, struct.error) as error:
            raise DataCorrupt("malformed_file", f"log record of kind {kind} cannot be read: {error}") from error

    def _decode(self, kind: int, contents: memoryview) -> LogRecord | None:
        (json_bytes,) = struct.unpack_from("<I", contents, 0)
        text = contents[4 : 4 + json_bytes]
        offset = _padded(4 + json_bytes)
        if kind == _KIND_SCHEMA:
            name = msgspec.json.decode(text, type=str)
            self._schemas[name] = pa.ipc.read_schema(pa.py_buffer(contents[offset:]))
            return None
        if kind == _KIND_END:
            return None
        meta = msgspec.json.decode(text, type=_Meta)
        batches = []
        for part in meta.parts:
            message = pa.py_buffer(contents[offset : offset + part.length_bytes])
            batches.append(pa.ipc.read_record_batch(message, self._schemas[part.schema]))
            offset += _padded(part.length_bytes)
        if kind == _KIND_INSERT:
            rows = tuple(
                PartitionRows(part.partition_id, batch) for part, batch in zip(meta.parts, batches, strict=True)
            )
            return InsertRecord(rows, replace=meta.replace, first_id=meta.first_id, request_id=meta.request_id)
        if kind == _KIND_DELETE:
            ids = None if meta.partition_ids is None else tuple(meta.partition_ids)
            return DeleteRecord(batches[0], meta.before, ids, meta.request_id)
        raise KeyError(kind)


SCHEMA_KIND: Final = _KIND_SCHEMA
END_KIND: Final = _KIND_END


def _checksum(contents: Sequence[memoryview], initial: int) -> int:
    checksum = initial
    for part in contents:
        checksum = crc32c(part, checksum)
    return checksum


@dataclass(frozen=True, slots=True)
class _Message:
    """An Arrow message in one or more parts, and a batch over the same memory."""

    parts: Sequence[memoryview]
    batch: pa.RecordBatch

    @property
    def size_bytes(self) -> int:
        return sum(part.nbytes for part in self.parts)


def _message(batch: pa.RecordBatch, *, is_borrowed: bool) -> _Message:
    if is_borrowed:
        return _Message(message_parts(batch), batch)
    message = batch.serialize()
    return _Message([memoryview(message)], pa.ipc.read_record_batch(message, batch.schema))


def _contents(meta: Any, messages: Sequence[Sequence[memoryview]]) -> tuple[memoryview, ...]:
    text = msgspec.json.encode(meta)
    head = struct.pack("<I", len(text)) + text
    parts = [memoryview(head.ljust(_padded(len(head)), b"\0"))]
    for message in messages:
        parts.extend(message)
        size = sum(part.nbytes for part in message)
        padding = _padded(size) - size
        if padding:
            parts.append(memoryview(bytes(padding)))
    return tuple(parts)


def _padded(size: int) -> int:
    return (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
