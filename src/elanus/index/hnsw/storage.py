"""Where the vectors are that a graph search compares: in the column itself whenever its elements can be read there.

| column | metric | read from | bytes a dimension in artefacts |
|---|---|---|---|
| float32, float16, bfloat16 | L2, IP | the column | 0 |
| the same, all vectors of unit length | COSINE | the column | 0 |
| the same, other lengths | COSINE | unit vectors as float16 | 2 |
| int8 | L2, IP | the same numbers plus 128 as bytes, faiss's form of int8 | 1 |
| int8 | COSINE | unit vectors as float16 | 2 |

Copies have a place for every row of the column, null or not, so that a row's number is its place everywhere.
"""

import enum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.index.faiss_bridge import faiss_metric, load_faiss, share_codes
from elanus.index.floats import FloatRows, vector_lengths
from elanus.schema.types import DataType, Metric

__all__ = [
    "GraphStorage",
    "choose_storage",
    "copied_codes",
    "copied_width_bytes",
    "empty_storage",
    "have_unit_length",
    "open_storage",
]

UNIT_LENGTH_TOLERANCE: Final = 1e-3


class GraphStorage(enum.StrEnum):
    """The form of the vectors a graph search compares."""

    COLUMN = "column"
    UNIT_FLOAT16 = "unit_float16"
    INT8_AS_BYTES = "int8_as_bytes"


def choose_storage(data_type: DataType, metric: Metric, *, unit_length: bool) -> GraphStorage:
    """The form that costs least; `unit_length` says whether every vector has length 1 within the tolerance."""
    if metric is Metric.COSINE:
        shareable = unit_length and data_type is not DataType.INT8_VECTOR
        return GraphStorage.COLUMN if shareable else GraphStorage.UNIT_FLOAT16
    return GraphStorage.INT8_AS_BYTES if data_type is DataType.INT8_VECTOR else GraphStorage.COLUMN


def have_unit_length(vectors: FloatRows) -> bool:
    """Whether all present vectors, as they are, have length 1 within the tolerance."""
    raw = FloatRows(matrix=vectors.matrix, data_type=vectors.data_type, rows=vectors.rows, normalised=False)
    return all(bool((np.abs(vector_lengths(block) - 1.0) <= UNIT_LENGTH_TOLERANCE).all()) for _, block in raw.blocks())


def empty_storage(form: GraphStorage, data_type: DataType, dim: int, metric: Metric) -> Any:
    """A faiss flat index without vectors that holds codes of this form."""
    faiss = load_faiss()
    quantizer = faiss.ScalarQuantizer
    number = faiss_metric(metric)
    if form is GraphStorage.COLUMN and data_type is DataType.FLOAT_VECTOR:
        return faiss.IndexFlat(dim, number)
    kinds = {
        (GraphStorage.COLUMN, DataType.FLOAT16_VECTOR): quantizer.QT_fp16,
        (GraphStorage.COLUMN, DataType.BFLOAT16_VECTOR): quantizer.QT_bf16,
        (GraphStorage.INT8_AS_BYTES, DataType.INT8_VECTOR): quantizer.QT_8bit_direct_signed,
    }
    return faiss.IndexScalarQuantizer(dim, kinds.get((form, data_type), quantizer.QT_fp16), number)


def copied_codes(form: GraphStorage, vectors: FloatRows) -> npt.NDArray[np.uint8] | None:
    """Codes of every row of the column as one flat array, zero for null rows; None when the column itself is read."""
    row_count, dim = vectors.matrix.shape
    if form is GraphStorage.COLUMN:
        return None
    if form is GraphStorage.INT8_AS_BYTES:
        return (vectors.matrix.view(np.uint8) ^ np.uint8(0x80)).reshape(-1)
    codes = np.zeros((row_count, dim), np.float16)
    numbers = vectors.row_numbers()
    for start, block in vectors.blocks():
        codes[numbers[start : start + len(block)]] = block
    return codes.reshape(-1).view(np.uint8)


def copied_width_bytes(form: GraphStorage, dim: int) -> int:
    """Bytes of one row in `copied_codes`; 0 when the column itself is read."""
    return {GraphStorage.COLUMN: 0, GraphStorage.INT8_AS_BYTES: dim, GraphStorage.UNIT_FLOAT16: 2 * dim}[form]


def open_storage(
    form: GraphStorage,
    data_type: DataType,
    metric: Metric,
    matrix: npt.NDArray[Any],
    codes: npt.NDArray[np.uint8] | None,
) -> Any:
    """A faiss flat index that reads the column (or the copied `codes`); both must outlive it."""
    row_count, dim = matrix.shape
    storage = empty_storage(form, data_type, dim, metric)
    share_codes(storage, matrix.reshape(-1).view(np.uint8) if codes is None else codes, row_count)
    return storage
