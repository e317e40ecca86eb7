"""The codes a graph is walked on: what is taken from vectors before they are coded, and the coding itself.

Distances between codes are Euclidean whatever the metric: COSINE codes unit vectors; IP adds one element to each vector
that brings all to the same length, so that the largest product is the smallest distance (Bachrach et al. 2014).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.index.floats import FloatRows, vector_lengths
from elanus.index.protocol import BuildContext
from elanus.kernels import graph as kernels
from elanus.runtime.pool import WorkerPool
from elanus.schema.types import Metric

__all__ = ["Coding", "aligned_bytes", "code_bits", "plan_coding", "written_codes"]

_SAMPLE_ROWS: Final = 65_536
_BLOCK_ROWS: Final = 2048
_LINE_BYTES: Final = 64
_SQUARE_MIN: Final = 1e-30
_SQUARE_MAX: Final = 1e30
_FEW_BITS_DIM_MIN: Final = 96


@dataclass(frozen=True, slots=True)
class Coding:
    """How the rows of one column become codes.

    Attributes:
        bits: of each element.
        seed: of the rotation.
        center: (dim,) float32, taken from every vector.
        length_square: for IP, the square of the length all vectors are brought to; otherwise 0.
    """

    bits: int
    seed: int
    center: npt.NDArray[np.float32]
    length_square: float


def code_bits(dim: int) -> int:
    """Bits an element: errors of many elements cancel out, those of few do not."""
    return 4 if dim >= _FEW_BITS_DIM_MIN else 7


def plan_coding(vectors: FloatRows, metric: Metric, seed: int) -> Coding | None:
    """The coding for the rows; None when their numbers are so large or small that float32 cannot hold distances."""
    rng = np.random.default_rng(seed)
    count = len(vectors)
    positions = np.arange(count) if count <= _SAMPLE_ROWS else np.sort(rng.choice(count, _SAMPLE_ROWS, replace=False))
    total = np.zeros(vectors.dim)
    for start in range(0, len(positions), _BLOCK_ROWS):
        total += vectors.taken(positions[start : start + _BLOCK_ROWS]).sum(axis=0, dtype=np.float64)
    largest = 0.0
    for _, block in vectors.blocks():
        largest = max(largest, float((vector_lengths(block) ** 2).max(initial=0.0)))
    if not _SQUARE_MIN < largest < _SQUARE_MAX:
        return None
    center = (total / len(positions)).astype(np.float32)
    return Coding(code_bits(vectors.dim), seed, center, largest if metric is Metric.IP else 0.0)


def written_codes(vectors: FloatRows, coding: Coding, pool: WorkerPool, context: BuildContext) -> npt.NDArray[np.uint8]:
    """The codes of all rows, flat, beginning at a cache line."""
    space = kernels.code_space(coding.center, bits=coding.bits, seed=coding.seed)
    codes = aligned_bytes(len(vectors) * space.stride)

    def write(start: int) -> None:
        context.check_cancelled()
        block = vectors.block(start, min(start + _BLOCK_ROWS, len(vectors)))
        lifts = np.zeros(len(block), np.float32)
        if coding.length_square:
            lifts = np.sqrt(np.maximum(0.0, coding.length_square - vector_lengths(block) ** 2)).astype(np.float32)
        codes[start * space.stride : (start + len(block)) * space.stride] = space.encode(block, lifts)

    pool.map([_bound(write, start) for start in range(0, len(vectors), _BLOCK_ROWS)])
    return codes


def aligned_bytes(count: int) -> npt.NDArray[np.uint8]:
    """Room for `count` bytes that begins at a cache line; what is in it is undefined."""
    raw = np.empty(count + _LINE_BYTES, np.uint8)
    first = -raw.ctypes.data % _LINE_BYTES
    return raw[first : first + count]


def _bound(task: Callable[[int], None], start: int) -> Callable[[], None]:
    return lambda: task(start)
