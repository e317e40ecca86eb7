"""What filters mean, row by row in plain Python, written from docs/filters.md alone.

Shares nothing with the package. Filters are nested tuples, as `tests.reference.filter_cases` makes them:

operands    ("const", value)  ("field", name)  ("element", name, position)  ("path", name, steps)
            ("length", operand)  ("arith", operator, left, right)  ("neg", operand)
            and those of `tests.reference.filter_times`
conditions  ("and", ...)  ("or", ...)  ("not", condition)  ("always", truth)  ("flag", operand)
            ("cmp", operator, left, right)  ("range", low, operator, value, operator, high)
            ("in", operand, items, negated)  ("like", operand, pattern, negated)  ("regex", operand, pattern, negated)
            ("isnull", operand, negated)  ("exists", path)  ("contains", "one" | "all" | "any", operand, constant)

A row maps fields to values; None is NULL; JSON fields hold text. Truth values are True, False and None for UNKNOWN.
"""

import json
import math
import re
import struct
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from tests.reference.filter_times import moved

Truth = bool | None
Row = Mapping[str, Any]
Types = Mapping[str, str]

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


class _Absent:
    """NULL, a missing path, JSON null, or a calculation without a result."""


ABSENT = _Absent()


class Reference:
    """Answers filters for rows of one schema.

    Attributes:
        types: `int8`, `int64`, `float`, `double`, `bool`, `varchar`, `time`, `json`, `meta` (the dynamic field) or
            `array:<element>`, by field.
    """

    def __init__(self, types: Types) -> None:
        self.types = types

    def truth(self, node: Any, row: Row) -> Truth:
        match node:
            case ("always", truth):
                return bool(truth)
            case ("not", inner):
                answer = self.truth(inner, row)
                return None if answer is None else not answer
            case ("and", *operands):
                answers = [self.truth(operand, row) for operand in operands]
                return False if False in answers else None if None in answers else True
            case ("or", *operands):
                answers = [self.truth(operand, row) for operand in operands]
                return True if True in answers else None if None in answers else False
            case ("flag", operand):
                value = self.value(operand, row)
                return None if value is ABSENT else value
            case ("cmp", operator, left, right):
                return self.compare(operator, left, right, row)
            case ("range", low, first, value, second, high):
                return self.truth(("and", ("cmp", first, low, value), ("cmp", second, value, high)), row)
            case ("in", operand, items, negated):
                return self.membership(operand, items, row, negated)
            case ("like" | "regex", _, _, _):
                return self.pattern(node, row)
            case ("isnull", operand, negated):
                return bool(self.is_null(operand, row) != negated)
            case ("exists", path):
                return self.found(path, row)[0]
            case ("contains", how, operand, ("const", constant)):
                return self.contains(how, operand, constant, row)
        raise AssertionError(node)

    def value(self, node: Any, row: Row) -> Any:
        """The value of an operand, or ABSENT."""
        match node:
            case ("const", value):
                return value
            case ("field", name):
                return ABSENT if row[name] is None else row[name]
            case ("element", name, position):
                elements = row[name]
                return ABSENT if elements is None or position >= len(elements) else elements[position]
            case ("path", _, _):
                value = self.found(node, row)[1]
                return ABSENT if value is None else value
            case ("length", operand):
                value = self.value(operand, row)
                return len(value) if isinstance(value, list) else ABSENT
            case ("neg", operand):
                value = self.number(operand, row)
                if value is ABSENT:
                    return ABSENT
                return _in_64_bits(-value) if isinstance(value, int) else -value
            case ("moment", instant):
                return instant
            case ("moved", inner, sign, months, microseconds):
                value = self.value(inner, row)
                step = 1 if sign == "+" else -1
                return ABSENT if value is ABSENT else moved(value, step * months, step * microseconds)
            case ("arith", operator, left, right):
                return self.arithmetic(operator, self.number(left, row), self.number(right, row))
        raise AssertionError(node)

    def found(self, path: Any, row: Row) -> tuple[bool, Any]:
        """Whether the path is there, and the value at it (None also for JSON null)."""
        _, name, steps = path
        text = row[name]
        if text is None and self.types[name] != "meta":
            return False, None
        value = json.loads("{}" if text is None else text)
        for step in steps:
            in_object = isinstance(step, str) and isinstance(value, dict) and step in value
            in_array = isinstance(step, int) and isinstance(value, list) and step < len(value)
            if not in_object and not in_array:
                return False, None
            value = value[step]
        return True, value

    def number(self, node: Any, row: Row) -> Any:
        """The operand of a calculation: an int of 64 bits, a float, or ABSENT."""
        value = self.value(node, row)
        if value is ABSENT or isinstance(value, bool) or not isinstance(value, int | float):
            return ABSENT
        return _in_64_bits(value) if isinstance(value, int) else value

    def arithmetic(self, operator: str, a: Any, b: Any) -> Any:
        if a is ABSENT or b is ABSENT:
            return ABSENT
        if isinstance(a, int) and isinstance(b, int):
            return _integer_arithmetic(operator, a, b)
        if operator in "%&|^":
            return ABSENT
        return _float_arithmetic(operator, float(a), float(b))

    def compare(self, operator: str, left: Any, right: Any, row: Row) -> Truth:
        a, b = self.value(left, row), self.value(right, row)
        if a is ABSENT or b is ABSENT:
            return None
        if self.is_single(left) and right[0] == "const":
            b = _rounded(b)
        if self.is_single(right) and left[0] == "const":
            a = _rounded(a)
        return _compare_values(operator, a, b)

    def membership(self, operand: Any, items: Any, row: Row, negated: bool) -> Truth:
        value = self.value(operand, row)
        if value is ABSENT:
            return None
        constants = [_rounded(item) if self.is_single(operand) else item for item in items[1]]
        return any(_compare_values("==", value, item) for item in constants) != negated

    def pattern(self, node: Any, row: Row) -> Truth:
        kind, operand, pattern, negated = node
        if operand[0] == "path" and row[operand[1]] is None and self.types[operand[1]] != "meta":
            return None
        value = self.value(operand, row)
        if value is ABSENT and operand[0] != "path":
            return None
        if not isinstance(value, str):
            return bool(negated)
        hit = _like(pattern, value) if kind == "like" else re.search(pattern, value) is not None
        return bool(hit != negated)

    def is_null(self, operand: Any, row: Row) -> bool:
        if operand[0] == "path":
            return self.found(operand, row)[1] is None
        return row[operand[1]] is None

    def contains(self, how: str, operand: Any, constant: Any, row: Row) -> Truth:
        value = self.value(operand, row)
        if value is ABSENT:
            return None
        if not isinstance(value, list):
            return False
        wanted = [constant] if how == "one" else list(constant)
        if operand[0] == "field" and self.types[operand[1]] == "array:float":
            wanted = [_rounded(item) for item in wanted]
        hits = [any(_same(element, item) for element in value) for item in wanted]
        return any(hits) if how == "any" else all(hits)

    def is_single(self, node: Any) -> bool:
        """Whether constants beside the operand are rounded to 32 bits: Float fields, their elements and lists."""
        if node[0] == "field":
            return self.types[node[1]] in {"float", "array:float"}
        return node[0] == "element" and self.types[node[1]] == "array:float"


