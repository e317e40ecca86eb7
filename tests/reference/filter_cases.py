"""Tables and filters to try, made for each other: every filter binds to the schema, values are the awkward ones.

A filter is a tree of `tests.reference.filter_reference` and its text. The text leaves parentheses out where
docs/filters.md says they are not needed, so that parsing is tested by the answers too.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.reference.filter_reference import INT64_MAX, INT64_MIN, _rounded

Draw = Callable[[st.SearchStrategy[Any]], Any]

TYPES: dict[str, str] = {
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
    "doc": "json",
    "$meta": "meta",
}
_DATA_TYPES = {
    "int8": DataType.INT8,
    "int32": DataType.INT32,
    "int64": DataType.INT64,
    "float": DataType.FLOAT,
    "double": DataType.DOUBLE,
    "bool": DataType.BOOL,
    "varchar": DataType.VARCHAR,
    "json": DataType.JSON,
}
_ARROW = {
    "int8": pa.int8(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "varchar": pa.string(),
    "json": pa.string(),
    "meta": pa.string(),
}

_SMALL = [0, 1, -1, 2, 3, 5, -7, 100, 127, -128]
_LARGE = [2**31, 2**53, 2**53 + 1, -(2**53) - 1, 2**24 + 1, 2**62, INT64_MAX, INT64_MAX - 1, INT64_MIN, INT64_MIN + 1]
_FLOATS = [0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 0.1, 99.99, 2.0**53, 2.0**63, -(2.0**63), 1e300, 3.4e38, 1e39, 5e-324, 3.0]
_STRANGE = [float("nan"), float("inf"), float("-inf")]
_TEXTS = ["", "a", "ab", "abc", "b", "A", "é", "日本", "a%b", "a_b", "a\\b", "a\nb", "😀x", "10", "a\x00b", "it's", 'q"']
_LIKE = ["%", "", "a%", "%b", "%b%", "_", "a_b", "a%b", r"a\%b", r"a\_b", r"a\\b", "_%", "%_b", "é", "a.b", r"\d", "%%"]
_REGEX = ["a", "^a", "[a-c]+", "a.b", "(?i)A", "b|é", "^$|😀", r"\d", "日"]
_KEYS = ["a", "b", "x y", "é", 'q"k']


def _pool(kind: str) -> st.SearchStrategy[Any]:
    match kind:
        case "int8":
            return st.sampled_from(_SMALL)
        case "int32":
            return st.sampled_from([*_SMALL, 2**31 - 1, -(2**31)])
        case "int64":
            return st.sampled_from(_SMALL + _LARGE)
        case "float":
            return st.sampled_from([_rounded(value) for value in _FLOATS + _STRANGE])
        case "double":
            return st.sampled_from(_FLOATS + _STRANGE)
        case "bool":
            return st.booleans()
        case "varchar":
            return st.sampled_from(_TEXTS)
        case "json":
            return _json_texts(st.one_of(_objects(), _json_values()))
        case "meta":
            return _json_texts(_objects())
        case _:
            return st.lists(_pool(kind.partition(":")[2]), max_size=3)


def _json_values() -> st.SearchStrategy[Any]:
    scalars = st.sampled_from(
        [None, True, False, *_SMALL, *_LARGE, 2**63, 2**64, -(2**70), 10**30, *_FLOATS, *_TEXTS]
    )  # fmt: skip
    return st.one_of(scalars, scalars, st.lists(st.one_of(scalars, st.lists(scalars, max_size=2)), max_size=3))


def _objects() -> st.SearchStrategy[Any]:
    return st.dictionaries(
        st.sampled_from(_KEYS),
        st.one_of(_json_values(), st.dictionaries(st.sampled_from(_KEYS), _json_values(), max_size=3)),
        max_size=4,
    )


def _json_texts(values: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    plain = values.map(json.dumps)
    spaced = values.map(lambda value: json.dumps(value, ensure_ascii=False, indent=1))
    return st.one_of(plain, spaced)


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


@st.composite
def tables(draw: Draw) -> Table:
    count = draw(st.integers(0, 9))
    repeats = draw(st.sampled_from([1, 1, 1, 60]))
    nullable = draw(st.booleans())
    columns: dict[str, list[Any]] = {}
    for name, kind in TYPES.items():
        values = _pool(kind)
        if nullable:
            values = st.one_of(st.none(), values, values, values)
        columns[name] = draw(st.lists(values, min_size=count, max_size=count))
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    arrays = {name: _sliced(values * repeats, TYPES[name], draw(st.integers(0, 9))) for name, values in columns.items()}
    return Table(_schema(), rows, arrays, repeats)


def _sliced(values: list[Any], kind: str, skipped: int) -> pa.Array:
    element = _ARROW.get(kind.removeprefix("array:"))
    arrow_type = pa.list_(pa.field("item", element, nullable=False)) if kind.startswith("array:") else element
    before = [None, *values[:1]] * skipped
    return pa.array(before[:skipped] + values, arrow_type).slice(skipped)


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


def filters() -> st.SearchStrategy[Any]:
    """Conditions as trees of the reference."""
    return st.recursive(
        _leaves(),
        lambda inner: st.one_of(
            st.tuples(st.just("not"), inner),
            st.tuples(st.just("and"), inner, inner),
            st.tuples(st.just("or"), inner, inner),
            st.tuples(st.just("and"), inner, inner, inner),
        ),
        max_leaves=5,
    )


_INTEGER_FIELDS = ["i8", "i32", "i64", "j64"]
_COMPARISONS = ["==", "!=", "<", "<=", ">", ">="]
_constants_of_numbers = st.sampled_from(_SMALL + _LARGE + _FLOATS + _STRANGE)
_finite_constants = st.sampled_from(_SMALL + _LARGE + _FLOATS)
_json_constants = st.one_of(_finite_constants, st.sampled_from(_TEXTS), st.booleans())


def _const(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.just("const"), values)


def _list(values: st.SearchStrategy[Any], size_max: int = 4) -> st.SearchStrategy[Any]:
    return _const(st.lists(values, max_size=size_max).map(tuple))


def _fields(*names: str) -> st.SearchStrategy[Any]:
    return st.tuples(st.just("field"), st.sampled_from(names))


def _elements(*names: str) -> st.SearchStrategy[Any]:
    return st.tuples(st.just("element"), st.sampled_from(names), st.integers(0, 2))


def _paths(steps_min: int = 0) -> st.SearchStrategy[Any]:
    steps = st.lists(st.one_of(st.sampled_from(_KEYS), st.sampled_from(_KEYS), st.integers(0, 2)), min_size=steps_min)
    dynamic = st.lists(st.one_of(st.sampled_from(_KEYS), st.integers(0, 1)), max_size=1)
    return st.one_of(
        st.tuples(st.just("path"), st.just("doc"), steps.map(lambda found: tuple(found[:3]))),
        st.tuples(
            st.just("path"), st.just("$meta"), st.builds(lambda a, b: (a, *b), st.sampled_from(_KEYS), dynamic)
        ),
    )


@st.composite
def _integers(draw: Draw, depth: int = 2) -> Any:
    """Operands that are integers by type."""
    choice = draw(st.integers(0, 5 if depth else 2))
    if choice <= 1:
        return draw(_fields(*_INTEGER_FIELDS))
    if choice == 2:
        return draw(st.one_of(_elements("a8", "a64"), st.tuples(st.just("length"), _fields("a8", "as", "ab"))))
    if choice == 3:
        return ("neg", draw(_integers(depth - 1)))
    operator = draw(st.sampled_from(["+", "-", "*", "/", "%", "**", "&", "|", "^"]))
    left = draw(_integers(depth - 1))
    if draw(st.booleans()):
        return ("arith", operator, left, draw(_integers(depth - 1)))
    constants = st.sampled_from([0, 1, 2, 3, 62, 63]) if operator == "**" else st.sampled_from(_SMALL + _LARGE)
    right = ("const", draw(constants))
    return ("arith", operator, left, right) if draw(st.booleans()) else ("arith", operator, right, left)


@st.composite
def _doubles(draw: Draw, depth: int = 2) -> Any:
    """Operands that are floats by type."""
    choice = draw(st.integers(0, 4 if depth else 2))
    if choice <= 1:
        return draw(_fields("f32", "f64"))
    if choice == 2:
        return draw(_elements("af"))
    if choice == 3:
        return ("neg", draw(_doubles(depth - 1)))
    operator = draw(st.sampled_from(["+", "-", "*", "/", "**"]))
    left = draw(_doubles(depth - 1))
    other = draw(st.one_of(_integers(depth - 1), _doubles(depth - 1), _const(_finite_constants)))
    return ("arith", operator, left, other) if draw(st.booleans()) else ("arith", operator, other, left)


@st.composite
def _json_numbers(draw: Draw, depth: int = 1) -> Any:
    """Calculations whose type each row decides."""
    operator = draw(st.sampled_from(["+", "-", "*", "/", "%", "**", "&", "|", "^"]))
    left = draw(_paths())
    if depth and draw(st.booleans()):
        left = draw(_json_numbers(depth - 1))
    integers_only = operator in "%&|^"
    other = draw(
        st.one_of(_paths(), _integers(0), _const(st.sampled_from(_SMALL + _LARGE)))
        if integers_only
        else st.one_of(_paths(), _integers(0), _doubles(0), _const(_finite_constants))
    )
    node = ("arith", operator, left, other) if draw(st.booleans()) else ("arith", operator, other, left)
    return ("neg", node) if draw(st.integers(0, 4)) == 0 else node


def _numbers() -> st.SearchStrategy[Any]:
    return st.one_of(_integers(), _doubles())


def _strings() -> st.SearchStrategy[Any]:
    return st.one_of(_fields("s", "t"), _fields("s", "t"), _elements("as"))


def _bools() -> st.SearchStrategy[Any]:
    return st.one_of(_fields("flag"), _elements("ab"))


@st.composite
def _comparisons(draw: Draw) -> Any:
    operator = draw(st.sampled_from(_COMPARISONS))
    equality = draw(st.sampled_from(["==", "!="]))
    left, operator, right = draw(
        st.one_of(
            st.tuples(_numbers(), st.just(operator), _const(_constants_of_numbers)),
            st.tuples(_fields(*_INTEGER_FIELDS, "f32", "f64"), st.just(operator), _const(_constants_of_numbers)),
            st.tuples(_numbers(), st.just(operator), _numbers()),
            st.tuples(_strings(), st.just(operator), st.one_of(_strings(), _const(st.sampled_from(_TEXTS)))),
            st.tuples(_bools(), st.just(equality), st.one_of(_bools(), _const(st.booleans()))),
            st.tuples(_paths(), st.just(operator), _const(st.one_of(_constants_of_numbers, st.sampled_from(_TEXTS)))),
            st.tuples(_paths(), st.just(equality), _const(st.booleans())),
            st.tuples(_paths(), st.just(equality), _list(_json_constants)),
            st.tuples(_paths(), st.just(operator), st.one_of(_paths(), _numbers(), _strings())),
            st.tuples(_paths(), st.just(equality), _bools()),
            st.tuples(_json_numbers(), st.just(operator), st.one_of(_const(_constants_of_numbers), _numbers(), _paths())),
            st.tuples(_fields("a64", "a8"), st.just(equality), _list(st.sampled_from(_SMALL + _LARGE + [1.0, 2.5]))),
            st.tuples(_fields("af"), st.just(equality), _list(st.sampled_from(_FLOATS))),
            st.tuples(_fields("as"), st.just(equality), _list(st.sampled_from(_TEXTS))),
            st.tuples(_fields("ab"), st.just(equality), _list(st.booleans())),
        )
    )
    if draw(st.booleans()):
        left, right = right, left
        operator = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(operator, operator)
    return ("cmp", operator, left, right)


@st.composite
def _ranges(draw: Draw) -> Any:
    rising = draw(st.booleans())
    operators = ["<", "<="] if rising else [">", ">="]
    value, bounds = draw(
        st.one_of(
            st.tuples(st.one_of(_fields(*_INTEGER_FIELDS, "f32", "f64"), _numbers()), st.just(_constants_of_numbers)),
            st.tuples(_strings(), st.just(st.sampled_from(_TEXTS))),
            st.tuples(_paths(), st.just(_finite_constants)),
        )
    )
    low, high = draw(_const(bounds)), draw(_const(bounds))
    return ("range", low, draw(st.sampled_from(operators)), value, draw(st.sampled_from(operators)), high)


def _memberships() -> st.SearchStrategy[Any]:
    pairs = st.one_of(
        st.tuples(_numbers(), _list(_constants_of_numbers)),
        st.tuples(_json_numbers(), _list(_constants_of_numbers)),
        st.tuples(_strings(), _list(st.sampled_from(_TEXTS))),
        st.tuples(_bools(), _list(st.booleans())),
        st.tuples(_paths(), _list(st.one_of(_json_constants, st.lists(_json_constants, max_size=2).map(tuple)))),
    )
    return st.builds(lambda pair, negated: ("in", *pair, negated), pairs, st.booleans())


def _patterns() -> st.SearchStrategy[Any]:
    operands = st.one_of(_strings(), _paths())
    return st.one_of(
        st.tuples(st.just("like"), operands, st.sampled_from(_LIKE), st.booleans()),
        st.tuples(st.just("regex"), operands, st.sampled_from(_REGEX), st.booleans()),
    )


def _containments() -> st.SearchStrategy[Any]:
    nested = st.one_of(_json_constants, st.lists(_json_constants, max_size=2).map(tuple))
    kinds = [
        (_paths(), nested),
        (_fields("a8", "a64"), st.sampled_from(_SMALL + _LARGE + [2.5, 1.0])),
        (_fields("af"), _constants_of_numbers),
        (_fields("as"), st.sampled_from(_TEXTS)),
        (_fields("ab"), st.booleans()),
    ]
    single = st.one_of(*(st.tuples(st.just("one"), field, _const(values)) for field, values in kinds))
    several = st.one_of(
        *(st.tuples(st.sampled_from(["all", "any"]), field, _list(values, 3)) for field, values in kinds)
    )
    return st.one_of(single, several).map(lambda found: ("contains", *found))


def _leaves() -> st.SearchStrategy[Any]:
    nullable = st.one_of(_fields("i64", "f32", "s", "a64", "flag"), _paths())
    lengths = st.tuples(
        st.just("cmp"),
        st.sampled_from(_COMPARISONS),
        st.tuples(st.just("length"), st.one_of(_paths(), _fields("a64", "as"))),
        _const(st.integers(0, 3)),
    )
    return st.one_of(
        _comparisons(),
        _comparisons(),
        _comparisons(),
        _ranges(),
        _memberships(),
        _patterns(),
        _containments(),
        lengths,
        st.tuples(st.just("isnull"), nullable, st.booleans()),
        st.tuples(st.just("exists"), _paths(1)),
        st.tuples(st.just("flag"), _bools()),
        st.tuples(st.just("always"), st.booleans()),
    )


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
                return f"{self._side(operand)} {'is not null' if negated else self._word('is null', 'IS NULL')}", _COMPARE
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
        unwritable = isinstance(value, float) and (value != value or value in {float("inf"), float("-inf")})
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

    def _string(self, value: str) -> str:
        if "\\" in value and value[-1] != "\\" and '"' not in value and self.style.random() < 0.7:
            return f'r"{value}"'
        quote = self._word('"', "'")
        written = value.replace("\\", "\\\\").replace(quote, "\\" + quote)
        if self.style.random() < 0.5:
            written = written.replace("\n", "\\n").replace("\x00", "\\x00").replace("é", "\\u00e9")
        return f"{quote}{written}{quote}"
