"""Centroids at search time: which lists are nearest to a query."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.index.artefacts import array_bytes, artefact_array
from elanus.index.exact import ExactScan, scored_form
from elanus.index.floats import FloatRows, as_float32, unit_vectors, vector_lengths
from elanus.index.ivf.lists import InvertedLists
from elanus.kernels import ivf
from elanus.kernels.list_arrays import IvfLists, IvfQuestion
from elanus.schema.types import Metric

__all__ = ["Centroids", "centroid_artefacts", "compared_vectors", "length_of_rows"]

_MATRIX: Final = "centroids"
_CODES: Final = "centroid_codes"
_CONSTANTS: Final = "centroid_constants"
_CODE_MAX: Final = 127
_LENGTHS_MAX: Final = 1.01
_SQUARE_WEIGHT: Final = 0.25


def compared_vectors(queries: npt.NDArray[Any], metric: Metric) -> npt.NDArray[np.float32]:
    """Queries as faiss's codes are compared with them: float32, of unit length for COSINE."""
    vectors = as_float32(queries)
    return unit_vectors(vectors) if metric is Metric.COSINE else vectors


@dataclass(frozen=True, slots=True)
class Centroids:
    """One centroid a list.

    Attributes:
        lists: centroids, their codes and the lists, as kernels take them.
        metric: the metric of the column.
        length: of every row that lists hold; 0 when they differ, or when it does not matter.
    """

    lists: IvfLists
    metric: Metric
    length: float

    @classmethod
    def from_artefacts(
        cls,
        artefacts: Mapping[str, memoryview | pa.Buffer],
        metric: Metric,
        *,
        dim: int,
        lists: InvertedLists,
        length: float,
    ) -> Self:
        """The centroids over mapped artefacts.

        Raises:
            DataCorrupt: one is missing or of the wrong size.
        """
        count = lists.list_count
        constants = artefact_array(artefacts, _CONSTANTS, np.float32, 2 * dim + 2 * count)
        return cls(
            lists=IvfLists(
                centroids=artefact_array(artefacts, _MATRIX, np.float32, count * dim).reshape(count, dim),
                codes=artefact_array(artefacts, _CODES, np.int8, count * dim).reshape(count, dim),
                scales=constants[:dim],
                origin=constants[dim : 2 * dim],
                squares=constants[2 * dim :].reshape(2, count),
                offsets=lists.offsets,
                members=lists.members,
            ),
            metric=metric,
            length=length,
        )

    @property
    def ranking(self) -> str:
        """What the nearest lists are by: L2 or IP."""
        return Metric.L2.value if self.metric is Metric.L2 else Metric.IP.value

    @property
    def square_weight(self) -> float:
        """How much of a centroid's squared length is taken from its product with a query.

        Rows of one length are ranked alike by product and by distance, but their centroids are shorter, the more the
        rows of a list differ. The product alone reads lists of similar rows too early, the distance, which takes half
        of the square, reads them too late. A quarter finds as much as the better of both, on data where either fails.
        """
        return _SQUARE_WEIGHT if self.metric is not Metric.L2 and self.length else 0.0

    def compared(self, queries: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Queries as they are compared with centroids and codes: float32, of the length of rows where they have one."""
        vectors = as_float32(queries)
        if not self.length:
            return vectors
        return unit_vectors(vectors) * np.float32(self.length)

    def question(self, scan: ExactScan, queries: npt.NDArray[Any], allow: Bitset | None) -> IvfQuestion:
        """What kernels are asked: the rows nearest to `queries` among `allow`, None for all that lists hold."""
        # By position: it is asked for every query, and names cost as much as the rest.
        return IvfQuestion(
            self.metric.value,
            scored_form(queries),
            scan.matrix,
            as_float32(queries),
            self.length,
            self.ranking,
            self.square_weight,
            None if allow is None else allow.words,
        )

    def nearest_lists(self, vectors: npt.NDArray[np.float32], nprobe: int) -> npt.NDArray[np.int64]:
        """(query_count, nprobe) list numbers, nearest first, for `compared` vectors; `nprobe` is at most list_count."""
        return ivf.nearest_lists(self.ranking, vectors, self.lists, nprobe, square_weight=self.square_weight)


def length_of_rows(vectors: FloatRows, metric: Metric) -> float:
    """The length that rows have in common, to a hundredth; 0 when they differ, and for L2, where it does not matter."""
    if metric is Metric.COSINE:
        return 1.0
    if metric is Metric.L2:
        return 0.0
    shortest, longest = np.inf, 0.0
    for _, block in vectors.blocks():
        lengths = vector_lengths(block)
        shortest, longest = min(shortest, float(lengths.min())), max(longest, float(lengths.max()))
        if longest > _LENGTHS_MAX * shortest:
            return 0.0
    return (shortest + longest) / 2


def centroid_artefacts(centroids: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.uint8]]:
    """Centroids, and what a search finds the nearest ones by: bytes of their difference from their mean.

    Args:
        centroids: (list_count, dim) float32.
    """
    origin = centroids.mean(axis=0, dtype=np.float64).astype(np.float32)
    differences = centroids - origin
    scales = (np.abs(differences).max(axis=0) / _CODE_MAX).astype(np.float32)
    scales[scales <= np.finfo(np.float32).tiny] = 0
    inverse = np.divide(1.0, scales, out=np.zeros_like(scales), where=scales > 0)
    codes = np.rint(differences * inverse).astype(np.int8)
    squares = [np.einsum("ij,ij->i", rows, rows, dtype=np.float32) for rows in (centroids, differences)]
    return {
        _MATRIX: array_bytes(centroids),
        _CODES: array_bytes(codes),
        _CONSTANTS: array_bytes(np.concatenate([scales, origin, *squares])),
    }
