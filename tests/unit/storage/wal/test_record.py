"""Log records as bytes: every kind comes back whole, aligned, and independent of the caller's memory."""

import struct

import numpy as np
import pyarrow as pa
import pytest

from elanus.errors import DataCorrupt
from elanus.storage.wal.record import (
    ALIGNMENT,
    END_KIND,
    HEADER_BYTES,
    SCHEMA_KIND,
    DeleteRecord,
    EncodedRecord,
    InsertRecord,
    LogRecord,
    PartitionRows,
    RecordDecoder,
    encode,
    encode_end,
    encode_schema,
    header_bytes,
    is_intact,
    read_header,
    schema_name,
)
from tests.unit.columns.every_type import FIELDS
from tests.unit.storage.wal.records import delete, every_type, insert, same, small


def _contents(parts: tuple[memoryview, ...]) -> memoryview:
    """Contents as recovery sees them: one aligned piece of a mapped file."""
    memory = np.empty(sum(part.nbytes for part in parts) + 64, np.uint8)
    start = -memory.ctypes.data % 64
    data = memory.data[start : start + len(memory) - 64]
    data[:] = b"".join(parts)
    return data.toreadonly()


def _decoded(encoded: EncodedRecord) -> LogRecord:
    decoder = RecordDecoder()
    for schema in encoded.schemas:
        assert decoder.decode(SCHEMA_KIND, _contents(encode_schema(schema))) is None
    record = decoder.decode(encoded.kind, _contents(encoded.contents))
    assert record is not None
    return record


_RECORDS: dict[str, LogRecord] = {
    "insert": InsertRecord((PartitionRows(7, small(1, 2, 3)),)),
    "upsert": InsertRecord((PartitionRows(7, small(1)),), replace=True, request_id="é-1"),
    "generated ids": InsertRecord((PartitionRows(7, small(5, 6)),), first_id=2**62),
    "several partitions": InsertRecord((PartitionRows(2**60, small(1)), PartitionRows(0, small(2, 3)))),
    "several schemas": InsertRecord((PartitionRows(1, small(1)), PartitionRows(2, every_type(2)))),
    "no rows": InsertRecord((PartitionRows(7, small()),)),
    "no parts": InsertRecord(()),
    "every type": InsertRecord((PartitionRows(1, every_type(20)),)),
    "slices of every type": InsertRecord((PartitionRows(1, every_type(20, offset=5)),)),
    "delete": DeleteRecord(pa.record_batch({"id": pa.array([-(2**63), 2**63 - 1])}), before=0),
    "delete of texts": DeleteRecord(pa.record_batch({"id": ["é", "", "a\0"]}), before=2**63, request_id="r"),
    "delete in partitions": DeleteRecord(pa.record_batch({"id": [1]}), before=5, partition_ids=(1, 2**60)),
    "delete in no partition": DeleteRecord(pa.record_batch({"id": [1]}), before=5, partition_ids=()),
}


@pytest.mark.parametrize("name", _RECORDS)
def test_a_record_of_every_kind_comes_back(name: str) -> None:
    record = _RECORDS[name]
    encoded = encode(record)
    assert same(_decoded(encoded), record)
    assert same(encoded.record, record)
    assert encoded.size_bytes == sum(part.nbytes for part in encoded.contents)


@pytest.mark.parametrize("name", _RECORDS)
def test_contents_are_whole_blocks(name: str) -> None:
    encoded = encode(_RECORDS[name])
    assert encoded.size_bytes % ALIGNMENT == 0
    for schema in encoded.schemas:
        assert sum(part.nbytes for part in encode_schema(schema)) % ALIGNMENT == 0
    assert sum(part.nbytes for part in encode_end()) % ALIGNMENT == 0


def test_columns_of_a_mapped_record_are_views_of_it() -> None:
    encoded = insert(*range(100))
    decoder = RecordDecoder()
    decoder.decode(SCHEMA_KIND, _contents(encode_schema(encoded.schemas[0])))
    mapped = _contents(encoded.contents)
    record = decoder.decode(encoded.kind, mapped)
    assert isinstance(record, InsertRecord)
    assert np.shares_memory(record.parts[0].rows.column("id").to_numpy(), np.frombuffer(mapped, np.uint8))


def test_an_encoded_record_does_not_change_with_the_callers_memory() -> None:
    keys = np.arange(5)
    batch = pa.record_batch({"id": pa.array(keys), "text": ["x"] * 5})
    encoded = encode(InsertRecord((PartitionRows(1, batch),)))
    keys[:] = 99
    assert isinstance(encoded.record, InsertRecord)
    for record in (encoded.record, _decoded(encoded)):
        assert isinstance(record, InsertRecord)
        assert record.parts[0].rows.column("id").to_pylist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", _RECORDS)
def test_a_borrowed_record_has_the_same_bytes(name: str) -> None:
    record = _RECORDS[name]
    borrowed, owned = encode(record, borrow_bytes_min=0), encode(record)
    assert borrowed.is_borrowed == isinstance(record, InsertRecord)
    assert b"".join(borrowed.contents) == b"".join(owned.contents)
    assert (borrowed.size_bytes, borrowed.kind) == (owned.size_bytes, owned.kind)
    assert [schema.serialize() for schema in borrowed.schemas] == [schema.serialize() for schema in owned.schemas]
    assert same(borrowed.record, record)


