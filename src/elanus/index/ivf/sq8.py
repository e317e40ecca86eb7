"""IVF_SQ8: one byte a dimension in the lists (`ivf.byte_codes`)."""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from elanus.index.artefacts import mapped_bytes
from elanus.index.eligibility import check_eligible
from elanus.index.exact import ExactScan
from elanus.index.flat.index import FlatIndex
from elanus.index.floats import FloatRows
from elanus.index.ivf.byte_codes import ByteCodedLists, ByteCodes
from elanus.index.ivf.effort import ListCalibration
from elanus.index.ivf.grouping import grouped_rows
from elanus.index.ivf.layout import read_layout, shared_artefacts
from elanus.index.ivf.measuring import measured
from elanus.index.ivf.params import LIST_BUILD_PARAMS, calibrated_search_params
from elanus.index.ivf.search import IvfIndex
from elanus.index.params import checked_params
from elanus.index.protocol import Artefacts, BuildContext, IndexSize, VectorColumn, VectorIndex
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
        vectors = FloatRows.of(column, metric)
        if len(vectors) == 0:
            return {}
        grouped = grouped_rows(vectors, params["nlist"], context)
        codes = ByteCodes.encoded(vectors, metric, grouped, context)
        stored = shared_artefacts(self.name, vectors, metric, grouped)
        scan = ExactScan.over(column, metric)
        centroids, _ = read_layout(stored, self.name, scan)
        calibration = measured(scan, vectors, grouped, centroids, ByteCodedLists(centroids, codes), context)
        return {**stored, **codes.artefacts(), **calibration.artefacts()}

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """A search over the mapped codes and the column."""
        scan = ExactScan.over(column, metric)
        if scan.present_count == 0:
            return FlatIndex(scan)
        centroids, lists = read_layout(artefacts, self.name, scan)
        dim = scan.matrix.shape[1]
        codes = ByteCodes.from_artefacts(artefacts, metric, present_count=scan.present_count, dim=dim)
        return IvfIndex(
            scan=scan,
            centroids=centroids,
            lists=lists,
            source=ByteCodedLists(centroids, codes),
            calibration=ListCalibration.from_artefacts(artefacts),
            bytes_used=IndexSize(mapped_bytes=mapped_bytes(artefacts), memory_bytes=0),
        )
