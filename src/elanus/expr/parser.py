"""Filter text into a syntax tree: precedence climbing over tokens pulled one at a time.

Binding, loosest first: `or`; `and`; `not`; comparisons, `in`, `like`, `=~`, `is` (which do not chain, but for ranges);
`|`; `^`; `&`; `+ -`; `* / %`; `**`; signs. All binary operators group from the left, `**` too, as Milvus documents.
"""

from typing import Final

from elanus.errors import InvalidInput
from elanus.expr.diagnosis import invalid_filter, suggestion
from elanus.expr.functions import FUNCTIONS
from elanus.expr.lexer import Token, next_token
from elanus.expr.literals import float_value, integer_value, raw_string_value, string_value
from elanus.expr.scalar_lists import scan_scalar_list
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
    Span,
    Step,
    Subfield,
    Timestamp,
    children,
)

__all__ = ["DEPTH_MAX", "parse_tree"]

DEPTH_MAX: Final = 256

_OR, _AND, _NOT, _COMPARISON, _SIGN = 10, 20, 30, 40, 110
_POWERS: Final = {
    "or": _OR, "and": _AND,
    "==": _COMPARISON, "!=": _COMPARISON, "<": _COMPARISON, "<=": _COMPARISON, ">": _COMPARISON, ">=": _COMPARISON,
    "in": _COMPARISON, "like": _COMPARISON, "=~": _COMPARISON, "!~": _COMPARISON, "is": _COMPARISON,
    "not": _COMPARISON,
    "|": 50, "^": 60, "&": 70, "+": 80, "-": 80, "*": 90, "/": 90, "%": 90, "**": 100,
}  # fmt: skip
_BITWISE: Final = frozenset("&|^")
_COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
_RISING: Final = frozenset({"<", "<="})
_FALLING: Final = frozenset({">", ">="})


def parse_tree(text: str, *, depth_max: int = DEPTH_MAX) -> Node:
    """The syntax tree of a filter.

    Raises:
        InvalidInput: the text is no filter; the message shows where.
    """
    parser = _Parser(text, depth_max)
    try:
        return parser.parse()
    except RecursionError:
        # The level count keeps ordinary nesting within Python's stack; this is for a caller who is deep in it already,
        # and for operators of rising precedence stacked inside the parentheses.
        raise parser.too_deep() from None