def test_only_large_inserts_are_borrowed() -> None:
    vectors = np.zeros((100, 16), np.float32)
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), 16)
    record = InsertRecord((PartitionRows(1, pa.record_batch({"v": column})),))
    size_bytes = record.parts[0].rows.nbytes
    assert not encode(record).is_borrowed
    assert not encode(record, borrow_bytes_min=size_bytes + 1).is_borrowed
    borrowed = encode(record, borrow_bytes_min=size_bytes)
    assert borrowed.is_borrowed
    assert any(np.shares_memory(np.frombuffer(part, np.uint8), vectors) for part in borrowed.contents)


def test_a_borrowed_record_is_read_with_the_schemas_it_brings() -> None:
    encoded = encode(InsertRecord((PartitionRows(1, small(1)), PartitionRows(2, every_type(2)))), borrow_bytes_min=0)
    record = RecordDecoder(encoded.schemas).decode(encoded.kind, _contents(encoded.contents))
    assert record is not None
    assert same(record, encoded.record)


def test_field_ids_are_in_the_schema_of_a_record() -> None:
    record = _decoded(encode(InsertRecord((PartitionRows(1, every_type(1)),))))
    assert isinstance(record, InsertRecord)
    ids = [int(field.metadata[b"elanus.field_id"]) for field in record.parts[0].rows.schema]
    assert ids == [100, *(field.field_id for field in FIELDS)]


def test_equal_schemas_have_one_name_and_others_another() -> None:
    assert schema_name(small(1).schema) == schema_name(small(2, 3).schema)
    assert schema_name(small(1).schema) != schema_name(small(1).schema.with_metadata({"a": "b"}))
    assert len(schema_name(small(1).schema)) == 8


def _framed(encoded: EncodedRecord) -> bytearray:
    head = header_bytes(encoded.kind, encoded.contents, timestamp=2**63 - 1, synced_offset=4096)
    assert len(head) == HEADER_BYTES
    return bytearray(head + b"".join(encoded.contents))


def test_a_header_says_what_was_written() -> None:
    encoded = insert(1, 2)
    data = memoryview(b"\0" * 128 + _framed(encoded) + b"\0" * 64)
    header = read_header(data, 128)
    assert header is not None
    assert (header.kind, header.length_bytes, header.timestamp, header.synced_offset) == (
        encoded.kind,
        encoded.size_bytes,
        2**63 - 1,
        4096,
    )
    assert is_intact(data, 128, header)
    assert read_header(data, 0) is None


def test_every_damaged_byte_of_a_record_is_noticed() -> None:
    """All but the padding of the header, which nobody reads."""
    whole = _framed(delete(1, 2, 3))
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        header = read_header(memoryview(damaged), 0)
        noticed = header is None or not is_intact(memoryview(damaged), 0, header)
        assert noticed == (not 36 <= place < HEADER_BYTES), place


@pytest.mark.parametrize("size", [0, 1, 35, 63])
def test_a_header_that_is_cut_is_none(size: int) -> None:
    assert read_header(memoryview(_framed(insert(1)))[:size], 0) is None


def test_a_record_longer_than_the_file_is_none() -> None:
    whole = _framed(insert(1))
    assert read_header(memoryview(whole)[:-1], 0) is None
    struct.pack_into("<Q", whole, 8, 2**64 - 1)
    assert read_header(memoryview(whole), 0) is None


def test_the_bytes_of_a_header_are_the_file_format() -> None:
    head = header_bytes(2, (memoryview(bytes(64)),), timestamp=3, synced_offset=5)
    assert head[:4] == b"EANL"
    assert struct.unpack("<IQQQ", head[4:32]) == (2, 64, 3, 5)
    assert head[36:] == bytes(28)
    assert (SCHEMA_KIND, END_KIND, insert(1).kind, delete(1).kind) == (1, 4, 2, 3)


def test_the_end_is_no_record() -> None:
    assert RecordDecoder().decode(END_KIND, _contents(encode_end())) is None


@pytest.mark.parametrize(
    ("kind", "contents"),
    [
        (2, b""),
        (2, b"\x05\x00\x00\x00notJSON".ljust(64, b"\0")),
        (2, struct.pack("<I", 2) + b"[]".ljust(60, b"\0")),
        (9, struct.pack("<I", 2) + b"{}".ljust(60, b"\0")),
        (3, struct.pack("<I", 2) + b"{}".ljust(60, b"\0")),
        (1, struct.pack("<I", 3) + b'"\xff"'.ljust(60, b"\0")),
        (3, struct.pack("<I", 2**32 - 1) + b"{}".ljust(60, b"\0")),
        (1, struct.pack("<I", 3) + b'"a"'.ljust(60, b"\0") + b"no schema".ljust(64, b"\0")),
    ],
)
def test_contents_that_make_no_sense_are_an_error_that_says_so(kind: int, contents: bytes) -> None:
    with pytest.raises(DataCorrupt, match=f"log record of kind {kind} cannot be read") as caught:
        RecordDecoder().decode(kind, memoryview(contents))
    assert caught.value.kind == "malformed_file"


def test_a_record_whose_schema_was_never_introduced_is_an_error() -> None:
    encoded = insert(1)
    with pytest.raises(DataCorrupt, match="cannot be read"):
        RecordDecoder().decode(encoded.kind, _contents(encoded.contents))
