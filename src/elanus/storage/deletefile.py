"""Deletes of one segment as an Arrow file: row numbers and timestamps."""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.numbers import number_array, number_values
from elanus.errors import DataCorrupt, NotFound
from elanus.kernels.checksum import crc32c
from elanus.objectstore.store import ObjectStore
from elanus.storage.deletes import DeleteSet
from elanus.storage.manifest import DeleteFile

__all__ = ["read_deletes", "write_deletes"]

_SCHEMA: Final = pa.schema(
    [pa.field("row", pa.int64(), nullable=False), pa.field("timestamp", pa.uint64(), nullable=False)],
    metadata={b"elanus.format": b"1"},
)


def write_deletes(
    store: ObjectStore, prefix: str, file_id: int, rows: npt.NDArray[np.int64], timestamps: npt.NDArray[np.uint64]
) -> DeleteFile:
    """Stores deletes below the segment's `prefix`; `file_id` was never used before."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, _SCHEMA) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays([number_array(rows), number_array(timestamps)], schema=_SCHEMA))
    data = memoryview(sink.getvalue())
    name = f"deletes/{file_id:020d}.arrow"
    store.put(f"{prefix}/{name}", [data])
    return DeleteFile(name, crc32c(data), len(rows))


def read_deletes(store: ObjectStore, prefix: str, row_count: int, files: Iterable[DeleteFile]) -> DeleteSet:
    """The deletes of a segment of `row_count` rows.

    Raises:
        DataCorrupt: a file is missing or damaged.
    """
    deletes = DeleteSet(row_count)
    for file in files:
        key = f"{prefix}/{file.name}"
        try:
            data = store.get(key)
        except NotFound as error:
            raise DataCorrupt("missing_file", f"{key} is missing") from error
        if crc32c(data) != file.crc32c:
            raise DataCorrupt("checksum_mismatch", f"{key} is damaged: its checksum is not the manifest's")
        batch = pa.ipc.open_file(pa.py_buffer(data)).get_batch(0)
        deletes = deletes.with_rows(number_values(batch.column(0)), number_values(batch.column(1)))
    return deletes