def _in_64_bits(value: int) -> Any:
    return value if INT64_MIN <= value <= INT64_MAX else ABSENT


def _integer_arithmetic(operator: str, a: int, b: int) -> Any:
    if operator in "/%" and b == 0:
        return ABSENT
    if operator == "**":
        if b < 0:
            return ABSENT
        if abs(a) > 1 and b > 64:
            return ABSENT
        return _in_64_bits(a ** (b if abs(a) > 1 else 2 - b % 2 if b else 0))
    toward_zero = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1) if operator in "/%" else 0
    results = {
        "+": a + b,
        "-": a - b,
        "*": a * b,
        "/": toward_zero,
        "%": a - toward_zero * b,
        "&": a & b,
        "|": a | b,
        "^": a ^ b,
    }
    return _in_64_bits(results[operator])


def _float_arithmetic(operator: str, a: float, b: float) -> Any:
    if operator == "/":
        return ABSENT if b == 0 else a / b
    if operator == "**":
        if a == 0 and b < 0:
            return ABSENT
        try:
            return math.pow(a, b)
        except ValueError:
            return math.nan
        except OverflowError:
            return -math.inf if a < 0 and b % 2 == 1 else math.inf
    return {"+": a + b, "-": a - b, "*": a * b}[operator]


def _rounded(value: Any) -> Any:
    """What a Float field stores for a constant; other constants stay, lists item by item."""
    if isinstance(value, tuple):
        return tuple(_rounded(item) for item in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, int):
        unit = 1 << max(0, abs(value).bit_length() - 24)
        return float(round(Fraction(value, unit)) * unit)
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, dict) else "array"


def _compare_values(operator: str, a: Any, b: Any) -> Truth:
    """Two values that are there."""
    kind = _kind(a)
    if kind != _kind(b):
        return {"==": False, "!=": True}.get(operator)
    if operator == "!=":
        return not _compare_values("==", a, b)
    if kind == "array":
        if operator != "==":
            return None
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if kind == "object":
        if operator != "==":
            return None
        return set(a) == set(b) and all(_same(a[key], b[key]) for key in a)
    if kind == "bool":
        return a == b if operator == "==" else None
    if kind == "string":
        a, b = a.encode(), b.encode()
    answers = {"==": a == b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}
    return bool(answers[operator])


def _same(a: Any, b: Any) -> bool:
    """Equality inside arrays and objects, where null may stand."""
    if a is None or b is None:
        return a is b
    return _compare_values("==", a, b) is True


def _like(pattern: str, text: str) -> bool:
    """Backtracking over the pattern, as its definition reads."""
    if not pattern:
        return not text
    head, rest = pattern[0], pattern[1:]
    if head == "%":
        return any(_like(rest, text[start:]) for start in range(len(text) + 1))
    if head == "_":
        return bool(text) and _like(rest, text[1:])
    if head == "\\" and rest[0] in "%_\\":
        head, rest = rest[0], rest[1:]
    return text[:1] == head and _like(rest, text[1:])
