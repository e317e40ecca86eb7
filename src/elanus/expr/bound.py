"""The bound tree: a filter over the fields of one schema, every name resolved, every literal in its field's domain.

Operands give a value a row, conditions a truth value a row. Which operands meet which condition, and what the constants
beside them may be, is the binder's promise; the evaluator relies on it.
"""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from elanus.expr.bounds import NumberSet
from elanus.expr.member_sets import MemberSet
from elanus.expr.patterns import StringPattern
from elanus.expr.syntax import Index, Key, Scalar
from elanus.schema.instants import Duration
from elanus.schema.types import DataType

__all__ = [
    "Always",
    "And",
    "Arithmetic",
    "ArrayColumn",
    "Between",
    "Column",
    "Compare",
    "CompareJson",
    "CompareOperands",
    "Condition",
    "Constant",
    "ConstantValue",
    "Contains",
    "Element",
    "EqualsList",
    "Exists",
    "Fixed",
    "InJson",
    "InNumbers",
    "InStrings",
    "Instant",
    "IsNull",
    "IsNullDocument",
    "JsonPath",
    "Kind",
    "Length",
    "MatchElements",
    "Matches",
    "MemberOf",
    "Negation",
    "Not",
    "NumberType",
    "Operand",
    "Or",
    "Shifted",
    "Spatial",
]

Kind = Literal["number", "string", "bool", "json", "array", "time", "geometry"]
"""What an operand's values are, as far as comparing goes."""

NumberType = Literal["integer", "double", "mixed"]
"""What numbers an operand has; `mixed` is decided row by row, as JSON has it."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time, microseconds since 1970 in UTC."""

    microseconds: int


