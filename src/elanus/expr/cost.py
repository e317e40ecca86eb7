"""How much work a condition is for one row, roughly; conditions joined by AND or OR are evaluated cheapest first."""

from typing import Final

from elanus.expr.bound import (
    Always,
    And,
    Arithmetic,
    ArrayColumn,
    Between,
    Column,
    Compare,
    CompareJson,
    CompareOperands,
    Condition,
    Constant,
    Contains,
    Element,
    EqualsList,
    Exists,
    Fixed,
    InJson,
    InNumbers,
    InStrings,
    IsNull,
    IsNullDocument,
    JsonPath,
    Length,
    MatchElements,
    Matches,
    MemberOf,
    Negation,
    Not,
    Operand,
    Or,
    Shifted,
    Spatial,
)
from elanus.schema.types import DataType

__all__ = ["NARROWING_COST_MIN", "cost"]

NARROWING_COST_MIN: Final = 20
"""From here on it pays to gather the rows still in question and look at those only."""

_NUMBERS: Final = 1
_STRINGS: Final = 5
_MEMBERSHIP: Final = 10
_ARRAY: Final = 20
_PATTERN: Final = 40
_JSON: Final = 200
_GEOMETRY: Final = 1000


def cost(condition: Condition) -> int:
    """Nanoseconds a row, to an order of magnitude."""
    match condition:
        # The plainest and most frequent first: cases are tried in order.
        case Compare() | Between() | Fixed():
            return _operand_cost(condition.operand)
        case Always():
            return 0
        case And() | Or():
            return sum(cost(operand) for operand in condition.operands)
        case Not():
            return cost(condition.operand)
        case CompareOperands():
            return _operand_cost(condition.left) + _operand_cost(condition.right)
        case IsNullDocument():
            return _PATTERN
        case InNumbers() | InStrings():
            return _MEMBERSHIP + _operand_cost(condition.operand)
        case MemberOf():
            return _PATTERN + _operand_cost(condition.operand)
        case Spatial():
            return _GEOMETRY
        case Matches():
            return _PATTERN + _operand_cost(condition.operand)
        case IsNull(operand=Column() | ArrayColumn()):
            return 0
        case IsNull() | Contains():
            return _operand_cost(condition.operand)
        case CompareJson() | InJson() | Exists():
            return _JSON
        case EqualsList():
            return _ARRAY
        case MatchElements():
            return _ARRAY + 4 * cost(condition.condition)


def _operand_cost(operand: Operand) -> int:
    match operand:
        case Column():
            return _STRINGS if operand.data_type is DataType.VARCHAR else _NUMBERS
        case Constant():
            return 0
        case ArrayColumn() | Element() | Length(of=ArrayColumn()):
            return _ARRAY
        case JsonPath() | Length():
            return _JSON
        case Arithmetic():
            return _MEMBERSHIP + _operand_cost(operand.left) + _operand_cost(operand.right)
        case Shifted():
            return _MEMBERSHIP + _operand_cost(operand.operand)
        case Negation():
            return _NUMBERS + _operand_cost(operand.operand)
