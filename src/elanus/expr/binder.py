"""Binds a syntax tree to a schema: the conditions of a filter, with types checked and literals normalised.

Nothing below this module meets a name that is no field, a comparison without a meaning, or a placeholder.
"""

from dataclasses import dataclass
from typing import Final, TypeGuard

import pyarrow as pa

from elanus.errors import InvalidInput
from elanus.expr import syntax
from elanus.expr.bound import (
    Always,
    And,
    ArrayColumn,
    Between,
    Column,
    Compare,
    CompareJson,
    CompareOperands,
    Condition,
    Constant,
    ConstantValue,
    EqualsList,
    Exists,
    Fixed,
    InJson,
    InNumbers,
    Instant,
    InStrings,
    IsNull,
    IsNullDocument,
    JsonPath,
    MatchElements,
    Matches,
    Not,
    Operand,
    Or,
    Shifted,
)
from elanus.expr.bounds import FLIPPED, NEGATED, integer_form, integer_set, number_set
from elanus.expr.constants import all_numbers, all_strings, constant_kind, described, is_number
from elanus.expr.containment import bind_containment, check_json_constants, element_constants
from elanus.expr.cost import cost
from elanus.expr.domains import fit_members, fit_number
from elanus.expr.functions import STRUCT_FUNCTIONS
from elanus.expr.membership import bind_membership
from elanus.expr.operand_binder import BindingContext, OperandBinder, domain, kind, label
from elanus.expr.parser import DEPTH_MAX
from elanus.expr.patterns import like_pattern, regex_pattern
from elanus.expr.spatial import SPATIAL_FUNCTIONS, bind_spatial
from elanus.expr.times import instant_constant, without_fixed_moves
from elanus.schema.instants import Duration
from elanus.schema.types import DataType

__all__ = ["BoundFilter", "bind_tree"]

_CONTAINMENT: Final = frozenset(
    f"{what}_{how}" for what in ("json", "array") for how in ("contains", "contains_all", "contains_any")
)


@dataclass(frozen=True, slots=True)
class BoundFilter:
    """A bound tree and the sampling that follows it.

    Attributes:
        condition: what a row must meet.
        sample_fraction: the share of those rows to keep, strictly between 0 and 1; None keeps all.
    """

    condition: Condition
    sample_fraction: float | None


def bind_tree(text: str, tree: syntax.Node, context: BindingContext) -> BoundFilter:
    """The tree over the fields of a schema, placeholders replaced by their values.

    Raises:
        InvalidInput: an unknown name, types that do not meet, a missing parameter, or a function of a later version;
            the message shows where in `text`.
    """
    try:
        return _ConditionBinder(OperandBinder(text, context)).bind(tree)
    except RecursionError:
        # The parser bounds the height of a tree; this is for a caller who is deep in Python's stack already.
        reason = f"the filter is nested too deeply, expected at most {DEPTH_MAX} levels and fewer here"
        raise OperandBinder(text, context).wrong(tree, reason) from None


