"""HNSW_SQ, HNSW_PQ and HNSW_PRQ: a graph built over the vectors themselves, walked over their codes.

The graph is built before anything is rounded, so that its links are those of HNSW; only a search compares codes.
"""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG001, ARG002

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.index.artefacts import description_bytes, mapped_bytes, read_description
from elanus.index.belonging import ColumnDescription
from elanus.index.candidates import CandidateIndex
from elanus.index.eligibility import check_eligible
from elanus.index.exact import ExactScan
from elanus.index.faiss_bridge import faiss_metric, load_faiss, quicken_training
from elanus.index.flat.index import FlatIndex
from elanus.index.floats import FloatRows
from elanus.index.hnsw_coded.codes import GraphCodes
from elanus.index.hnsw_coded.construction import build_graph
from elanus.index.hnsw_coded.graph import Graph, GraphShape
from elanus.index.hnsw_coded.refine_params import (
    GRAPH_BUILD_PARAMS,
    check_refine_type,
    graph_search_params,
    stored_refine_type,
)
from elanus.index.hnsw_coded.search import CodedGraph
from elanus.index.hnsw_coded.storage import choose_storage, have_unit_length
from elanus.index.ivf.refinement import Refinement
from elanus.index.ivf_coded.lists import fitting_bit_count
from elanus.index.params import ChoiceParam, IntParam, Param, checked_params
from elanus.index.planning import EXACT_ROW_COUNT
from elanus.index.product_params import PRODUCT_PARAMS, check_part_count
from elanus.index.protocol import Artefacts, BuildContext, IndexSize, VectorColumn, VectorIndex
from elanus.schema.field import Field
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType, Metric

__all__ = ["HNSW_PQ", "HNSW_PRQ", "HNSW_SQ", "CodedGraphType"]

_GRAPH: Final = "graph.json"
_FAISS_BYTES_PER_ROW: Final = 12

MakeQuantizer = Callable[[Mapping[str, Any], FloatRows, int, int], Any]


