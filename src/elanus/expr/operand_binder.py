"""Binds the values in a filter: names to fields and JSON paths, placeholders to constants, arithmetic to its types."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.errors import InvalidInput
from elanus.expr import syntax
from elanus.expr.arithmetic import INTEGER_ONLY, calculate
from elanus.expr.bound import (
    Arithmetic,
    ArrayColumn,
    Column,
    Constant,
    Element,
    Instant,
    JsonPath,
    Kind,
    Length,
    Negation,
    NumberType,
    Operand,
    Shifted,
)
from elanus.expr.constants import constant_kind, described, is_number, parameter_value
from elanus.expr.diagnosis import invalid_filter, suggestion
from elanus.expr.literals import INT64_MIN
from elanus.expr.numbers import Numbers
from elanus.expr.printing import path_text
from elanus.expr.times import moved_constant, moved_operand
from elanus.schema.collection import Schema
from elanus.schema.field import DYNAMIC_FIELD_NAME, Field
from elanus.schema.instants import UTC, Duration, TimeZone, duration_from_text, instant_from_text
from elanus.schema.types import DataType

__all__ = ["BindingContext", "OperandBinder", "domain", "kind", "label", "number_type"]

_LATER: Final = frozenset({DataType.TEXT})


@dataclass(frozen=True, slots=True, eq=False)
class BindingContext:
    """What a tree is bound to.

    Attributes:
        schema: names are its fields.
        params: values of placeholders.
        zone: of times that name none.
    """

    schema: Schema
    params: Mapping[str, Any]
    zone: TimeZone = UTC


class OperandBinder:
    """Binds what stands for a value, against one schema and one set of parameters."""

    def __init__(self, text: str, context: BindingContext, *, elements: str = "") -> None:
        """With `elements`, the name of an array of structs, `context.schema` has their members."""
        self._elements: Final = elements or None
        self.text: Final = text
        self.zone: Final = context.zone
        self._schema: Final = context.schema
        self._params: Final = context.params

    def operand(self, node: syntax.Node) -> Operand:
        """The operand a node stands for.

        Raises:
            InvalidInput: the node is a condition, names no field, or mixes types.
        """
        match node:
            case syntax.Literal():
                return Constant(node.value)
            case syntax.ListLiteral():
                return Constant(node.values)
            case syntax.ListOf():
                return self._list(node)
            case syntax.Placeholder():
                return self._parameter(node)
            case syntax.Path():
                return self._path(node)
            case syntax.Sign():
                return self._sign(node)
            case syntax.Arithmetic():
                return self._arithmetic(node)
            case syntax.Call(function="array_length"):
                return self._length(node)
            case syntax.Timestamp() | syntax.Interval():
                return self._time(node)
            case syntax.ElementField():
                return self._element_field(node)
            case _:
                raise self.wrong(node, "a value is expected here, but this is a condition")

    def wrong(self, node: syntax.Node, reason: str, *, field: str | None = None) -> InvalidInput:
        """The error for what is wrong at a node."""
        return invalid_filter(self.text, node.span[0], reason, field=field)

    def not_supported(self, node: syntax.Node, what: str, *, field: str | None = None) -> InvalidInput:
        """The error for something Milvus has and this version has not."""
        return invalid_filter(
            self.text, node.span[0], f"{what} is not supported yet in filters", kind="not_supported", field=field
        )

    def written(self, node: syntax.Node) -> str:
        """The node as it was written, shortened."""
        text = self.text[node.span[0] : node.span[1]]
        return text if len(text) <= 40 else text[:37] + "..."

    def parameter_bytes(self, node: syntax.Node, what: str) -> bytes:
        """The bytes given for a placeholder, or the base64 text of them.

        Raises:
            InvalidInput: the node is no placeholder, or its value is something else.
        """
        if not isinstance(node, syntax.Placeholder) or node.name not in self._params:
            raise self.wrong(node, f"{what} is given as a parameter, in braces, whose value is its bytes")
        value = self._params[node.name]
        if isinstance(value, str):
            try:
                value = base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                raise self.wrong(node, f"the value of parameter {{{node.name}}} is no base64 of {what}") from None
        if not isinstance(value, bytes | bytearray | memoryview):
            raise self.wrong(
                node, f"the value of parameter {{{node.name}}} is a {type(value).__name__}, expected bytes"
            )
        return bytes(value)

    def _list(self, node: syntax.ListOf) -> Constant:
        values = []
        for item in node.items:
            value = self.operand(item)
            if not isinstance(value, Constant):
                raise self.wrong(item, "a list holds constants only")
            values.append(value.value)
        return Constant(tuple(values))

    def _parameter(self, node: syntax.Placeholder) -> Constant:
        if node.name not in self._params:
            near = suggestion(node.name, self._params)
            raise self.wrong(node, f"no value is given for parameter {{{node.name}}}{near}")
        try:
            return Constant(parameter_value(self._params[node.name], self.zone))
        except ValueError as error:
            expected = "expected a bool, int, float, string or a list of them"
            raise self.wrong(node, f"the value of parameter {{{node.name}}} is {error}; {expected}") from None

    def _time(self, node: syntax.Timestamp | syntax.Interval) -> Constant:
        try:
            if isinstance(node, syntax.Interval):
                return Constant(duration_from_text(node.text))
            return Constant(Instant(instant_from_text(node.text, self.zone)))
        except ValueError as error:
            raise self.wrong(node, str(error)) from None

    def _path(self, node: syntax.Path) -> Operand:
        if self._elements is not None:
            raise self.wrong(node, f"inside {self._elements}[...] only $[member] stands, not {node.name}")
        field = self._schema.find(node.name)
        if field is not None and field.is_struct_array:
            return self._struct(node, field)
        steps = tuple(step for step in node.steps if not isinstance(step, syntax.Subfield))
        if len(steps) < len(node.steps):
            raise self.wrong(node, f"{node.name} is no array of structs; a key inside JSON is written in quotes")
        dynamic = self._schema.dynamic_field
        if field is None or field.is_dynamic:
            if dynamic is None:
                raise self._unknown(node)
            keys = steps if node.name == DYNAMIC_FIELD_NAME else (syntax.Key(node.name), *steps)
            return JsonPath(dynamic.name, keys, is_dynamic=True)
        return self._field(node, field, steps)

    def _struct(self, node: syntax.Path, field: Field) -> Operand:
        """`chunks`, `chunks[text]`, `chunks[0][text]`."""
        match node.steps:
            case ():
                return ArrayColumn(field.name, DataType.STRUCT)
            case (syntax.Subfield(name=name) | syntax.Key(name=name),):
                position = None
            case (syntax.Index(position=position), syntax.Subfield(name=name) | syntax.Key(name=name)):
                pass
            case _:
                reason = f'"{field.name}" is an array of structs; write {field.name}[0][member] or {field.name}[member]'
                raise self.wrong(node, reason, field=field.name)
        array = ArrayColumn(field.name, self._member(node, field.struct_fields, name, field.name).data_type, name)
        return array if position is None else Element(array, position)

    def _member(self, node: syntax.Node, members: Sequence[Field], name: str, array: str) -> Field:
        found = next((member for member in members if member.name == name), None)
        if found is None:
            near = suggestion(name, [member.name for member in members])
            raise self.wrong(node, f'the structs of "{array}" have no "{name}"{near}', field=array)
        if found.is_vector:
            raise self.wrong(node, f'"{name}" is a {found.type_label()}; vectors cannot stand in a filter', field=array)
        return found

    def _element_field(self, node: syntax.ElementField) -> Operand:
        if self._elements is None:
            raise self.wrong(node, "$[...] stands only inside element_filter and match_...")
        return Column(node.name, self._member(node, self._schema.fields, node.name, self._elements).data_type)

    def of_elements(self, node: syntax.Node) -> tuple[ArrayColumn, "OperandBinder"]:
        """The array of structs a node names, and a binder for conditions on its elements.

        Raises:
            InvalidInput: the node is something else.
        """
        array = self.operand(node)
        if not isinstance(array, ArrayColumn) or array.element_type is not DataType.STRUCT:
            raise self.wrong(node, f"an array of structs is expected here, not {label(array)}")
        context = BindingContext(Schema(self._schema.field(array.name).struct_fields), self._params, self.zone)
        return array, OperandBinder(self.text, context, elements=array.name)

    @property
    def is_for_elements(self) -> bool:
        """Whether it binds a condition on the elements of an array."""
        return self._elements is not None

    def _field(self, node: syntax.Path, field: Field, steps: tuple[syntax.Key | syntax.Index, ...]) -> Operand:
        data_type = field.data_type
        if field.is_vector:
            raise self.wrong(
                node,
                f'field "{field.name}" is a {field.type_label()}; vectors cannot stand in a filter',
                field=field.name,
            )
        if data_type in _LATER:
            raise self.not_supported(node, f'field "{field.name}" of type {data_type.label}', field=field.name)
        if data_type is DataType.JSON:
            return JsonPath(field.name, steps)
        if data_type is DataType.ARRAY:
            assert field.element_type is not None
            array = ArrayColumn(field.name, field.element_type)
            if not steps:
                return array
            if len(steps) == 1 and isinstance(steps[0], syntax.Index):
                return Element(array, steps[0].position)
            reason = f'field "{field.name}" is an {field.type_label()}; it takes one position, as in {field.name}[0]'
            raise self.wrong(node, reason, field=field.name)
        if steps:
            reason = f'field "{field.name}" is a {field.type_label()}; brackets are for JSON and Array fields'
            raise self.wrong(node, reason, field=field.name)
        return Column(field.name, data_type)

    def _unknown(self, node: syntax.Path) -> InvalidInput:
        if node.name == DYNAMIC_FIELD_NAME:
            return self.wrong(node, "the collection has no dynamic field, so there is no $meta", field=node.name)
        names = [field.name for field in self._schema.user_fields]
        return self.wrong(node, f'there is no field "{node.name}"{suggestion(node.name, names)}', field=node.name)

    def _length(self, node: syntax.Call) -> Length:
        argument = self.operand(node.arguments[0])
        if not isinstance(argument, ArrayColumn | JsonPath):
            raise self.wrong(node.arguments[0], f"array_length wants an Array field or JSON, not {label(argument)}")
        return Length(argument)

    def _sign(self, node: syntax.Sign) -> Operand:
        operand = self._number(node.operand, node.operator)
        if node.operator == "+":
            return operand
        if isinstance(operand, Constant):
            assert is_number(operand.value)
            if operand.value == INT64_MIN and isinstance(operand.value, int):
                raise self.wrong(node, "the integer is outside 64 bits")
            return Constant(-operand.value)
        return Negation(operand, number_type(operand))

    def _arithmetic(self, node: syntax.Arithmetic) -> Operand:
        left, right = self.operand(node.left), self.operand(node.right)
        if "time" in {kind(left), kind(right)}:
            return self._moved(node, left, right)
        self._check_number(node.left, left, node.operator)
        self._check_number(node.right, right, node.operator)
        types = {number_type(left), number_type(right)}
        if node.operator in INTEGER_ONLY and "double" in types:
            culprit = node.left if number_type(left) == "double" else node.right
            raise self.wrong(culprit, f'"{node.operator}" is for integers, {self.written(culprit)} is a float')
        if isinstance(left, Constant) and isinstance(right, Constant):
            return self._folded(node, left, right)
        if node.operator == "**" and types == {"integer"} and isinstance(right, Constant) and _below_zero(right):
            reason = f"an integer to a negative power is no integer; write the power as a float, {right.value}.0"
            raise self.wrong(node.right, reason)
        result: NumberType = "double" if "double" in types else "mixed" if "mixed" in types else "integer"
        return Arithmetic(node.operator, left, right, result)

    def _folded(self, node: syntax.Arithmetic, left: Constant, right: Constant) -> Constant:
        result = calculate(node.operator, _as_numbers(left), _as_numbers(right))
        if result.known is not None and not result.known.any():
            by_zero = is_number(right.value) and right.value == 0
            reason = "a division by zero" if by_zero else "the result is outside 64-bit integers"
            raise self.wrong(node, reason)
        values = result.doubles if result.integers is None else result.integers
        assert values is not None
        return Constant(values.tolist()[0])

    def integers(self, node: syntax.Node) -> npt.NDArray[np.int64] | None:
        """The value of a placeholder that is a NumPy array of integers, which may be long and needs no look at each."""
        value = self._params.get(node.name) if isinstance(node, syntax.Placeholder) else None
        if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iu" and value.dtype != np.uint64:
            return value.astype(np.int64)
        return None

    def _moved(self, node: syntax.Arithmetic, left: Operand, right: Operand) -> Operand:
        """A time plus or minus a duration."""
        if node.operator == "+" and _duration(left) is not None:
            left, right = right, left
        duration = _duration(right)
        if duration is None or node.operator not in {"+", "-"}:
            raise self.wrong(node, "a time can only be moved: seen + INTERVAL 'P1D', seen - INTERVAL 'P1D'")
        if node.operator == "-":
            duration = -duration
        try:
            if isinstance(left, Constant) and isinstance(left.value, Instant):
                return moved_constant(left.value, duration)
            if isinstance(left, Column | Shifted) and kind(left) == "time":
                return moved_operand(left, duration)
        except ValueError as error:
            raise self.wrong(node, str(error)) from None
        raise self.wrong(node, f"an INTERVAL moves a time, not {label(left)}")

    def _number(self, node: syntax.Node, operator: str) -> Operand:
        operand = self.operand(node)
        self._check_number(node, operand, operator)
        return operand

    def _check_number(self, node: syntax.Node, operand: Operand, operator: str) -> None:
        fits = is_number(operand.value) if isinstance(operand, Constant) else kind(operand) in {"number", "json"}
        if not fits:
            raise self.wrong(node, f'"{operator}" is for numbers, not {label(operand)}')


def kind(operand: Operand) -> Kind:
    """What an operand's values are; of a constant, for scalars only, and a duration counts as a time."""
    match operand:
        case Constant():
            found = constant_kind(operand.value)
            return "array" if found == "list" else "time" if found == "duration" else found
        case Column(data_type=data_type) | Element(array=ArrayColumn(element_type=data_type)):
            if data_type is DataType.BOOL:
                return "bool"
            if data_type is DataType.TIMESTAMPTZ:
                return "time"
            if data_type is DataType.GEOMETRY:
                return "geometry"
            return "string" if data_type is DataType.VARCHAR else "number"
        case ArrayColumn():
            return "array"
        case JsonPath():
            return "json"
        case Length() | Arithmetic() | Negation():
            return "number"
        case Shifted():
            return "time"


