"""RaBitQ: codes of one bit a dimension after a random rotation, finer ones of up to eight, and searches by them.

Gao and Long, "RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error Bound for Approximate Nearest
Neighbor Search", SIGMOD 2024; Gao et al., "Practical and Asymptotically Optimal Quantization of High-Dimensional
Vectors in Euclidean Space for Approximate Nearest Neighbor Search", SIGMOD 2025. The layout of codes is that of quick
scans (André, Kermarrec and Le Scouarnec, VLDB 2015).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Floats, Hits, Rows
from elanus.kernels.list_arrays import IvfLists, IvfQuestion, RabitqLists
from elanus.kernels.loader import active

__all__ = ["block_sums", "fine_products", "padded_dim", "rotate", "search_rabitq"]

_DIM_MULTIPLE: Final = 64


def padded_dim(dim: int) -> int:
    """Dimensions of rotated vectors: the next multiple of 64."""
    return max(1, -(-dim // _DIM_MULTIPLE)) * _DIM_MULTIPLE


def rotate(vectors: Floats, signs: Floats) -> Floats:
    """(count, padded dim) float32: each vector with zeros appended, times an orthogonal matrix that `signs` choose.

    Rounds of: signs flipped; a Walsh-Hadamard transform of each block of 2^n dimensions, the largest power that divides
    their number; and, unless there is one block, a transposition that deals each block's values out to all blocks.

    Raises:
        TypeError, ValueError: other than float32, signs of another shape than `RabitqLists` says.
    """
    return active.backend.rabitq_rotate(vectors, signs)


def block_sums(blocks: npt.NDArray[np.uint8], tables: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """(block_count, 32) uint32: for each row of each block the sum of the tables' entries that its codes choose.

    Args:
        blocks: (block_count, 16 * table_count), as `RabitqLists.blocks`.
        tables: (table_count, 16) uint8; the count is a multiple of 16.

    Raises:
        TypeError, ValueError: shapes that do not fit.
    """
    return active.backend.rabitq_block_sums(blocks, tables)


def fine_products(codes: npt.NDArray[np.uint8], query: npt.NDArray[np.int8], places: npt.NDArray[np.uint32]) -> Rows:
    """Products of `query` with the finer codes at `places`, exact, int64.

    Args:
        codes: (count, n * padded dim / 8), as `RabitqLists.fine`.
        query: (padded dim,) int8.
        places: uint32.

    Raises:
        TypeError, ValueError: shapes that do not fit, a place that is not there.
    """
    return active.backend.rabitq_fine_products(codes, query, places)


def search_rabitq(
    question: IvfQuestion, lists: IvfLists, codes: RabitqLists, *, stage: str, nprobe: int, k: int, pool: int
) -> Hits:
    """The best `k` rows of the nearest lists by exact score, of those that codes choose.

    Args:
        question: what is searched for.
        lists: which rows are where.
        codes: of those rows.
        stage: `estimates` keeps the `pool` rows that one bit says are best. `fine` compares finer codes of the rows
            that may be among the `pool` best by the error bound of the one bit. `column` compares the column with the
            rows that may be among the `pool` best.
        nprobe: lists that are read.
        k: rows wanted.
        pool: at least k.

    Raises:
        TypeError, ValueError: arrays that do not fit each other, a pool below `k`, finer codes that are not there.
    """
    return active.backend.ivf_search_rabitq(question, lists, codes, stage, nprobe, k, pool)
