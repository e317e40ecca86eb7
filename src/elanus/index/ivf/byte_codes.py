"""Rows as bytes: the difference from the centroid, one signed byte a dimension.

Each dimension is divided by its own scale and rounded to -127 to 127. A query is coded the same way against each list
it reads, so that a comparison is one product of bytes; the squared length of the difference, kept as a float, completes
it to a distance. Rounding both sides errs by about a thousandth of the lengths multiplied, which the exact scores of
twice the candidates asked for make good.
"""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.index.artefacts import array_bytes, artefact_array
from elanus.index.floats import FloatRows
from elanus.index.ivf.coarse import Centroids
from elanus.index.ivf.grouping import GroupedRows
from elanus.index.ivf.lists import InvertedLists
from elanus.index.protocol import BuildContext
from elanus.kernels import distance
from elanus.schema.types import Metric

__all__ = ["ByteCodedLists", "ByteCodes"]

_LIMIT: Final = 127
_POOL_FACTOR: Final = 2
_POOL_MIN: Final = 16
_SCALES: Final = "scales"
_CODES: Final = "codes"
_SQUARES: Final = "squares"


@dataclass(frozen=True, slots=True)
class ByteCodes:
    """Codes of the present rows, list after list, in the order of `InvertedLists.members`.

    Attributes:
        scales: (dim,) float32; a code times its scale is about the difference from the centroid. 0 where none differs.
        codes: (row_count, dim) int8.
        squares: (row_count,) float32, squared length of the difference from the centroid.
    """

    scales: npt.NDArray[np.float32]
    codes: npt.NDArray[np.int8]
    squares: npt.NDArray[np.float32]

    @classmethod
    def encoded(cls, vectors: FloatRows, grouped: GroupedRows, context: BuildContext) -> Self:
        """The codes of all present rows, in two passes: the largest difference of each dimension, then the codes.

        Raises:
            Unavailable: cancelled; polled every block.
        """
        largest = np.zeros(vectors.dim, np.float32)
        for start, block in vectors.blocks():
            context.check_cancelled()
            differences = block - grouped.centroids[grouped.assigned[start : start + len(block)]]
            np.maximum(largest, np.abs(differences).max(axis=0), out=largest)
        scales = (largest / _LIMIT).astype(np.float32)
        inverse = np.divide(1.0, scales, out=np.zeros_like(scales), where=scales > np.finfo(np.float32).tiny)
        codes = np.empty((len(vectors), vectors.dim), np.int8)
        squares = np.empty(len(vectors), np.float32)
        places = grouped.places()
        for start, block in vectors.blocks():
            context.check_cancelled()
            stop = start + len(block)
            differences = block - grouped.centroids[grouped.assigned[start:stop]]
            codes[places[start:stop]] = _rounded(differences * inverse)
            squares[places[start:stop]] = np.einsum("ij,ij->i", differences, differences)
            context.progress(0.5 + 0.5 * stop / len(vectors))
        return cls(scales=scales, codes=codes, squares=squares)

    @classmethod
    def from_artefacts(cls, artefacts: Mapping[str, memoryview | pa.Buffer], *, present_count: int, dim: int) -> Self:
        """The codes over mapped artefacts.

        Raises:
            DataCorrupt: one is missing or of the wrong size.
        """
        codes = artefact_array(artefacts, _CODES, np.int8, present_count * dim)
        return cls(
            scales=artefact_array(artefacts, _SCALES, np.float32, dim),
            codes=codes.reshape(present_count, dim),
            squares=artefact_array(artefacts, _SQUARES, np.float32, present_count),
        )

    def artefacts(self) -> dict[str, npt.NDArray[np.uint8]]:
        """The arrays as named bytes."""
        return {
            _SCALES: array_bytes(self.scales),
            _CODES: array_bytes(self.codes),
            _SQUARES: array_bytes(self.squares),
        }


@dataclass(frozen=True, slots=True)
class ByteCodedLists:
    """Candidates by comparing codes.

    Attributes:
        centroids: one a list.
        lists: which rows are in which list.
        codes: of the rows, in list order.
        positions: 0 to the length of the longest list (exclusive), int64.
    """

    centroids: Centroids
    lists: InvertedLists
    codes: ByteCodes
    positions: npt.NDArray[np.int64]
    compare_cost: float = 0.25

    @classmethod
    def over(cls, centroids: Centroids, lists: InvertedLists, codes: ByteCodes) -> Self:
        """A source over opened arrays."""
        longest = int(np.diff(lists.offsets).max(initial=0))
        return cls(centroids=centroids, lists=lists, codes=codes, positions=np.arange(longest, dtype=np.int64))

    def candidates(
        self, vectors: npt.NDArray[np.float32], k: int, nprobe: int, params: Mapping[str, Any], visible: Bitset | None
    ) -> Iterator[npt.NDArray[np.int64]]:
        """As `CandidateSource.candidates`."""
        pool = max(k * _POOL_FACTOR, k + _POOL_MIN)
        for vector, nearest in zip(vectors, self.centroids.nearest_lists(vectors, nprobe), strict=True):
            rows, keys = self._compared(vector, nearest, visible)
            yield rows if len(rows) <= pool else rows[np.argpartition(keys, pool - 1)[:pool]]

    def _compared(
        self, vector: npt.NDArray[np.float32], nearest: npt.NDArray[np.int64], visible: Bitset | None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Visible rows of the lists, and for each a key that is smaller the nearer the row seems."""
        # COSINE is the product of unit vectors. Their distance would do as well but for zero vectors, whose score is 0
        # and whose distance from every unit vector is that of a score of 0.5.
        by_product = self.centroids.metric is not Metric.L2
        centroids = self.centroids.matrix[nearest]
        sought = np.broadcast_to(vector, centroids.shape) if by_product else vector - centroids
        scaled = sought * self.codes.scales
        steps = np.abs(scaled).max(axis=1) / np.float32(_LIMIT)
        inverse = np.divide(1.0, steps, out=np.zeros_like(steps), where=steps > np.finfo(np.float32).tiny)
        coded = _rounded(scaled * inverse[:, None])
        bases = np.einsum("ij,ij->i", sought, -centroids if by_product else sought)
        found_rows: list[npt.NDArray[np.int64]] = []
        found_keys: list[npt.NDArray[np.float32]] = []
        for index, list_number in enumerate(nearest):
            start, stop = int(self.lists.offsets[list_number]), int(self.lists.offsets[list_number + 1])
            rows = self.lists.members[start:stop].astype(np.int64)
            positions = self.positions[: stop - start]
            if visible is not None:
                kept = visible.test(rows)
                rows, positions = rows[kept], positions[kept]
            products = distance.score_rows(Metric.IP.value, coded[index], self.codes.codes[start:stop], positions)
            if by_product:
                found_keys.append(bases[index] - steps[index] * products)
            else:
                squares = self.codes.squares[start:stop] if visible is None else self.codes.squares[start + positions]
                found_keys.append(bases[index] + squares - (2 * steps[index]) * products)
            found_rows.append(rows)
        return np.concatenate(found_rows), np.concatenate(found_keys)


def _rounded(values: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
    """The nearest integers, ties to even, held to -127 to 127."""
    return np.clip(np.rint(values), -_LIMIT, _LIMIT).astype(np.int8)