class _ConditionBinder:
    def __init__(self, operands: OperandBinder) -> None:
        self._operands: Final = operands

    def bind(self, tree: syntax.Node) -> BoundFilter:
        rest, samples = _split_samples(tree)
        if not samples:
            return BoundFilter(self._condition(tree), None)
        if len(samples) > 1:
            raise self._operands.wrong(samples[1], "random_sample stands once in a filter")
        fraction = self._operands.operand(samples[0].arguments[0])
        if not isinstance(fraction, Constant) or not is_number(fraction.value) or not 0 < fraction.value < 1:
            reason = "random_sample wants a number above 0 and below 1"
            raise self._operands.wrong(samples[0].arguments[0], reason)
        condition = Always(truth=True) if rest is None else self._condition(rest)
        return BoundFilter(condition, float(fraction.value))

    def _condition(self, node: syntax.Node) -> Condition:
        match node:
            case syntax.And() | syntax.Or():
                operands = []
                for operand in node.operands:
                    operands.append(self._condition(operand))  # noqa: PERF401  a comprehension is one more stack frame
                if isinstance(node, syntax.And):
                    operands = _with_ranges(operands)
                operands.sort(key=cost)
                if len(operands) == 1:
                    return operands[0]
                return And(tuple(operands)) if isinstance(node, syntax.And) else Or(tuple(operands))
            case syntax.Not():
                return Not(self._condition(node.operand))
            case syntax.Comparison():
                left, right = self._operands.operand(node.left), self._operands.operand(node.right)
                return self._compare(node, left, node.operator, right)
            case syntax.Range():
                return self._range(node)
            case syntax.Membership():
                return self._membership(node)
            case syntax.PatternTest():
                return self._pattern(node)
            case syntax.NullTest():
                return self._null_test(node)
            case syntax.Exists():
                return self._exists(node)
            case syntax.Call() if node.function != "array_length":
                return self._call(node)
            case _:
                return self._value(node)

    def _value(self, node: syntax.Node) -> Condition:
        """A value where a condition is expected: true, false, and Bool fields are both."""
        operand = self._operands.operand(node)
        if isinstance(operand, Constant) and isinstance(operand.value, bool):
            return Always(operand.value)
        if not isinstance(operand, Constant) and kind(operand) == "bool":
            return Compare(operand, "==", constant=True)
        if isinstance(operand, JsonPath):
            raise self._operands.wrong(node, f"{label(operand)} is no condition; compare it, for example with == true")
        raise self._operands.wrong(node, f"{label(operand)} is no condition; compare it with something")

    def _compare(self, node: syntax.Node, left: Operand, operator: str, right: Operand) -> Condition:
        if isinstance(left, Constant) and isinstance(right, Constant):
            return Always(self._compare_constants(node, left, operator, right))
        if isinstance(left, Constant):
            left, operator, right = right, FLIPPED[operator], left
        if isinstance(right, Constant):
            return self._compare_constant(node, left, operator, right.value)
        kinds = {kind(left), kind(right)}
        self._check_no_geometry(node, left, right)
        if "array" in kinds:
            raise self._operands.wrong(
                node, "an Array field is compared with a list, or one of its elements with a value"
            )
        if len(kinds) > 1 and ("json" not in kinds or "time" in kinds):
            raise self._operands.wrong(node, f"{label(left)} cannot be compared with {label(right)}")
        if "bool" in kinds:
            self._check_equality(node, operator, "true and false")
        return CompareOperands(left, operator, right)

    def _compare_constants(self, node: syntax.Node, left: Constant, operator: str, right: Constant) -> bool:
        a, b = _comparable(left.value), _comparable(right.value)
        if constant_kind(left.value) != constant_kind(right.value) or isinstance(a, tuple | Duration):
            raise self._operands.wrong(
                node, f"{described(left.value)} cannot be compared with {described(right.value)}"
            )
        if isinstance(a, bool):
            self._check_equality(node, operator, "true and false")
        below, equal = a < b, a == b  # type: ignore[operator]  # both are of one kind
        above = a > b  # type: ignore[operator]
        return bool({
            "==": equal, "!=": not equal, "<": below, "<=": below or equal, ">": above, ">=": above or equal,
        }[operator])  # fmt: skip

    def _compare_constant(
        self, node: syntax.Node, operand: Operand, operator: str, constant: ConstantValue
    ) -> Condition:
        if isinstance(operand, JsonPath):
            check_json_constants(self._operands, node, (constant,))
            if isinstance(constant, bool | tuple):
                self._check_equality(node, operator, "lists" if isinstance(constant, tuple) else "true and false")
            return CompareJson(operand, operator, constant)
        if isinstance(operand, ArrayColumn):
            return self._compare_array(node, operand, operator, constant)
        self._check_no_geometry(node, operand)
        if kind(operand) == "time":
            return self._compare_time(node, operand, operator, constant)
        if constant_kind(constant) != kind(operand):
            raise self._mismatch(node, operand, constant)
        if is_number(constant):
            form = fit_number(operator, constant, domain(operand))
            return Fixed(operand, form) if isinstance(form, bool) else Compare(operand, *form)
        if isinstance(constant, bool):
            self._check_equality(node, operator, "true and false")
        assert isinstance(constant, bool | str)
        return Compare(operand, operator, constant)

    def _compare_time(self, node: syntax.Node, operand: Operand, operator: str, constant: ConstantValue) -> Condition:
        assert isinstance(operand, Column | Shifted)
        moved, instant = without_fixed_moves(operand, self._instant(node, operand, constant))
        form = integer_form(operator, instant, 64)
        return Fixed(moved, form) if isinstance(form, bool) else Compare(moved, *form)

    def _instant(self, node: syntax.Node, operand: Operand, constant: ConstantValue) -> int:
        """The microseconds of a constant beside a time."""
        try:
            instant = instant_constant(constant, self._operands.zone)
        except ValueError as error:
            raise self._operands.wrong(node, str(error)) from None
        if instant is None:
            raise self._mismatch(node, operand, constant)
        return instant

    def _compare_array(
        self, node: syntax.Node, array: ArrayColumn, operator: str, constant: ConstantValue
    ) -> Condition:
        if array.element_type is DataType.STRUCT:
            raise self._operands.wrong(node, f"{label(array)} is no value to compare; use match_any and its kind")
        if not isinstance(constant, tuple):
            reason = f"{label(array)} is compared with a list; use array_contains, or an element as {array.name}[0]"
            raise self._operands.wrong(node, reason)
        self._check_equality(node, operator, "arrays")
        members = element_constants(self._operands, node, array, constant)
        return EqualsList(array, members if len(members) == len(constant) else None, operator == "!=")

    def _range(self, node: syntax.Range) -> Condition:
        low, value, high = (self._operands.operand(part) for part in (node.low, node.value, node.high))
        first = self._compare(node, low, node.low_operator, value)
        second = self._compare(node, value, node.high_operator, high)
        if isinstance(first, Compare) and isinstance(second, Compare) and isinstance(value, Column):
            lower, upper = (first, second) if first.operator in {">", ">="} else (second, first)
            return Between(value, lower.operator, lower.constant, upper.operator, upper.constant)
        return And((first, second))

    def _membership(self, node: syntax.Membership) -> Condition:
        operand = self._operands.operand(node.value)
        integers = self._operands.integers(node.items)
        if integers is not None and isinstance(operand, Column) and operand.data_type.is_integer:
            return InNumbers(operand, integer_set(integers), node.negated)
        listed = self._operands.operand(node.items)
        if not isinstance(listed, Constant) or not isinstance(listed.value, tuple):
            raise self._operands.wrong(node.items, f'"in" wants a list in brackets, got {label(listed)}')
        items = listed.value
        if isinstance(operand, JsonPath):
            check_json_constants(self._operands, node.items, items)
            return _in_json(operand, items, negated=node.negated)
        if isinstance(operand, Constant | ArrayColumn):
            hint = "; use array_contains_any" if isinstance(operand, ArrayColumn) else ""
            reason = f'the left side of "in" is a field with one value a row, not {label(operand)}{hint}'
            raise self._operands.wrong(node.value, reason)
        self._check_no_geometry(node, operand)
        wanted = kind(operand)
        if wanted == "time":
            instants = [self._instant(node.items, operand, item) for item in items]
            return InNumbers(operand, number_set(instants), node.negated)
        if wanted == "number" and all_numbers(items):
            return InNumbers(operand, fit_members(items, domain(operand)), node.negated)
        if wanted == "string" and all_strings(items):
            return InStrings(operand, _string_array(items), node.negated)
        for item in items:
            if constant_kind(item) != wanted:
                raise self._mismatch(node.items, operand, item)
        found = Fixed(operand, bool(items)) if len(set(items)) != 1 else Compare(operand, "==", items[0] is True)
        return Not(found) if node.negated else found

    def _pattern(self, node: syntax.PatternTest) -> Condition:
        operand, pattern = self._operands.operand(node.value), self._operands.operand(node.pattern)
        operator = "like" if node.kind == "like" else "=~"
        if not isinstance(pattern, Constant) or not isinstance(pattern.value, str):
            raise self._operands.wrong(node.pattern, f'the pattern of "{operator}" is a string, not {label(pattern)}')
        if isinstance(operand, Constant) or kind(operand) not in {"string", "json"}:
            reason = f'"{operator}" is for VarChar fields, elements of Array<VarChar> and JSON, not {label(operand)}'
            raise self._operands.wrong(node.value, reason)
        try:
            test = like_pattern(pattern.value) if node.kind == "like" else regex_pattern(pattern.value)
        except ValueError as error:
            raise self._operands.wrong(node.pattern, f'not a pattern for "{operator}": {error}') from None
        return Matches(operand, test, node.negated)

    def _null_test(self, node: syntax.NullTest) -> Condition:
        operand = self._operands.operand(node.value)
        if not isinstance(operand, Column | ArrayColumn | JsonPath) or (
            isinstance(operand, ArrayColumn) and operand.member
        ):
            raise self._operands.wrong(node.value, f'"is null" is for fields and JSON paths, not {label(operand)}')
        if isinstance(operand, JsonPath) and not operand.steps:
            return Always(node.negated) if operand.is_dynamic else IsNullDocument(operand.name, node.negated)
        return IsNull(operand, node.negated)

    def _exists(self, node: syntax.Exists) -> Condition:
        path = self._operands.operand(node.path)
        if not isinstance(path, JsonPath) or not path.steps:
            hint = 'exists doc["key"]' if isinstance(path, JsonPath) else "is not null"
            raise self._operands.wrong(node.path, f'"exists" is for keys inside JSON, not {label(path)}; write {hint}')
        return Exists(path)

    def _call(self, node: syntax.Call) -> Condition:
        if node.function in _CONTAINMENT:
            return bind_containment(self._operands, node)
        if node.function == "random_sample":
            raise self._operands.wrong(
                node, "random_sample is joined to the rest of a filter with and, not inside or, not"
            )
        if node.function in SPATIAL_FUNCTIONS:
            return bind_spatial(self._operands, node)
        if node.function in {"bloom_match", "membership_match"}:
            return bind_membership(self._operands, node)
        if node.function in STRUCT_FUNCTIONS:
            return self._match(node)
        raise self._operands.not_supported(node, node.function)

    def _match(self, node: syntax.Call) -> Condition:
        """The functions about the elements of an array of structs."""
        if self._operands.is_for_elements:
            raise self._operands.wrong(node, f"{node.function} cannot stand inside another of its kind")
        array, elements = self._operands.of_elements(node.arguments[0])
        condition = _ConditionBinder(elements).element_condition(node.arguments[1])
        threshold = 1
        for name, value in node.named:
            given = self._operands.operand(value)
            at_least = 1 if node.function == "match_least" else 0
            whole = isinstance(given, Constant) and isinstance(given.value, int) and not isinstance(given.value, bool)
            if (
                not isinstance(given, Constant)
                or not whole
                or not isinstance(given.value, int)
                or given.value < at_least
            ):
                raise self._operands.wrong(value, f"{name} of {node.function} is a whole number, {at_least} or more")
            threshold = given.value
        least, most = {
            "match_all": (None, None),
            "match_most": (0, threshold),
            "match_exact": (threshold, threshold),
        }.get(node.function, (threshold, None))
        return MatchElements(array, condition, least, most, chooses_elements=node.function == "element_filter")

    def element_condition(self, node: syntax.Node) -> Condition:
        """The condition a node is for one element of an array of structs.

        Raises:
            InvalidInput: it has a part that elements have not: null tests, functions, truth values by themselves.
        """
        waiting = [node]
        while waiting:
            part = waiting.pop()
            if isinstance(part, syntax.NullTest | syntax.Exists | syntax.Call):
                raise self._operands.wrong(part, "inside of $[...] conditions stand no functions and no null tests")
            if isinstance(part, syntax.And | syntax.Or | syntax.Not):
                waiting += syntax.children(part)
            elif isinstance(part, syntax.ElementField | syntax.Literal):
                raise self._operands.wrong(part, "a value by itself is no condition here; compare it, $[flag] == true")
        return self._condition(node)

    def _check_no_geometry(self, node: syntax.Node, *operands: Operand) -> None:
        for operand in operands:
            if not isinstance(operand, Constant) and kind(operand) == "geometry":
                reason = f"{label(operand)} is no value to compare; use st_equals and the other st_ functions"
                raise self._operands.wrong(node, reason)

    def _check_equality(self, node: syntax.Node, operator: str, who: str) -> None:
        if operator not in NEGATED:
            raise self._operands.wrong(node, f'{who} have no order: only == and !=, not "{operator}"')

    def _mismatch(self, node: syntax.Node, operand: Operand, constant: ConstantValue) -> InvalidInput:
        wanted = {
            "number": "a number",
            "string": "a string in quotes",
            "bool": "true or false",
            "time": "a time, as in ISO '2025-01-31T10:20:30Z'",
        }[kind(operand)]
        reason = f"{label(operand)} cannot be compared with {described(constant)}, expected {wanted}"
        return self._operands.wrong(node, reason)


