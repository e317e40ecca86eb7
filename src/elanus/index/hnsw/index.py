"""HNSW: its parameters, its artefacts, and opening them."""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from elanus.index.artefacts import (
    artefact_array,
    check_agrees,
    check_format,
    description_bytes,
    mapped_bytes,
    read_description,
)
from elanus.index.eligibility import check_eligible
from elanus.index.exact import ExactScan
from elanus.index.flat.index import FlatIndex
from elanus.index.floats import FloatRows
from elanus.index.hnsw.construction import build_graph
from elanus.index.hnsw.graph import Graph, GraphShape
from elanus.index.hnsw.search import HnswIndex
from elanus.index.hnsw.storage import (
    GraphStorage,
    choose_storage,
    copied_codes,
    copied_width_bytes,
    have_unit_length,
    open_storage,
)
from elanus.index.params import INT_MAX, IntParam, Param, checked_params
from elanus.index.protocol import Artefacts, BuildContext, IndexSize, VectorColumn, VectorIndex
from elanus.schema.field import Field
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType, Metric

__all__ = ["HnswType"]

_FORMAT_VERSION: Final = 1
_DESCRIPTION: Final = "graph.json"
_VECTORS: Final = "vectors"
_FAISS_BYTES_PER_ROW: Final = 12

_BUILD_PARAMS: Final[tuple[Param, ...]] = (
    IntParam("M", 2, 2048, default=30),
    IntParam("efConstruction", 1, INT_MAX, default=360),
)


class _Description(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored with a graph so that it is opened only over its own column."""

    version: int
    row_count: int
    present_count: int
    dim: int
    metric: str
    storage: GraphStorage
    graph: GraphShape


@dataclass(frozen=True, slots=True)
class HnswType:
    """HNSW.

    Artefacts: `graph.json`, `levels` (1 byte a row), `neighbours` (8 M bytes a row and a little for upper levels), and
    `vectors` where the column cannot be compared as it is (`hnsw.storage` says when and how large).
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
        """`ef`, by default `k`; a smaller one is accepted and works as `k`."""
        return checked_params(self.name, (IntParam("ef", 1, INT_MAX, default=k),), params)

    def build(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """The graph, and copied vectors where needed; nothing at all when every row is null."""
        vectors = FloatRows.of(column, metric)
        if len(vectors) == 0:
            return {}
        unit_length = metric is Metric.COSINE and have_unit_length(vectors)
        form = choose_storage(vectors.data_type, metric, unit_length=unit_length)
        graph = build_graph(
            vectors, form=form, metric=metric, degree=params["M"], breadth=params["efConstruction"], context=context
        )
        description = _Description(
            version=_FORMAT_VERSION,
            row_count=len(vectors.matrix),
            present_count=len(vectors),
            dim=vectors.dim,
            metric=metric.value,
            storage=form,
            graph=graph.shape,
        )
        codes = copied_codes(form, vectors)
        return {
            _DESCRIPTION: description_bytes(description),
            **graph.artefacts(),
            **({} if codes is None else {_VECTORS: codes}),
        }

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """A search over the mapped graph and the column."""
        scan = ExactScan.over(column, metric)
        if scan.present_count == 0:
            return FlatIndex(scan)
        description = read_description(artefacts, _DESCRIPTION, _Description)
        row_count, dim = scan.matrix.shape
        check_format(description.version, _FORMAT_VERSION)
        check_agrees("row count", description.row_count, row_count)
        check_agrees("count of non-null rows", description.present_count, scan.present_count)
        check_agrees("dim", description.dim, dim)
        check_agrees("metric", description.metric, metric.value)
        graph = Graph.from_artefacts(artefacts, description.graph, row_count)
        form = description.storage
        width = copied_width_bytes(form, dim)
        codes = artefact_array(artefacts, _VECTORS, np.uint8, row_count * width) if width else None
        storage = open_storage(form, column.field.data_type, metric, scan.matrix, codes)
        return HnswIndex(
            scan=scan,
            graph=graph.to_faiss(storage),
            degree=graph.shape.degree,
            exact_storage=form is not GraphStorage.UNIT_FLOAT16,
            bytes_used=IndexSize(mapped_bytes(artefacts), _FAISS_BYTES_PER_ROW * row_count),
            held=(graph, codes, storage),
        )
