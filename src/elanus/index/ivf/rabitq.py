"""IVF_RABITQ: one bit a dimension in the lists, and finer codes on request (`ivf.bit_codes`)."""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.errors import InvalidInput
from elanus.index.eligibility import check_eligible
from elanus.index.floats import FloatRows
from elanus.index.ivf.bit_codes import BitCodedLists, encoded_rows, opened_rows, row_artefacts
from elanus.index.ivf.coarse import Centroids
from elanus.index.ivf.family import built_lists, opened_lists
from elanus.index.ivf.grouping import GroupedRows
from elanus.index.ivf.params import LIST_BUILD_PARAMS, calibrated_search_params
from elanus.index.params import BoolParam, ChoiceParam, FloatParam, IntParam, Param, checked_params, one_effort
from elanus.index.protocol import Artefacts, BuildContext, VectorColumn, VectorIndex
from elanus.schema.field import Field
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType, Metric

__all__ = ["IvfRabitqType"]

_REFINE_K_MAX: Final = 3.4e38
_REFINE_BITS: Final = {"SQ6": 6, "SQ8": 8, "FP16": 16, "BF16": 16, "FP32": 32}
_FINE_BITS_MAX: Final = 8
_ELEMENT_BITS: Final = {
    DataType.FLOAT_VECTOR: 32,
    DataType.FLOAT16_VECTOR: 16,
    DataType.BFLOAT16_VECTOR: 16,
    DataType.INT8_VECTOR: 8,
}
_QUERY_BITS: Final = IntParam("rbq_query_bits", 0, 8, default=0)
_QUERY_BITS_ALIAS: Final = IntParam("rbq_bits_query", 0, 8)

_BUILD_PARAMS: Final[tuple[Param, ...]] = (
    *LIST_BUILD_PARAMS,
    BoolParam("refine", default=False),
    ChoiceParam("refine_type", tuple(_REFINE_BITS), aliases={"FLAT": "FP32"}),
    IntParam("rbq_bits", 1, _FINE_BITS_MAX),
)


@dataclass(frozen=True, slots=True)
class IvfRabitqType:
    """IVF_RABITQ.

    Artefacts: those of IVF_FLAT, `bit_codes` (1 bit a dimension and row), `bit_factors` (12 bytes a row),
    `rotation_signs` and `rotation_origin`, and with finer codes `fine_codes` (5 or 7 bits a dimension and row for SQ6
    and SQ8) and `fine_factors` (8 bytes a row).

    The codes of SQ6 and SQ8 are RaBitQ's own, of the rotated difference from the centroid: they contain the one bit.
    The wider types, and SQ8 where elements are bytes, refine from the column, which is at least as precise and at hand.
    `rbq_bits`, which Milvus does not have, asks for codes of so many bits a dimension without refinement.
    """

    name: str = "IVF_RABITQ"

    def data_types(self) -> frozenset[DataType]:
        """All dense types."""
        return DENSE_FLOAT_VECTORS

    def check_build_params(self, field: Field, metric: Metric, params: Mapping[str, Any]) -> dict[str, Any]:
        """`nlist`, `refine`, `refine_type` and `rbq_bits`; fewer lists are made for less than 39 rows each."""
        check_eligible(self.name, field, metric, self.data_types())
        return checked_params(self.name, _BUILD_PARAMS, params)

    def check_search_params(
        self, params: Mapping[str, Any], *, build_params: Mapping[str, Any], k: int
    ) -> dict[str, Any]:
        """`nprobe`, `max_empty_result_buckets`, `rbq_query_bits` (or `rbq_bits_query`) and `refine_k`.

        `recall` takes the place of both `nprobe` and `refine_k`.

        `refine_k` is at least 1: so many times k rows are kept until the exact scores. It has no effect when the index
        was built without `refine`. The query bits have none (`ivf.bit_codes`).

        Raises:
            InvalidInput: also when both spellings of the query bits are given and differ, or `recall` and `refine_k`.
        """
        specs = (_QUERY_BITS, _QUERY_BITS_ALIAS, FloatParam("refine_k", 1.0, _REFINE_K_MAX))
        complete = calibrated_search_params(self.name, params, build_params, specs)
        complete = one_effort(self.name, "refine_k", complete, default=1.0)
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

        def encode(
            vectors: FloatRows, grouped: GroupedRows
        ) -> tuple[dict[str, npt.NDArray[np.uint8]], Callable[[Centroids], BitCodedLists]]:
            codes = encoded_rows(vectors, metric, grouped, _fine_bits(params, vectors.data_type), context)
            return row_artefacts(codes), partial(BitCodedLists, codes=codes, refines=params["refine"])

        return built_lists(self.name, column, metric, params["nlist"], context, encode)

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """As `opened_lists`."""

        def source_of(centroids: Centroids, present_count: int) -> BitCodedLists:
            codes = opened_rows(
                artefacts,
                present_count=present_count,
                dim=centroids.lists.centroids.shape[1],
                fine_bits=_fine_bits(params, column.field.data_type),
            )
            return BitCodedLists(centroids=centroids, codes=codes, refines=params["refine"])

        return opened_lists(self.name, column, metric, artefacts, source_of)


def _fine_bits(params: Mapping[str, Any], data_type: DataType) -> int:
    """Bits a dimension of all codes together."""
    refine_bits = _REFINE_BITS.get(params.get("refine_type") or "FP32", 0) if params["refine"] else 0
    if refine_bits > _FINE_BITS_MAX or refine_bits >= _ELEMENT_BITS[data_type]:
        refine_bits = 0
    return max(int(params.get("rbq_bits") or 1), refine_bits)
