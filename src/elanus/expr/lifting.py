"""Filters that differ in nothing but their literals, bound once for all of them.

A text falls into literals and what stands between them, its shape. Where literals do no more than stand beside a field
in a comparison, a shape is bound once, as a template: with numbers and texts of no meaning in their places, which are
then looked for in what came out. Other literals are fitted to their fields as the binder does it. One that would make
another condition (a number outside its field's range, a fraction beside an integer) is left to the binder, as is every
shape with anything else in it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Final, TypeGuard

from elanus.errors import InvalidInput
from elanus.expr import syntax
from elanus.expr.binder import bind_tree
from elanus.expr.bound import And, Between, Column, Compare, CompareJson, Condition, Not, Or
from elanus.expr.domains import INTEGER_BITS, fit_number
from elanus.expr.operand_binder import BindingContext
from elanus.expr.operand_reader import JsonPaths
from elanus.expr.parser import parse_tree
from elanus.expr.reads import field_names, json_paths
from elanus.expr.syntax import Scalar
from elanus.schema.types import DataType

__all__ = ["LIFTED_CHARACTERS_MAX", "Shape", "Template", "bound_template", "taken_apart"]

LIFTED_CHARACTERS_MAX: Final = 512
"""Longer texts are mostly lists, which are part of a shape, so that theirs would hardly come again."""

Shape = tuple[str, ...]
"""What stands between the literals, and for each of them its kind, in turn."""

# A number or a string that stands by itself; not a position or key in brackets. What looks like a number and is more
# (hexadecimal, an exponent, a mistake) has something of a word beside it and stays in the shape.
_LITERAL: Final = re.compile(
    r"""("(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'"""
    r"""|(?<![\w.$\[])(?:(?:0|[1-9][0-9]{0,16}+)(?:\.[0-9]{1,17}+)?+)(?![\w.]))""",
    re.DOTALL,
)
_INTEGER, _FLOAT, _STRING = "i", "f", "s"
# Within the range of every type, whole, and told apart from each other whatever their sign.
_FIRST_PROBE: Final = 11
_LITERALS_MAX: Final = 64
_NUMBERS: Final = frozenset({*INTEGER_BITS, DataType.FLOAT, DataType.DOUBLE})

_Made = Callable[[Sequence[Scalar]], Condition | None]
"""Gives the condition with literals in their places; None where it is not to be made so."""

_Fitted = Callable[[Sequence[Scalar]], Scalar | None]
"""Gives one of the literals, fitted to its field; None as above."""

