"""Codes of a column for a graph to compare: one row of bytes for every row of the column, and what decodes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.errors import DataCorrupt
from elanus.index.artefacts import artefact_array, check_agrees
from elanus.index.exact import ExactScan
from elanus.index.faiss_bridge import faiss_metric, opened, serialised, share_codes, training_threads, with_threads
from elanus.index.floats import FloatRows
from elanus.index.protocol import BuildContext

__all__ = ["GraphCodes"]

_QUANTIZER: Final = "quantizer"
_CODES: Final = "codes"
_TRAINING_ROWS_MAX: Final = 65_536


@dataclass(frozen=True, slots=True)
class GraphCodes:
    """A quantiser and the codes of a column.

    Attributes:
        quantizer: a faiss index of codes without rows.
        codes: (row_count, code bytes) uint8; zeros for null rows, which no graph links to.
    """

    quantizer: Any
    codes: npt.NDArray[np.uint8]

    @classmethod
    def encoded(cls, vectors: FloatRows, quantizer: Any, context: BuildContext) -> Self:
        """The codes of all present rows; the quantiser is trained on at most 65,536 of them, drawn at random.

        Raises:
            Unavailable: cancelled; polled every block.
        """
        context.check_cancelled()
        with_threads(training_threads(len(vectors), context.thread_count))
        sampled = np.random.default_rng(context.seed).permutation(len(vectors))[:_TRAINING_ROWS_MAX]
        quantizer.train(vectors.taken(np.sort(sampled)))
        codes = np.zeros((len(vectors.matrix), int(quantizer.code_size)), np.uint8)
        numbers = vectors.row_numbers()
        for start, block in vectors.blocks():
            context.check_cancelled()
            with_threads(training_threads(len(vectors), context.thread_count))
            codes[numbers[start : start + len(block)]] = quantizer.sa_encode(block)
        return cls(quantizer=quantizer, codes=codes)

    @classmethod
    def from_artefacts(cls, artefacts: Mapping[str, memoryview | pa.Buffer], scan: ExactScan, class_name: str) -> Self:
        """The codes over mapped artefacts, decoded by a faiss index of class `class_name`.

        Raises:
            DataCorrupt: missing, unreadable, or of another column.
        """
        quantizer = opened(artefact_array(artefacts, _QUANTIZER, np.uint8), name=_QUANTIZER)
        if type(quantizer).__name__ != class_name:
            raise DataCorrupt(
                "malformed_file",
                f"index artefact {_QUANTIZER!r} holds a {type(quantizer).__name__}, expected a {class_name}; "
                "rebuild the index",
            )
        row_count, dim = scan.matrix.shape
        check_agrees("dim", int(quantizer.d), dim)
        check_agrees("metric of codes", int(quantizer.metric_type), faiss_metric(scan.metric))
        width = int(quantizer.code_size)
        codes = artefact_array(artefacts, _CODES, np.uint8, row_count * width).reshape(row_count, width)
        return cls(quantizer=quantizer, codes=codes)

    def artefacts(self) -> dict[str, npt.NDArray[np.uint8]]:
        """The quantiser and the codes as named bytes."""
        return {_QUANTIZER: serialised(self.quantizer), _CODES: self.codes.reshape(-1)}

    def shared(self) -> Any:
        """The quantiser as a faiss index that reads the codes, which must outlive it, uncopied."""
        share_codes(self.quantizer, self.codes, len(self.codes))
        return self.quantizer
