"""The vectors of a column as float32, a block at a time, for building. Null rows are left out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from elanus.columns.vectors import dense_matrix, float32_from_bfloat16
from elanus.index.presence import present_rows
from elanus.index.protocol import VectorColumn
from elanus.schema.types import DataType, Metric

__all__ = ["FloatRows", "as_float32", "unit_vectors", "vector_lengths"]

_BLOCK_BYTES: Final = 32 << 20
_FLOAT32: Final = np.dtype(np.float32)


def as_float32(vectors: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """The exact float32 of each element, where uint16 is bfloat16; `vectors` itself when float32 and in C order."""
    if vectors.dtype == _FLOAT32 and vectors.flags.c_contiguous:
        return vectors
    if vectors.dtype == np.uint16:
        return float32_from_bfloat16(vectors)
    return np.ascontiguousarray(vectors, np.float32)


def unit_vectors(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Each vector divided by its length, a copy; a zero vector stays zero.

    Computed in float64, so that no finite float32 vector overflows, and rounded once.
    """
    lengths = vector_lengths(vectors)
    lengths[lengths == 0] = 1.0
    return np.divide(vectors, lengths[:, None], out=np.empty_like(vectors), casting="same_kind")


def vector_lengths(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The Euclidean length of each vector; sums are float64."""
    lengths: npt.NDArray[np.float64] = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    return lengths


@dataclass(frozen=True, slots=True)
class FloatRows:
    """The present rows of a column, readable as float32.

    Attributes:
        matrix: the column's vectors, all rows.
        data_type: what their elements are.
        rows: numbers of the present rows, ascending; None when all are present.
        normalised: blocks come with unit length (zero vectors stay zero).
    """

    matrix: npt.NDArray[Any]
    data_type: DataType
    rows: npt.NDArray[np.int64] | None
    normalised: bool

    @classmethod
    def of(cls, column: VectorColumn, metric: Metric) -> Self:
        """The rows of `column`, normalised for COSINE."""
        present = present_rows(column.array)
        return cls(
            matrix=dense_matrix(column.array, column.field),
            data_type=column.field.data_type,
            rows=None if present is None else present.rows(),
            normalised=metric is Metric.COSINE,
        )

    def __len__(self) -> int:
        return len(self.matrix) if self.rows is None else len(self.rows)

    @property
    def dim(self) -> int:
        return int(self.matrix.shape[1])

    def row_numbers(self) -> npt.NDArray[np.int64]:
        """The column row of each position."""
        return np.arange(len(self.matrix), dtype=np.int64) if self.rows is None else self.rows

    def block(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Positions `start` to `stop` (exclusive), (count, dim) float32, C order; may be a view of the column."""
        chosen = self.matrix[start:stop] if self.rows is None else self.matrix[self.rows[start:stop]]
        return self._converted(chosen)

    def taken(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The vectors at `positions`, a copy."""
        chosen = positions if self.rows is None else self.rows[positions]
        return self._converted(self.matrix[chosen])

    def blocks(self, *, rows_max: int | None = None) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        """Start positions and blocks, in order, each at most `rows_max` rows and 32 MiB."""
        step = max(1, _BLOCK_BYTES // (4 * self.dim))
        if rows_max is not None:
            step = min(step, rows_max)
        for start in range(0, len(self), step):
            yield start, self.block(start, min(start + step, len(self)))

    def _converted(self, chosen: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        vectors = as_float32(chosen)
        return unit_vectors(vectors) if self.normalised else vectors
