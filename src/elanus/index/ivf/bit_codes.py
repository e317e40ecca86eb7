"""Rows as bits: RaBitQ's codes of the difference from the centroid, and finer ones (`kernels.rabitq`).

A row costs one bit a dimension and 12 bytes, with finer codes of b bits in all b bits a dimension and 20 bytes. The
upper bit of a finer code is the one bit, so that it is not stored twice.

The query's part is summed from tables of eight bits an entry, whose rounding is that of a query of about seven bits.
Milvus's `rbq_query_bits` asks for coarser queries, with which the bits of a row are compared by one pass of AND and
population count for each bit of the query. With AVX-512 a single such pass over 768 bits takes longer than the whole
sum from tables (5.3 and 2.9 ns a row), so that a coarser query would lose recall and gain nothing: the parameter is
checked and changes no answer.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.index.artefacts import array_bytes, artefact_array
from elanus.index.floats import FloatRows
from elanus.index.ivf.coarse import Centroids
from elanus.index.ivf.effort import ListEffort
from elanus.index.ivf.grouping import GroupedRows
from elanus.index.ivf.rotation import block_layout, fine_layout, quantised, rotation_signs
from elanus.index.planning import ListCosts
from elanus.index.protocol import BuildContext, SearchHits
from elanus.kernels.list_arrays import BLOCK_ROWS, ROTATION_ROUNDS, IvfQuestion, RabitqLists
from elanus.kernels.rabitq import padded_dim, rotate, search_rabitq
from elanus.schema.types import Metric

__all__ = ["BitCodedLists", "encoded_rows", "opened_rows", "row_artefacts"]

_COSTS: Final = ListCosts(read=0.05, compare=0.1)
_POOL_FACTOR: Final = 2
_POOL_MIN: Final = 16
_PRECISE_BITS: Final = 6
_PRECISE_POOL_MIN: Final = 6

ERROR_WIDTH: Final = 1.9
"""Standard deviations of an estimate's error after which a row is given up, as in the paper."""

_SIGNS: Final = "rotation_signs"
_ORIGIN: Final = "rotation_origin"
_BLOCKS: Final = "bit_codes"
_FACTORS: Final = "bit_factors"
_FINE: Final = "fine_codes"
_FINE_FACTORS: Final = "fine_factors"


@dataclass(frozen=True, slots=True)
class _Places:
    """Codes being written, in the order of places; the arrays of `RabitqLists` before they are laid out."""

    bits: npt.NDArray[np.uint8]
    factors: npt.NDArray[np.float32]
    fine: npt.NDArray[np.uint8]
    fine_factors: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Encoder:
    """Codes of differences from centroids, whose rotated differences from the origin are `turned`."""

    by_distance: bool
    centroids: npt.NDArray[np.float32]
    turned: npt.NDArray[np.float32]
    signs: npt.NDArray[np.float32]
    fine_bits: int

    def encode(
        self,
        block: npt.NDArray[np.float32],
        assigned: npt.NDArray[np.int32],
        places: npt.NDArray[np.int64],
        target: _Places,
    ) -> None:
        centroids = self.centroids[assigned]
        differences = block - centroids
        rotated = rotate(differences, self.signs)
        squares = np.einsum("ij,ij->i", differences, differences)
        turned = self.turned[assigned]
        constants = squares if self.by_distance else -np.einsum("ij,ij->i", differences, centroids)
        positive = rotated >= 0
        directions = np.where(positive, np.float32(1), np.float32(-1))
        target.bits[places] = np.packbits(positive, axis=1, bitorder="little")
        factors, products = _factors(squares, rotated, turned, directions)
        target.factors[0, places] = constants + self._weight * factors * products
        target.factors[1, places] = -self._weight * factors
        target.factors[2, places] = self._weight * _errors(squares, rotated)
        if self.fine_bits > 1:
            codes = quantised(rotated, self.fine_bits)
            directions = codes - np.float32((2**self.fine_bits - 1) / 2)
            target.fine[places] = fine_layout(codes, self.fine_bits - 1)
            factors, products = _factors(squares, rotated, turned, directions)
            target.fine_factors[0, places] = constants + self._weight * factors * products
            target.fine_factors[1, places] = -self._weight * factors

    @property
    def _weight(self) -> float:
        """How often the product of row and query counts in a key."""
        return 2.0 if self.by_distance else 1.0


