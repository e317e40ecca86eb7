"""SCANN: four-bit product codes that are compared in registers, and exact scores of the best.

The codes are those of faiss's fast scan (André, Kermarrec, Le Scouarnec 2015; Guo et al. 2020 for the whole): two
dimensions share one code of four bits.
"""

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
from elanus.index.faiss_bridge import load_faiss, serialised
from elanus.index.flat.index import FlatIndex
from elanus.index.floats import FloatRows
from elanus.index.ivf.params import LIST_BUILD_PARAMS, list_search_params
from elanus.index.ivf_coded.index import CodedListsIndex
from elanus.index.ivf_coded.lists import LISTS, CodedLists, coded_lists, open_lists
from elanus.index.params import INT_MAX, BoolParam, IntParam, checked_params
from elanus.index.planning import EXACT_ROW_COUNT, ListCosts
from elanus.index.protocol import Artefacts, BuildContext, IndexSize, VectorColumn, VectorIndex
from elanus.schema.field import Field
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType, Metric

__all__ = ["ScannType"]

_COSTS: Final = ListCosts(read=0.05, compare=0.05)
_BITS: Final = 4
_DIMS_PER_CODE: Final = 2
_REORDER_FACTOR: Final = 5


@dataclass(frozen=True, slots=True)
class ScannType:
    """SCANN.

    Artefacts: `column.json` and `lists`, a faiss IVFPQFastScan index: a quarter byte a dimension and 8 bytes a row.
    `with_raw_data` changes nothing: the column is the raw data, there is no second copy, and scores are always exact.
    """

    name: str = "SCANN"

    def data_types(self) -> frozenset[DataType]:
        """All dense types."""
        return DENSE_FLOAT_VECTORS

    def check_build_params(self, field: Field, metric: Metric, params: Mapping[str, Any]) -> dict[str, Any]:
        """`nlist` and `with_raw_data`; a build uses fewer lists when there are less than 39 rows for each."""
        check_eligible(self.name, field, metric, self.data_types())
        return checked_params(self.name, (*LIST_BUILD_PARAMS, BoolParam("with_raw_data", default=True)), params)

    def check_search_params(
        self, params: Mapping[str, Any], *, build_params: Mapping[str, Any], k: int
    ) -> dict[str, Any]:
        """`nprobe`, `max_empty_result_buckets` and `reorder_k`.

        `reorder_k` candidates get exact scores; fewer than `k` work as `k`, and five times `k` when it is not given.
        """
        return checked_params(self.name, (*list_search_params(build_params), IntParam("reorder_k", 1, INT_MAX)), params)

    def build(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """Centroids, lists and codes; nothing for a small column."""
        scan = ExactScan.over(column, metric)
        if scan.present_count <= EXACT_ROW_COUNT:
            return {}
        vectors = FloatRows.of(column, metric)
        dim = vectors.dim
        part_count = dim // _DIMS_PER_CODE if dim % _DIMS_PER_CODE == 0 else dim
        codes = coded_lists(vectors, metric, nlist=params["nlist"], part_count=part_count, nbits=_BITS, context=context)
        packed = load_faiss().IndexIVFPQFastScan(codes)
        return ColumnDescription.beside(self.name, scan, {LISTS: serialised(packed)})

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """A search over the codes and the column. Faiss keeps packed codes in memory of its own."""
        scan = ExactScan.over(column, metric)
        if scan.present_count <= EXACT_ROW_COUNT:
            return FlatIndex(scan)
        ColumnDescription.check(artefacts, self.name, scan)
        lists = open_lists(artefacts, scan, "IndexIVFPQFastScan")
        source = CodedLists(lists=lists, costs=_COSTS, pool_of=_pool, held=artefacts[LISTS])
        stored = mapped_bytes(artefacts)
        return CodedListsIndex.over(scan, source, IndexSize(mapped_bytes=stored, memory_bytes=stored))


def _pool(k: int, params: Mapping[str, Any]) -> int:
    return max(k, int(params.get("reorder_k", k * _REORDER_FACTOR)))
