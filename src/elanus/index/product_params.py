"""The parameters of product quantisers: how many parts a vector is cut into, and the bits of a part's code."""

from collections.abc import Mapping
from typing import Any, Final

from elanus.errors import InvalidInput
from elanus.index.params import IntParam, Param, required_param
from elanus.schema.field import Field

__all__ = ["PRODUCT_PARAMS", "check_part_count"]

_PART_COUNT_MAX: Final = 65_536
_PART_COUNT: Final = IntParam("m", 1, _PART_COUNT_MAX)

PRODUCT_PARAMS: Final[tuple[Param, ...]] = (_PART_COUNT, IntParam("nbits", 1, 24, default=8))
"""`m`, which has no default, and `nbits`."""


def check_part_count(index_name: str, field: Field, params: Mapping[str, Any]) -> None:
    """Refuses complete parameters whose `m` is missing or does not divide the dimension.

    Raises:
        InvalidInput: with what is expected.
    """
    expected = f"an integer from 1 to {_PART_COUNT_MAX} that divides the dimension, which is {field.dim}"
    required_param(index_name, _PART_COUNT, params, expected)
    assert field.dim is not None
    if field.dim % params["m"]:
        raise InvalidInput(
            "out_of_range", f"{index_name} parameter m is {params['m']}, expected {expected}", field=field.name
        )
