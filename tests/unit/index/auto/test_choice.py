"""Which index AUTOINDEX takes."""

import pytest

from elanus.index.auto.choice import GRAPH_ROWS_MAX, choose_index
from elanus.index.registry import INDEX_TYPES
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric


@pytest.mark.parametrize(
    ("data_type", "row_count", "row_bytes", "expected"),
    [
        (DataType.FLOAT_VECTOR, 0, 3072, "FLAT"),
        (DataType.FLOAT_VECTOR, 4096, 3072, "FLAT"),
        (DataType.FLOAT_VECTOR, 6000, 3072, "HNSW"),
        (DataType.FLOAT_VECTOR, 30_000, 512, "FLAT"),
        (DataType.FLOAT_VECTOR, 300_000, 3072, "HNSW"),
        (DataType.INT8_VECTOR, 300_000, 768, "HNSW"),
        (DataType.FLOAT_VECTOR, 1_000_000, 32, "IVF_FLAT"),
        (DataType.FLOAT_VECTOR, GRAPH_ROWS_MAX + 1, 3072, "IVF_RABITQ"),
        (DataType.FLOAT_VECTOR, GRAPH_ROWS_MAX + 1, 32, "IVF_FLAT"),
        (DataType.BINARY_VECTOR, 10**7, 96, "BIN_FLAT"),
        (DataType.SPARSE_FLOAT_VECTOR, 10**7, 0, "SPARSE_INVERTED_INDEX"),
    ],
)
def test_the_choice_follows_type_and_size(data_type: DataType, row_count: int, row_bytes: int, expected: str) -> None:
    choice = choose_index(data_type, row_count=row_count, row_bytes=row_bytes)
    assert choice.index_name == expected
    assert choice.index_name in INDEX_TYPES
    assert choice.reason


@pytest.mark.parametrize(
    ("memory_mib", "expected"), [(None, "HNSW"), (8000, "HNSW"), (5200, "HNSW"), (4800, "DISKANN"), (100, "DISKANN")]
)
def test_what_does_not_fit_in_memory_is_walked_on_disk(memory_mib: int | None, expected: str) -> None:
    """A million rows of 768 float32 are 2,930 MiB, their codes and links 519 MiB more."""
    memory_bytes = None if memory_mib is None else memory_mib << 20
    choice = choose_index(DataType.FLOAT_VECTOR, row_count=10**6, row_bytes=3072, dim=768, memory_bytes=memory_bytes)
    assert choice.index_name == expected
    kind = INDEX_TYPES[expected]
    field = Field("vector", DataType.FLOAT_VECTOR, dim=768)
    assert kind.check_build_params(field, Metric.L2, choice.params)
    if expected == "DISKANN":
        assert choice.reason == f"vectors and graph of 3448 MiB do not fit {memory_mib} MiB"


def test_lists_grow_with_the_rows_up_to_the_largest_number() -> None:
    counts = [
        choose_index(DataType.FLOAT_VECTOR, row_count=rows, row_bytes=32).params["nlist"] for rows in (10**6, 10**8)
    ]
    assert counts == [3906, 65_536]
