"""The first half of every build in the family: centroids, and the rows of each list."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from elanus.index.calibration import held_out_count
from elanus.index.floats import FloatRows
from elanus.index.ivf.clustering import assigned_lists, fitting_list_count, trained_centroids
from elanus.index.ivf.lists import InvertedLists
from elanus.index.protocol import BuildContext

__all__ = ["GroupedRows", "grouped_rows"]


@dataclass(frozen=True, slots=True)
class GroupedRows:
    """Which list each present row is in.

    Attributes:
        centroids: (list_count, dim) float32.
        assigned: int32, the list of each present row.
        lists: the same, by list.
        held_out: positions, among the present rows, of those the centroids were made without; ascending.
    """

    centroids: npt.NDArray[np.float32]
    assigned: npt.NDArray[np.int32]
    lists: InvertedLists
    held_out: npt.NDArray[np.int64]

    def places(self) -> npt.NDArray[np.int64]:
        """Where each present row stands when they are listed list after list."""
        places = np.empty(len(self.assigned), np.int64)
        places[np.argsort(self.assigned, kind="stable")] = np.arange(len(self.assigned), dtype=np.int64)
        return places


def grouped_rows(vectors: FloatRows, nlist: int, context: BuildContext) -> GroupedRows:
    """The present rows, of which there is at least one, in at most `nlist` lists.

    Raises:
        Unavailable: cancelled.
    """
    list_count = fitting_list_count(nlist, len(vectors))
    held_out = _held_out(len(vectors), context.seed)
    centroids = trained_centroids(vectors, list_count, context, without=held_out)
    assigned = assigned_lists(vectors, centroids, context)
    lists = InvertedLists.grouped(assigned, vectors.row_numbers(), list_count)
    return GroupedRows(centroids=centroids, assigned=assigned, lists=lists, held_out=held_out)


def _held_out(row_count: int, seed: int) -> npt.NDArray[np.int64]:
    chosen = np.random.default_rng(seed).choice(row_count, held_out_count(row_count), replace=False)
    return np.sort(chosen).astype(np.int64)
