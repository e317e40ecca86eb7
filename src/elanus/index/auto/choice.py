"""Which index suits a column: a pure function of its type and size, with the reason in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from elanus.schema.types import DataType

__all__ = ["IndexChoice", "choose_index"]

SCAN_BYTES_MAX: Final = 16 << 20
"""A column of this size is scanned in about a millisecond, as fast as any index is asked."""

SCAN_ROWS_MAX: Final = 4096
"""Nor is an index worth it for so few rows, however wide."""

GRAPH_ROWS_MAX: Final = 20_000_000
"""Building a graph over more rows takes hours on one thread."""

MEMORY_SHARE_MAX: Final = 0.7
"""Of the memory there is, which the process needs for more than columns and graphs."""

GRAPH_ROW_BYTES_MIN: Final = 64
"""A graph's links cost about 160 bytes a row; rows narrower than this would be outweighed by them."""

_GRAPH_PARAMS: Final = {"M": 16, "efConstruction": 100}
_DISK_GRAPH_PARAMS: Final = {"max_degree": 48, "search_list_size": 100}
_LINK_BYTES: Final = 4 * 2 * 16
_CODE_BYTES: Final = 32
_CODES_PER_BYTE: Final = 2
_ROWS_PER_LIST: Final = 256
_LIST_COUNT_MAX: Final = 65_536


@dataclass(frozen=True, slots=True)
class IndexChoice:
    """An index type for a column.

    Attributes:
        index_name: an entry of the registry.
        reason: why, for `describe` and logs.
        params: its build parameters; the rest take their defaults.
    """

    index_name: str
    reason: str
    params: Mapping[str, int | str | bool] = field(default_factory=dict)


def choose_index(
    data_type: DataType, *, row_count: int, row_bytes: int, dim: int = 0, memory_bytes: int | None = None
) -> IndexChoice:
    """The index for `row_count` non-null vectors of `dim` dimensions and `row_bytes` bytes each (0 for sparse ones).

    `memory_bytes` is what there is for the column and its index; None where that is not known.
    """
    if data_type is DataType.BINARY_VECTOR:
        return IndexChoice("BIN_FLAT", "binary vectors are scanned")
    if data_type is DataType.SPARSE_FLOAT_VECTOR:
        return IndexChoice("SPARSE_INVERTED_INDEX", "the index for sparse vectors")
    column_bytes = row_count * row_bytes
    if row_count <= SCAN_ROWS_MAX or column_bytes <= SCAN_BYTES_MAX:
        return IndexChoice("FLAT", f"{row_count} rows of {row_bytes} bytes are scanned faster than an index is asked")
    list_count = max(1, min(_LIST_COUNT_MAX, row_count // _ROWS_PER_LIST))
    if row_bytes < GRAPH_ROW_BYTES_MIN:
        reason = f"rows of {row_bytes} bytes are smaller than a graph's links"
        return IndexChoice("IVF_FLAT", reason, {"nlist": list_count})
    if row_count > GRAPH_ROWS_MAX:
        reason = f"{row_count} rows are more than the {GRAPH_ROWS_MAX} a graph is built for"
        return IndexChoice("IVF_RABITQ", reason, {"nlist": list_count, "refine": True, "refine_type": "SQ8"})
    graph_bytes = row_count * (_LINK_BYTES + _CODE_BYTES + dim // _CODES_PER_BYTE)
    if memory_bytes is not None and column_bytes + graph_bytes > MEMORY_SHARE_MAX * memory_bytes:
        reason = f"vectors and graph of {(column_bytes + graph_bytes) >> 20} MiB do not fit {memory_bytes >> 20} MiB"
        return IndexChoice("DISKANN", reason, dict(_DISK_GRAPH_PARAMS))
    return IndexChoice("HNSW", f"{row_count} rows of {row_bytes} bytes suit a graph", dict(_GRAPH_PARAMS))
