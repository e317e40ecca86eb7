"""Binds json_contains, array_contains and their _all and _any forms; and lists to the elements of a typed array."""

from elanus.expr import syntax
from elanus.expr.bound import ArrayColumn, Condition, Constant, ConstantValue, Contains, Element, Instant, JsonPath
from elanus.expr.constants import constant_kind, described, is_number
from elanus.expr.domains import fit_number
from elanus.expr.operand_binder import OperandBinder, kind, label
from elanus.expr.syntax import Scalar
from elanus.schema.instants import Duration
from elanus.schema.types import DataType

__all__ = ["bind_containment", "check_json_constants", "element_constants"]


def bind_containment(operands: OperandBinder, node: syntax.Call) -> Condition:
    """The condition of a call. The json_ and array_ functions do the same for whichever kind of field they are given.

    Raises:
        InvalidInput: the field has no elements, or a value no element can be compared with.
    """
    field, value = operands.operand(node.arguments[0]), operands.operand(node.arguments[1])
    if not isinstance(field, ArrayColumn | JsonPath):
        raise operands.wrong(node.arguments[0], f"{node.function} wants an Array field or JSON, not {label(field)}")
    if isinstance(field, ArrayColumn) and field.element_type is DataType.STRUCT:
        reason = f"{node.function} looks into one member, {field.name}[member], not into {label(field)}"
        raise operands.wrong(node.arguments[0], reason)
    if not isinstance(value, Constant):
        raise operands.wrong(node.arguments[1], f"{node.function} looks for constants, not {label(value)}")
    one = node.function.endswith("_contains")
    if not one and not isinstance(value.value, tuple):
        raise operands.wrong(node.arguments[1], f"{node.function} wants a list, not {described(value.value)}")
    wanted = (value.value,) if one or not isinstance(value.value, tuple) else value.value
    all_needed = not node.function.endswith("_any")
    if isinstance(field, JsonPath):
        check_json_constants(operands, node.arguments[1], wanted)
        return Contains(field, tuple(wanted), all_needed)
    members = element_constants(operands, node.arguments[1], field, wanted)
    return Contains(field, members, all_needed, impossible=len(members) < len(wanted))


def check_json_constants(operands: OperandBinder, node: syntax.Node, values: tuple[ConstantValue, ...]) -> None:
    """Refuses times among constants beside JSON, which has texts only.

    Raises:
        InvalidInput: there is one, at whatever depth of lists.
    """
    if set(map(type, values)) <= {bool, int, float, str}:
        return
    for value in values:
        if isinstance(value, tuple):
            check_json_constants(operands, node, value)
        elif isinstance(value, Instant | Duration):
            raise operands.wrong(node, f"{described(value)} cannot be compared with JSON, which has no times")


def element_constants(
    operands: OperandBinder, node: syntax.Node, array: ArrayColumn, values: tuple[ConstantValue, ...]
) -> tuple[Scalar, ...]:
    """The values in the domain of the array's elements, without those that no element can equal.

    Raises:
        InvalidInput: a value of another kind than the elements.
    """
    wanted = kind(Element(array, 0))
    members: list[Scalar] = []
    for value in values:
        if constant_kind(value) != wanted:
            reason = f"{described(value)} is no element of {label(array)}"
            raise operands.wrong(node, reason)
        if is_number(value):
            form = fit_number("==", value, array.element_type)
            if not isinstance(form, bool):
                members.append(form[1])
        else:
            assert isinstance(value, bool | str)
            members.append(value)
    return tuple(members)
