"""Inverted lists by comparing everything that the lists hold, codes as the numbers they stand for."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Floats, Hits, Rows
from elanus.kernels.list_arrays import ByteLists, IvfLists, IvfQuestion
from elanus.kernels.reference.arguments import check_array, check_k, mask_of
from elanus.kernels.reference.distance import score_rows
from elanus.kernels.reference.topk import best_rows

__all__ = ["hits_of", "ivf_nearest_lists", "ivf_search_bytes", "ivf_search_flat", "places_by_list"]

Keys = Callable[[Floats, int, Rows], Floats]
"""For a query vector, a list and places in it: a key for each, smaller where the row seems nearer."""


def ivf_nearest_lists(ranking: str, square_weight: float, vectors: Floats, lists: IvfLists, nprobe: int) -> Rows:
    check_array(vectors, "vectors", np.float32, dimension_count=2)
    if ranking not in {"L2", "IP"}:
        raise ValueError("lists are ranked by L2 or IP")
    if not 1 <= nprobe <= len(lists.centroids):
        raise ValueError(f"nprobe is {nprobe}, expected 1 to {len(lists.centroids)}")
    numbers = np.arange(len(lists.centroids), dtype=np.int64)
    found = np.empty((len(vectors), nprobe), np.int64)
    for number, vector in enumerate(vectors):
        scores = score_rows(ranking, vector, lists.centroids, numbers)
        if ranking == "IP":
            scores = scores - np.float32(square_weight) * lists.squares[0]
        found[number] = best_rows(scores, numbers, nprobe, largest=ranking == "IP")[1]
    return found


def ivf_search_flat(question: IvfQuestion, lists: IvfLists, nprobe: int, k: int) -> Hits:
    def no_keys(_vector: Floats, _list: int, places: Rows) -> Floats:
        return np.zeros(len(places), np.float32)

    return hits_of(question, lists, no_keys, (nprobe, k, max(k, len(lists.members))))


def ivf_search_bytes(question: IvfQuestion, lists: IvfLists, codes: ByteLists, nprobe: int, k: int, pool: int) -> Hits:
    by_distance = question.metric == "L2"

    def keys(vector: Floats, list_number: int, places: Rows) -> Floats:
        centroid = lists.centroids[list_number]
        products = (codes.codes[places] * codes.scales) @ (vector - codes.origin)
        if by_distance:
            return np.asarray(((vector - centroid) ** 2).sum() + codes.constants[places] - 2 * products)
        return np.asarray(-(vector @ centroid) - products)

    return hits_of(question, lists, keys, (nprobe, k, pool))


def hits_of(question: IvfQuestion, lists: IvfLists, keys: Keys, breadth: tuple[int, int, int]) -> Hits:
    """The best k by exact score of the `pool` rows with the smallest keys; `breadth` is (nprobe, k, pool).

    Raises:
        ValueError: a pool below k, lists whose offsets are not within the members.
    """
    nprobe, k, pool = breadth
    check_k(k)
    if pool < k:
        raise ValueError(f"pool is {pool}, expected {k} or more")
    largest = question.metric != "L2"
    scores = np.full((len(question.queries), k), -np.inf if largest else np.inf, np.float32)
    rows = np.full((len(question.queries), k), -1, np.int64)
    allowed = mask_of(question.allow, len(question.base))
    vectors = _compared(question)
    nearest = ivf_nearest_lists(question.ranking, question.square_weight, vectors, lists, nprobe)
    for number, (query, vector) in enumerate(zip(question.queries, vectors, strict=True)):
        found_rows, found_keys = _kept(vector, lists, keys, nearest[number], allowed)
        order = np.lexsort((found_rows, found_keys))[:pool]
        exact = score_rows(question.metric, query, question.base, found_rows[order])
        by_row = np.lexsort((found_rows[order], -exact if largest else exact))[:k]
        rows[number, : len(by_row)] = found_rows[order][by_row]
        scores[number, : len(by_row)] = exact[by_row] + np.float32(0)
    return scores, rows


def places_by_list(lists: IvfLists, numbers: Rows) -> Iterator[tuple[int, Rows]]:
    """Each of the lists with its places.

    Raises:
        ValueError: offsets that are not within the members.
    """
    for number in numbers:
        start, stop = int(lists.offsets[number]), int(lists.offsets[number + 1])
        if not 0 <= start <= stop <= len(lists.members):
            raise ValueError(f"offsets of list {number} are not within the members")
        yield int(number), np.arange(start, stop, dtype=np.int64)


def _compared(question: IvfQuestion) -> Floats:
    if not question.length > 0:
        return question.vectors
    wide = question.vectors.astype(np.float64)
    lengths = np.sqrt((wide**2).sum(axis=1, keepdims=True))
    compared: Floats = (wide * (question.length / np.where(lengths > 0, lengths, 1))).astype(np.float32)
    return compared


def _kept(
    vector: Floats, lists: IvfLists, keys: Keys, nearest: Rows, allowed: npt.NDArray[np.bool_]
) -> tuple[Rows, npt.NDArray[Any]]:
    """Allowed rows of the lists with their keys."""
    rows: list[Rows] = [np.empty(0, np.int64)]
    found: list[npt.NDArray[Any]] = [np.empty(0, np.float32)]
    for number, places in places_by_list(lists, nearest):
        members = lists.members[places].astype(np.int64)
        kept = (members >= 0) & (members < len(allowed))
        kept[kept] = allowed[members[kept]]
        rows.append(members[kept])
        found.append(keys(vector, number, places[kept]))
    return np.concatenate(rows), np.concatenate(found)
