"""Filters over a real data set, drawn from its own fields, paths and values; trees of `tests.reference`."""

import json
import random
from collections.abc import Callable
from typing import Any, Final

from tests.real.tables import RealTable

__all__ = ["RealFilters"]

_SAMPLE: Final = 1500
_DEPTH_MAX: Final = 4
_ORDERED: Final = ["==", "!=", "<", "<=", ">", ">="]
_DURATIONS: Final = [(0, 86_400_000_000), (1, 0), (14, 0), (0, 1), (25, 3_600_000_000), (1200, 0)]


class RealFilters:
    """An endless supply of conditions over one table."""

    def __init__(self, table: RealTable, choose: random.Random) -> None:
        self._types: Final = table.types
        self._random: Final = choose
        rows = choose.sample(range(table.row_count), min(_SAMPLE, table.row_count))
        self._values: Final = {
            name: [value for row in rows if (value := table.columns[name][row]) is not None] for name in table.types
        }
        self._paths: Final[dict[tuple[str, tuple[Any, ...]], list[Any]]] = {}
        for name, kind in table.types.items():
            if kind in {"json", "meta"}:
                for text in self._values[name]:
                    self._collect(name, (), json.loads(text))
        self._places: Final = [place for place in self._paths if place[1] or self._types[place[0]] == "json"]

    def condition(self, depth: int = 2) -> Any:
        """A condition; with `depth` 0 one without `and`, `or` and `not`."""
        choose = self._random
        kind = choose.random()
        if depth and kind < 0.15:
            return ("not", self.condition(depth - 1))
        if depth and kind < 0.5:
            return (choose.choice(["and", "or"]), *(self.condition(depth - 1) for _ in range(choose.choice([2, 2, 3]))))
        leaves: list[Callable[[], Any]] = [self._typed] * 5 + [self._path_condition] * 6
        return choose.choice(leaves)()

    def _collect(self, name: str, steps: tuple[Any, ...], value: Any) -> None:
        self._paths.setdefault((name, steps), []).append(value)
        if len(steps) == _DEPTH_MAX:
            return
        if isinstance(value, dict):
            for key, inner in value.items():
                self._collect(name, (*steps, key), inner)
        elif isinstance(value, list):
            for position, inner in enumerate(value[:3]):
                self._collect(name, (*steps, position), inner)

    # Typed fields.

    def _typed(self) -> Any:
        choose = self._random
        name = choose.choice([name for name, kind in self._types.items() if kind not in {"json", "meta"}])
        kind = self._types[name]
        if choose.random() < 0.12:
            return ("isnull", ("field", name), choose.random() < 0.5)
        if kind == "bool":
            operand = ("field", name)
            return choose.choice([("flag", operand), ("cmp", "==", operand, ("const", choose.random() < 0.5))])
        if kind == "time":
            return self._of_time(name)
        if kind.startswith("array:"):
            return self._of_array(("field", name), name, kind)
        return self._of_scalar(("field", name), lambda: self._near(choose.choice(self._values[name])))

    def _of_scalar(self, operand: Any, constant: Callable[[], Any]) -> Any:
        """`constant` gives values of one kind, numbers or strings."""
        choose = self._random
        value = constant()
        kind = choose.random()
        if isinstance(value, str) and kind < 0.35:
            return self._pattern(operand, value)
        if kind < 0.5:
            items = tuple(constant() for _ in range(choose.choice([0, 1, 2, 3, 8])))
            return ("in", operand, ("const", items), choose.random() < 0.4)
        if kind < 0.65:
            ways = choose.choice([["<", "<="], [">", ">="]])
            ends = [("const", value), ("const", constant())]
            return ("range", ends[0], choose.choice(ways), operand, choose.choice(ways), ends[1])
        if kind < 0.8 and not isinstance(value, str | bool):
            return self._calculation(operand, value)
        return ("cmp", choose.choice(_ORDERED), operand, ("const", value))

    def _calculation(self, operand: Any, value: Any) -> Any:
        choose = self._random
        operator = choose.choice("+-*/%")
        whole = operand[0] == "path" or (operand[0] == "field" and self._types[operand[1]].startswith("int"))
        if operator == "%" and not whole:
            operator = "/"
        fractional = operator != "%" and choose.random() < 0.3
        other = choose.choice([0.5, 2.0, -3.25]) if fractional else choose.choice([1, 2, 3, -7, 10, 0])
        if other == 0 and operator in "/%":
            other = 3
        return ("cmp", choose.choice(_ORDERED), ("arith", operator, operand, ("const", other)), ("const", value))

    def _of_time(self, name: str) -> Any:
        choose = self._random
        pool = self._values[name]

        def moment() -> Any:
            return choose.choice(pool) + choose.choice([0, 0, 1, -1, 3_600_000_000])

        operand: Any = ("field", name)
        if choose.random() < 0.4:
            operand = ("moved", operand, choose.choice("+-"), *choose.choice(_DURATIONS))
        kind = choose.random()
        if kind < 0.2:
            return ("in", operand, ("moments", tuple(moment() for _ in range(3))), choose.random() < 0.4)
        if kind < 0.4:
            ways = choose.choice([["<", "<="], [">", ">="]])
            low, high = ("moment", moment()), ("moment", moment())
            return ("range", low, choose.choice(ways), operand, choose.choice(ways), high)
        return ("cmp", choose.choice(_ORDERED), operand, ("moment", moment()))

    def _of_array(self, operand: Any, name: str, kind: str) -> Any:
        choose = self._random
        arrays = [array for array in self._values[name] if array] or [[1 if kind == "array:int64" else ""]]

        def element() -> Any:
            return self._near(choose.choice(choose.choice(arrays)))

        way = choose.random()
        if way < 0.5:
            return self._containment(operand, element)
        if way < 0.65:
            return ("cmp", choose.choice(_ORDERED), ("length", operand), ("const", choose.randrange(6)))
        return self._of_scalar(("element", name, choose.choice([0, 0, 1, 2])), element)

    def _containment(self, operand: Any, element: Callable[[], Any]) -> Any:
        choose = self._random
        how = choose.choice(["one", "any", "all"])
        constant = element() if how == "one" else tuple(element() for _ in range(choose.choice([0, 1, 2, 3])))
        return ("contains", how, operand, ("const", constant))

    # JSON paths.

    def _path_condition(self) -> Any:
        choose = self._random
        name, steps = choose.choice(self._places)
        if choose.random() < 0.06:
            steps = (*steps[:-1], choose.choice([0, 7, "absent", "no such key"]))
            if self._types[name] == "meta" and isinstance(steps[0], int):
                steps = ("absent",)
        operand = ("path", name, steps)
        values = [value for value in self._paths.get((name, steps), []) if value is not None]
        kind = choose.random()
        if kind < 0.1:
            return ("isnull", operand, choose.random() < 0.5)
        if kind < 0.18 and steps:
            return ("exists", operand)
        value = choose.choice(values) if values and choose.random() < 0.9 else self._other_value()
        if isinstance(value, list) or kind > 0.95:
            return self._of_json_array(operand, [array for array in values if isinstance(array, list) and array])
        if isinstance(value, dict):
            return ("cmp", choose.choice(_ORDERED), operand, ("const", self._other_value()))
        if isinstance(value, bool):
            return ("cmp", choose.choice(["==", "!="]), operand, ("const", choose.random() < 0.5))
        if kind < 0.3:
            return self._beside_a_field(operand, value)
        alike = [item for item in values if type(item) is type(value)] or [value]
        return self._of_scalar(operand, lambda: self._near(choose.choice(alike)))

    def _of_json_array(self, operand: Any, arrays: list[list[Any]]) -> Any:
        choose = self._random
        if choose.random() < 0.25:
            return ("cmp", choose.choice(_ORDERED), ("length", operand), ("const", choose.randrange(6)))

        def element() -> Any:
            found = choose.choice(choose.choice(arrays)) if arrays and choose.random() < 0.9 else None
            return self._near(found) if isinstance(found, str | int | float) else self._other_value()

        return self._containment(operand, element)

    def _beside_a_field(self, operand: Any, value: Any) -> Any:
        wanted = {"varchar"} if isinstance(value, str) else {"int32", "int64", "double", "float"}
        names = [name for name, kind in self._types.items() if kind in wanted]
        if not names:
            return ("isnull", operand, True)
        return ("cmp", self._random.choice(_ORDERED), operand, ("field", self._random.choice(names)))

    def _other_value(self) -> Any:
        """A scalar of some other place."""
        choose = self._random
        for _ in range(20):
            value = choose.choice(self._paths[choose.choice(self._places)])
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                return value
        return choose.choice([0, "", 2.5])

    # Values.

    def _near(self, value: Any) -> Any:
        """Mostly the value itself."""
        choose = self._random
        if choose.random() < 0.8 or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return choose.choice([value[: len(value) // 2], value + "a", value.upper(), ""])
        if isinstance(value, int):
            return choose.choice([value + 1, value - 1, value + 0.5, 0])
        return choose.choice([value * 1.5, value + 0.25, float(round(value)), round(value)])

    def _pattern(self, operand: Any, text: str) -> Any:
        choose = self._random
        negated = choose.random() < 0.3
        words = [word for word in text.replace("-", " ").split() if word.isascii() and word.isalnum()]
        if choose.random() < 0.35 and words:
            word = choose.choice(words)
            patterns = [
                word,
                f"^{word}",
                f"{word}$",
                f"(?i){word}",
                word[:1] + "." + word[2:],
                r"\d{3,}",
                "[A-Z][a-z]+ ",
            ]
            return ("regex", operand, choose.choice(patterns), negated)
        start = choose.randrange(len(text) + 1)
        stop = choose.randrange(start, len(text) + 1)
        head, middle, tail = (_as_pattern(part) for part in (text[:start], text[start:stop], text[stop:]))
        shapes = [
            f"{head}%",
            f"%{tail}",
            f"%{middle}%",
            f"{head}%{tail}",
            head + middle + tail,
            f"{head}_%",
            f"%{middle}_{tail}",
        ]

        return ("like", operand, choose.choice(shapes), negated)


def _as_pattern(text: str) -> str:
    """The text as it stands, in LIKE."""
    for special in "\\%_":
        text = text.replace(special, "\\" + special)
    return text
