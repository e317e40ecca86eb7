"""Writing rows."""

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from elanus.service.requests.base import DEFAULT_DATABASE, Request

__all__ = ["Compact", "Delete", "DeleteReply", "Flush", "Insert", "Upsert", "WriteReply"]


@dataclass(frozen=True, slots=True)
class WriteReply:
    """What an insert or upsert did.

    Attributes:
        ids: the primary key of every row, in order (int64 or string array).
        deleted_count: rows that were replaced.
        timestamp: when the rows became visible.
    """

    ids: pa.Array
    inserted_count: int
    deleted_count: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class Insert(Request[WriteReply]):
    """Rows to add. Refused whole or taken whole.

    Attributes:
        batch: columns in their layout (`columns.layout`), named after fields; `$meta` holds dynamic keys as JSON.
        partition: empty for the default partition, or with a partition key.
        schema_timestamp: that of the schema the batch was made for; 0 is not checked.
        request_id: makes a repeated request harmless; empty for none.
        repeated_since_ms: when it was asked first, if it is asked again; 0 for the first time.
    """

    collection: str
    batch: pa.RecordBatch
    partition: str = ""
    database: str = DEFAULT_DATABASE
    schema_timestamp: int = 0
    request_id: str = ""
    repeated_since_ms: int = 0


@dataclass(frozen=True, slots=True)
class Upsert(Request[WriteReply]):
    """As `Insert`, replacing rows with the same primary keys.

    Attributes:
        partial: only the columns given change; rows that do not exist must be complete.
    """

    collection: str
    batch: pa.RecordBatch
    partition: str = ""
    database: str = DEFAULT_DATABASE
    schema_timestamp: int = 0
    partial: bool = False
    request_id: str = ""
    repeated_since_ms: int = 0


@dataclass(frozen=True, slots=True)
class DeleteReply:
    """How many rows a delete removed, and when it took effect."""

    deleted_count: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class Delete(Request[DeleteReply]):
    """Rows to delete: by primary keys, or by filter when `ids` is None.

    Attributes:
        ids: int64 or string array.
        partition: only rows of that partition; empty for all.
    """

    collection: str
    ids: pa.Array | None = None
    filter: str = ""
    filter_params: dict[str, Any] = field(default_factory=dict)
    partition: str = ""
    database: str = DEFAULT_DATABASE
    request_id: str = ""
    repeated_since_ms: int = 0


@dataclass(frozen=True, slots=True)
class Flush(Request[int]):
    """Makes everything written so far part of sealed segments. Returns a timestamp not older than any such write."""

    collection: str
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class Compact(Request[None]):
    """Runs every compaction that is due, then returns.

    Attributes:
        by_clustering_key: before, divide all sealed rows into segments with ranges of the clustering key.
        segment_bytes: before, make of all segments as few as hold so many bytes each, whatever `segment_bytes_max` is;
            with `by_clustering_key`, their size.
    """

    collection: str
    database: str = DEFAULT_DATABASE
    by_clustering_key: bool = False
    segment_bytes: int | None = None
