"""Centroids of a column, and which centroid each row belongs to. The k-means steps are faiss's.

Rows belong to the nearest centroid by Euclidean distance under every metric (COSINE works on unit vectors), so that
groups stay balanced; only a search ranks the groups in its own metric.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.index.faiss_bridge import with_threads
from elanus.index.floats import FloatRows
from elanus.index.protocol import BuildContext

__all__ = ["assigned_lists", "fitting_list_count", "trained_centroids"]

_ITERATION_COUNT: Final = 10
_ROWS_PER_LIST_MIN: Final = 39
_SAMPLE_ROWS_PER_LIST: Final = 256
_SAMPLE_ROWS_PER_LIST_MIN: Final = 64
_SAMPLE_BYTES: Final = 512 << 20
_TRAINING_SHARE: Final = 0.5


def fitting_list_count(nlist: int, row_count: int) -> int:
    """`nlist`, or fewer so that a list has at least 39 rows on average, below which centroids say little."""
    return max(1, min(nlist, row_count // _ROWS_PER_LIST_MIN))


def trained_centroids(
    vectors: FloatRows, list_count: int, context: BuildContext, *, without: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.float32]:
    """`(list_count, dim)` float32 centroids by ten rounds of k-means over a sample of at most 256 rows a list.

    The sample is smaller when it would exceed 512 MiB, down to 64 rows a list. Rows at the positions `without`
    are not in it, unless too few others are left. Cancellation is polled between rounds.

    Raises:
        Unavailable: cancelled.
    """
    sample = _sample(vectors, list_count, context.seed, without)
    centroids: npt.NDArray[np.float32] | None = None
    for iteration in range(_ITERATION_COUNT):
        context.check_cancelled()
        faiss = with_threads(context.thread_count)
        clustering = _clustering(faiss, vectors.dim, list_count, context.seed)
        if centroids is not None:
            faiss.copy_array_to_vector(centroids.reshape(-1), clustering.centroids)
        clustering.train(sample, faiss.IndexFlatL2(vectors.dim))
        centroids = faiss.vector_to_array(clustering.centroids).reshape(list_count, vectors.dim)
        context.progress(_TRAINING_SHARE * (iteration + 1) / _ITERATION_COUNT)
    assert centroids is not None
    return centroids


def assigned_lists(
    vectors: FloatRows, centroids: npt.NDArray[np.float32], context: BuildContext
) -> npt.NDArray[np.int32]:
    """The list of each present row, in order.

    Raises:
        Unavailable: cancelled; polled every block.
    """
    faiss = with_threads(context.thread_count)
    coarse = faiss.IndexFlatL2(vectors.dim)
    coarse.add(centroids)
    lists = np.empty(len(vectors), np.int32)
    for start, block in vectors.blocks():
        context.check_cancelled()
        with_threads(context.thread_count)
        lists[start : start + len(block)] = coarse.search(block, 1)[1][:, 0]
    return lists


def _sample(
    vectors: FloatRows, list_count: int, seed: int, without: npt.NDArray[np.int64] | None
) -> npt.NDArray[np.float32]:
    affordable = max(_SAMPLE_BYTES // (4 * vectors.dim), _SAMPLE_ROWS_PER_LIST_MIN * list_count)
    count = min(len(vectors), _SAMPLE_ROWS_PER_LIST * list_count, affordable)
    dropped = without if without is not None and len(without) <= len(vectors) - list_count else np.empty(0, np.int64)
    if count == len(vectors) and len(dropped) == 0:
        return vectors.block(0, count)
    positions = np.random.default_rng(seed).choice(len(vectors), count, replace=False)
    return vectors.taken(np.setdiff1d(positions, dropped))


def _clustering(faiss: Any, dim: int, list_count: int, seed: int) -> Any:
    clustering = faiss.Clustering(dim, list_count)
    clustering.niter = 1
    clustering.seed = seed
    clustering.min_points_per_centroid = 1
    # The sample was drawn already; faiss must take all of it.
    clustering.max_points_per_centroid = np.iinfo(np.int32).max
    return clustering
