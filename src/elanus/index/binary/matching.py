"""Exact answers over bits by the metrics that compare elements or sets: MHJACCARD, SUBSTRUCTURE, SUPERSTRUCTURE.

They have no kernels; rows are compared by NumPy in blocks that stay in cache.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import dense_matrix
from elanus.errors import InvalidInput
from elanus.index.exact import ExactScan
from elanus.index.params import ChoiceParam
from elanus.index.presence import present_rows
from elanus.index.protocol import RangeBounds, SearchHits, VectorColumn
from elanus.index.ranking import best_first
from elanus.index.rescoring import empty_hits
from elanus.schema.field import Field
from elanus.schema.types import Metric

__all__ = [
    "ELEMENT_BITS",
    "ELEMENT_BITS_DEFAULT",
    "MATCHING_METRICS",
    "ElementBitsParam",
    "MatchScan",
    "check_element_bits",
]

MATCHING_METRICS: Final = frozenset({Metric.MHJACCARD, Metric.SUBSTRUCTURE, Metric.SUPERSTRUCTURE})
ELEMENT_BITS: Final = (8, 16, 32, 64)
ELEMENT_BITS_DEFAULT: Final = 32

_BLOCK_BYTES: Final = 1 << 19
_NO_MATCH: Final = np.float32(1.0)


@dataclass(frozen=True, slots=True)
class MatchScan(ExactScan):
    """A scan by one of these metrics.

    Attributes:
        element_bits: the width of a signature's elements, for MHJACCARD.
    """

    element_bits: int = ELEMENT_BITS_DEFAULT

    @classmethod
    def of(cls, column: VectorColumn, metric: Metric, element_bits: int) -> Self:
        """A scan of `column`, which must outlive it (the matrix is a view).

        Raises:
            InvalidInput: the rows are no whole number of elements.
        """
        if metric is Metric.MHJACCARD:
            check_element_bits(column.field, element_bits)
        present = present_rows(column.array)
        return cls(
            matrix=dense_matrix(column.array, column.field),
            metric=metric,
            present=present,
            present_count=column.row_count if present is None else present.count(),
            element_bits=element_bits,
        )

    def search(self, queries: npt.NDArray[Any], k: int, visible: Bitset | None) -> SearchHits:
        """The nearest `k` of the `visible` rows for each query; rows that are no hits leave places empty."""
        hits = empty_hits(len(queries), k)
        for number, query in enumerate(queries):
            rows, scores = self._hits(query, visible)
            scores, rows = best_first(self.metric, scores, rows, k)
            hits.rows[number, : len(rows)], hits.scores[number, : len(rows)] = rows, scores
        return hits

    def range_search(
        self, query: npt.NDArray[Any], bounds: RangeBounds, visible: Bitset | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Scores and rows within the bounds, best first, ties to the smaller row."""
        rows, scores = self._hits(query, visible)
        inside = bounds.accepts(self.metric, scores)
        return best_first(self.metric, scores[inside], rows[inside], len(rows))

    def scores(self, query: npt.NDArray[Any], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The score of each of `rows`; 1 for a row that is no hit of a structure metric."""
        return self._distances(query, self.matrix[rows])

    def _hits(
        self, query: npt.NDArray[Any], visible: Bitset | None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Rows that may be returned, ascending, and their scores."""
        step = max(1, _BLOCK_BYTES // max(1, self.matrix.shape[1]))
        parts = [
            self._distances(query, self.matrix[start : start + step]) for start in range(0, len(self.matrix), step)
        ]
        distances = np.concatenate(parts) if parts else np.empty(0, np.float32)
        rows = np.arange(len(distances)) if visible is None else visible.rows()
        if self.metric is not Metric.MHJACCARD:
            rows = rows[distances[rows] < _NO_MATCH]
        return rows, distances[rows]

    def _distances(self, query: npt.NDArray[np.uint8], rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Shares are computed in float64 and rounded once."""
        if self.metric is Metric.MHJACCARD:
            kind = np.dtype(f"u{self.element_bits // 8}")
            elements = np.ascontiguousarray(rows).view(kind)
            equal = np.count_nonzero(elements == np.ascontiguousarray(query).view(kind), axis=1)
            shares: npt.NDArray[np.float64] = 1.0 - np.asarray(equal, np.float64) / elements.shape[1]
            return shares.astype(np.float32)
        contained = query if self.metric is Metric.SUPERSTRUCTURE else rows
        matches = ((rows & query) == contained).all(axis=1)
        return np.where(matches, np.float32(0.0), _NO_MATCH)


@dataclass(frozen=True, slots=True)
class ElementBitsParam:
    """The width of a MinHash signature's elements, in bits."""

    name: str = "mh_element_bit_width"
    default: int | None = None

    def checked(self, value: object, index_name: str) -> int:
        """One of the widths, also as text."""
        names = tuple(str(bits) for bits in ELEMENT_BITS)
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        return int(ChoiceParam(self.name, names).checked(text, index_name))


def check_element_bits(field: Field, element_bits: int) -> None:
    """Refuses a field whose vectors are no whole number of elements.

    Raises:
        InvalidInput: they are not.
    """
    assert field.dim is not None
    if field.dim % element_bits:
        raise InvalidInput(
            "invalid_index",
            f"field {field.name!r} has {field.dim} bits, expected a multiple of the {element_bits} bits of "
            "an element of a signature (mh_element_bit_width)",
            field=field.name,
        )