def number_type(operand: Operand) -> NumberType:
    """What numbers an operand of kind `number` or `json` has."""
    match operand:
        case Constant():
            return "integer" if isinstance(operand.value, int) else "double"
        case Column(data_type=data_type) | Element(array=ArrayColumn(element_type=data_type)):
            return "integer" if data_type.is_integer else "double"
        case Arithmetic() | Negation():
            return operand.number_type
        case Length():
            return "integer"
        case _:
            return "mixed"


def domain(operand: Operand) -> DataType | None:
    """The data type whose values an operand of numbers takes; None where that is decided row by row."""
    match operand:
        case Column(data_type=data_type) | Element(array=ArrayColumn(element_type=data_type)):
            return data_type
        case _:
            found = number_type(operand)
            return None if found == "mixed" else DataType.INT64 if found == "integer" else DataType.DOUBLE


def label(operand: Operand) -> str:
    """How messages name an operand."""
    match operand:
        case Constant():
            return described(operand.value)
        case Column():
            return f'field "{operand.name}" of type {operand.data_type.label}'
        case ArrayColumn(member=""):
            return f'field "{operand.name}" of type Array<{operand.element_type.label}>'
        case ArrayColumn():
            return f"{operand.name}[{operand.member}] of type Array<{operand.element_type.label}>"
        case Element():
            return f"{operand.array.name}[{operand.position}] of type {operand.array.element_type.label}"
        case JsonPath():
            return f"JSON {path_text(operand.name, operand.steps)}"
        case Length() | Arithmetic() | Negation():
            return "a calculated number"
        case Shifted():
            return "a calculated time"


def _duration(operand: Operand) -> Duration | None:
    return operand.value if isinstance(operand, Constant) and isinstance(operand.value, Duration) else None


def _below_zero(constant: Constant) -> bool:
    return is_number(constant.value) and constant.value < 0


def _as_numbers(constant: Constant) -> Numbers:
    if isinstance(constant.value, int):
        return Numbers(np.array([constant.value], np.int64))
    return Numbers(None, np.array([constant.value], np.float64))
