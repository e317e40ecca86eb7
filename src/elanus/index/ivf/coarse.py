"""Centroids at search time: which lists are nearest to a query."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from elanus.index.floats import as_float32, unit_vectors
from elanus.kernels.distance import scan_topk_many
from elanus.schema.types import Metric

__all__ = ["Centroids", "compared_vectors"]


def compared_vectors(queries: npt.NDArray[Any], metric: Metric) -> npt.NDArray[np.float32]:
    """Queries as they are compared with centroids and codes: float32, of unit length for COSINE."""
    vectors = as_float32(queries)
    return unit_vectors(vectors) if metric is Metric.COSINE else vectors


@dataclass(frozen=True, slots=True)
class Centroids:
    """One centroid a list.

    Attributes:
        matrix: (list_count, dim) float32; over unit vectors for COSINE.
        metric: the metric of the column.
    """

    matrix: npt.NDArray[np.float32]
    metric: Metric

    def nearest_lists(self, vectors: npt.NDArray[np.float32], nprobe: int) -> npt.NDArray[np.int64]:
        """(query_count, nprobe) list numbers, nearest first, for `compared_vectors`; `nprobe` is at most list_count.

        Unit vectors are ranked by Euclidean distance, as they were when rows were assigned: a centroid of unit vectors
        is shorter than they are, by how much its rows differ.
        """
        ranking = Metric.IP if self.metric is Metric.IP else Metric.L2
        return scan_topk_many(ranking.value, vectors, self.matrix, nprobe)[1]
