"""Searches over inverted lists: the lists nearest to a query, then the best of their rows by exact score.

A search reads the `nprobe` lists whose centroids are nearest by distance or by product. Rows come back as from
`distance.scan_topk_many` over the rows in those lists: scores are exact and equal to its, ties go to the smaller row,
places after the hits have row -1.
"""

from elanus.kernels.backend import Floats, Hits, Rows
from elanus.kernels.list_arrays import ByteLists, IvfLists, IvfQuestion
from elanus.kernels.loader import active

__all__ = ["nearest_lists", "search_bytes", "search_flat"]


def nearest_lists(ranking: str, vectors: Floats, lists: IvfLists, nprobe: int, *, square_weight: float = 0.0) -> Rows:
    """(query_count, nprobe) numbers of the nearest lists, nearest first.

    When `nprobe` is less than about half of the lists, bytes choose those whose distance is computed, and now and then
    one of the farthest of them is missed for one that is hardly farther.

    Args:
        ranking: L2 or IP.
        vectors: (query_count, dim) float32.
        lists: their rows are not read.
        nprobe: 1 to list_count.
        square_weight: so many times the centroid's squared length is taken from the product, for IP.

    Raises:
        TypeError, ValueError: arrays that do not fit each other.
    """
    return active.backend.ivf_nearest_lists(ranking, square_weight, vectors, lists, nprobe)


def search_flat(question: IvfQuestion, lists: IvfLists, *, nprobe: int, k: int) -> Hits:
    """The best `k` rows of the nearest lists, each compared with the column.

    Raises:
        TypeError, ValueError: arrays that do not fit each other.
    """
    return active.backend.ivf_search_flat(question, lists, nprobe, k)


def search_bytes(question: IvfQuestion, lists: IvfLists, codes: ByteLists, *, nprobe: int, k: int, pool: int) -> Hits:
    """The best `k` by exact score of the `pool` rows of the nearest lists that seem best by their bytes.

    Raises:
        TypeError, ValueError: arrays that do not fit each other, a pool below `k`.
    """
    return active.backend.ivf_search_bytes(question, lists, codes, nprobe, k, pool)