def _split_samples(tree: syntax.Node) -> tuple[syntax.Node | None, list[syntax.Call]]:
    """The tree without its random_sample calls at the top level of ANDs, and those calls."""
    if _is_sample(tree):
        return None, [tree]
    if not isinstance(tree, syntax.And):
        return tree, []
    kept: list[syntax.Node] = []
    samples: list[syntax.Call] = []
    for operand in tree.operands:
        rest, found = _split_samples(operand)
        samples += found
        if rest is not None:
            kept.append(rest)
    if len(kept) <= 1:
        return (kept[0] if kept else None), samples
    return syntax.And(tuple(kept), tree.span), samples


def _is_sample(node: syntax.Node) -> TypeGuard[syntax.Call]:
    return isinstance(node, syntax.Call) and node.function == "random_sample"


def _with_ranges(operands: list[Condition]) -> list[Condition]:
    """Operands of an AND with a lower and an upper bound of one field made a range, which is looked at once."""
    found: list[Condition] = []
    bounds: dict[tuple[Column, bool], int] = {}
    for operand in operands:
        if isinstance(operand, Compare) and isinstance(operand.operand, Column) and operand.operator[0] in "<>":
            column, is_lower = operand.operand, operand.operator[0] == ">"
            other = bounds.pop((column, not is_lower), None)
            if other is not None:
                partner = found[other]
                assert isinstance(partner, Compare)
                low, high = (operand, partner) if is_lower else (partner, operand)
                found[other] = Between(column, low.operator, low.constant, high.operator, high.constant)
                continue
            bounds[column, is_lower] = len(found)
        found.append(operand)
    return found


def _comparable(value: ConstantValue) -> ConstantValue:
    return value.microseconds if isinstance(value, Instant) else value


def _in_json(path: JsonPath, items: tuple[ConstantValue, ...], *, negated: bool) -> InJson:
    numbers = tuple(item for item in items if is_number(item))
    strings = tuple(item for item in items if isinstance(item, str))
    others = tuple(item for item in items if isinstance(item, bool | tuple))
    return InJson(path, number_set(numbers), _string_array(strings), others, negated)


def _string_array(strings: tuple[str, ...]) -> pa.Array:
    return pa.array(list(dict.fromkeys(strings)), pa.string())
