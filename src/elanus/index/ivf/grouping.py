"""The first half of every build in the family: centroids, and the rows of each list."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
    """

    centroids: npt.NDArray[np.float32]
    assigned: npt.NDArray[np.int32]
    lists: InvertedLists

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
    centroids = trained_centroids(vectors, list_count, context)
    assigned = assigned_lists(vectors, centroids, context)
    lists = InvertedLists.grouped(assigned, vectors.row_numbers(), list_count)
    return GroupedRows(centroids=centroids, assigned=assigned, lists=lists)
