"""What a predicate of a filter asks of an index: the values to look up, and what to make of the rows found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.expr.bound import (
    ArrayColumn,
    Between,
    Column,
    Compare,
    CompareJson,
    Condition,
    ConstantValue,
    Contains,
    EqualsList,
    InJson,
    InNumbers,
    InStrings,
    JsonPath,
    Matches,
    Spatial,
)
from elanus.expr.bounds import double_form, integer_form
from elanus.expr.cost import cost
from elanus.expr.domains import INTEGER_BITS
from elanus.expr.json_paths import Steps
from elanus.expr.patterns import StringPattern
from elanus.index.scalar.protocol import AllOf, Lookup, Members, Passing, StartsWith, ValueRange
from elanus.query.spatial_lookups import spatial_lookup
from elanus.schema.types import DataType

__all__ = ["IndexLookup", "index_lookup"]

Value = bool | int | float | str
Unknown = Literal["absent", "null_documents", "none"]

# A filter is evaluated for every segment, and again when it is asked again.
_REMEMBERED_MAX: Final = 1024
_SMALL: Final = (Compare, Between, CompareJson, Matches, Spatial)


@dataclass(frozen=True, slots=True)
class IndexLookup:
    """A predicate as a lookup.

    Attributes:
        field_name: the field it is about.
        steps: the path inside it; None for a field that is not JSON.
        cast: what the values at the path are indexed as (`index.scalar.rules.JSON_CASTS`); empty for other fields.
        lookup: the values.
        negated: the predicate is TRUE for the other rows that have a value.
        unknown: which of the rows without a value it is UNKNOWN for.
        is_exact: whether every row that has what is looked up meets the predicate.
    """

    field_name: str
    lookup: Lookup
    steps: Steps | None = None
    cast: str = ""
    negated: bool = False
    unknown: Unknown = "absent"
    is_exact: bool = True


# By identity, because constants that are equal (1 and true) ask for other rows. The predicate is kept alive beside its
# lookup, so that no other object has its id.
_remembered: Final[dict[int, tuple[Condition, IndexLookup | None]]] = {}


def index_lookup(predicate: Condition) -> IndexLookup | None:
    """The lookup for a predicate; None when no index can tell anything of it."""
    # Long lists are not kept alive for this.
    if not isinstance(predicate, _SMALL):
        return _lookup(predicate)
    found = _remembered.get(id(predicate))
    if found is None:
        if len(_remembered) >= _REMEMBERED_MAX:
            _remembered.clear()
        found = _remembered[id(predicate)] = predicate, _lookup(predicate)
    return found[1]


def _lookup(predicate: Condition) -> IndexLookup | None:
    match predicate:
        case Compare(operand=Column() as column):
            return _comparison(column, predicate.operator, predicate.constant)
        case Between(operand=Column() as column):
            return _between(column, predicate)
        case InNumbers(operand=Column(data_type=data_type) as column):
            if data_type.is_integer or data_type is DataType.TIMESTAMPTZ:
                return IndexLookup(column.name, Members(predicate.members.integers), negated=predicate.negated)
            if data_type in {DataType.FLOAT, DataType.DOUBLE}:
                return IndexLookup(column.name, Members(predicate.members.doubles), negated=predicate.negated)
            return None
        case InStrings(operand=Column() as column):
            return IndexLookup(column.name, Members(predicate.members), negated=predicate.negated)
        case Matches(operand=Column() as column):
            return IndexLookup(column.name, _pattern(predicate), negated=predicate.negated)
        case Contains(operand=ArrayColumn(member="") as array) if not (predicate.all_needed and predicate.impossible):
            lookup = _containment(predicate.members, all_needed=predicate.all_needed)
            return None if lookup is None else IndexLookup(array.name, lookup)
        case Spatial():
            lookup = spatial_lookup(predicate)
            return None if lookup is None else IndexLookup(predicate.operand.name, lookup, is_exact=False)
        case EqualsList(array=ArrayColumn(member="") as array, members=members) if members:
            lookup = AllOf(tuple(dict.fromkeys(members)))
            return IndexLookup(array.name, lookup, negated=predicate.negated, is_exact=False)
        case _:
            return _json_lookup(predicate)


def _json_lookup(predicate: Condition) -> IndexLookup | None:
    match predicate:
        case CompareJson(path=path):
            return _json_comparison(path, predicate.operator, predicate.constant)
        case InJson(path=path):
            found = _json_members(predicate)
            if found is None:
                return None
            cast, lookup = found
            return IndexLookup(path.name, lookup, path.steps, cast, negated=predicate.negated)
        case Matches(operand=JsonPath() as path):
            unknown: Unknown = "none" if path.is_dynamic else "null_documents"
            return IndexLookup(
                path.name, _pattern(predicate), path.steps, "VARCHAR", negated=predicate.negated, unknown=unknown
            )
        case Contains(operand=JsonPath() as path):
            return _json_containment(path, predicate)
        case _:
            return None


def _comparison(column: Column, operator: str, constant: Value) -> IndexLookup | None:
    form = _in_domain(operator, constant, column.data_type)
    if form is None:
        return None
    operator, value = form
    return IndexLookup(column.name, _range(operator, value), negated=operator == "!=")


def _in_domain(operator: str, constant: Value, data_type: DataType) -> tuple[str, Value] | None:
    """The comparison with a value of the column's type; None when there is none."""
    if data_type is DataType.VARCHAR or data_type is DataType.BOOL:
        return operator, constant
    # Times are 64-bit integers of microseconds, in columns and in constants.
    bits = 64 if data_type is DataType.TIMESTAMPTZ else INTEGER_BITS.get(data_type)
    if not isinstance(constant, int | float):
        return None
    if bits is not None:
        form: tuple[str, Value] | bool = integer_form(operator, constant, bits)
    elif data_type is DataType.FLOAT or data_type is DataType.DOUBLE:
        form = double_form(operator, constant)
    else:
        return None
    return None if isinstance(form, bool) else form


