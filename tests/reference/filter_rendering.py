"""Filters of the reference as text, in one of the ways a person might write them.

Parentheses are left out where docs/filters.md says they are not needed, so that reading the text is tested as well.
"""

import math
import random
from dataclasses import dataclass, field
from typing import Any

from tests.reference.filter_times import duration_text, instant_text

_POWERS = {"|": 5, "^": 6, "&": 7, "+": 8, "-": 8, "*": 9, "/": 9, "%": 9, "**": 10}
_OR, _AND, _NOT, _COMPARE, _SIGN, _ATOM = 1, 2, 3, 4, 11, 12


@dataclass
class Rendering:
    """Writes trees as text, in one of the ways a person might.

    Attributes:
        params: the values of the placeholders that were written.
    """

    style: random.Random
    params: dict[str, Any] = field(default_factory=dict)

    def text(self, node: Any, power_min: int = 0) -> str:
        text, power = self._written(node)
        spare = self.style.random() < 0.1 and power < _ATOM
        return f"({text})" if power < power_min or spare else text

    def _word(self, *spellings: str) -> str:
        return self.style.choice(spellings)

    def _written(self, node: Any) -> tuple[str, int]:
        match node:
            case ("and" | "or" as word, *operands):
                power = _AND if word == "and" else _OR
                spelled = self._word(word, word.upper(), "&&" if word == "and" else "||")
                return f" {spelled} ".join(self.text(operand, power + 1) for operand in operands), power
            case ("not", inner):
                return self._word("not ", "NOT ", "!") + self.text(inner, _NOT), _NOT
            case ("always", truth):
                return self._word(str(truth), str(truth).lower()), _ATOM
            case ("flag", operand):
                return self.text(operand), _ATOM
            case ("cmp", operator, left, right):
                return f"{self._side(left)} {operator} {self._side(right)}", _COMPARE
            case ("range", low, first, value, second, high):
                return f"{self._side(low)} {first} {self._side(value)} {second} {self._side(high)}", _COMPARE
            case ("in", operand, items, negated):
                word = self._word("not in", "NOT IN", "not  In") if negated else self._word("in", "IN")
                return f"{self._side(operand)} {word} {self.text(items)}", _COMPARE
            case ("like", operand, pattern, negated):
                word = ("not " if negated else "") + self._word("like", "LIKE")
                return f"{self._side(operand)} {word} {self._string(pattern)}", _COMPARE
            case ("regex", operand, pattern, negated):
                return f"{self._side(operand)} {'!~' if negated else '=~'} {self._string(pattern)}", _COMPARE
            case ("isnull", operand, negated):
                return (
                    f"{self._side(operand)} {'is not null' if negated else self._word('is null', 'IS NULL')}",
                    _COMPARE,
                )
            case ("exists", path):
                return self._word("exists {}", "EXISTS({})", "json_exists({})").format(self.text(path)), _ATOM
            case ("contains", how, operand, constant):
                name = self._word("array", "json") + "_contains" + {"one": "", "all": "_all", "any": "_any"}[how]
                return f"{self._word(name, name.upper())}({self.text(operand)}, {self.text(constant)})", _ATOM
            case _:
                return self._operand(node)

    def _operand(self, node: Any) -> tuple[str, int]:
        match node:
            case ("const", value):
                return self._constant(value), _SIGN
            case ("field", name):
                return name, _ATOM
            case ("element", name, position):
                return f"{name}[{position}]", _ATOM
            case ("path", name, steps):
                if name == "$meta" and steps[0].isascii() and steps[0].isalpha() and self.style.random() < 0.5:
                    name, steps = steps[0], steps[1:]
                return name + "".join(f"[{self._step(step)}]" for step in steps), _ATOM
            case ("moment", instant):
                return self._moment(instant), _ATOM
            case ("moments", instants):
                return f"[{', '.join(self._moment(instant) for instant in instants)}]", _ATOM
            case ("moved", operand, sign, months, microseconds):
                interval = f"{self._word('INTERVAL', 'interval')} '{duration_text(months, microseconds, self.style)}'"
                if sign == "+" and self.style.random() < 0.2:
                    return f"{interval} + {self.text(operand, _POWERS['+'] + 1)}", _POWERS["+"]
                return f"{self.text(operand, _POWERS['+'])} {sign} {interval}", _POWERS["+"]
            case ("length", operand):
                return f"array_length({self.text(operand)})", _ATOM
            case ("neg", operand):
                # A number after the sign would be read as one negative number, which is the same value.
                return f"-{self.text(operand, _SIGN)}", _SIGN
            case ("arith", operator, left, right):
                power = _POWERS[operator]
                return f"{self.text(left, power)} {operator} {self.text(right, power + 1)}", power
        raise AssertionError(node)

    def _side(self, node: Any) -> str:
        bitwise = node[0] == "arith" and node[1] in "&|^"
        return self.text(node, _ATOM if bitwise else _COMPARE + 1)

    def _step(self, step: str | int) -> str:
        return str(step) if isinstance(step, int) else self._string(step)

    def _constant(self, value: Any) -> str:
        unwritable = isinstance(value, float) and not math.isfinite(value)
        nested = isinstance(value, tuple)
        if unwritable or self.style.random() < 0.15:
            name = f"p{len(self.params)}"
            self.params[name] = list(value) if nested else value
            return "{" + name + "}"
        if nested:
            comma = "," if value and self.style.random() < 0.1 else ""
            return f"[{', '.join(self._constant(item) for item in value)}{comma}]"
        if isinstance(value, bool):
            return self._word(str(value), str(value).lower())
        if isinstance(value, str):
            return self._string(value)
        if isinstance(value, int) and value >= 0 and self.style.random() < 0.1:
            return hex(value)
        return repr(value)

    def _moment(self, instant: int) -> str:
        text = instant_text(instant, self.style)
        if self.style.random() < 0.1:
            name = f"p{len(self.params)}"
            self.params[name] = text
            return "{" + name + "}"
        return f"{self._word('ISO ', 'iso ', 'ISO')}'{text}'"

    def _string(self, value: str) -> str:
        if "\\" in value and value[-1] != "\\" and '"' not in value and self.style.random() < 0.7:
            return f'r"{value}"'
        quote = self._word('"', "'")
        written = value.replace("\\", "\\\\").replace(quote, "\\" + quote)
        if self.style.random() < 0.5:
            written = written.replace("\n", "\\n").replace("\x00", "\\x00").replace("é", "\\u00e9")
        return f"{quote}{written}{quote}"
