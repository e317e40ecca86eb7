"""The syntax tree: what the text says, before any schema is looked at.

Nodes are values; `span` is the stretch of text (first character, one past the last) and takes no part in equality.
Operators are spelled in their canonical form (`and`, `==`, `=~`), names of functions in lower case.
Python holds 1, 1.0 and True equal, so trees are compared by `outline`, not by `==`, where that matters.
"""

from dataclasses import dataclass, field
from typing import Literal as OneOf

__all__ = [
    "And",
    "Arithmetic",
    "Call",
    "Comparison",
    "ElementField",
    "Exists",
    "Index",
    "Interval",
    "Key",
    "ListLiteral",
    "ListOf",
    "Literal",
    "Membership",
    "Node",
    "Not",
    "NullTest",
    "Or",
    "Path",
    "PatternTest",
    "Placeholder",
    "Range",
    "Scalar",
    "Sign",
    "Span",
    "Step",
    "Subfield",
    "Timestamp",
    "children",
    "postorder",
]

Span = tuple[int, int]
Scalar = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Literal:
    """`5`, `2.5`, `"en"`, `true`; a minus sign before a number is part of it."""

    value: Scalar
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Timestamp:
    """`ISO '2025-01-05T00:00:00+08:00'`."""

    text: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Interval:
    """`INTERVAL 'P1D'`."""

    text: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`{name}`: a value given when the filter is bound."""

    name: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Key:
    """`["name"]`: a key of a JSON object."""

    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """`[0]`: a position in an array, from 0."""

    position: int


@dataclass(frozen=True, slots=True)
class Subfield:
    """`[name]`: a field of a struct."""

    name: str


Step = Key | Index | Subfield


@dataclass(frozen=True, slots=True)
class Path:
    """A name, and the brackets after it: `year`, `$meta["color"]`, `doc["sizes"][0]`."""

    name: str
    steps: tuple[Step, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class ElementField:
    """`$[name]`: a field of the struct that an element predicate looks at."""

    name: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """A list of nothing but scalar literals; kept as plain values because such lists are long."""

    values: tuple[Scalar, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list with an item that is more than a scalar literal: a placeholder, a calculation, a list."""

    items: "tuple[Node, ...]"
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Sign:
    """A plus or minus before anything but a number literal."""

    operator: OneOf["+", "-"]
    operand: "Node"
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+ - * / % **` and the bitwise `& | ^`."""

    operator: str
    left: "Node"
    right: "Node"
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`== != < <= > >=`."""

    operator: str
    left: "Node"
    right: "Node"
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Range:
    """`10 <= age < 25`: both operators point the same way."""

    low: "Node"
    low_operator: str
    value: "Node"
    high_operator: str
    high: "Node"
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Membership:
    """`value in items`, `value not in items`."""

    value: "Node"
    negated: bool
    items: "Node"
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class PatternTest:
    """`value like pattern` (`not like`), `value =~ pattern` (`!~`)."""

    kind: OneOf["like", "regex"]
    value: "Node"
    negated: bool
    pattern: "Node"
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class NullTest:
    """`value is null`, `value is not null`."""

    value: "Node"
    negated: bool
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Exists:
    """`exists path`."""

    path: "Node"
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Node"
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """Two or more operands; parentheses inside keep their own node."""

    operands: "tuple[Node, ...]"
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more operands; parentheses inside keep their own node."""

    operands: "tuple[Node, ...]"
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the language with its arguments; `named` are those written `name=value`."""

    function: str
    arguments: "tuple[Node, ...]"
    named: "tuple[tuple[str, Node], ...]"
    span: Span = field(compare=False)


Node = (
    Literal
    | Timestamp
    | Interval
    | Placeholder
    | Path
    | ElementField
    | ListLiteral
    | ListOf
    | Sign
    | Arithmetic
    | Comparison
    | Range
    | Membership
    | PatternTest
    | NullTest
    | Exists
    | Not
    | And
    | Or
    | Call
)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly under `node`, in the order of the text."""
    match node:
        case And() | Or():
            return node.operands
        case Arithmetic() | Comparison():
            return node.left, node.right
        case Not() | Sign():
            return (node.operand,)
        case Range():
            return node.low, node.value, node.high
        case Membership():
            return node.value, node.items
        case PatternTest():
            return node.value, node.pattern
        case NullTest():
            return (node.value,)
        case Exists():
            return (node.path,)
        case ListOf():
            return node.items
        case Call():
            return *node.arguments, *(value for _, value in node.named)
        case Literal() | Timestamp() | Interval() | Placeholder() | Path() | ElementField() | ListLiteral():
            return ()


def postorder(root: Node) -> list[Node]:
    """Every node of the tree, each after its children, children in the order of the text."""
    ordered: list[Node] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        ordered.append(node)
        waiting.extend(children(node))
    ordered.reverse()
    return ordered