def _range(operator: str, value: Value) -> ValueRange:
    match operator:
        case "<" | "<=":
            return ValueRange(None, value, high_inclusive=operator == "<=")
        case ">" | ">=":
            return ValueRange(value, None, low_inclusive=operator == ">=")
        case _:
            return ValueRange(value, value)


def _between(column: Column, predicate: Between) -> IndexLookup | None:
    low = _in_domain(predicate.low_operator, predicate.low, column.data_type)
    high = _in_domain(predicate.high_operator, predicate.high, column.data_type)
    if low is None or high is None:
        return None
    lookup = ValueRange(low[1], high[1], low_inclusive=low[0] == ">=", high_inclusive=high[0] == "<=")
    return IndexLookup(column.name, lookup)


def _pattern(predicate: Matches) -> Lookup:
    pattern: StringPattern = predicate.pattern
    if pattern.test == "equal":
        return ValueRange(pattern.text, pattern.text)
    if pattern.test == "prefix":
        return StartsWith(pattern.text)
    is_plain = pattern.test != "regex" and isinstance(predicate.operand, Column)
    return Passing(pattern.matches, pattern.pieces, cost(predicate), is_plain)


def _containment(members: Sequence[ConstantValue], *, all_needed: bool) -> Lookup | None:
    """The lookup among the elements of arrays for distinct members of one kind; None when there is none of them."""
    values = [member for member in dict.fromkeys(members) if isinstance(member, bool | int | float | str)]
    if not values:
        return None
    if len(values) == 1:
        return ValueRange(values[0], values[0])
    return AllOf(tuple(values)) if all_needed else Members(_member_values(values))


def _member_values(values: Sequence[Value]) -> npt.NDArray[Any] | pa.Array:
    if isinstance(values[0], str):
        return pa.array(values, pa.string())
    return np.unique(np.array(values, np.float64 if isinstance(values[0], float) else np.int64))


def _json_comparison(path: JsonPath, operator: str, constant: ConstantValue) -> IndexLookup | None:
    match constant:
        case bool():
            # Truth values are in no order: such a comparison is the same for all of them.
            if operator not in {"==", "!="}:
                return None
            return IndexLookup(path.name, ValueRange(constant, constant), path.steps, "BOOL", negated=operator == "!=")
        case str():
            return IndexLookup(path.name, _range(operator, constant), path.steps, "VARCHAR", negated=operator == "!=")
        case int() | float():
            form = double_form(operator, constant)
            if isinstance(form, bool):
                return None
            operator, value = form
            return IndexLookup(path.name, _range(operator, value), path.steps, "DOUBLE", negated=operator == "!=")
        case _:
            return None


def _json_members(predicate: InJson) -> tuple[str, Lookup] | None:
    """The members, if all are of one kind."""
    numbers, strings, others = predicate.numbers, predicate.strings, predicate.others
    has_numbers = len(numbers.constants) > 0
    if has_numbers and not len(strings) and not others:
        return "DOUBLE", Members(numbers.doubles)
    if len(strings) and not has_numbers and not others:
        return "VARCHAR", Members(strings)
    if others and not has_numbers and not len(strings) and all(isinstance(other, bool) for other in others):
        return "BOOL", Members(np.unique(np.array([int(other is True) for other in others], np.int64)))
    return None


def _json_containment(path: JsonPath, predicate: Contains) -> IndexLookup | None:
    members, kinds = predicate.members, set(map(type, predicate.members))
    if kinds == {str}:
        cast, values = "ARRAY_VARCHAR", list(members)
    elif kinds == {bool}:
        cast, values = "ARRAY_BOOL", list(members)
    elif kinds and kinds <= {int, float}:
        forms = [double_form("==", member) for member in members if isinstance(member, int | float)]
        if any(isinstance(form, bool) for form in forms):
            return None
        cast, values = "ARRAY_DOUBLE", [form[1] for form in forms if not isinstance(form, bool)]
    else:
        return None
    lookup = _containment(values, all_needed=predicate.all_needed)
    return None if lookup is None else IndexLookup(path.name, lookup, path.steps, cast)
