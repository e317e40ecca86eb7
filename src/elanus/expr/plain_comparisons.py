"""A field of numbers without nulls compared with constants, in one step.

Skips work only: it answers for the plainest and most frequent conditions what `evaluator` answers for all.
"""

from typing import Final

from elanus.columns.bitset import Bitset
from elanus.expr import primitives
from elanus.expr.bound import Between, Column, Compare, Condition
from elanus.expr.source import ColumnSource
from elanus.schema.types import DataType

__all__ = ["plain_rows"]

# Asked for every condition: a tuple is made once, a union of types each time.
_PLAIN: Final = (Compare, Between)
_NUMBERS: Final = frozenset(
    {DataType.INT8, DataType.INT16, DataType.INT32, DataType.INT64, DataType.FLOAT, DataType.DOUBLE}
)


def plain_rows(condition: Condition, source: ColumnSource) -> Bitset | None:
    """The rows where the condition is TRUE; None when it is of another kind, or the field has nulls."""
    if not isinstance(condition, _PLAIN):
        return None
    operand = condition.operand
    if not isinstance(operand, Column) or operand.data_type not in _NUMBERS:
        return None
    values = source.numbers(operand.name)
    if values is None:
        return None
    assert len(values) == source.row_count, (operand.name, len(values), source.row_count)
    # The binder has brought the constants into the field's domain.
    if isinstance(condition, Compare):
        assert not isinstance(condition.constant, str)
        return primitives.compare(values, condition.operator, condition.constant)
    assert not isinstance(condition.low, str)
    assert not isinstance(condition.high, str)
    return primitives.between(values, condition.low_operator, condition.low, condition.high_operator, condition.high)
