"""A syntax tree back into text: canonical, and the same tree again when parsed.

Keywords and functions in lower case, strings in double quotes. Parentheses only where they are needed: more of them
could nest the text deeper than the parser allows.
"""

from typing import Final, NamedTuple

from elanus.expr.literals import scalar_text
from elanus.expr.syntax import (
    And,
    Arithmetic,
    Call,
    Comparison,
    ElementField,
    Exists,
    Index,
    Interval,
    Key,
    ListLiteral,
    ListOf,
    Literal,
    Membership,
    Node,
    Not,
    NullTest,
    Or,
    Path,
    PatternTest,
    Placeholder,
    Range,
    Sign,
    Step,
    Timestamp,
    children,
    postorder,
)

__all__ = ["filter_text", "path_text"]

_OR, _AND, _NOT, _COMPARISON, _SIGN, _ATOM = 10, 20, 30, 40, 110, 120
_ARITHMETIC: Final = {"|": 50, "^": 60, "&": 70, "+": 80, "-": 80, "*": 90, "/": 90, "%": 90, "**": 100}
_BITWISE: Final = frozenset("&|^")


class _Piece(NamedTuple):
    """The text of a node, and how tightly what is outermost in it binds."""

    text: str
    power: int
    node: Node

    def within(self, power_min: int) -> str:
        """The text, in parentheses if it binds more loosely than its surroundings ask."""
        return f"({self.text})" if self.power < power_min else self.text

    def operand(self) -> str:
        """The text as an operand of a comparison; bitwise operations there are only read in parentheses."""
        bitwise = isinstance(self.node, Arithmetic) and self.node.operator in _BITWISE
        return self.within(_ATOM if bitwise else _COMPARISON + 1)


def filter_text(root: Node) -> str:
    """The canonical text of a tree."""
    done: list[_Piece] = []
    for node in postorder(root):
        count = len(children(node))
        parts = done[len(done) - count :]
        del done[len(done) - count :]
        text, power = _compound(node, parts) if count else (_atom(node), _ATOM)
        done.append(_Piece(text, power, node))
    return done[0].text


def path_text(name: str, steps: tuple[Step, ...]) -> str:
    """`name["key"][0]`."""
    return name + "".join(f"[{_step(step)}]" for step in steps)


def _compound(node: Node, parts: list[_Piece]) -> tuple[str, int]:
    """The text of a node from the pieces of its children."""
    match node:
        case And():
            return " and ".join(part.within(_AND + 1) for part in parts), _AND
        case Or():
            return " or ".join(part.within(_OR + 1) for part in parts), _OR
        case Not():
            return f"not {parts[0].within(_NOT)}", _NOT
        case Comparison():
            return f"{parts[0].operand()} {node.operator} {parts[1].operand()}", _COMPARISON
        case Range():
            low, value, high = (part.operand() for part in parts)
            return f"{low} {node.low_operator} {value} {node.high_operator} {high}", _COMPARISON
        case Membership():
            return f"{parts[0].operand()} {'not in' if node.negated else 'in'} {parts[1].operand()}", _COMPARISON
        case PatternTest():
            words = {"like": ("like", "not like"), "regex": ("=~", "!~")}[node.kind]
            return f"{parts[0].operand()} {words[node.negated]} {parts[1].operand()}", _COMPARISON
        case NullTest():
            return f"{parts[0].operand()} is {'not null' if node.negated else 'null'}", _COMPARISON
        case Exists():
            return f"exists {parts[0].within(_SIGN)}", _ATOM
        case Arithmetic():
            power = _ARITHMETIC[node.operator]
            return f"{parts[0].within(power)} {node.operator} {parts[1].within(power + 1)}", power
        case Sign():
            # A number is put in parentheses, else the sign would become part of it.
            is_number = isinstance(node.operand, Literal) and not isinstance(node.operand.value, bool | str)
            return f"{node.operator}{parts[0].within(_ATOM + 1 if is_number else _SIGN)}", _SIGN
        case ListOf():
            return f"[{', '.join(part.text for part in parts)}]", _ATOM
        case Call():
            texts = [part.text for part in parts[: len(node.arguments)]]
            named = zip(node.named, parts[len(node.arguments) :], strict=True)
            texts += [f"{name}={part.text}" for (name, _), part in named]
            return f"{node.function}({', '.join(texts)})", _ATOM
        case _:
            raise AssertionError(node)


def _atom(node: Node) -> str:
    match node:
        case Literal():
            return scalar_text(node.value)
        case Path():
            return path_text(node.name, node.steps)
        case ListLiteral():
            return f"[{', '.join(scalar_text(value) for value in node.values)}]"
        case Placeholder():
            return f"{{{node.name}}}"
        case ElementField():
            return f"$[{node.name}]"
        case Timestamp():
            return f"ISO {scalar_text(node.text)}"
        case Interval():
            return f"INTERVAL {scalar_text(node.text)}"
        case _:
            raise AssertionError(node)


def _step(step: Step) -> str:
    match step:
        case Key():
            return scalar_text(step.name)
        case Index():
            return str(step.position)
        case _:
            return step.name
