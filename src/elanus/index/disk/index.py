"""DISKANN and AISAQ: their parameters, their artefacts, and opening them.

Both are one graph in blocks on disk (Subramanya et al. 2019). DISKANN keeps the codes of all rows in memory and reads
links. AISAQ (Tatsuno et al. 2024) keeps next to nothing: codes are in the blocks, of the node itself and, beside its
links, of as many neighbours as `inline_pq` says. Vectors are read from the column; no index holds them a second time.
"""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.index.disk.artefacts import DiskBuild, build_artefacts, open_artefacts
from elanus.index.disk.layout import BLOCK_BYTES, filling_inline_count
from elanus.index.disk.params import (
    aisaq_build_params,
    aisaq_search_params,
    diskann_build_params,
    diskann_search_params,
)
from elanus.index.disk.search import SearchEffort
from elanus.index.eligibility import check_eligible
from elanus.index.protocol import Artefacts, BuildContext, VectorColumn, VectorIndex
from elanus.kernels.placement import DiskLayout
from elanus.runtime.pool import processor_count
from elanus.schema.field import Field
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType, Metric

__all__ = ["AisaqType", "DiskannType"]

_BEAM_MAX: Final = 16
_DISKANN_VECTOR_BATCH: Final = 8
_AISAQ_VECTOR_BATCH: Final = 8
_BLOCKS_MIN: Final = 64


@dataclass(frozen=True, slots=True)
class DiskannType:
    """DISKANN.

    Artefacts: `graph.json`, `nodes` (4 bytes a link and a row, in blocks of 4 KiB), `codes` and `rows` (in memory when
    searched: as HNSW's, and 4 bytes a row), `entries`, `entry_codes` and `center`.

    `pq_code_budget_gb_ratio` is checked and changes nothing: codes have four bits an element (seven where dimensions
    are few), which is an eighth of float32. A beam is never wider than 16 nodes, however many processors there are.
    """

    name: str = "DISKANN"

    def data_types(self) -> frozenset[DataType]:
        """All dense types."""
        return DENSE_FLOAT_VECTORS

    def check_build_params(self, field: Field, metric: Metric, params: Mapping[str, Any]) -> dict[str, Any]:
        """`max_degree`, `search_list_size`, the ratios of budgets and of beam width."""
        check_eligible(self.name, field, metric, self.data_types())
        return diskann_build_params(params)

    def check_search_params(
        self, params: Mapping[str, Any], *, build_params: Mapping[str, Any], k: int
    ) -> dict[str, Any]:
        """`search_list`, which works as `k` when it is smaller, or `recall`; and `beam_width_ratio`."""
        return diskann_search_params(params, build_params=build_params)

    def build(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """As `build_artefacts`."""
        wanted = DiskBuild(
            degree=params["max_degree"],
            breadth=params["search_list_size"],
            has_codes=False,
            inline_count_of=lambda _sizes: 0,
            entry_count=_BLOCKS_MIN,
            is_rearranged=True,
        )
        return build_artefacts(column, metric, wanted, context)

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """As `open_artefacts`; the nodes nearest the entries are held in memory."""
        budget_share = params["search_cache_budget_gb_ratio"]
        return open_artefacts(
            column, metric, artefacts, has_codes=False, effort_of=_diskann_effort, budget=(budget_share, 0)
        )


@dataclass(frozen=True, slots=True)
class AisaqType:
    """AISAQ.

    Artefacts: `graph.json`, `nodes` (codes, row, links and codes of neighbours, in blocks), `entries`, `entry_codes`,
    `center`.

    The ratios of codes are checked and change nothing: a node's own codes have four bits an element (seven where
    dimensions are few), those beside links one.
    """

    name: str = "AISAQ"

    def data_types(self) -> frozenset[DataType]:
        """All dense types."""
        return DENSE_FLOAT_VECTORS

    def check_build_params(self, field: Field, metric: Metric, params: Mapping[str, Any]) -> dict[str, Any]:
        """As `aisaq_build_params`."""
        check_eligible(self.name, field, metric, self.data_types())
        return aisaq_build_params(params)

    def check_search_params(
        self, params: Mapping[str, Any], *, build_params: Mapping[str, Any], k: int
    ) -> dict[str, Any]:
        """`search_list`, `beamwidth`, `vectors_beamwidth`, `pq_read_page_cache_size`."""
        return aisaq_search_params(params, k=k)

    def build(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """As `build_artefacts`."""
        inline: int = params["inline_pq"]
        wanted = DiskBuild(
            degree=params["max_degree"],
            breadth=params["search_list_size"],
            has_codes=True,
            inline_count_of=lambda sizes: filling_inline_count(sizes) if inline < 0 else min(inline, sizes.degree),
            entry_count=max(1, params["num_entry_points"]),
            is_rearranged=params["rearrange"],
        )
        return build_artefacts(column, metric, wanted, context)

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """As `open_artefacts`; by default nothing but entries is held in memory."""
        budget = (params["search_cache_budget_gb_ratio"], params["pq_cache_size"])
        return open_artefacts(column, metric, artefacts, has_codes=True, effort_of=_aisaq_effort, budget=budget)


def _diskann_effort(params: Mapping[str, Any], _layout: DiskLayout) -> SearchEffort:
    beam_width = min(_BEAM_MAX, params["beam_width_ratio"] * processor_count())
    return SearchEffort(
        breadth=params["search_list"],
        beam_width=beam_width,
        vector_batch=_DISKANN_VECTOR_BATCH,
        block_capacity=max(_BLOCKS_MIN, 2 * params["search_list"]),
    )


def _aisaq_effort(params: Mapping[str, Any], layout: DiskLayout) -> SearchEffort:
    # A block that holds one node and all its neighbours' codes is never needed twice.
    is_read_once = layout.block_bytes > BLOCK_BYTES and layout.inline_count == layout.degree
    kept_bytes = 0 if is_read_once else params["pq_read_page_cache_size"]
    return SearchEffort(
        breadth=params["search_list"],
        beam_width=params["beamwidth"],
        vector_batch=_AISAQ_VECTOR_BATCH * params["vectors_beamwidth"],
        block_capacity=max(params["beamwidth"], kept_bytes // layout.block_bytes),
    )
