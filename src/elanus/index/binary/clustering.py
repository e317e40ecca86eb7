"""Groups of rows of bits: k-majority, which is k-means where distance is HAMMING and the mean is a vote."""

from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.index.protocol import BuildContext
from elanus.kernels.distance import scan_topk_many
from elanus.schema.types import Metric

__all__ = ["assigned_lists", "majority_centroids"]

_ITERATION_COUNT: Final = 10
_SAMPLE_ROWS_PER_LIST: Final = 128
_BLOCK_ROWS: Final = 8192
_TRAINING_SHARE: Final = 0.5

Bits = npt.NDArray[np.uint8]


def majority_centroids(matrix: Bits, rows: npt.NDArray[np.int64], list_count: int, context: BuildContext) -> Bits:
    """(list_count, bytes) packed bits, by ten rounds over a sample of at most 128 rows a list.

    A bit is set in a centroid when more than half of its rows have it; a centroid without rows becomes a row of the
    sample drawn at random. `rows` are those to group, ascending, at least `list_count`.

    Raises:
        Unavailable: cancelled; polled every round.
    """
    random = np.random.default_rng(context.seed)
    count = min(len(rows), _SAMPLE_ROWS_PER_LIST * list_count)
    sample = matrix[np.sort(random.choice(rows, count, replace=False))]
    centroids: Bits = sample[random.choice(count, list_count, replace=False)]
    for iteration in range(_ITERATION_COUNT):
        assigned = assigned_lists(sample, np.arange(count), centroids, context)
        sizes = np.bincount(assigned, minlength=list_count)
        order = np.argsort(assigned, kind="stable")
        ends = np.cumsum(sizes)
        centroids = np.empty_like(centroids)
        for number in range(list_count):
            if sizes[number]:
                members = sample[order[ends[number] - sizes[number] : ends[number]]]
                votes = np.unpackbits(members, axis=1).sum(axis=0, dtype=np.int64)
                centroids[number] = np.packbits(2 * votes > sizes[number])
            else:
                centroids[number] = sample[random.integers(count)]
        context.progress(_TRAINING_SHARE * (iteration + 1) / _ITERATION_COUNT)
    return centroids


def assigned_lists(
    matrix: Bits, rows: npt.NDArray[np.int64], centroids: Bits, context: BuildContext
) -> npt.NDArray[np.int32]:
    """The nearest centroid of each of `rows`, in order; ties go to the first.

    Raises:
        Unavailable: cancelled; polled every block.
    """
    assigned = np.empty(len(rows), np.int32)
    for start in range(0, len(rows), _BLOCK_ROWS):
        context.check_cancelled()
        block = matrix[rows[start : start + _BLOCK_ROWS]]
        assigned[start : start + len(block)] = scan_topk_many(Metric.HAMMING.value, block, centroids, 1)[1][:, 0]
    return assigned