ConstantValue = Scalar | Instant | Duration | tuple["ConstantValue", ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal, or the value of a placeholder."""

    value: ConstantValue


@dataclass(frozen=True, slots=True)
class Column:
    """A field with one number, string or truth value a row."""

    name: str
    data_type: DataType


@dataclass(frozen=True, slots=True)
class ArrayColumn:
    """An Array field; or one member of all structs in an array of structs, which is an array as well.

    Attributes:
        name: the field.
        element_type: STRUCT for an array of structs itself.
        member: name of the member, or empty.
    """

    name: str
    element_type: DataType
    member: str = ""


@dataclass(frozen=True, slots=True)
class Element:
    """The element of an array at a position from 0; UNKNOWN beyond its end."""

    array: ArrayColumn
    position: int


@dataclass(frozen=True, slots=True)
class JsonPath:
    """The value at a path inside a JSON field; no step is the whole value.

    Attributes:
        name: the field.
        steps: keys and positions.
        is_dynamic: the field is `$meta`, which counts as `{}` where it is null.
    """

    name: str
    steps: tuple[Key | Index, ...]
    is_dynamic: bool = False


@dataclass(frozen=True, slots=True)
class Length:
    """The number of elements of an array; UNKNOWN for JSON that is no array."""

    of: ArrayColumn | JsonPath


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left operator right`, both numbers."""

    operator: str
    left: "Operand"
    right: "Operand"
    number_type: NumberType


@dataclass(frozen=True, slots=True)
class Negation:
    """`-operand`."""

    operand: "Operand"
    number_type: NumberType


@dataclass(frozen=True, slots=True)
class Shifted:
    """A time, so much later."""

    operand: "Column | Shifted"
    duration: Duration


Operand = Constant | Column | ArrayColumn | Element | JsonPath | Length | Arithmetic | Negation | Shifted


@dataclass(frozen=True, slots=True)
class Always:
    """The same answer for every row."""

    truth: bool


@dataclass(frozen=True, slots=True)
class And:
    """Cheap operands first."""

    operands: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """Cheap operands first."""

    operands: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Condition"


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same answer for every row where the operand has a value; UNKNOWN where it has none."""

    operand: Operand
    truth: bool


@dataclass(frozen=True, slots=True)
class Compare:
    """An operand of numbers, times, strings or truth values against a constant of its kind; of a time, microseconds."""

    operand: Operand
    operator: str
    constant: Scalar


@dataclass(frozen=True, slots=True)
class Between:
    """A field against two constants of its domain; `low_operator` is `>` or `>=`, `high_operator` `<` or `<=`."""

    operand: Column
    low_operator: str
    low: Scalar
    high_operator: str
    high: Scalar


@dataclass(frozen=True, slots=True)
class CompareOperands:
    """Two operands of one kind, or any two if one of them is JSON."""

    left: Operand
    operator: str
    right: Operand


@dataclass(frozen=True, slots=True)
class CompareJson:
    """The value at a path against a constant of any kind."""

    path: JsonPath
    operator: str
    constant: ConstantValue


@dataclass(frozen=True, slots=True, eq=False)
class InNumbers:
    """An operand of numbers, or of times, in a set."""

    operand: Operand
    members: NumberSet
    negated: bool


@dataclass(frozen=True, slots=True, eq=False)
class InStrings:
    """An operand of strings in a set (an Arrow string array)."""

    operand: Operand
    members: pa.Array
    negated: bool


@dataclass(frozen=True, slots=True, eq=False)
class InJson:
    """The value at a path in a list of constants.

    Attributes:
        path: what is looked up.
        numbers: the numbers of the list.
        strings: its strings, an Arrow string array.
        others: its truth values and lists.
        negated: `not in`.
    """

    path: JsonPath
    numbers: NumberSet
    strings: pa.Array
    others: tuple[ConstantValue, ...]
    negated: bool


@dataclass(frozen=True, slots=True, eq=False)
class MemberOf:
    """Integers or strings, or those at a path, in a set a client sent; other JSON values are in none."""

    operand: Column | JsonPath
    members: MemberSet


@dataclass(frozen=True, slots=True, eq=False)
class Spatial:
    """A geometry against another: `predicate` is the name of an st_ function without that prefix.

    Attributes:
        geometry: WKT; empty for `isvalid`.
        distance_m: for `dwithin`.
    """

    operand: Column
    predicate: str
    geometry: str = ""
    distance_m: float | None = None


@dataclass(frozen=True, slots=True)
class Matches:
    """Strings, or the strings at a path, against a pattern."""

    operand: Operand
    pattern: StringPattern
    negated: bool


@dataclass(frozen=True, slots=True)
class IsNull:
    """Never UNKNOWN."""

    operand: Column | ArrayColumn | JsonPath
    negated: bool


@dataclass(frozen=True, slots=True)
class IsNullDocument:
    """Whether a JSON field is NULL, or holds nothing but a JSON null; said without parsing it. Never UNKNOWN."""

    name: str
    negated: bool


@dataclass(frozen=True, slots=True)
class Exists:
    """Never UNKNOWN."""

    path: JsonPath


@dataclass(frozen=True, slots=True)
class Contains:
    """An array with all, or any, of some values; for a typed array they are in the domain of its elements.

    Attributes:
        operand: the array.
        members: the values, those left out that no element can equal.
        all_needed: all of them, else any.
        impossible: with `all_needed`, a value was left out of `members`.
    """

    operand: ArrayColumn | JsonPath
    members: tuple[ConstantValue, ...]
    all_needed: bool
    impossible: bool = False


@dataclass(frozen=True, slots=True)
class MatchElements:
    """How many structs of an array meet a condition.

    Attributes:
        array: the array of structs.
        condition: over its members, which are the columns it names.
        least: so many at least; None for all of them.
        most: so many at most; None for any number.
        chooses_elements: written as `element_filter`, which in a search for elements says which of them may be found.
    """

    array: ArrayColumn
    condition: "Condition"
    least: int | None
    most: int | None
    chooses_elements: bool = False


@dataclass(frozen=True, slots=True)
class EqualsList:
    """A typed array against a list in its elements' domain; `members` is None when no array can equal the list."""

    array: ArrayColumn
    members: tuple[Scalar, ...] | None
    negated: bool


Condition = (
    Always
    | And
    | Or
    | Not
    | Fixed
    | Compare
    | Between
    | CompareOperands
    | CompareJson
    | InNumbers
    | InStrings
    | InJson
    | MemberOf
    | Matches
    | Spatial
    | IsNull
    | IsNullDocument
    | Exists
    | Contains
    | EqualsList
    | MatchElements
)
