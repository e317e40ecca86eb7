"""AUTOINDEX: builds and opens the index `auto.choice` picks, and sets its breadth from one knob.

The choice is stored with the artefacts, so an index stays what it was when the rules change.
"""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import row_width_bytes
from elanus.errors import DataCorrupt
from elanus.index.artefacts import description_bytes, read_description
from elanus.index.auto.choice import choose_index
from elanus.index.eligibility import check_eligible
from elanus.index.params import INT_MAX, RECALL, IntParam, Param, checked_params
from elanus.index.presence import present_rows
from elanus.index.protocol import (
    Artefacts,
    BuildContext,
    Cursor,
    IndexSize,
    IndexType,
    RangeBounds,
    SearchHits,
    VectorColumn,
    VectorIndex,
)
from elanus.index.strategy import ExplainedIndex, SearchStrategy
from elanus.schema.field import Field
from elanus.schema.types import VECTORS, DataType, Metric

__all__ = ["AutoIndex", "AutoType", "recall_of_level"]

_DESCRIPTION: Final = "auto.json"
_LEVEL_MAX: Final = 10
_MISSED: Final = 0.04
_MISSED_PER_LEVEL: Final = 0.7
_EXACT_TYPES: Final = ("FLAT", "BIN_FLAT", "SPARSE_INVERTED_INDEX")
_EFFORTS: Final = {"HNSW": "ef", "IVF_FLAT": "nprobe", "IVF_RABITQ": "nprobe", "DISKANN": "search_list"}
_LEVEL: Final = IntParam("level", 1, _LEVEL_MAX, default=1)


class _Description(msgspec.Struct, frozen=True):
    """What was chosen for a column, with complete build parameters."""

    index_name: str
    reason: str
    params: dict[str, Any]


def recall_of_level(level: int) -> float:
    """The recall that a `level` asks for."""
    return float(1 - _MISSED * _MISSED_PER_LEVEL ** (level - 1))


@dataclass(frozen=True, slots=True)
class AutoIndex:
    """An opened index of the chosen type.

    Attributes:
        chosen: the type.
        params: its build parameters.
        index: the index itself.
        reason: why it was chosen.
    """

    chosen: IndexType
    params: Mapping[str, Any]
    index: VectorIndex
    reason: str

    def search(self, queries: Any, k: int, params: Mapping[str, Any], allow: Bitset | None) -> SearchHits:
        """As `VectorIndex.search`; `params` has `level`, and what else the caller gave."""
        return self.index.search(queries, k, self._chosen_params(params, k), allow)

    def explain(self, queries: Any, k: int, params: Mapping[str, Any], allow: Bitset | None) -> SearchStrategy:
        """As `ExplainedIndex.explain`, with the name of the chosen type."""
        if not isinstance(self.index, ExplainedIndex):
            return SearchStrategy(exact=False, reason=f"{self.chosen.name} was chosen: {self.reason}")
        strategy = self.index.explain(queries, k, self._chosen_params(params, k), allow)
        return replace(strategy, reason=f"{self.chosen.name}: {strategy.reason}")

    def range_search(
        self, query: Any, bounds: RangeBounds, params: Mapping[str, Any], allow: Bitset | None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """As `VectorIndex.range_search`."""
        return self.index.range_search(query, bounds, self._chosen_params(params, 1), allow)

    def cursor(
        self, query: Any, params: Mapping[str, Any], allow: Bitset | None, bounds: RangeBounds | None = None
    ) -> Cursor:
        """As `VectorIndex.cursor`."""
        return self.index.cursor(query, self._chosen_params(params, 1), allow, bounds)

    def size(self) -> IndexSize:
        """That of the chosen index."""
        return self.index.size()

    def _chosen_params(self, params: Mapping[str, Any], k: int) -> dict[str, Any]:
        level = params["level"]
        effort = _EFFORTS.get(self.chosen.name, "")
        if effort in params:
            wanted = {effort: min(self.params.get("nlist", INT_MAX), params[effort])}
        else:
            wanted = {"recall": params.get("recall", recall_of_level(level))}
        return self.chosen.check_search_params(wanted, build_params=self.params, k=k)


@dataclass(frozen=True, slots=True)
class AutoType:
    """AUTOINDEX.

    Artefacts: those of the chosen type and `auto.json`; none at all when the column is scanned.

    Attributes:
        types: the types that may be chosen, by name.
    """

    types: Mapping[str, IndexType]
    name: str = "AUTOINDEX"

    def data_types(self) -> frozenset[DataType]:
        """Every vector type."""
        return VECTORS

    def check_build_params(self, field: Field, metric: Metric, params: Mapping[str, Any]) -> dict[str, Any]:
        """There are none: the choice sets them. What a scan would refuse of the field is refused."""
        check_eligible(self.name, field, metric, self.data_types())
        self._scan_type(field).check_build_params(field, metric, {})
        return checked_params(self.name, (), params)

    def check_search_params(
        self, params: Mapping[str, Any], *, build_params: Mapping[str, Any], k: int
    ) -> dict[str, Any]:
        """`level` from 1 (recall 0.96) to 10 (0.998), or `recall`, or `ef`, `nprobe` or `search_list`.

        Each of the last three counts where the chosen index has it.
        """
        efforts = [IntParam(name, 1, INT_MAX) for name in sorted(set(_EFFORTS.values()))]
        specs: tuple[Param, ...] = (_LEVEL, RECALL, *efforts)
        return checked_params(self.name, specs, params)

    def build(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """The artefacts of the chosen type, and the choice."""
        field, present = column.field, present_rows(column.array)
        row_count = column.row_count if present is None else present.count()
        row_bytes = 0 if field.data_type is DataType.SPARSE_FLOAT_VECTOR else row_width_bytes(field)
        choice = choose_index(
            field.data_type,
            row_count=row_count,
            row_bytes=row_bytes,
            dim=field.dim or 0,
            memory_bytes=context.memory_bytes,
        )
        chosen = self.types[choice.index_name]
        if choice.index_name in _EXACT_TYPES:
            return {}
        complete = chosen.check_build_params(field, metric, choice.params)
        description = _Description(index_name=choice.index_name, reason=choice.reason, params=complete)
        return {_DESCRIPTION: description_bytes(description), **chosen.build(column, metric, complete, context)}

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """The chosen index; a scan when nothing was stored."""
        if not artefacts:
            return self._scan(column, metric)
        description = read_description(artefacts, _DESCRIPTION, _Description)
        chosen = self.types.get(description.index_name)
        if chosen is None:
            raise DataCorrupt(
                "newer_format",
                f"index artefacts name type {description.index_name!r}, this program has {', '.join(self.types)}; "
                "upgrade it or rebuild the index",
            )
        inner = {name: data for name, data in artefacts.items() if name != _DESCRIPTION}
        index = chosen.open(column, metric, description.params, inner)
        return AutoIndex(chosen=chosen, params=description.params, index=index, reason=description.reason)

    def _scan_type(self, field: Field) -> IndexType:
        return self.types[choose_index(field.data_type, row_count=0, row_bytes=0).index_name]

    def _scan(self, column: VectorColumn, metric: Metric) -> VectorIndex:
        chosen = self._scan_type(column.field)
        index = chosen.open(column, metric, {}, {})
        return AutoIndex(chosen=chosen, params={}, index=index, reason="nothing was built: the column is scanned")
