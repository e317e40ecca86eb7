"""FLAT: the exact answer by scanning the column. Nothing is built and nothing is stored."""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.cursor import WidelySearched
from elanus.index.eligibility import check_eligible
from elanus.index.exact import ExactScan
from elanus.index.params import RECALL, checked_params
from elanus.index.protocol import Artefacts, BuildContext, IndexSize, RangeBounds, SearchHits, VectorColumn, VectorIndex
from elanus.index.strategy import SearchStrategy
from elanus.schema.field import Field
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType, Metric

__all__ = ["FlatIndex", "FlatType"]


@dataclass(frozen=True, slots=True)
class FlatIndex(WidelySearched):
    """A scan of a column; it takes no search parameters and no memory."""

    scan: ExactScan

    def search(self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None) -> SearchHits:
        """As `VectorIndex.search`, exact."""
        return self.scan.search(queries, k, self.scan.visible(allow))

    def explain(
        self, queries: npt.NDArray[Any], k: int, params: Mapping[str, Any], allow: Bitset | None
    ) -> SearchStrategy:
        """As `ExplainedIndex.explain`."""
        visible = self.scan.visible(allow)
        count = self.scan.visible_count(visible)
        return SearchStrategy(exact=True, reason=f"scan of {count} allowed rows", compared_count=count * len(queries))

    def range_search(
        self, query: npt.NDArray[Any], bounds: RangeBounds, params: Mapping[str, Any], allow: Bitset | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """As `VectorIndex.range_search`, exact."""
        return self.scan.range_search(query, bounds, self.scan.visible(allow))

    def size(self) -> IndexSize:
        """Nothing: the column is not counted."""
        return IndexSize(mapped_bytes=0, memory_bytes=0)


@dataclass(frozen=True, slots=True)
class FlatType:
    """FLAT."""

    name: str = "FLAT"

    def data_types(self) -> frozenset[DataType]:
        """All dense types."""
        return DENSE_FLOAT_VECTORS

    def check_build_params(self, field: Field, metric: Metric, params: Mapping[str, Any]) -> dict[str, Any]:
        """There are none."""
        check_eligible(self.name, field, metric, self.data_types())
        return checked_params(self.name, (), params)

    def check_search_params(
        self, params: Mapping[str, Any], *, build_params: Mapping[str, Any], k: int
    ) -> dict[str, Any]:
        """None but `recall`, which is whatever is asked for."""
        return checked_params(self.name, (RECALL,), params)

    def build(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """No artefacts."""
        return {}

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """A scan of `column`."""
        return FlatIndex(ExactScan.over(column, metric))
