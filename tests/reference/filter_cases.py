"""Tables and filters to try, made for each other from one seed: awkward values, and filters that meet them.

A filter is a tree of `tests.reference.filter_reference`, always one that binds to the schema. Values and constants of a
table come from a few of each kind, so that they meet; the few are drawn from the values that make mistakes show.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy.typing as npt
import pyarrow as pa

from elanus.columns.json_values import JsonValues, ValuePath
from elanus.columns.numbers import full_numbers
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.reference.filter_reference import INT64_MAX, INT64_MIN, _rounded
from tests.reference.filter_times import TimeCases

TYPES: Final[dict[str, str]] = {
    "i8": "int8",
    "i32": "int32",
    "i64": "int64",
    "j64": "int64",
    "f32": "float",
    "f64": "double",
    "flag": "bool",
    "s": "varchar",
    "t": "varchar",
    "a8": "array:int8",
    "a64": "array:int64",
    "af": "array:float",
    "ab": "array:bool",
    "as": "array:varchar",
    "seen": "time",
    "made": "time",
    "doc": "json",
    "$meta": "meta",
}
_DATA_TYPES: Final = {
    "int8": DataType.INT8,
    "int32": DataType.INT32,
    "int64": DataType.INT64,
    "float": DataType.FLOAT,
    "double": DataType.DOUBLE,
    "bool": DataType.BOOL,
    "varchar": DataType.VARCHAR,
    "json": DataType.JSON,
    "time": DataType.TIMESTAMPTZ,
}
_ARROW: Final = {
    "int8": pa.int8(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "varchar": pa.string(),
    "json": pa.string(),
    "meta": pa.string(),
    "time": pa.int64(),
}
_BITS: Final = {"int8": 8, "int32": 32, "int64": 64}

_INTEGERS: Final = [
    0, 1, -1, 2, 3, 5, -7, 100, 127, -128, 2**31 - 1, -(2**31), 2**53, 2**53 + 1, -(2**53) - 1, 2**24 + 1, 2**62,
    3037000500, INT64_MAX, INT64_MAX - 1, INT64_MIN, INT64_MIN + 1,
]  # fmt: skip
_FLOATS: Final = [
    0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 3.0, 0.1, 99.99, 2.0**24, 2.0**53, 2.0**63, -(2.0**63), 1e300, 3.4e38, 1e39,
    5e-324,
]  # fmt: skip
_STRANGE: Final = [float("nan"), float("inf"), float("-inf")]
_BIG: Final = [2**63, 2**64, -(2**70), 10**30, -(2**63) - 1]
_TEXTS: Final = [
    "", "a", "ab", "abc", "b", "A", "é", "日本", "a%b", "a_b", "a\\b", "a\nb", "😀x", "10", "a\x00b", "it's",
    'q"', "aab",
]  # fmt: skip
_LIKE: Final = [
    "%", "", "a%", "%b", "%b%", "_", "a_b", "a%b", r"a\%b", r"a\_b", r"a\\b", "_%", "%_b", "é", "a.b", r"\d", "%%",
    "%a%b", "A",
]  # fmt: skip
_REGEX: Final = ["a", "^a", "[a-c]+$", "a.b", "(?i)A", "b|é", "^$|😀", r"\d", "日", "^A", "%"]
_KEYS: Final = ["a", "b", "x y", "é", 'q"k']
_COMPARISONS: Final = ["==", "!=", "<", "<=", ">", ">="]
_INTEGER_FIELDS: Final = ["i8", "i32", "i64", "j64"]


@dataclass(frozen=True)
class Table:
    """Rows twice: as Python values, and as columns that are slices of larger arrays.

    Attributes:
        repeats: the columns hold the rows so many times, one after another.
    """

    schema: Schema
    rows: list[dict[str, Any]]
    columns: dict[str, pa.Array]
    repeats: int

    @property
    def row_count(self) -> int:
        return len(self.rows) * self.repeats

    def column(self, name: str) -> pa.Array:
        return self.columns[name]

    def numbers(self, name: str) -> npt.NDArray[Any] | None:
        return full_numbers(self.column(name))

    def strings(self, name: str) -> pa.Array:
        return self.columns[name]

    def json_values(self, name: str, path: ValuePath) -> JsonValues | None:
        return None


class Cases:
    """One table, and filters over it."""

    def __init__(self, seed: int) -> None:
        self._random: Final = random.Random(seed)
        pick = self._random.sample
        integers = pick(_INTEGERS, 5)
        self._integers: Final = [*integers, self._random.choice(integers) ^ 1, self._random.randint(-9, 9)]
        self._floats: Final = [*pick(_FLOATS, 4), float(self._random.choice(integers)), integers[0] + 0.5]
        self._strange: Final = [*self._floats, *pick(_STRANGE, 1)]
        self._texts: Final = pick(_TEXTS, 6)
        self._times: Final = TimeCases(self._random)
        self.table: Final = self._table()

    def filter(self, depth: int = 3) -> Any:
        """A condition."""
        choose = self._random
        kind = choose.random()
        if depth and kind < 0.15:
            return ("not", self.filter(depth - 1))
        if depth and kind < 0.35:
            joined = choose.choice(["and", "or"])
            return (joined, *(self.filter(depth - 1) for _ in range(choose.choice([2, 2, 3]))))
        leaf = choose.choices(
            [
                self._comparison,
                self._range,
                self._membership,
                self._pattern,
                self._containment,
                self._other,
                self._times.condition,
            ],
            [50, 10, 15, 10, 10, 12, 15],
        )[0]
        return leaf()

    # Rows.

    def _table(self) -> Table:
        choose = self._random
        count = choose.choice([0, 1, 3, 9, 24, 40])
        null_share = choose.choice([0.0, 0.0, 0.2, 1.0 if choose.random() < 0.1 else 0.4])
        columns = {
            name: [None if choose.random() < null_share else self._value(kind) for _ in range(count)]
            for name, kind in TYPES.items()
        }
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        repeats = choose.choice([1, 1, 1, 1, 1, 1, 20])
        arrays = {
            name: _sliced(values * repeats, TYPES[name], choose.choice([0, 0, 3, 8, 13]))
            for name, values in columns.items()
        }
        return Table(_schema(), rows, arrays, repeats)

    def _value(self, kind: str) -> Any:
        choose = self._random
        if kind in _BITS:
            half = 1 << (_BITS[kind] - 1)
            return choose.choice([value for value in [*self._integers, 0, 1] if -half <= value < half])
        match kind:
            case "float":
                return _rounded(choose.choice(self._strange))
            case "double":
                return choose.choice(self._strange)
            case "bool":
                return choose.random() < 0.5
            case "varchar":
                return choose.choice(self._texts)
            case "time":
                return choose.choice(self._times.pool)
            case "json":
                return self._written(self._object() if choose.random() < 0.8 else self._json_value(2))
            case "meta":
                return self._written(self._object())
            case _:
                return [self._value(kind.partition(":")[2]) for _ in range(choose.choice([0, 1, 1, 2, 3]))]

    def _object(self) -> dict[str, Any]:
        return {key: self._json_value(2) for key in self._random.sample(_KEYS, self._random.choice([1, 2, 3, 4]))}

    def _json_value(self, depth: int) -> Any:
        choose = self._random
        kind = choose.random()
        if depth and kind < 0.2:
            return [self._json_value(depth - 1) for _ in range(choose.choice([0, 1, 2, 3]))]
        if depth and kind < 0.3:
            return {key: self._json_value(depth - 1) for key in choose.sample(_KEYS, choose.choice([0, 1, 2]))}
        if kind < 0.4:
            return choose.choice([None, True, False])
        if kind < 0.6:
            return choose.choice(self._texts)
        pools: list[list[Any]] = [self._integers, self._integers, self._floats, _BIG]
        return choose.choice(choose.choice(pools))

    def _written(self, value: Any) -> str:
        if self._random.random() < 0.5:
            return json.dumps(value)
        return json.dumps(value, ensure_ascii=False, indent=1)

    # Operands.

    def _const(self, *pools: list[Any]) -> Any:
        return ("const", self._random.choice(self._random.choice(pools)))

    def _number_constant(self) -> Any:
        return self._const(self._integers, self._integers, self._strange, _INTEGERS, _FLOATS)

    def _list(self, item: Callable[[], Any]) -> Any:
        return ("const", tuple(item()[1] for _ in range(self._random.choice([0, 1, 2, 2, 3, 5]))))

    def _field(self, *names: str) -> Any:
        return ("field", self._random.choice(names))

    def _element(self, *names: str) -> Any:
        return ("element", self._random.choice(names), self._random.choice([0, 0, 1, 2]))

    def _path(self) -> Any:
        """Mostly a path that some row has."""
        choose = self._random
        name = choose.choice(["doc", "doc", "$meta"])
        texts = [row[name] for row in self.table.rows if row[name] is not None]
        value = json.loads(choose.choice(texts)) if texts else {}
        steps: list[Any] = []
        while len(steps) < 3 and choose.random() < 0.9 - 0.3 * len(steps):
            if choose.random() < 0.15:
                steps.append(choose.choice([*_KEYS, 0, 1]))
                value = None
            elif isinstance(value, dict) and value:
                steps.append(choose.choice(list(value)))
                value = value[steps[-1]]
            elif isinstance(value, list) and value:
                steps.append(choose.randrange(len(value)))
                value = value[steps[-1]]
            else:
                break
        if name == "$meta" and (not steps or isinstance(steps[0], int)):
            steps.insert(0, choose.choice(_KEYS))
        return ("path", name, tuple(steps))

    def _integer(self, depth: int = 2) -> Any:
        """An operand that is an integer by type."""
        choose = self._random
        kind = choose.random()
        if not depth or kind < 0.5:
            return self._field(*_INTEGER_FIELDS)
        if kind < 0.6:
            return self._element("a8", "a64")
        if kind < 0.65:
            return ("length", self._field("a8", "as", "ab"))
        if kind < 0.72:
            return ("neg", self._integer(depth - 1))
        operator = choose.choice(["+", "-", "*", "/", "%", "**", "&", "|", "^"])
        left = self._integer(depth - 1)
        if choose.random() < 0.4:
            return ("arith", operator, left, self._integer(depth - 1))
        if operator == "**":
            right = ("const", choose.choice([0, 1, 2, 2, 3, 7, 62, 63, 64]))
        else:
            right = self._const(self._integers, [0, 1, -1, 2, 3, -3])
        if choose.random() < 0.3:
            left, right = right, left
        return ("arith", operator, left, right)

    def _double(self, depth: int = 2) -> Any:
        """An operand that is a float by type."""
        choose = self._random
        kind = choose.random()
        if not depth or kind < 0.5:
            return self._field("f32", "f64")
        if kind < 0.65:
            return self._element("af")
        if kind < 0.72:
            return ("neg", self._double(depth - 1))
        operator = choose.choice(["+", "-", "*", "/", "**"])
        left = self._double(depth - 1)
        right = choose.choice([self._double, self._integer])(depth - 1)
        if choose.random() < 0.5:
            right = self._const(self._integers, self._floats, [0.5, 2, -1, 0])
        if choose.random() < 0.4:
            left, right = right, left
        return ("arith", operator, left, right)

    def _json_number(self, depth: int = 1, *, mixed: bool = True) -> Any:
        """A calculation whose type each row decides; without `mixed` none that is a float by type."""
        choose = self._random
        operator = choose.choice(["+", "-", "*", "/", "%", "**", "&", "|", "^"])
        mixed = mixed and operator not in "%&|^"
        left = self._json_number(depth - 1, mixed=mixed) if depth and choose.random() < 0.3 else self._path()
        kind = choose.random()
        if kind < 0.3:
            right = self._path()
        elif kind < 0.5:
            right = self._double(0) if mixed and choose.random() < 0.5 else self._integer(0)
        else:
            right = self._const(self._integers, [0, 1, 2, -1], *([self._floats] if mixed else []))
        if choose.random() < 0.4:
            left, right = right, left
        node = ("arith", operator, left, right)
        return ("neg", node) if choose.random() < 0.15 else node

    def _number(self) -> Any:
        return self._integer() if self._random.random() < 0.6 else self._double()

    def _string(self) -> Any:
        return self._element("as") if self._random.random() < 0.25 else self._field("s", "t")

    def _bool(self) -> Any:
        return self._element("ab") if self._random.random() < 0.3 else self._field("flag")

    def _text_constant(self) -> Any:
        return self._const(self._texts, self._texts, _TEXTS)

    def _bool_constant(self) -> Any:
        return self._const([True, False])

    def _json_constant(self) -> Any:
        """A constant of any kind; lists like those the rows hold."""
        choose = self._random
        if choose.random() < 0.15:
            return self._list(lambda: self._const(self._integers, self._texts, [True, False], self._floats))
        finite = [*self._floats, *(float(value) for value in _BIG)]
        return self._const(self._integers, self._texts, finite, self._texts, [True, False])

    # Conditions.

    def _comparison(self) -> Any:
        choose = self._random
        operator = choose.choice(_COMPARISONS)
        plain: Callable[[], Any] = lambda: self._field(*_INTEGER_FIELDS, "f32", "f64")  # noqa: E731
        sides: list[Callable[[], tuple[Any, Any]]] = [
            lambda: (plain(), self._number_constant()),
            lambda: (plain(), self._number_constant()),
            lambda: (self._number(), self._number_constant()),
            lambda: (self._number(), self._number()),
            lambda: (plain(), plain()),
            lambda: (self._string(), self._text_constant()),
            lambda: (self._string(), self._string()),
            lambda: (self._path(), self._const(self._integers, self._strange, self._texts)),
            lambda: (self._path(), self._const(self._integers, self._strange, self._texts)),
            lambda: (self._path(), choose.choice([self._path, self._number, self._string])()),
            lambda: (self._json_number(), self._number_constant()),
            lambda: (self._json_number(), choose.choice([self._number, self._path])()),
        ]
        if operator in {"==", "!="}:
            sides += [
                lambda: (self._bool(), self._bool_constant() if choose.random() < 0.5 else self._bool()),
                lambda: (self._path(), choose.choice([self._bool, self._bool_constant])()),
                lambda: (self._path(), self._json_constant()),
                lambda: (self._path(), self._path()),
                self._array_and_list,
            ]
        left, right = choose.choice(sides)()
        return ("cmp", operator, right, left) if choose.random() < 0.3 else ("cmp", operator, left, right)

    def _array_and_list(self) -> tuple[Any, Any]:
        """A typed array, and a list that may be the array of some row."""
        choose = self._random
        array = self._field("a8", "a64", "af", "as", "ab")
        found = [row[array[1]] for row in self.table.rows if row[array[1]] is not None]
        if found and choose.random() < 0.6:
            return array, ("const", tuple(choose.choice(found)))
        return array, self._list(lambda: self._item(array[1]))

    def _item(self, name: str) -> Any:
        """A constant to look for in a typed array."""
        element = TYPES[name].removeprefix("array:")
        if element == "varchar":
            return self._text_constant()
        return self._bool_constant() if element == "bool" else self._number_constant()

    def _range(self) -> Any:
        choose = self._random
        constant = choose.choice([self._number_constant, self._text_constant])
        if choose.random() < 0.3:
            value = self._path()
        elif constant == self._text_constant:
            value = self._string()
        else:
            value = self._field(*_INTEGER_FIELDS, "f32", "f64") if choose.random() < 0.7 else self._number()
        operators = choose.choice([["<", "<="], [">", ">="]])
        return ("range", constant(), choose.choice(operators), value, choose.choice(operators), constant())

    def _membership(self) -> Any:
        choose = self._random
        value, item = choose.choice(
            [
                (self._field(*_INTEGER_FIELDS, "f32", "f64"), self._number_constant),
                (self._number(), self._number_constant),
                (self._json_number(), self._number_constant),
                (self._string(), self._text_constant),
                (self._bool(), self._bool_constant),
                (self._path(), self._json_constant),
                (self._path(), self._json_constant),
            ]
        )
        return ("in", value, self._list(item), choose.random() < 0.4)

    def _pattern(self) -> Any:
        choose = self._random
        kind, patterns = choose.choice([("like", _LIKE), ("regex", _REGEX)])
        operand = self._path() if choose.random() < 0.4 else self._string()
        return (kind, operand, choose.choice(patterns), choose.random() < 0.4)

    def _containment(self) -> Any:
        choose = self._random
        how = choose.choice(["one", "all", "any"])
        if choose.random() < 0.5:
            operand, item = self._path(), self._json_constant
        else:
            operand = self._field("a8", "a64", "af", "as", "ab")
            item = lambda: self._item(operand[1])  # noqa: E731
        return ("contains", how, operand, item() if how == "one" else self._list(item))

    def _other(self) -> Any:
        choose = self._random
        kind = choose.choice(["isnull", "isnull", "exists", "length", "flag", "always"])
        if kind == "isnull":
            operand = self._path() if choose.random() < 0.6 else self._field("i64", "f32", "s", "a64", "flag")
            return (kind, operand, choose.random() < 0.5)
        if kind == "exists":
            _, name, steps = self._path()
            return (kind, ("path", name, steps or (choose.choice(_KEYS),)))
        if kind == "length":
            operand = self._path() if choose.random() < 0.7 else self._field("a64", "as")
            return ("cmp", choose.choice(_COMPARISONS), ("length", operand), ("const", choose.randrange(4)))
        return (kind, self._bool()) if kind == "flag" else (kind, choose.random() < 0.5)


def _sliced(values: list[Any], kind: str, skipped: int) -> pa.Array:
    element = _ARROW.get(kind.removeprefix("array:"))
    arrow_type = pa.list_(pa.field("item", element, nullable=False)) if kind.startswith("array:") else element
    before = [None, *values[:1]] * skipped
    array = pa.array([*before[:skipped], *values, *before[:skipped]], arrow_type)
    return array.slice(min(skipped, len(before)), len(values))


def _schema() -> Schema:
    fields = [Field("id", DataType.INT64, is_primary=True), Field("vector", DataType.FLOAT_VECTOR, dim=4)]
    for name, kind in TYPES.items():
        if kind == "meta":
            continue
        if kind.startswith("array:"):
            element = _DATA_TYPES[kind.removeprefix("array:")]
            fields.append(Field(name, DataType.ARRAY, element_type=element, max_capacity=8, nullable=True))
        else:
            fields.append(Field(name, _DATA_TYPES[kind], nullable=True))
    return Schema(tuple(fields), enable_dynamic_field=True)