class _Parser:
    def __init__(self, text: str, depth_max: int) -> None:
        self._text: Final = text
        self._depth_max: Final = depth_max
        self._depth = 0
        self._token = Token("end", "", 0, 0)
        self._last_end = 0
        self._closed_bitwise: Final[set[int]] = set()

    def parse(self) -> Node:
        self._check_encodable()
        self._token = next_token(self._text, 0)
        if self._token.kind == "end":
            raise self._error("the filter is empty")
        tree = self._expression(0)
        if self._token.kind != "end":
            raise self._unexpected()
        self._check_height(tree)
        return tree

    def too_deep(self) -> InvalidInput:
        return self._error(f"the filter is nested too deeply, expected at most {self._depth_max} levels")

    # Parentheses are handled here, not in `_prefix`, to spend one Python frame on a level instead of two.
    def _expression(self, power_min: int) -> Node:
        """The longest expression from here whose operators bind at least as tightly as `power_min`."""
        if self._token.kind == "(":
            self._enter()
            self._advance()
            left = self._expression(0)
            self._expect(")", 'a closing ")"')
            self._depth -= 1
            if isinstance(left, Arithmetic) and left.operator in _BITWISE:
                self._closed_bitwise.add(id(left))
        else:
            left = self._prefix()
        while True:
            operator = self._token.kind
            power = _POWERS.get(operator)
            if power is None or power < power_min:
                return left
            if power == _COMPARISON:
                left = self._comparison(left)
                if _POWERS.get(self._token.kind) == _COMPARISON:
                    raise self._error("comparisons do not chain; join them with and")
            elif power <= _AND:
                operands = [left]
                while self._token.kind == operator:
                    self._advance()
                    operands.append(self._expression(power + 1))
                left = (And if power == _AND else Or)(tuple(operands), self._span_from(operands[0].span[0]))
            else:
                self._advance()
                right = self._expression(power + 1)
                left = Arithmetic(operator, left, right, self._span_from(left.span[0]))

    def _comparison(self, left: Node) -> Node:
        self._check_closed(left)
        start, token = left.span[0], self._advance()
        negated = token.kind in {"not", "!~"}
        if token.kind == "not":
            if self._token.kind not in {"in", "like"}:
                raise self._error(f'expected "in" or "like" after "not", got {self._described(self._token)}')
            token = self._advance()
        if token.kind == "is":
            negated = self._take("not")
            self._expect("null", '"null" or "not null" after "is"')
            return NullTest(left, negated, self._span_from(start))
        right = self._expression(_COMPARISON + 1)
        if token.kind == "in":
            return Membership(left, negated, right, self._span_from(start))
        if token.kind in {"like", "=~", "!~"}:
            return PatternTest(
                "like" if token.kind == "like" else "regex", left, negated, right, self._span_from(start)
            )
        self._check_closed(right)
        second = self._token
        if second.kind not in _COMPARISONS:
            return Comparison(token.kind, left, right, self._span_from(start))
        rising = token.kind in _RISING and second.kind in _RISING
        if not rising and not (token.kind in _FALLING and second.kind in _FALLING):
            raise self._error(
                "comparisons do not chain, but for ranges with two < or <=, or two > or >=; join them with and"
            )
        self._advance()
        third = self._expression(_COMPARISON + 1)
        self._check_closed(third)
        return Range(left, token.kind, right, second.kind, third, self._span_from(start))

    def _prefix(self) -> Node:
        token = self._token
        match token.kind:
            case "name":
                return self._name()
            case "string" | "raw" | "integer" | "float" | "true" | "false":
                return self._literal(negative=False, start=token.start)
            case "+" | "-":
                return self._sign()
            case "not":
                self._enter()
                self._advance()
                operand = self._expression(_NOT)
                self._depth -= 1
                return Not(operand, self._span_from(token.start))
            case "exists":
                self._enter()
                self._advance()
                path = self._expression(_SIGN)
                self._depth -= 1
                return Exists(path, self._span_from(token.start))
            case "[":
                return self._list()
            case "{":
                self._advance()
                name = self._expect("name", "the name of a parameter").text
                self._expect("}", 'a closing "}"')
                return Placeholder(name, self._span_from(token.start))
            case "$[":
                self._advance()
                name = self._expect("name", "the name of a struct field").text
                self._expect("]", 'a closing "]"')
                return ElementField(name, self._span_from(token.start))
            case "null":
                raise self._error('"null" stands only in "is null" and "is not null"')
            case _:
                raise self._unexpected()

    def _sign(self) -> Node:
        token = self._advance()
        assert token.kind in {"+", "-"}
        if self._token.kind in {"integer", "float"}:
            return self._literal(negative=token.kind == "-", start=token.start)
        self._enter()
        operand = self._expression(_SIGN)
        self._depth -= 1
        return Sign("-" if token.kind == "-" else "+", operand, self._span_from(token.start))

    def _literal(self, *, negative: bool, start: int) -> Literal:
        token = self._advance()
        value: bool | int | float | str
        try:
            match token.kind:
                case "integer":
                    value = integer_value(token.text, negative=negative)
                case "float":
                    value = -float_value(token.text) if negative else float_value(token.text)
                case "string":
                    value = string_value(token.text)
                case "raw":
                    value = raw_string_value(token.text)
                case _:
                    value = token.kind == "true"
        except ValueError as error:
            reason, offset = (*error.args, 0)[:2]
            raise invalid_filter(self._text, token.start + offset, reason) from None
        return Literal(value, (start, token.end))

    def _name(self) -> Node:
        token = self._advance()
        if self._token.kind == "(":
            return self._call(token)
        if self._token.kind in {"string", "raw"} and token.text.lower() in {"iso", "interval"}:
            literal = self._literal(negative=False, start=token.start)
            text = str(literal.value)
            return Timestamp(text, literal.span) if token.text.lower() == "iso" else Interval(text, literal.span)
        steps: list[Step] = []
        while self._token.kind == "[":
            steps.append(self._step())
        return Path(token.text, tuple(steps), self._span_from(token.start))

    def _step(self) -> Step:
        self._advance()
        step: Step
        match self._token.kind:
            case "string" | "raw":
                step = Key(str(self._literal(negative=False, start=self._token.start).value))
            case "integer":
                position = self._literal(negative=False, start=self._token.start).value
                assert isinstance(position, int)
                step = Index(position)
            case "name":
                step = Subfield(self._advance().text)
            case _:
                raise self._error('expected a key in quotes or a position from 0 after "["')
        self._expect("]", 'a closing "]"')
        return step

    def _call(self, name: Token) -> Node:
        function = name.text.lower()
        signature = FUNCTIONS.get(function)
        if signature is None:
            reason = f'there is no function "{name.text}"{suggestion(name.text, FUNCTIONS)}'
            raise invalid_filter(self._text, name.start, reason)
        self._enter()
        self._advance()
        arguments: list[Node] = []
        named: list[tuple[str, Node]] = []
        while self._token.kind != ")":
            argument = self._expression(0)
            if self._token.kind == "=" and isinstance(argument, Path) and not argument.steps:
                if argument.name.lower() not in signature.named or argument.name.lower() in dict(named):
                    reason = f'"{argument.name}" cannot be given here; the call is {signature.usage}'
                    raise invalid_filter(self._text, argument.span[0], reason)
                self._advance()
                named.append((argument.name.lower(), self._expression(0)))
            elif named:
                raise invalid_filter(self._text, argument.span[0], "an argument without a name after one with a name")
            else:
                arguments.append(argument)
            if self._token.kind != ")":
                self._expect(",", '"," or a closing ")"')
        self._advance()
        self._depth -= 1
        given = {key for key, _ in named}
        count_fits = signature.argument_count_min <= len(arguments) <= signature.argument_count_max
        if not count_fits or not given.issuperset(signature.named_required):
            raise invalid_filter(self._text, name.start, f"wrong arguments; the call is {signature.usage}")
        span = self._span_from(name.start)
        if function == "json_exists":
            return Exists(arguments[0], span)
        return Call(function, tuple(arguments), tuple(named), span)

    def _list(self) -> Node:
        start = self._token.start
        scanned = scan_scalar_list(self._text, start)
        if scanned is not None:
            values, end = scanned
            self._last_end = end
            self._token = next_token(self._text, end)
            return ListLiteral(values, (start, end))
        self._enter()
        self._advance()
        items: list[Node] = []
        while self._token.kind != "]":
            items.append(self._expression(0))
            if self._token.kind != "]":
                self._expect(",", '"," or a closing "]"')
        self._advance()
        self._depth -= 1
        literals = tuple(item.value for item in items if isinstance(item, Literal))
        if len(literals) == len(items):
            return ListLiteral(literals, self._span_from(start))
        return ListOf(tuple(items), self._span_from(start))

    def _advance(self) -> Token:
        token = self._token
        self._last_end = token.end
        self._token = next_token(self._text, token.end)
        return token

    def _take(self, kind: str) -> bool:
        if self._token.kind != kind:
            return False
        self._advance()
        return True

    def _expect(self, kind: str, what: str) -> Token:
        if self._token.kind != kind:
            raise self._error(f"expected {what}, got {self._described(self._token)}")
        return self._advance()

    def _span_from(self, start: int) -> Span:
        return start, self._last_end

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > self._depth_max:
            raise self.too_deep()

    def _error(self, reason: str) -> InvalidInput:
        return invalid_filter(self._text, self._token.start, reason)

    def _unexpected(self) -> InvalidInput:
        if self._token.kind == "=":
            return self._error('unexpected "=", did you mean "=="?')
        return self._error(f"unexpected {self._described(self._token)}")

    def _described(self, token: Token) -> str:
        if token.kind == "end":
            return "end of the filter"
        shown = token.text if len(token.text) <= 40 else token.text[:37] + "..."
        return shown if token.kind in {"string", "raw"} else f'"{shown}"'

    def _check_closed(self, node: Node) -> None:
        """Refuses a bare `a & b` beside a comparison: C and Python read it differently."""
        if isinstance(node, Arithmetic) and node.operator in _BITWISE and id(node) not in self._closed_bitwise:
            written = self._text[node.span[0] : node.span[1]]
            shown = written if len(written) <= 40 else f"a {node.operator} b"
            raise invalid_filter(self._text, node.span[0], f"put the bitwise operation in parentheses: ({shown})")

    def _check_encodable(self) -> None:
        try:
            self._text.encode()
        except UnicodeEncodeError as error:
            reason = "half of a surrogate pair, which is no character"
            raise invalid_filter(self._text, error.start, reason) from None

    def _check_height(self, tree: Node) -> None:
        """Bounds the tree, which chains of operators make high without nesting, for those who walk it recursively."""
        level: list[Node] = [tree]
        height = 0
        while level:
            height += 1
            if height > self._depth_max + 1:
                self._token = Token("end", "", level[0].span[0], level[0].span[0])
                raise self.too_deep()
            level = [child for node in level for child in children(node)]