def encoded_rows(
    vectors: FloatRows, metric: Metric, grouped: GroupedRows, fine_bits: int, context: BuildContext
) -> RabitqLists:
    """The codes of all present rows, with finer ones when `fine_bits` is above 1.

    Raises:
        Unavailable: cancelled; polled every block.
    """
    count, padded = len(vectors), padded_dim(vectors.dim)
    fine_count = count if fine_bits > 1 else 0
    origin = grouped.centroids.mean(axis=0, dtype=np.float64).astype(np.float32)
    signs = rotation_signs(vectors.dim, context.seed)
    encoder = _Encoder(
        by_distance=metric is Metric.L2,
        centroids=grouped.centroids,
        turned=rotate(grouped.centroids - origin, signs),
        signs=signs,
        fine_bits=fine_bits,
    )
    target = _Places(
        bits=np.zeros((count, padded // 8), np.uint8),
        factors=np.empty((3, count), np.float32),
        fine=np.empty((fine_count, (fine_bits - 1) * padded // 8), np.uint8),
        fine_factors=np.empty((2, fine_count), np.float32),
    )
    places = grouped.places()
    for start, block in vectors.blocks():
        context.check_cancelled()
        stop = start + len(block)
        encoder.encode(block, grouped.assigned[start:stop], places[start:stop], target)
        context.progress(0.5 + 0.5 * stop / count)
    return RabitqLists(
        signs=signs,
        origin=origin,
        blocks=block_layout(target.bits),
        factors=target.factors,
        fine_bits=fine_bits,
        fine=target.fine,
        fine_factors=target.fine_factors,
    )


def row_artefacts(codes: RabitqLists) -> dict[str, npt.NDArray[np.uint8]]:
    """The arrays as named bytes."""
    arrays: dict[str, npt.NDArray[Any]] = {
        _SIGNS: codes.signs,
        _ORIGIN: codes.origin,
        _BLOCKS: codes.blocks,
        _FACTORS: codes.factors,
    }
    if codes.fine_bits > 1:
        arrays |= {_FINE: codes.fine, _FINE_FACTORS: codes.fine_factors}
    return {name: array_bytes(array) for name, array in arrays.items()}


def opened_rows(
    artefacts: Mapping[str, memoryview | pa.Buffer], *, present_count: int, dim: int, fine_bits: int
) -> RabitqLists:
    """The codes over mapped artefacts.

    Raises:
        DataCorrupt: one is missing or of the wrong size.
    """
    padded = padded_dim(dim)
    block_count = -(-present_count // BLOCK_ROWS)
    blocks = artefact_array(artefacts, _BLOCKS, np.uint8, block_count * 4 * padded)
    fine_count, fine_bytes = (present_count if fine_bits > 1 else 0), (fine_bits - 1) * padded // 8
    fine = np.empty(0, np.uint8)
    fine_factors = np.empty(0, np.float32)
    if fine_count:
        fine = artefact_array(artefacts, _FINE, np.uint8, fine_count * fine_bytes)
        fine_factors = artefact_array(artefacts, _FINE_FACTORS, np.float32, 2 * fine_count)
    return RabitqLists(
        signs=artefact_array(artefacts, _SIGNS, np.float32, ROTATION_ROUNDS * padded).reshape(ROTATION_ROUNDS, padded),
        origin=artefact_array(artefacts, _ORIGIN, np.float32, dim),
        blocks=blocks.reshape(block_count, 4 * padded),
        factors=artefact_array(artefacts, _FACTORS, np.float32, 3 * present_count).reshape(3, present_count),
        fine_bits=fine_bits,
        fine=fine.reshape(fine_count, fine_bytes),
        fine_factors=fine_factors.reshape(2, fine_count),
    )


@dataclass(frozen=True, slots=True)
class BitCodedLists:
    """Rows by comparing codes, the best of them by exact score.

    Attributes:
        centroids: one a list.
        codes: of the rows, in list order.
        refines: whether rows that may be among the best are compared with the column where there are no finer codes,
            and whether `refine_k` counts.
    """

    centroids: Centroids
    codes: RabitqLists
    refines: bool
    costs: ListCosts = _COSTS
    is_exact: bool = False

    def pool(self, k: int, params: Mapping[str, Any]) -> int:
        """As `ListSearch.pool`; `params` has `refine_k`."""
        return self._pool(k, float(params["refine_k"]) if self.refines else 1.0)

    def search(self, question: IvfQuestion, k: int, effort: ListEffort) -> SearchHits:
        """As `ListSearch.search`."""
        scores, rows = search_rabitq(
            question,
            self.centroids.lists,
            self.codes,
            stage=self._stage,
            nprobe=effort.nprobe,
            k=k,
            pool=effort.pool,
        )
        return SearchHits(rows=rows, scores=scores)

    @property
    def _stage(self) -> str:
        if self.codes.fine_bits > 1:
            return "fine"
        return "column" if self.refines else "estimates"

    def _pool(self, k: int, refine_k: float) -> int:
        """Rows kept for exact scores."""
        wanted = math.ceil(min(k * refine_k, float(max(k, self.codes.factors.shape[1]))))
        if self._stage == "column":
            return max(k, wanted)
        if self.codes.fine_bits >= _PRECISE_BITS:
            return max(wanted, k + k // 2, k + _PRECISE_POOL_MIN)
        return max(wanted, k * _POOL_FACTOR, k + _POOL_MIN)


def _factors(
    squares: npt.NDArray[np.float32],
    rotated: npt.NDArray[np.float32],
    turned: npt.NDArray[np.float32],
    directions: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """What makes `directions`, times a vector, an unbiased product with the row; and their product with the centroid.

    The factor is 0 for a row that is its centroid.
    """
    lengths = np.einsum("ij,ij->i", directions, rotated)
    factors = np.divide(squares, lengths, out=np.zeros_like(squares), where=lengths > 0)
    return factors, np.einsum("ij,ij->i", directions, turned)


def _errors(squares: npt.NDArray[np.float32], rotated: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """How far a product with a vector of length 1 may be off: theorem 3.2 of the paper, times the row's length."""
    dim = rotated.shape[1]
    sums = np.abs(rotated).sum(axis=1)
    # The cosine of the angle between a row and its code.
    cosines = np.divide(sums, np.sqrt(squares * dim), out=np.ones_like(sums), where=squares > 0)
    tangents = np.sqrt(np.maximum(1 / cosines**2 - 1, 0))
    errors: npt.NDArray[np.float32] = ERROR_WIDTH * np.sqrt(squares) * tangents / np.sqrt(np.float32(dim - 1))
    return errors.astype(np.float32)
