"""HNSW: its parameters, its artefacts, and opening them.

What Milvus calls HNSW is built here as one layer with chosen entries (Subramanya et al. 2019), which walks as few nodes
as the layers do; `M` and `efConstruction` mean what they mean there.
"""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.errors import DataCorrupt
from elanus.index.artefacts import (
    array_bytes,
    artefact_array,
    description_bytes,
    mapped_bytes,
    read_description,
)
from elanus.index.calibration import Calibration
from elanus.index.eligibility import check_eligible
from elanus.index.exact import ExactScan
from elanus.index.flat.index import FlatIndex
from elanus.index.floats import FloatRows
from elanus.index.graph.coding import plan_coding, written_codes
from elanus.index.graph.construction import GraphConstruction
from elanus.index.graph.description import GraphDescription, coded_column
from elanus.index.graph.measuring import measured
from elanus.index.graph.placing import placed
from elanus.index.graph.search import GraphIndex
from elanus.index.params import INT_MAX, RECALL, IntParam, Param, checked_params, one_effort
from elanus.index.protocol import Artefacts, BuildContext, VectorColumn, VectorIndex
from elanus.kernels import graph as kernels
from elanus.runtime.pool import WorkerPool
from elanus.schema.field import Field
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType, Metric

__all__ = ["HnswType"]

_FORMAT_VERSION: Final = 4
_DESCRIPTION: Final = "graph.json"
_LINKS: Final = "links"
_CODES: Final = "codes"
_ENTRIES: Final = "entries"
_CENTER: Final = "center"
_ROWS: Final = "rows"
_NODES: Final = "nodes"
_CELL_STARTS: Final = "cell_starts"

_BUILD_PARAMS: Final[tuple[Param, ...]] = (
    IntParam("M", 2, 2048, default=30),
    IntParam("efConstruction", 1, INT_MAX, default=360),
)


class _Description(GraphDescription, frozen=True, kw_only=True):
    """That of a graph in memory."""

    cell_count: int = 0
    calibration: Calibration = Calibration(())


@dataclass(frozen=True, slots=True)
class HnswType:
    """HNSW.

    Artefacts: `graph.json`, `links` (8 M bytes a row), `codes` (half a byte an element, or one of few, and 32 bytes a
    row, rounded up to 64), `entries`, `center`, `cell_starts`, and `rows` and `nodes` (4 bytes a row each).
    """

    name: str = "HNSW"

    def data_types(self) -> frozenset[DataType]:
        """All dense types."""
        return DENSE_FLOAT_VECTORS

    def check_build_params(self, field: Field, metric: Metric, params: Mapping[str, Any]) -> dict[str, Any]:
        """`M` and `efConstruction`."""
        check_eligible(self.name, field, metric, self.data_types())
        return checked_params(self.name, _BUILD_PARAMS, params)

    def check_search_params(
        self, params: Mapping[str, Any], *, build_params: Mapping[str, Any], k: int
    ) -> dict[str, Any]:
        """`ef`, or `recall`; by default `ef` is `k`; a smaller one is accepted and works as `k`."""
        checked = checked_params(self.name, (IntParam("ef", 1, INT_MAX), RECALL), params)
        return one_effort(self.name, "ef", checked, default=k)

    def build(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """The codes and the graph over them; nothing when every row is null.

        Only a description with no bits when numbers are beyond what codes hold: the column is scanned then.
        """
        vectors = FloatRows.of(column, metric)
        if len(vectors) == 0:
            return {}
        coding = plan_coding(vectors, metric, context.seed)
        if coding is None:
            uncoded = _Description(version=_FORMAT_VERSION, **coded_column(vectors, metric, None))
            return {_DESCRIPTION: description_bytes(uncoded)}
        degree = min(2 * params["M"], max(2, len(vectors) - 1))
        pool = WorkerPool(thread_count=context.thread_count, name="elanus-graph")
        try:
            codes = written_codes(vectors, coding, pool, context)
            construction = GraphConstruction(
                codes, coding, degree=degree, breadth=params["efConstruction"], pool=pool, context=context
            )
            calibration = measured(construction, column, vectors, metric, codes=codes, coding=coding)
            built = construction.finished()
            layout = construction.layout(built.links)
            del construction
            graph = placed(built, codes, layout, vectors, pool)
        finally:
            pool.close()
        description = _Description(
            version=_FORMAT_VERSION,
            **coded_column(vectors, metric, coding),
            degree=degree,
            cell_count=len(graph.cell_starts) - 1,
            calibration=calibration,
        )
        return {
            _DESCRIPTION: description_bytes(description),
            _LINKS: array_bytes(graph.links),
            _CODES: graph.codes,
            _ENTRIES: array_bytes(graph.entries),
            _CENTER: array_bytes(coding.center),
            _CELL_STARTS: array_bytes(graph.cell_starts),
            _ROWS: array_bytes(graph.rows),
            _NODES: array_bytes(graph.nodes),
        }

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """A search over the mapped graph and the column; a scan of the column when nothing was coded."""
        scan = ExactScan.over(column, metric)
        if scan.present_count == 0:
            return FlatIndex(scan)
        description = read_description(artefacts, _DESCRIPTION, _Description)
        description.check(scan, newest=_FORMAT_VERSION)
        if description.bits == 0:
            return FlatIndex(scan)
        count = description.present_count
        links = artefact_array(artefacts, _LINKS, np.uint32, count * description.degree)
        try:
            graph = kernels.graph(
                links.reshape(count, description.degree),
                artefact_array(artefacts, _CODES, np.uint8),
                artefact_array(artefacts, _ENTRIES, np.uint32),
                artefact_array(artefacts, _CENTER, np.float32, description.dim),
                kernels.Numbering(
                    artefact_array(artefacts, _ROWS, np.uint32, count),
                    artefact_array(artefacts, _NODES, np.uint32, description.row_count),
                    artefact_array(artefacts, _CELL_STARTS, np.uint32, description.cell_count + 1),
                ),
                bits=description.bits,
                seed=description.seed,
            )
        except ValueError as error:
            raise DataCorrupt(
                "malformed_file", f"index artefacts do not fit each other: {error}; rebuild the index"
            ) from error
        return GraphIndex(
            scan=scan,
            graph=graph,
            cell_count=description.cell_count,
            calibration=description.calibration,
            mapped_bytes=mapped_bytes(artefacts),
        )
