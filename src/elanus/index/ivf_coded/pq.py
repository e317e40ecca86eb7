"""IVF_PQ: product codes in the lists (`ivf_coded.lists`)."""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.index.artefacts import mapped_bytes
from elanus.index.belonging import ColumnDescription
from elanus.index.eligibility import check_eligible
from elanus.index.exact import ExactScan
from elanus.index.faiss_bridge import serialised
from elanus.index.flat.index import FlatIndex
from elanus.index.floats import FloatRows
from elanus.index.ivf.params import LIST_BUILD_PARAMS, list_search_params
from elanus.index.ivf_coded.index import CodedListsIndex
from elanus.index.ivf_coded.lists import LISTS, CodedLists, coded_lists, fitting_bit_count, open_lists
from elanus.index.params import checked_params
from elanus.index.planning import EXACT_ROW_COUNT, ListCosts
from elanus.index.product_params import PRODUCT_PARAMS, check_part_count
from elanus.index.protocol import Artefacts, BuildContext, IndexSize, VectorColumn, VectorIndex
from elanus.schema.field import Field
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType, Metric

__all__ = ["IvfPqType"]

_COSTS: Final = ListCosts(read=0.05, compare=0.2)
_POOL_FACTOR: Final = 4
_BYTES_PER_CENTROID_ELEMENT: Final = 4


@dataclass(frozen=True, slots=True)
class IvfPqType:
    """IVF_PQ.

    Artefacts: `column.json` and `lists`, a faiss IVFPQ index: `m` times `nbits` bits and 8 bytes a row, besides
    centroids and code books. A column of at most 1,000 present rows is scanned and has none. Four candidates for each
    row asked for are taken from the codes, for the exact scores to choose from.
    """

    name: str = "IVF_PQ"

    def data_types(self) -> frozenset[DataType]:
        """All dense types."""
        return DENSE_FLOAT_VECTORS

    def check_build_params(self, field: Field, metric: Metric, params: Mapping[str, Any]) -> dict[str, Any]:
        """`nlist`, `m` (no default, divides the dimension) and `nbits`.

        A build uses fewer lists when there are less than 39 rows for each, and fewer bits when there are less than 4
        rows for each code.
        """
        check_eligible(self.name, field, metric, self.data_types())
        complete = checked_params(self.name, (*LIST_BUILD_PARAMS, *PRODUCT_PARAMS), params)
        check_part_count(self.name, field, complete)
        return complete

    def check_search_params(
        self, params: Mapping[str, Any], *, build_params: Mapping[str, Any], k: int
    ) -> dict[str, Any]:
        """`nprobe` and `max_empty_result_buckets`."""
        return checked_params(self.name, list_search_params(build_params), params)

    def build(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """Centroids, lists and codes; nothing for a small column."""
        scan = ExactScan.over(column, metric)
        if scan.present_count <= EXACT_ROW_COUNT:
            return {}
        vectors = FloatRows.of(column, metric)
        index = coded_lists(
            vectors,
            metric,
            nlist=params["nlist"],
            part_count=params["m"],
            nbits=fitting_bit_count(params["nbits"], len(vectors)),
            context=context,
        )
        return ColumnDescription.beside(self.name, scan, {LISTS: serialised(index)})

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """A search over the mapped codes and the column."""
        scan = ExactScan.over(column, metric)
        if scan.present_count <= EXACT_ROW_COUNT:
            return FlatIndex(scan)
        ColumnDescription.check(artefacts, self.name, scan)
        lists = open_lists(artefacts, scan, "IndexIVFPQ")
        centroid_bytes = _BYTES_PER_CENTROID_ELEMENT * int(lists.nlist) * scan.matrix.shape[1]
        source = CodedLists(
            lists=lists, costs=_COSTS, pool_of=lambda k, _params: k * _POOL_FACTOR, held=artefacts[LISTS]
        )
        size = IndexSize(mapped_bytes=mapped_bytes(artefacts), memory_bytes=centroid_bytes)
        return CodedListsIndex.over(scan, source, size)
