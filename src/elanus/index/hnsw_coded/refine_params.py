"""The parameters that all coded graphs share: the graph's own, and those of refinement."""

from collections.abc import Mapping
from typing import Any, Final

from elanus.errors import InvalidInput
from elanus.index.ivf.refinement import REFINE_TYPES, refinement_is_stored
from elanus.index.params import INT_MAX, BoolParam, ChoiceParam, FloatParam, IntParam, Param
from elanus.schema.types import DataType

__all__ = ["GRAPH_BUILD_PARAMS", "check_refine_type", "graph_search_params", "stored_refine_type"]

_REFINE_K_MAX: Final = 3.4e38
_PRECISION: Final = ("SQ4U", "SQ6", "SQ8", "BF16", "FP16", "FP32")

GRAPH_BUILD_PARAMS: Final[tuple[Param, ...]] = (
    IntParam("M", 2, 2048, default=30),
    IntParam("efConstruction", 1, INT_MAX, default=360),
    BoolParam("refine", default=False),
    ChoiceParam("refine_type", REFINE_TYPES, aliases={"FLAT": "FP32"}),
)


def graph_search_params(k: int) -> tuple[Param, ...]:
    """`ef`, by default `k`, and `refine_k`, by default 1."""
    return (IntParam("ef", 1, INT_MAX, default=k), FloatParam("refine_k", 1.0, _REFINE_K_MAX, default=1.0))


def check_refine_type(index_name: str, params: Mapping[str, Any]) -> None:
    """Refuses a `refine_type` that is no more precise than `sq_type`.

    Raises:
        InvalidInput: with the types that are.
    """
    refine_type, coded = params.get("refine_type"), params["sq_type"]
    if refine_type is None:
        return
    finer = _PRECISION[_PRECISION.index(coded) + 1 :]
    if refine_type not in finer:
        raise InvalidInput(
            "invalid_index",
            f"{index_name} parameter refine_type is {refine_type}, expected a more precise one than sq_type {coded}: "
            f"{', '.join(finer)}",
        )


def stored_refine_type(params: Mapping[str, Any], data_type: DataType) -> str | None:
    """The type of the finer codes to store; None when there are none, because the column itself is as precise."""
    refine_type: str | None = params.get("refine_type")
    if not params["refine"] or refine_type is None or not refinement_is_stored(refine_type, data_type):
        return None
    return refine_type
