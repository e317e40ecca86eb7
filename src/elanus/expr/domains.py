"""A numeric literal brought into the domain of the field beside it."""

from collections.abc import Sequence
from typing import Final

from elanus.expr.bounds import NumberSet, double_form, integer_form, number_set, single_value
from elanus.schema.types import DataType

__all__ = ["INTEGER_BITS", "fit_members", "fit_number"]

INTEGER_BITS: Final = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}
"""The width of integer types."""


def fit_number(operator: str, constant: float, data_type: DataType | None) -> tuple[str, float] | bool:
    """The comparison in the domain of a field, or its one answer for every value; None leaves it to each row.

    A constant beside a Float field is rounded to 32 bits first, as the stored values were.
    """
    if data_type is None:
        return operator, constant
    if data_type is DataType.FLOAT:
        return double_form(operator, single_value(constant))
    if data_type is DataType.DOUBLE:
        return double_form(operator, constant)
    return integer_form(operator, constant, INTEGER_BITS[data_type])


def fit_members(constants: Sequence[int | float], data_type: DataType | None) -> NumberSet:
    """The members of a list beside a field."""
    if data_type is DataType.FLOAT:
        return number_set([single_value(constant) for constant in constants])
    return number_set(constants)
