"""Records of every kind, and what a log holds, for the tests of the log."""

from typing import Any, Final

import pyarrow as pa

from elanus.columns.rows import batch_from_columns
from elanus.objectstore.disk import Disk
from elanus.storage.wal.log import Log, LoggedRecord
from elanus.storage.wal.record import DeleteRecord, EncodedRecord, InsertRecord, LogRecord, PartitionRows, encode
from tests.unit.columns.every_type import SCHEMA, column, sample_values

__all__ = ["FOLDER", "delete", "every_type", "insert", "keys_of", "opened", "same", "small"]

FOLDER: Final = "c/1/wal/0"


def small(*keys: int) -> pa.RecordBatch:
    """A batch with a key and a text of about its size."""
    return pa.record_batch({"id": pa.array(keys, pa.int64()), "text": ["x" * (key % 50) for key in keys]})


def every_type(row_count: int, *, offset: int = 0, seed: int = 0) -> pa.RecordBatch:
    """A batch with a column of every data type, a slice of a longer one if `offset`."""
    fields = SCHEMA.fields
    columns = [pa.array(range(offset, offset + row_count), pa.int64())]
    columns += [column(field, sample_values(field, row_count, seed=seed), offset=offset) for field in fields[1:]]
    return batch_from_columns(fields, columns)


def insert(*keys: int, borrowed: bool = False, **options: Any) -> EncodedRecord:
    """A small insert into one partition; if `borrowed`, to be kept as a view of the log."""
    record = InsertRecord((PartitionRows(1, small(*keys)),), **options)
    return encode(record, borrow_bytes_min=0 if borrowed else None)


def delete(*keys: int, **options: Any) -> EncodedRecord:
    """A small delete."""
    return encode(DeleteRecord(pa.record_batch({"id": pa.array(keys, pa.int64())}), **{"before": 0, **options}))


def same(left: LogRecord, right: LogRecord) -> bool:
    """Whether two records say the same, column by column."""
    match left, right:
        case InsertRecord(), InsertRecord():
            return (left.replace, left.first_id, left.request_id) == (
                right.replace,
                right.first_id,
                right.request_id,
            ) and [(part.partition_id, part.rows.schema.serialize(), _plain(part.rows)) for part in left.parts] == [
                (part.partition_id, part.rows.schema.serialize(), _plain(part.rows)) for part in right.parts
            ]
        case DeleteRecord(), DeleteRecord():
            return (left.before, left.partition_ids, left.request_id, _plain(left.keys)) == (
                right.before,
                right.partition_ids,
                right.request_id,
                _plain(right.keys),
            )
    return False


def keys_of(entry: LoggedRecord) -> list[int]:
    """The keys of a small record."""
    record = entry.record
    batches = [part.rows for part in record.parts] if isinstance(record, InsertRecord) else [record.keys]
    return [key for batch in batches for key in batch.column("id").to_pylist()]


def opened(disk: Disk, *, sync: bool = True, file_bytes_max: int = 1 << 20, after: int = 0) -> tuple[Log, list[Any]]:
    """A recovered log and (timestamp, keys) of what it held."""
    log = Log(disk, FOLDER, sync=sync, file_bytes_max=file_bytes_max)
    found: list[tuple[int, list[int]]] = []
    log.recover(lambda entry: found.append((entry.timestamp, keys_of(entry))), after=after)
    return log, found


def _plain(batch: pa.RecordBatch) -> list[Any]:
    return [column.to_pylist() for column in batch.columns]
