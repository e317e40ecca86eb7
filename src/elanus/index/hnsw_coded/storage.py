"""The form in which a build holds the vectors it compares; nothing of it is stored.

| column | metric | held as |
|---|---|---|
| float32, float16, bfloat16 | L2, IP | the column's own elements |
| the same, all vectors of unit length | COSINE | the column's own elements |
| the same, other lengths | COSINE | unit vectors as float16 |
| int8 | L2, IP | the same numbers plus 128 as bytes, faiss's form of int8 |
| int8 | COSINE | unit vectors as float16 |
"""

import enum
from typing import Any, Final

import numpy as np

from elanus.index.faiss_bridge import faiss_metric, load_faiss
from elanus.index.floats import FloatRows, vector_lengths
from elanus.schema.types import DataType, Metric

__all__ = [
    "GraphStorage",
    "choose_storage",
    "empty_storage",
    "have_unit_length",
]

UNIT_LENGTH_TOLERANCE: Final = 1e-3


class GraphStorage(enum.StrEnum):
    """The form of the vectors a build compares."""

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
