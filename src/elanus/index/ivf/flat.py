"""IVF_FLAT: lists of row numbers; the vectors stay in the column and are compared there.

Four bytes a row and the centroids are all that is stored, and scores are exact from the start. Reading the rows of a
list from all over the column takes about one and a half times as long as reading a second copy in list order would (768
dimensions), which is the price of not keeping that copy.
"""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.index.eligibility import check_eligible
from elanus.index.ivf.coarse import Centroids
from elanus.index.ivf.effort import ListEffort
from elanus.index.ivf.family import built_lists, opened_lists
from elanus.index.ivf.params import LIST_BUILD_PARAMS, calibrated_search_params
from elanus.index.params import checked_params
from elanus.index.planning import ListCosts
from elanus.index.protocol import Artefacts, BuildContext, SearchHits, VectorColumn, VectorIndex
from elanus.kernels.ivf import search_flat
from elanus.kernels.list_arrays import IvfQuestion
from elanus.schema.field import Field
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType, Metric

__all__ = ["IvfFlatType"]

_COSTS: Final = ListCosts(read=0.03, compare=1.3)


@dataclass(frozen=True, slots=True)
class _WholeLists:
    """Every allowed row of the nearest lists is compared with the query."""

    centroids: Centroids
    costs: ListCosts = _COSTS
    is_exact: bool = True

    def pool(self, k: int, params: Mapping[str, Any]) -> int:
        """As `ListSearch.pool`."""
        return k

    def search(self, question: IvfQuestion, k: int, effort: ListEffort) -> SearchHits:
        """As `ListSearch.search`."""
        scores, rows = search_flat(question, self.centroids.lists, nprobe=effort.nprobe, k=k)
        return SearchHits(rows=rows, scores=scores)


@dataclass(frozen=True, slots=True)
class IvfFlatType:
    """IVF_FLAT.

    Artefacts: `lists.json`, `centroids` and `centroid_codes` (5 bytes a dimension and list), `centroid_constants`,
    `list_offsets`, `list_rows` (4 bytes a row), `calibration.json`.
    """

    name: str = "IVF_FLAT"

    def data_types(self) -> frozenset[DataType]:
        """All dense types."""
        return DENSE_FLOAT_VECTORS

    def check_build_params(self, field: Field, metric: Metric, params: Mapping[str, Any]) -> dict[str, Any]:
        """`nlist`; a build uses fewer lists when there are less than 39 rows for each."""
        check_eligible(self.name, field, metric, self.data_types())
        return checked_params(self.name, LIST_BUILD_PARAMS, params)

    def check_search_params(
        self, params: Mapping[str, Any], *, build_params: Mapping[str, Any], k: int
    ) -> dict[str, Any]:
        """`nprobe` or `recall`, and `max_empty_result_buckets`."""
        return calibrated_search_params(self.name, params, build_params)

    def build(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """As `built_lists`, without codes."""
        return built_lists(self.name, column, metric, params["nlist"], context, lambda _rows, _lists: ({}, _WholeLists))

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """As `opened_lists`."""
        return opened_lists(self.name, column, metric, artefacts, lambda centroids, _count: _WholeLists(centroids))
