"""FAISS: its parameters, and building and opening whatever the factory string names."""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.errors import InvalidInput
from elanus.index.artefacts import artefact_array, check_agrees, mapped_bytes
from elanus.index.belonging import ColumnDescription
from elanus.index.candidates import CandidateIndex
from elanus.index.eligibility import check_eligible
from elanus.index.exact import ExactScan
from elanus.index.faiss_bridge import faiss_metric, load_faiss, opened, serialised, training_threads, with_threads
from elanus.index.flat.index import FlatIndex
from elanus.index.floats import FloatRows
from elanus.index.params import INT_MAX, FloatParam, IntParam, TextParam, checked_params, required_param
from elanus.index.passthrough.search import FactoryCandidates
from elanus.index.planning import EXACT_ROW_COUNT
from elanus.index.protocol import Artefacts, BuildContext, IndexSize, VectorColumn, VectorIndex
from elanus.schema.field import Field
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType, Metric

__all__ = ["FaissType"]

_ARTEFACT: Final = "faiss"
_TRAINING_ROWS_MAX: Final = 1 << 18
_BLOCK_ROWS: Final = 4096
_FACTORY_NAME: Final = TextParam("faiss_index_name")
_SEARCH_PARAMS: Final = (
    IntParam("nprobe", 1, INT_MAX),
    IntParam("efSearch", 1, INT_MAX),
    IntParam("ef", 1, INT_MAX),
    FloatParam("k_factor", 1.0, 1e6),
)


@dataclass(frozen=True, slots=True)
class FaissType:
    """FAISS.

    Artefacts: `column.json` and `faiss`, the index as faiss writes it, which may hold a copy of the vectors. A column
    of at most 1,000 present rows is scanned and has none. Scores are exact whatever the index computes.
    """

    name: str = "FAISS"

    def data_types(self) -> frozenset[DataType]:
        """All dense types."""
        return DENSE_FLOAT_VECTORS

    def check_build_params(self, field: Field, metric: Metric, params: Mapping[str, Any]) -> dict[str, Any]:
        """`faiss_index_name`, a factory string such as `OPQ16,IVF64,PQ16x4`; there is no default.

        Raises:
            InvalidInput: also when faiss does not know the string, or it does not fit the dimension.
        """
        check_eligible(self.name, field, metric, self.data_types())
        complete = checked_params(self.name, (_FACTORY_NAME,), params)
        required_param(self.name, _FACTORY_NAME, complete, "a factory string of faiss, such as 'IVF64,PQ16x4'")
        assert field.dim is not None
        _made(complete[_FACTORY_NAME.name], field.dim, metric)
        return complete

    def check_search_params(
        self, params: Mapping[str, Any], *, build_params: Mapping[str, Any], k: int
    ) -> dict[str, Any]:
        """`nprobe`, `efSearch` (or `ef`) and `k_factor`, for the layers of the index that know them.

        Raises:
            InvalidInput: also when both spellings of `efSearch` are given and differ.
        """
        complete = checked_params(self.name, _SEARCH_PARAMS, params)
        alias = complete.pop("ef", None)
        if alias is not None:
            if complete.get("efSearch", alias) != alias:
                raise InvalidInput(
                    "invalid_index",
                    f"{self.name} got efSearch {complete['efSearch']} and ef {alias}, which are two names of one "
                    "parameter; give one of them",
                )
            complete["efSearch"] = alias
        return complete

    def build(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """The index over the present rows; nothing for a small column.

        Training takes at most 262,144 rows and cannot be cancelled.

        Raises:
            InvalidInput: faiss cannot train it on so few rows, or cannot add rows to it.
        """
        scan = ExactScan.over(column, metric)
        if scan.present_count <= EXACT_ROW_COUNT:
            return {}
        vectors = FloatRows.of(column, metric)
        context.check_cancelled()
        with_threads(training_threads(len(vectors), context.thread_count))
        index = _made(params[_FACTORY_NAME.name], vectors.dim, metric)
        sampled = np.random.default_rng(context.seed).permutation(len(vectors))[:_TRAINING_ROWS_MAX]
        try:
            index.train(vectors.taken(np.sort(sampled)))
            for start, block in vectors.blocks(rows_max=_BLOCK_ROWS):
                context.check_cancelled()
                with_threads(context.thread_count)
                index.add(block)
                context.progress((start + len(block)) / len(vectors))
        except RuntimeError as error:
            raise InvalidInput(
                "invalid_index",
                f"faiss cannot build {params[_FACTORY_NAME.name]!r} over {len(vectors)} rows: {_reason(error)}",
            ) from error
        return ColumnDescription.beside(self.name, scan, {_ARTEFACT: serialised(index)})

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """A search over the mapped index and the column.

        What faiss does not read in place is in memory of its own; all of it is counted as if it were.
        """
        scan = ExactScan.over(column, metric)
        if scan.present_count <= EXACT_ROW_COUNT:
            return FlatIndex(scan)
        ColumnDescription.check(artefacts, self.name, scan)
        index = opened(artefact_array(artefacts, _ARTEFACT, np.uint8), name=_ARTEFACT)
        check_agrees("dim", int(index.d), scan.matrix.shape[1])
        check_agrees("count of indexed rows", int(index.ntotal), scan.present_count)
        source = FactoryCandidates(
            index=index,
            row_numbers=None if scan.present is None else scan.present.rows(),
            held=artefacts[_ARTEFACT],
        )
        stored = mapped_bytes(artefacts)
        return CandidateIndex(scan=scan, source=source, bytes_used=IndexSize(mapped_bytes=stored, memory_bytes=stored))


def _made(factory_name: str, dim: int, metric: Metric) -> Any:
    """An empty faiss index.

    Raises:
        InvalidInput: faiss does not know the string, or what it names cannot be used here.
    """
    faiss = load_faiss()
    try:
        index = faiss.index_factory(dim, factory_name, faiss_metric(metric))
    except (RuntimeError, ValueError, IndexError, OverflowError, MemoryError) as error:
        raise InvalidInput(
            "invalid_index",
            f"faiss_index_name is {factory_name!r}, which faiss cannot make for {dim} dimensions: {_reason(error)}",
        ) from error
    if isinstance(faiss.downcast_index(index), faiss.IndexIDMap):
        raise InvalidInput(
            "invalid_index", f"faiss_index_name is {factory_name!r}; leave IDMap out, rows are numbered already"
        )
    return index


def _reason(error: Exception) -> str:
    """What faiss says, without the names of its functions and source files."""
    return str(error).rpartition(": ")[2].strip() or type(error).__name__
