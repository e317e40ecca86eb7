"""IVF_RABITQ: one bit a dimension in the lists (`ivf.bit_codes`), and finer codes on request (`ivf.refinement`)."""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.errors import InvalidInput
from elanus.index.artefacts import mapped_bytes
from elanus.index.eligibility import check_eligible
from elanus.index.exact import ExactScan
from elanus.index.flat.index import FlatIndex
from elanus.index.floats import FloatRows
from elanus.index.ivf.bit_codes import BitCodedLists, BitCodes
from elanus.index.ivf.grouping import grouped_rows
from elanus.index.ivf.layout import read_layout, shared_artefacts
from elanus.index.ivf.params import LIST_BUILD_PARAMS, list_search_params
from elanus.index.ivf.refinement import REFINE_TYPES, Refinement, refinement_is_stored
from elanus.index.ivf.search import IvfIndex
from elanus.index.params import BoolParam, ChoiceParam, FloatParam, IntParam, Param, checked_params
from elanus.index.protocol import Artefacts, BuildContext, IndexSize, VectorColumn, VectorIndex
from elanus.schema.field import Field
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType, Metric

__all__ = ["IvfRabitqType"]

_REFINE_K_MAX: Final = 3.4e38
_QUERY_BITS: Final = IntParam("rbq_query_bits", 0, 8, default=0)
_QUERY_BITS_ALIAS: Final = IntParam("rbq_bits_query", 0, 8)

_BUILD_PARAMS: Final[tuple[Param, ...]] = (
    *LIST_BUILD_PARAMS,
    BoolParam("refine", default=False),
    ChoiceParam("refine_type", REFINE_TYPES, aliases={"FLAT": "FP32"}),
)


@dataclass(frozen=True, slots=True)
class IvfRabitqType:
    """IVF_RABITQ.

    Artefacts: those of IVF_FLAT, `bit_codes` (1 bit a dimension and 16 bytes a row, besides a rotation of 4 dim^2
    bytes), and with `refine` and a `refine_type` narrower than the column `refine_codes` (6 to 16 bits a dimension).
    `refine` without `refine_type` refines from the column itself, as FP32 does.
    """

    name: str = "IVF_RABITQ"

    def data_types(self) -> frozenset[DataType]:
        """All dense types."""
        return DENSE_FLOAT_VECTORS

    def check_build_params(self, field: Field, metric: Metric, params: Mapping[str, Any]) -> dict[str, Any]:
        """`nlist`, `refine` and `refine_type`; a build uses fewer lists when there are less than 39 rows for each."""
        check_eligible(self.name, field, metric, self.data_types())
        return checked_params(self.name, _BUILD_PARAMS, params)

    def check_search_params(
        self, params: Mapping[str, Any], *, build_params: Mapping[str, Any], k: int
    ) -> dict[str, Any]:
        """`nprobe`, `max_empty_result_buckets`, `rbq_query_bits` (or `rbq_bits_query`) and `refine_k`.

        `refine_k` is at least 1; it has no effect when the index was built without `refine`.

        Raises:
            InvalidInput: also when both spellings of the query bits are given and differ.
        """
        specs = (
            *list_search_params(build_params),
            _QUERY_BITS,
            _QUERY_BITS_ALIAS,
            FloatParam("refine_k", 1.0, _REFINE_K_MAX, default=1.0),
        )
        complete = checked_params(self.name, specs, params)
        alias = complete.pop(_QUERY_BITS_ALIAS.name, None)
        if alias is not None:
            if params.get(_QUERY_BITS.name) is not None and complete[_QUERY_BITS.name] != alias:
                raise InvalidInput(
                    "invalid_index",
                    f"{self.name} got {_QUERY_BITS.name} {complete[_QUERY_BITS.name]} and {_QUERY_BITS_ALIAS.name} "
                    f"{alias}, which are two names of one parameter; give one of them",
                )
            complete[_QUERY_BITS.name] = alias
        return complete

    def build(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """Centroids, lists, codes and finer codes; nothing at all when every row is null."""
        vectors = FloatRows.of(column, metric)
        if len(vectors) == 0:
            return {}
        grouped = grouped_rows(vectors, params["nlist"], context)
        codes = BitCodes.encoded(vectors, metric, grouped, context)
        artefacts = {**shared_artefacts(self.name, vectors, metric, grouped), **codes.artefacts()}
        refine_type = _stored_refine_type(params, vectors.data_type)
        if refine_type is not None:
            artefacts.update(Refinement.encoded(vectors, metric, refine_type, context).artefacts())
        return artefacts

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """A search over the mapped codes and the column."""
        scan = ExactScan.over(column, metric)
        if scan.present_count == 0:
            return FlatIndex(scan)
        centroids, lists = read_layout(artefacts, self.name, scan)
        row_count, dim = scan.matrix.shape
        codes = BitCodes.from_artefacts(
            artefacts, present_count=scan.present_count, dim=dim, list_count=lists.list_count
        )
        data_type = column.field.data_type
        stored = _stored_refine_type(params, data_type) is not None
        refinement = Refinement.from_artefacts(artefacts, metric, row_count=row_count, dim=dim) if stored else None
        return IvfIndex(
            scan=scan,
            centroids=centroids,
            lists=lists,
            source=BitCodedLists(codes=codes, refinement=refinement, refines=params["refine"]),
            bytes_used=IndexSize(mapped_bytes=mapped_bytes(artefacts), memory_bytes=4 * dim * (dim + lists.list_count)),
        )


def _stored_refine_type(params: Mapping[str, Any], data_type: DataType) -> str | None:
    refine_type: str | None = params.get("refine_type")
    if not params["refine"] or refine_type is None or not refinement_is_stored(refine_type, data_type):
        return None
    return refine_type
