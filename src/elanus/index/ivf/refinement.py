"""Finer codes that choose among the candidates of coarse ones without touching the column.

Their use is memory: a search reads `refine_k` times `k` codes of one or two bytes a dimension where it would otherwise
read as many vectors of four. Codes as wide as the column's own elements would be a second copy, so there are none: the
column is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.index.artefacts import artefact_array, check_agrees
from elanus.index.faiss_bridge import opened, serialised, with_threads
from elanus.index.floats import FloatRows
from elanus.index.protocol import BuildContext
from elanus.index.ranking import best_first
from elanus.kernels import distance
from elanus.schema.types import DataType, Metric

__all__ = ["REFINE_TYPES", "Refinement", "refinement_is_stored"]

REFINE_TYPES: Final = ("SQ6", "SQ8", "FP16", "BF16", "FP32")

_QUANTIZER: Final = "refine_quantizer"
_CODES: Final = "refine_codes"
_TRAINING_ROWS: Final = 65_536
_BITS: Final = {"SQ6": 6, "SQ8": 8, "FP16": 16, "BF16": 16, "FP32": 32}
_ELEMENT_BITS: Final = {
    DataType.FLOAT_VECTOR: 32,
    DataType.FLOAT16_VECTOR: 16,
    DataType.BFLOAT16_VECTOR: 16,
    DataType.INT8_VECTOR: 8,
}


def refinement_is_stored(refine_type: str, data_type: DataType) -> bool:
    """Whether codes of this type are narrower than the column's elements, so that storing them saves reading."""
    return _BITS[refine_type] < _ELEMENT_BITS[data_type]


@dataclass(frozen=True, slots=True)
class Refinement:
    """Finer codes of a column.

    Attributes:
        quantizer: a faiss scalar quantizer index without vectors, which decodes.
        codes: (row_count, code bytes) uint8 of every row of the column; zeros for null rows.
        metric: the column's.
    """

    quantizer: Any
    codes: npt.NDArray[np.uint8]
    metric: Metric

    @classmethod
    def encoded(cls, vectors: FloatRows, metric: Metric, refine_type: str, context: BuildContext) -> Self:
        """The codes of all present rows, trained on the first 65,536 of a random order.

        Raises:
            Unavailable: cancelled; polled every block.
        """
        faiss = with_threads(context.thread_count)
        kind = {
            "SQ6": faiss.ScalarQuantizer.QT_6bit,
            "SQ8": faiss.ScalarQuantizer.QT_8bit,
            "FP16": faiss.ScalarQuantizer.QT_fp16,
            "BF16": faiss.ScalarQuantizer.QT_bf16,
        }[refine_type]
        quantizer = faiss.IndexScalarQuantizer(vectors.dim, kind)
        sampled = np.random.default_rng(context.seed).permutation(len(vectors))[:_TRAINING_ROWS]
        quantizer.train(vectors.taken(np.sort(sampled)))
        codes = np.zeros((len(vectors.matrix), int(quantizer.code_size)), np.uint8)
        numbers = vectors.row_numbers()
        for start, block in vectors.blocks():
            context.check_cancelled()
            with_threads(context.thread_count)
            codes[numbers[start : start + len(block)]] = quantizer.sa_encode(block)
        return cls(quantizer=quantizer, codes=codes, metric=metric)

    @classmethod
    def from_artefacts(
        cls, artefacts: Mapping[str, memoryview | pa.Buffer], metric: Metric, *, row_count: int, dim: int
    ) -> Self:
        """The codes over mapped artefacts.

        Raises:
            DataCorrupt: missing, unreadable, or of another column.
        """
        # The bytes of the quantizer are copied into it, so nothing of them needs to be kept.
        quantizer = opened(artefact_array(artefacts, _QUANTIZER, np.uint8), name=_QUANTIZER)
        check_agrees("refinement dim", int(quantizer.d), dim)
        width = int(quantizer.code_size)
        codes = artefact_array(artefacts, _CODES, np.uint8, row_count * width)
        return cls(quantizer=quantizer, codes=codes.reshape(row_count, width), metric=metric)

    def artefacts(self) -> dict[str, npt.NDArray[np.uint8]]:
        """The quantizer and the codes as named bytes."""
        return {_QUANTIZER: serialised(self.quantizer), _CODES: self.codes.reshape(-1)}

    def best(self, vector: npt.NDArray[np.float32], rows: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
        """The `count` rows that seem nearest to `vector`, which has unit length for COSINE."""
        with_threads()
        decoded = self.quantizer.sa_decode(np.ascontiguousarray(self.codes[rows]))
        positions = np.arange(len(rows), dtype=np.int64)
        scores = distance.score_rows(self.metric.value, vector, decoded, positions)
        return best_first(self.metric, scores, rows, count)[1]
