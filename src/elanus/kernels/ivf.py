"""Searches over inverted lists: the lists nearest to a query, then the best of their rows by exact score.

A search reads the `nprobe` lists whose centroids are nearest by distance or by product. Rows come back as from
`distance.scan_topk_many` over the rows in those lists: scores are exact and equal to its, ties go to the smaller row,
places after the hits have row -1.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Floats, Hits, Rows, Words
from elanus.kernels.loader import active

__all__ = ["ByteLists", "IvfLists", "IvfQuestion", "nearest_lists", "search_bytes", "search_flat"]


class IvfQuestion(NamedTuple):
    """What is searched for, and where.

    Attributes:
        metric: L2, IP or COSINE.
        queries: (query_count, dim), as `distance` takes them.
        base: (row_count, dim) the column.
        vectors: (query_count, dim) float32, the queries as floats.
        length: that of queries when lists compare them, 1 for COSINE, 0 for L2; 0 leaves them as they are.
        ranking: L2 or IP, what the nearest lists are by.
        allow: the rows that may be found.
    """

    metric: str
    queries: npt.NDArray[Any]
    base: npt.NDArray[Any]
    vectors: Floats
    length: float
    ranking: str
    allow: Words | None


class IvfLists(NamedTuple):
    """Centroids and the rows of each list.

    Attributes:
        centroids: (list_count, dim) float32.
        codes: (list_count, dim) int8; code times scale is about centroid less origin.
        scales: (dim,) float32.
        origin: (dim,) float32.
        squares: (2, list_count) float32: squared lengths of the centroids, and of centroids less origin.
        offsets: (list_count + 1,) int64, ascending.
        members: int32 row numbers; those of list i are members[offsets[i]:offsets[i + 1]], their positions are places.
    """

    centroids: Floats
    codes: npt.NDArray[np.int8]
    scales: Floats
    origin: Floats
    squares: Floats
    offsets: Rows
    members: npt.NDArray[np.int32]


class ByteLists(NamedTuple):
    """Rows as bytes, in the order of places: code times scale is about row less centroid.

    Attributes:
        scales: (dim,) float32.
        origin: (dim,) float32, zero unless the metric is L2.
        codes: (place_count, dim) int8.
        constants: (place_count,) float32 for L2, empty otherwise: |r|^2 + 2 (c - origin) r for the difference r from
            the centroid c.
    """

    scales: Floats
    origin: Floats
    codes: npt.NDArray[np.int8]
    constants: Floats


def nearest_lists(ranking: str, vectors: Floats, lists: IvfLists, nprobe: int) -> Rows:
    """(query_count, nprobe) numbers of the nearest lists, nearest first.

    When `nprobe` is less than about half of the lists, bytes choose those whose distance is computed, and now and then
    one of the farthest of them is missed for one that is hardly farther.

    Args:
        ranking: L2 or IP.
        vectors: (query_count, dim) float32.
        lists: their rows are not read.
        nprobe: 1 to list_count.

    Raises:
        TypeError, ValueError: arrays that do not fit each other.
    """
    return active.backend.ivf_nearest_lists(ranking, vectors, lists, nprobe)


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
