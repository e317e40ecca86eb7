"""BIN_FLAT: the exact answer over bits, by any metric of binary vectors."""

# The protocols pass some members of the family more than they need.
# ruff: noqa: ARG002

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.index.binary.matching import (
    ELEMENT_BITS_DEFAULT,
    MATCHING_METRICS,
    ElementBitsParam,
    MatchScan,
    check_element_bits,
)
from elanus.index.eligibility import check_eligible
from elanus.index.exact import ExactScan
from elanus.index.flat.index import FlatIndex
from elanus.index.params import RECALL, checked_params
from elanus.index.protocol import Artefacts, BuildContext, VectorColumn, VectorIndex
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

__all__ = ["BIN_FLAT", "BinaryFlatType"]

_ELEMENT_BITS: Final = ElementBitsParam(default=ELEMENT_BITS_DEFAULT)


@dataclass(frozen=True, slots=True)
class BinaryFlatType:
    """BIN_FLAT. Nothing is built and nothing is stored."""

    name: str = "BIN_FLAT"

    def data_types(self) -> frozenset[DataType]:
        """Bits."""
        return frozenset({DataType.BINARY_VECTOR})

    def check_build_params(self, field: Field, metric: Metric, params: Mapping[str, Any]) -> dict[str, Any]:
        """`mh_element_bit_width` for MHJACCARD, by default 32; otherwise there are none."""
        check_eligible(self.name, field, metric, self.data_types())
        if metric is not Metric.MHJACCARD:
            return checked_params(self.name, (), params)
        complete = checked_params(self.name, (_ELEMENT_BITS,), params)
        check_element_bits(field, complete[_ELEMENT_BITS.name])
        return complete

    def check_search_params(
        self, params: Mapping[str, Any], *, build_params: Mapping[str, Any], k: int
    ) -> dict[str, Any]:
        """None but `recall`, which is whatever is asked for."""
        return checked_params(self.name, (RECALL,), params)

    def build(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], context: BuildContext
    ) -> dict[str, bytes | memoryview | npt.NDArray[np.uint8]]:
        """No artefacts."""
        return {}

    def open(
        self, column: VectorColumn, metric: Metric, params: Mapping[str, Any], artefacts: Artefacts
    ) -> VectorIndex:
        """A scan of `column`."""
        if metric in MATCHING_METRICS:
            bits = params.get(_ELEMENT_BITS.name, ELEMENT_BITS_DEFAULT)
            return FlatIndex(MatchScan.of(column, metric, bits))
        return FlatIndex(ExactScan.over(column, metric))


BIN_FLAT: Final = BinaryFlatType()