@dataclass(frozen=True, slots=True)
class CodedGraphType:
    """A member of the family.

    Artefacts: `column.json`, `graph.json`, `levels` and `neighbours` as HNSW, `quantizer`, `codes`, and with `refine`
    and a `refine_type` narrower than the column `refine_quantizer` and `refine_codes`. A column of at most 1,000
    present rows is scanned and has none.

    Attributes:
        own_params: those of its codes.
        make: an untrained quantiser from parameters, the vectors, the number of the faiss metric, and a seed.
        quantizer_class: what faiss calls it.
    """

    name: str
    own_params: tuple[Param, ...]
    make: MakeQuantizer
    quantizer_class: str

    def data_types(self) -> frozenset[DataType]:
        """All dense types."""
        return DENSE_FLOAT_VECTORS

    def check_build_params(self, field: Field, metric: Metric, params: Mapping[str, Any]) -> dict[str, Any]:
        """`M`, `efConstruction`, `refine`, `refine_type`, and those of the codes."""
        check_eligible(self.name, field, metric, self.data_types())
        complete = checked_params(self.name, (*GRAPH_BUILD_PARAMS, *self.own_params), params)
        if "sq_type" in complete:
            check_refine_type(self.name, complete)
        else:
            check_part_count(self.name, field, complete)
        return complete

    def check_search_params(
        self, params: Mapping[str, Any], *, build_params: Mapping[str, Any], k: int
    ) -> dict[str, Any]:
        """`ef`, by default `k`, and `refine_k`, which has no effect when the index was built without `refine`."""
        return checked_params(self.name, graph_search_params(k), params)

    def build(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """The graph, the codes, and finer codes; nothing for a small column."""
        scan = ExactScan.over(column, metric)
        if scan.present_count <= EXACT_ROW_COUNT:
            return {}
        vectors = FloatRows.of(column, metric)
        quantizer = self.make(params, vectors, faiss_metric(metric), context.seed)
        codes = GraphCodes.encoded(vectors, quantizer, context)
        unit_length = metric is Metric.COSINE and have_unit_length(vectors)
        form = choose_storage(vectors.data_type, metric, unit_length=unit_length)
        graph = build_graph(
            vectors, form=form, metric=metric, degree=params["M"], breadth=params["efConstruction"], context=context
        )
        artefacts: dict[str, bytes | memoryview | npt.NDArray[np.uint8]] = {
            _GRAPH: description_bytes(graph.shape),
            **graph.artefacts(),
            **codes.artefacts(),
        }
        refine_type = stored_refine_type(params, vectors.data_type)
        if refine_type is not None:
            artefacts.update(Refinement.encoded(vectors, metric, refine_type, context).artefacts())
        return ColumnDescription.beside(self.name, scan, artefacts)

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """A search over the mapped graph and codes, and the column."""
        scan = ExactScan.over(column, metric)
        if scan.present_count <= EXACT_ROW_COUNT:
            return FlatIndex(scan)
        ColumnDescription.check(artefacts, self.name, scan)
        row_count, dim = scan.matrix.shape
        graph = Graph.from_artefacts(artefacts, read_description(artefacts, _GRAPH, GraphShape), row_count)
        codes = GraphCodes.from_artefacts(artefacts, scan, self.quantizer_class)
        stored = stored_refine_type(params, column.field.data_type) is not None
        refinement = Refinement.from_artefacts(artefacts, metric, row_count=row_count, dim=dim) if stored else None
        storage = codes.shared()
        source = CodedGraph(
            graph=graph.to_faiss(storage),
            degree=graph.shape.degree,
            refines=params["refine"],
            refinement=refinement,
            held=(graph, codes, storage),
        )
        size = IndexSize(mapped_bytes=mapped_bytes(artefacts), memory_bytes=_FAISS_BYTES_PER_ROW * row_count)
        return CandidateIndex(scan=scan, source=source, bytes_used=size)


def _scalar_quantizer(params: Mapping[str, Any], vectors: FloatRows, metric: int, seed: int) -> Any:
    faiss = load_faiss()
    kinds = {
        "SQ4U": faiss.ScalarQuantizer.QT_4bit_uniform,
        "SQ6": faiss.ScalarQuantizer.QT_6bit,
        "SQ8": faiss.ScalarQuantizer.QT_8bit,
        "BF16": faiss.ScalarQuantizer.QT_bf16,
        "FP16": faiss.ScalarQuantizer.QT_fp16,
    }
    return faiss.IndexScalarQuantizer(vectors.dim, kinds[params["sq_type"]], metric)


def _product_quantizer(params: Mapping[str, Any], vectors: FloatRows, metric: int, seed: int) -> Any:
    index = load_faiss().IndexPQ(vectors.dim, params["m"], fitting_bit_count(params["nbits"], len(vectors)), metric)
    quicken_training(index.pq, seed)
    return index


def _residual_quantizer(params: Mapping[str, Any], vectors: FloatRows, metric: int, seed: int) -> Any:
    faiss = load_faiss()
    nbits = fitting_bit_count(params["nbits"], len(vectors))
    return faiss.IndexProductResidualQuantizer(vectors.dim, params["m"], params["nrq"], nbits, metric)


HNSW_SQ: Final = CodedGraphType(
    name="HNSW_SQ",
    own_params=(ChoiceParam("sq_type", ("SQ4U", "SQ6", "SQ8", "BF16", "FP16"), default="SQ8"),),
    make=_scalar_quantizer,
    quantizer_class="IndexScalarQuantizer",
)
"""One code a dimension, of 4, 6, 8 or 16 bits."""

HNSW_PQ: Final = CodedGraphType(
    name="HNSW_PQ", own_params=PRODUCT_PARAMS, make=_product_quantizer, quantizer_class="IndexPQ"
)
"""Codes of parts of the vector (Jégou, Douze, Schmid 2011)."""

HNSW_PRQ: Final = CodedGraphType(
    name="HNSW_PRQ",
    own_params=(*PRODUCT_PARAMS, IntParam("nrq", 1, 16, default=2)),
    make=_residual_quantizer,
    quantizer_class="IndexProductResidualQuantizer",
)
"""Codes of parts of the vector, each followed by `nrq` - 1 codes of what is left (Babenko, Lempitsky 2014)."""
