"""Rows as bytes: the difference from the centroid, one signed byte a dimension.

Each dimension is divided by its own scale and rounded to -127 to 127. A query is multiplied by the scales and rounded
to bytes as well, once for all lists, so that a comparison is one product of bytes. With c the centroid of row x, r
their difference and o a fixed origin:

    q x = q c + q r                        |q - x|^2 = |q - c|^2 + |r|^2 + 2 (c - o) r - 2 (q - o) r

The terms that do not depend on the query are kept as one float a row. The origin is the mean of the centroids: it keeps
the two products small whatever the data are shifted by. Rounding both sides errs by about a thousandth of the lengths
multiplied, which the exact scores of twice the candidates asked for make good.
"""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.index.artefacts import array_bytes, artefact_array
from elanus.index.floats import FloatRows
from elanus.index.ivf.coarse import Centroids
from elanus.index.ivf.effort import ListEffort
from elanus.index.ivf.grouping import GroupedRows
from elanus.index.planning import ListCosts
from elanus.index.protocol import BuildContext, SearchHits
from elanus.kernels.ivf import search_bytes
from elanus.kernels.list_arrays import ByteLists, IvfQuestion
from elanus.schema.types import Metric

__all__ = ["ByteCodedLists", "ByteCodes"]

_COSTS: Final = ListCosts(read=0.03, compare=0.3)
_LIMIT: Final = 127
_POOL_FACTOR: Final = 2
_POOL_MIN: Final = 16
_SCALES: Final = "scales"
_CODES: Final = "codes"
_CONSTANTS: Final = "constants"
_ORIGIN: Final = "origin"


@dataclass(frozen=True, slots=True)
class ByteCodes:
    """Codes of the present rows, list after list, in the order of `InvertedLists.members`.

    Attributes:
        origin: (dim,) float32; zero unless the metric is L2.
        scales: (dim,) float32; a code times its scale is about the difference from the centroid. 0 where none differs.
        codes: (row_count, dim) int8.
        constants: (row_count,) float32, the part of a squared distance that is the row's alone; empty unless L2.
    """

    origin: npt.NDArray[np.float32]
    scales: npt.NDArray[np.float32]
    codes: npt.NDArray[np.int8]
    constants: npt.NDArray[np.float32]

    @classmethod
    def encoded(cls, vectors: FloatRows, metric: Metric, grouped: GroupedRows, context: BuildContext) -> Self:
        """The codes of all present rows, in two passes: the largest difference of each dimension, then the codes.

        Raises:
            Unavailable: cancelled; polled every block.
        """
        by_distance = metric is Metric.L2
        origin = np.zeros(vectors.dim, np.float32)
        if by_distance:
            origin = grouped.centroids.mean(axis=0, dtype=np.float64).astype(np.float32)
        scales, inverse = _trained_scales(vectors, grouped, context)
        codes = np.empty((len(vectors), vectors.dim), np.int8)
        constants = np.empty(len(vectors) if by_distance else 0, np.float32)
        places = grouped.places()
        for start, block in vectors.blocks():
            context.check_cancelled()
            stop = start + len(block)
            centroids = grouped.centroids[grouped.assigned[start:stop]]
            differences = block - centroids
            codes[places[start:stop]] = _rounded(differences * inverse)
            if by_distance:
                centroids -= origin
                centroids *= 2
                centroids += differences
                constants[places[start:stop]] = np.einsum("ij,ij->i", differences, centroids)
            context.progress(0.5 + 0.5 * stop / len(vectors))
        return cls(origin=origin, scales=scales, codes=codes, constants=constants)

    @classmethod
    def from_artefacts(
        cls, artefacts: Mapping[str, memoryview | pa.Buffer], metric: Metric, *, present_count: int, dim: int
    ) -> Self:
        """The codes over mapped artefacts.

        Raises:
            DataCorrupt: one is missing or of the wrong size.
        """
        codes = artefact_array(artefacts, _CODES, np.int8, present_count * dim)
        constants = np.empty(0, np.float32)
        if metric is Metric.L2:
            constants = artefact_array(artefacts, _CONSTANTS, np.float32, present_count)
        return cls(
            origin=artefact_array(artefacts, _ORIGIN, np.float32, dim),
            scales=artefact_array(artefacts, _SCALES, np.float32, dim),
            codes=codes.reshape(present_count, dim),
            constants=constants,
        )

    def artefacts(self) -> dict[str, npt.NDArray[np.uint8]]:
        """The arrays as named bytes."""
        arrays: dict[str, npt.NDArray[Any]] = {
            _ORIGIN: self.origin,
            _SCALES: self.scales,
            _CODES: self.codes,
            _CONSTANTS: self.constants,
        }
        # An empty file could not be mapped.
        return {name: array_bytes(array) for name, array in arrays.items() if array.size}


@dataclass(frozen=True, slots=True)
class ByteCodedLists:
    """Rows by comparing codes, the best of them by exact score.

    Attributes:
        centroids: one a list.
        codes: of the rows, in list order.
    """

    centroids: Centroids
    codes: ByteCodes
    costs: ListCosts = _COSTS
    is_exact: bool = False

    def pool(self, k: int, params: Mapping[str, Any]) -> int:
        """As `ListSearch.pool`; no parameter counts."""
        return max(k * _POOL_FACTOR, k + _POOL_MIN)

    def search(self, question: IvfQuestion, k: int, effort: ListEffort) -> SearchHits:
        """As `ListSearch.search`."""
        codes = ByteLists(self.codes.scales, self.codes.origin, self.codes.codes, self.codes.constants)
        lists = self.centroids.lists
        scores, rows = search_bytes(question, lists, codes, nprobe=effort.nprobe, k=k, pool=effort.pool)
        return SearchHits(rows=rows, scores=scores)


def _trained_scales(
    vectors: FloatRows, grouped: GroupedRows, context: BuildContext
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The scale of each dimension and its inverse; both are 0 where no row differs from its centroid."""
    largest = np.zeros(vectors.dim, np.float32)
    for start, block in vectors.blocks():
        context.check_cancelled()
        differences = block - grouped.centroids[grouped.assigned[start : start + len(block)]]
        np.maximum(largest, np.abs(differences).max(axis=0), out=largest)
    scales = (largest / _LIMIT).astype(np.float32)
    scales[scales <= np.finfo(np.float32).tiny] = 0
    return scales, np.divide(1.0, scales, out=np.zeros_like(scales), where=scales > 0)


def _rounded(values: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
    """The nearest integers, ties to even, of values that are at most 127 (and a rounding error) by their scales."""
    return np.rint(values).astype(np.int8)