_Place = tuple[int, int]
"""Number of a literal, and the sign before it (1 or -1)."""


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A bound filter with places for its literals.

    Attributes:
        condition: called with the literals; None where the binder is to be asked.
        field_names: as `Filter` has them.
        paths: likewise.
    """

    condition: _Made
    field_names: frozenset[str]
    paths: JsonPaths


def taken_apart(text: str) -> tuple[Shape, list[Scalar]]:
    """The shape of a text and its literals, in order. Strings with escapes and keys in brackets are in the shape."""
    parts = _LITERAL.split(text)
    values: list[Scalar] = []
    for place in range(1, len(parts), 2):
        literal = parts[place]
        if literal[0] in "\"'":
            if parts[place - 1][-1:] != "[" and "\\" not in literal and literal.isprintable():
                values.append(literal[1:-1])
                parts[place] = _STRING
        elif "." in literal:
            values.append(float(literal))
            parts[place] = _FLOAT
        else:
            values.append(int(literal))
            parts[place] = _INTEGER
    return tuple(parts), values


def bound_template(text: str, values: Sequence[Scalar], context: BindingContext) -> Template | None:
    """The template for the shape of `text`, which has the literals `values`; None where each is to be bound anew."""
    if not 0 < len(values) <= _LITERALS_MAX:
        return None
    try:
        tree = parse_tree(text)
        literals = list(_literals(tree))
        signs = [-1 if text[literal.span[0]] == "-" else 1 for literal in literals]
        if not _are_read_alike(values, signs, literals):
            return None
        probes = [_probe(number, literal.value) for number, literal in enumerate(literals)]
        bound = bind_tree(text, _with_literals(tree, iter(probes)), context)
        places = {probe: (number, sign) for number, (probe, sign) in enumerate(zip(probes, signs, strict=True))}
        made = _maker(bound.condition, places)
    except (InvalidInput, _NotLiftedError):
        return None
    if places:  # A literal that was folded into something, or decided something.
        return None
    return Template(made, field_names(bound.condition), json_paths(bound.condition))


class _NotLiftedError(Exception):
    """A shape is not one of plain comparisons."""


def _literals(tree: syntax.Node) -> Iterator[syntax.Literal]:
    """The numbers and strings of a tree of comparisons, in the order of the text."""
    match tree:
        case syntax.And() | syntax.Or() | syntax.Not():
            for operand in syntax.children(tree):
                yield from _literals(operand)
        case syntax.Comparison() | syntax.Range():
            for side in syntax.children(tree):
                if isinstance(side, syntax.Literal):
                    if not isinstance(side.value, bool):
                        yield side
                elif not isinstance(side, syntax.Path):
                    raise _NotLiftedError
        case syntax.NullTest(value=syntax.Path()) | syntax.Exists(path=syntax.Path()) | syntax.Path():
            pass
        case _:
            raise _NotLiftedError


def _are_read_alike(values: Sequence[Scalar], signs: Sequence[int], literals: Sequence[syntax.Literal]) -> bool:
    """Whether the parser found the very literals that `taken_apart` did."""
    if len(values) != len(literals):
        return False
    signed = (_signed(value, sign) for value, sign in zip(values, signs, strict=True))
    return all(
        type(value) is type(literal.value) and value == literal.value
        for value, literal in zip(signed, literals, strict=True)
    )


def _signed(value: Scalar, sign: int) -> Scalar:
    return value if sign > 0 or isinstance(value, str) else -value


def _probe(number: int, value: Scalar) -> Scalar:
    """A literal of the same kind that no other place has."""
    if isinstance(value, str):
        return f"literal {number}"
    return type(value)(_FIRST_PROBE + number)


def _with_literals(tree: syntax.Node, values: Iterator[Scalar]) -> syntax.Node:
    """The tree of comparisons with other numbers and strings."""

    def side(node: syntax.Node) -> syntax.Node:
        if isinstance(node, syntax.Literal) and not isinstance(node.value, bool):
            return replace(node, value=next(values))
        return node

    match tree:
        case syntax.And() | syntax.Or():
            return replace(tree, operands=tuple([_with_literals(operand, values) for operand in tree.operands]))
        case syntax.Not():
            return replace(tree, operand=_with_literals(tree.operand, values))
        case syntax.Comparison():
            return replace(tree, left=side(tree.left), right=side(tree.right))
        case syntax.Range():
            return replace(tree, low=side(tree.low), value=side(tree.value), high=side(tree.high))
        case _:
            return tree


def _maker(condition: Condition, places: dict[Scalar, _Place]) -> _Made:
    """What makes the condition of other literals. Those it has are taken out of `places`, each is there once."""
    match condition:
        case And() | Or():
            return _joined(type(condition), [_maker(operand, places) for operand in condition.operands])
        case Not():
            inner = _maker(condition.operand, places)
            return lambda values: None if (made := inner(values)) is None else Not(made)
        case Compare(operand=Column() as column, operator=operator, constant=constant) if _is_lifted(constant):
            fitted = _fitted(column, operator, _taken(constant, places))
            return lambda values: None if (found := fitted(values)) is None else Compare(column, operator, found)
        case Between(operand=column):
            low_fitted = _fitted(column, condition.low_operator, _taken(condition.low, places))
            high_fitted = _fitted(column, condition.high_operator, _taken(condition.high, places))
            return _between(condition, low_fitted, high_fitted)
        case CompareJson(path=path, operator=operator, constant=constant) if _is_lifted(constant):
            value_of = _value_of(_taken(constant, places))
            return lambda values: CompareJson(path, operator, value_of(values))
        case _:
            # Whatever it is, it has no literal; one that it had would stay in `places`.
            return lambda _: condition


def _is_lifted(constant: object) -> TypeGuard[int | float | str]:
    return isinstance(constant, int | float | str) and not isinstance(constant, bool)


def _taken(constant: Scalar, places: dict[Scalar, _Place]) -> _Place:
    try:
        return places.pop(constant)
    except KeyError:
        raise _NotLiftedError from None


def _value_of(place: _Place) -> Callable[[Sequence[Scalar]], Scalar]:
    number, sign = place
    return itemgetter(number) if sign > 0 else lambda values: _signed(values[number], sign)


def _fitted(column: Column, operator: str, place: _Place) -> _Fitted:
    """What gives a literal in the domain of a field; None for one that would change the operator, or decide."""
    value_of = _value_of(place)
    if column.data_type is DataType.VARCHAR:
        return value_of
    if column.data_type not in _NUMBERS:
        raise _NotLiftedError

    half = 1 << (INTEGER_BITS.get(column.data_type, 1) - 1)
    # No integer is between these two beside floats, which do not hold them all.
    low, high = (-half, half - 1) if column.data_type in INTEGER_BITS else (1, 0)

    def fitted(values: Sequence[Scalar]) -> Scalar | None:
        constant = value_of(values)
        # The most frequent first: what fits as it is.
        if type(constant) is int and low <= constant <= high:
            return constant
        assert not isinstance(constant, str)
        form = fit_number(operator, constant, column.data_type)
        return form[1] if not isinstance(form, bool) and form[0] == operator else None

    return fitted


def _joined(kind: type[And | Or], makers: list[_Made]) -> _Made:
    def made(values: Sequence[Scalar]) -> Condition | None:
        operands = []
        for maker in makers:
            operand = maker(values)
            if operand is None:
                return None
            operands.append(operand)
        return kind(tuple(operands))

    return made


def _between(condition: Between, low_fitted: _Fitted, high_fitted: _Fitted) -> _Made:
    column, low_operator, high_operator = condition.operand, condition.low_operator, condition.high_operator

    def made(values: Sequence[Scalar]) -> Condition | None:
        low, high = low_fitted(values), high_fitted(values)
        return None if low is None or high is None else Between(column, low_operator, low, high_operator, high)

    return made
