"""Binds bloom_match and membership_match: a field against a set that the client built."""

from typing import Final

from elanus.expr import syntax
from elanus.expr.bound import Column, Condition, JsonPath, MemberOf
from elanus.expr.member_sets import MemberSet, bloom_filter, roaring_ranges
from elanus.expr.operand_binder import OperandBinder, kind, label
from elanus.schema.types import DataType

__all__ = ["bind_membership"]

_NAMES: Final = {"bloom": "a Bloom filter", "roaring": "a Roaring bitmap"}


def bind_membership(operands: OperandBinder, node: syntax.Call) -> Condition:
    """The condition of a call.

    Raises:
        InvalidInput: the field has neither integers nor strings, the set is of others than the field, or its bytes are
            damaged.
    """
    field = operands.operand(node.arguments[0])
    fits = isinstance(field, JsonPath) or (
        isinstance(field, Column) and (field.data_type.is_integer or field.data_type is DataType.VARCHAR)
    )
    if not isinstance(field, Column | JsonPath) or not fits:
        reason = f"{node.function} is for integer and VarChar fields and JSON, not {label(field)}"
        raise operands.wrong(node.arguments[0], reason)
    members = _members(operands, node)
    if isinstance(field, Column) and (members.has_integers or members.has_texts):
        wanted, has = ("strings", members.has_texts) if kind(field) == "string" else ("integers", members.has_integers)
        if not has:
            raise operands.wrong(node, f"{label(field)} has {wanted}, but none were put into the set")
    return MemberOf(field, members)


def _members(operands: OperandBinder, node: syntax.Call) -> MemberSet:
    form = "bloom"
    for _, value in node.named:
        form = value.name.lower() if isinstance(value, syntax.Path) and not value.steps else ""
        if form not in _NAMES:
            raise operands.wrong(value, "the type of a set is bloom or roaring")
    blob = operands.parameter_bytes(node.arguments[1], _NAMES[form])
    try:
        return bloom_filter(blob) if form == "bloom" else roaring_ranges(blob)
    except ValueError as error:
        raise operands.wrong(node.arguments[1], f"these bytes are not {_NAMES[form]}: {error}") from None
