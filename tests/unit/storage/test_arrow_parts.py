"""Arrow bytes in parts: the same bytes as in one piece, and the large ones where the columns are."""

import numpy as np
import pyarrow as pa
import pytest

from elanus.storage.arrow_parts import file_parts, message_parts
from tests.unit.storage.wal.records import every_type, small


@pytest.mark.parametrize("row_count", [0, 1, 7, 300])
@pytest.mark.parametrize("offset", [0, 3, 8])
def test_the_parts_of_a_message_are_the_message(row_count: int, offset: int) -> None:
    for batch in (every_type(row_count, offset=offset), small(*range(offset, offset + row_count))):
        assert b"".join(message_parts(batch)) == batch.serialize().to_pybytes()


def test_a_slice_of_a_batch_is_a_message_of_its_rows() -> None:
    batch = every_type(40).slice(5, 30)
    read = pa.ipc.read_record_batch(pa.py_buffer(b"".join(message_parts(batch))), batch.schema)
    assert read.equals(batch)


def test_columns_are_not_copied() -> None:
    vectors = np.random.default_rng(1).random((500, 32), np.float32)
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), 32)
    parts = message_parts(pa.record_batch({"id": pa.array(range(500)), "v": column}))
    assert any(np.shares_memory(np.frombuffer(part, np.uint8), vectors) for part in parts)
    copied = [part for part in parts if not np.shares_memory(np.frombuffer(part, np.uint8), vectors)]
    assert sum(part.nbytes for part in copied) < 5_000


def test_the_parts_of_a_file_are_a_file() -> None:
    batch = every_type(20)
    data = b"".join(file_parts(batch.schema, batch.columns))
    assert pa.ipc.open_file(data).read_all().equals(pa.Table.from_batches([batch]))
