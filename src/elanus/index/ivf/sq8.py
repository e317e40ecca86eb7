"""IVF_SQ8: one byte a dimension in the lists (`ivf.byte_codes`)."""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from elanus.index.eligibility import check_eligible
from elanus.index.floats import FloatRows
from elanus.index.ivf.byte_codes import ByteCodedLists, ByteCodes
from elanus.index.ivf.coarse import Centroids
from elanus.index.ivf.family import built_lists, opened_lists
from elanus.index.ivf.grouping import GroupedRows
from elanus.index.ivf.params import LIST_BUILD_PARAMS, calibrated_search_params
from elanus.index.params import checked_params
from elanus.index.protocol import Artefacts, BuildContext, VectorColumn, VectorIndex
from elanus.schema.field import Field
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType, Metric

__all__ = ["IvfSq8Type"]


@dataclass(frozen=True, slots=True)
class IvfSq8Type:
    """IVF_SQ8.

    Artefacts: those of IVF_FLAT, `codes` (1 byte a dimension and row), `constants` (4 bytes a row, L2
    only), `scales` and `origin`.
    """

    name: str = "IVF_SQ8"

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
        """Centroids, lists and codes; nothing at all when every row is null."""

        def encode(
            vectors: FloatRows, grouped: GroupedRows
        ) -> tuple[dict[str, npt.NDArray[np.uint8]], Callable[[Centroids], ByteCodedLists]]:
            codes = ByteCodes.encoded(vectors, metric, grouped, context)
            return codes.artefacts(), partial(ByteCodedLists, codes=codes)

        return built_lists(self.name, column, metric, params["nlist"], context, encode)

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """As `opened_lists`."""

        def source_of(centroids: Centroids, present_count: int) -> ByteCodedLists:
            dim = centroids.lists.centroids.shape[1]
            return ByteCodedLists(
                centroids, ByteCodes.from_artefacts(artefacts, metric, present_count=present_count, dim=dim)
            )

        return opened_lists(self.name, column, metric, artefacts, source_of)
