"""Evaluates bound conditions over the columns of a source, every row at once, in three-valued logic."""

from typing import Any, Final, assert_never

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.columns.json_values import JsonValues, ValuePath
from elanus.columns.numbers import full_numbers, number_array, number_values
from elanus.expr import primitives
from elanus.expr.access import CONNECTIVES, IndexAccess
from elanus.expr.array_predicates import array_equals, contains_all, contains_any
from elanus.expr.bound import (
    Always,
    And,
    Between,
    Compare,
    CompareJson,
    CompareOperands,
    Condition,
    Contains,
    EqualsList,
    Exists,
    Fixed,
    InJson,
    InNumbers,
    InStrings,
    IsNull,
    IsNullDocument,
    JsonPath,
    MatchElements,
    Matches,
    MemberOf,
    Not,
    Or,
    Spatial,
)
from elanus.expr.cost import NARROWING_COST_MIN, cost
from elanus.expr.json_predicates import compare_json, compare_variants, contains_json, in_json, members_json
from elanus.expr.numbers import Numbers, compare_constant, compare_numbers, contained
from elanus.expr.operand_binder import kind
from elanus.expr.operand_reader import JsonPaths, OperandReader
from elanus.expr.source import ColumnSource
from elanus.expr.spatial import spatial_truth
from elanus.expr.struct_elements import StructElements, counted_truth
from elanus.expr.truth import Truth
from elanus.expr.variants import MISSING, NULL, STRING

__all__ = ["evaluate"]

# Asked for every condition: a tuple is made once, a union of types each time.
_JOINING: Final = (And, Or)

# Times are numbers of microseconds here.
_NUMERIC: Final = frozenset({"number", "time"})

# Gathering rows costs something itself: it pays when most rows are decided already, and there are some.
_NARROWING_ROWS_MIN: Final = 256
_NARROWING_SHARE_MAX: Final = 0.5
# So few rows are gathered in less time than any predicate takes over all.
_FEW_ROWS_SHARE_MAX: Final = 1 / 256


def evaluate(
    condition: Condition,
    source: ColumnSource,
    paths: JsonPaths,
    access: IndexAccess | None = None,
    *,
    true_only: bool = False,
) -> Truth:
    """The truth of a condition in every row; `paths` has every JSON path in it.

    With `access`, predicates are answered by indexes where that is less work; the answer is the same. With `true_only`,
    the rows that are not TRUE may be FALSE or UNKNOWN, whichever is less work.

    Raises:
        DataCorrupt: a JSON column holds what is not JSON.
    """
    evaluation = _Evaluation(source, OperandReader(source, paths), access)
    return evaluation.holding(condition) if true_only else evaluation.truth(condition)


class _Evaluation:
    def __init__(self, source: ColumnSource, read: OperandReader, access: IndexAccess | None) -> None:
        self._source: Final = source
        self._read: Final = read
        self._access: Final = access

    def truth(self, node: Condition) -> Truth:
        """By an index or by scanning."""
        if self._access is None or isinstance(node, CONNECTIVES):
            return self._scanned(node)
        offer = self._access.taken(node, self._read.row_count)
        if offer is None:
            truth = self._scanned(node)
            self._access.note_scan(node, self._read.row_count, truth)
            return truth
        answer = offer.answer()
        truth = Truth(answer.true, answer.unknown)
        if answer.undecided is not None and answer.undecided.any():
            truth |= self._over(node, answer.undecided, record=False)
        self._access.note_answer(node, offer, answer, truth)
        return truth

    def holding(self, node: Condition) -> Truth:
        """The rows that are TRUE; what the others are does not matter."""
        return self._joined(node, true_only=True) if isinstance(node, _JOINING) else self.truth(node)

    def _scanned(self, node: Condition) -> Truth:
        match node:
            case Compare():
                return self._compare(node)
            case And() | Or():
                return self._joined(node)
            case Not():
                return ~self.truth(node.operand)
            case Between():
                return self._between(node)
            case InNumbers():
                numbers = self._read.numbers(node.operand)
                return _membership(contained(numbers, node.members), numbers.known, negated=node.negated)
            case InStrings():
                strings = self._read.scalars(node.operand)
                hits = primitives.string_in(strings, node.members)
                return _membership(hits, primitives.validity(strings), negated=node.negated)
            case Matches():
                return self._matches(node)
            case Spatial():
                return spatial_truth(node, self._read.column(node.operand.name))
            case MemberOf():
                return self._member_of(node)
            case IsNull():
                return self._is_null(node)
            case IsNullDocument():
                return self._is_null_document(node)
            case CompareJson():
                return compare_json(self._read.variants(node.path), node.operator, node.constant)
            case InJson():
                found = in_json(self._read.variants(node.path), node.numbers, node.strings, node.others)
                return ~found if node.negated else found
            case Exists():
                return Truth(Bitset.from_bool(self._read.variants(node.path).kinds != MISSING))
            case CompareOperands():
                return self._compare_operands(node)
            case Contains():
                return self._contains(node)
            case EqualsList():
                return self._equals_list(node)
            case MatchElements():
                return self._match_elements(node)
            case Fixed():
                return Truth.where_known(self._all_or_none(truth=node.truth), self._read.known(node.operand))
            case Always():
                return Truth.constant(self._read.row_count, truth=node.truth)
            case _:
                assert_never(node)

    def _all_or_none(self, *, truth: bool) -> Bitset:
        return Bitset.ones(self._read.row_count) if truth else Bitset.zeros(self._read.row_count)

    def _joined(self, node: And | Or, *, true_only: bool = False) -> Truth:
        """Operands in their order, until every row is decided; costly ones only over rows that are not.

        Those that an index answers come first, fewest rows before more.
        """
        is_and = isinstance(node, And)
        operands = node.operands
        if self._access is not None:
            operands = self._access.ordered(operands, self._read.row_count)
        answer = self.holding if true_only else self.truth
        truth = answer(operands[0])
        for position in range(1, len(operands)):
            open_rows = ~truth.true if not is_and else truth.true if true_only else truth.possible()
            open_count = open_rows.count()
            if open_count == 0:
                break
            operand = operands[position]
            if self._narrows(operand, open_count):
                rest = operands[position:]
                narrowed = rest[0] if len(rest) == 1 else And(rest) if is_and else Or(rest)
                other = self._over(narrowed, open_rows)
                return truth & other if is_and else truth | other
            other = answer(operand)
            truth = truth & other if is_and else truth | other
        return truth

    def _narrows(self, operand: Condition, open_count: int) -> bool:
        """Whether the operand is better looked at in the open rows only."""
        row_count = self._read.row_count
        if row_count < _NARROWING_ROWS_MIN or open_count > _NARROWING_SHARE_MAX * row_count:
            return False
        return cost(operand) >= NARROWING_COST_MIN or open_count <= _FEW_ROWS_SHARE_MAX * row_count

    def _over(self, node: Condition, rows: Bitset, *, record: bool = True) -> Truth:
        """The truth in some rows; in the others it says FALSE, and whoever asks has decided them already."""
        numbers = rows.rows()
        gathered = _Gathered(self._source, numbers)
        access = None if self._access is None or not record else self._access.without_indexes()
        part = _Evaluation(gathered, self._read.over(gathered, numbers), access).truth(node)
        true = Bitset.from_rows(numbers[part.true.rows()], len(rows))
        if part.unknown is None:
            return Truth(true)
        return Truth(true, Bitset.from_rows(numbers[part.unknown.rows()], len(rows)))

    def _compare(self, node: Compare) -> Truth:
        operands_kind = kind(node.operand)
        if operands_kind in _NUMERIC:
            assert isinstance(node.constant, int | float)
            numbers = self._read.numbers(node.operand)
            return Truth.where_known(compare_constant(numbers, node.operator, node.constant), numbers.known)
        column = self._read.scalars(node.operand)
        return Truth.where_known(_compare_column(column, node.operator, node.constant), primitives.validity(column))

    def _between(self, node: Between) -> Truth:
        if kind(node.operand) in _NUMERIC:
            assert isinstance(node.low, int | float)
            assert isinstance(node.high, int | float)
            # The bounds are in the field's domain already.
            numbers = number_values(self._read.column(node.operand.name))
            hits = primitives.between(numbers, node.low_operator, node.low, node.high_operator, node.high)
            return Truth.where_known(hits, self._read.known(node.operand))
        column = self._read.scalars(node.operand)
        above = _compare_column(column, node.low_operator, node.low)
        within = above & _compare_column(column, node.high_operator, node.high)
        return Truth.where_known(within, primitives.validity(column))

    def _compare_operands(self, node: CompareOperands) -> Truth:
        kinds = {kind(node.left), kind(node.right)}
        if "json" in kinds:
            left_values, right_values = self._read.as_variants(node.left), self._read.as_variants(node.right)
            return compare_variants(left_values, node.operator, right_values)
        if kinds <= _NUMERIC:
            left, right = self._read.numbers(node.left), self._read.numbers(node.right)
            return Truth.where_known(compare_numbers(left, node.operator, right), _both(left, right))
        a, b = self._read.scalars(node.left), self._read.scalars(node.right)
        if kinds == {"bool"}:
            differ = primitives.bits(a) ^ primitives.bits(b)
            hits = differ if node.operator == "!=" else ~differ
        else:
            hits = primitives.string_compare_columns(a, node.operator, b)
        known = _intersection(primitives.validity(a), primitives.validity(b))
        return Truth.where_known(hits, known)

    def _matches(self, node: Matches) -> Truth:
        if isinstance(node.operand, JsonPath):
            strings = self._read.variants(node.operand).strings
            hits = self._all_or_none(truth=False)
            if strings is not None:
                hits = node.pattern.matches(strings) & self._read.variants(node.operand).rows_of(STRING)
            return _membership(hits, self._read.json_known(node.operand), negated=node.negated)
        column = self._read.scalars(node.operand)
        return _membership(node.pattern.matches(column), primitives.validity(column), negated=node.negated)

    def _member_of(self, node: MemberOf) -> Truth:
        if isinstance(node.operand, JsonPath):
            return members_json(self._read.variants(node.operand), node.members)
        column = self._read.scalars(node.operand)
        if kind(node.operand) == "string":
            found = primitives.string_test(column, node.members.texts)
        else:
            found = Bitset.from_bool(node.members.integers(number_values(column)))
        return Truth.where_known(found, primitives.validity(column))

    def _is_null(self, node: IsNull) -> Truth:
        if isinstance(node.operand, JsonPath):
            null = Bitset.from_bool(self._read.variants(node.operand).kinds <= NULL)
        else:
            known = primitives.validity(self._read.column(node.operand.name))
            null = self._all_or_none(truth=False) if known is None else ~known
        return Truth(~null if node.negated else null)

    def _is_null_document(self, node: IsNullDocument) -> Truth:
        null = self._read.null_document(node.name)
        return Truth(~null if node.negated else null)

    def _contains(self, node: Contains) -> Truth:
        if isinstance(node.operand, JsonPath):
            return contains_json(self._read.variants(node.operand), node.members, all_needed=node.all_needed)
        column = self._read.array(node.operand)
        members = [member for member in node.members if isinstance(member, bool | int | float | str)]
        if node.all_needed and node.impossible:
            hits = self._all_or_none(truth=False)
        else:
            hits = (contains_all if node.all_needed else contains_any)(column, members)
        return Truth.where_known(hits, primitives.validity(column))

    def _equals_list(self, node: EqualsList) -> Truth:
        column = self._read.array(node.array)
        hits = self._all_or_none(truth=False) if node.members is None else array_equals(column, node.members)
        return _membership(hits, primitives.validity(column), negated=node.negated)

    def _match_elements(self, node: MatchElements) -> Truth:
        column = self._read.column(node.array.name)
        elements = StructElements(column)
        truth = _Evaluation(elements, OperandReader(elements, {}), None).truth(node.condition)
        return counted_truth(column, truth, least=node.least, most=node.most)


class _Gathered:
    """Some rows of a source, as a source."""

    def __init__(self, source: ColumnSource, rows: npt.NDArray[np.int64]) -> None:
        self._source: Final = source
        self._rows: Final = number_array(rows)

    @property
    def row_count(self) -> int:
        return len(self._rows)

    def column(self, name: str) -> pa.Array:
        return self._source.column(name).take(self._rows)

    def numbers(self, name: str) -> npt.NDArray[Any] | None:
        return full_numbers(self.column(name))

    def strings(self, name: str) -> pa.Array:
        return self._source.strings(name).take(self._rows)

    def json_values(self, name: str, path: ValuePath) -> JsonValues | None:
        values = self._source.json_values(name, path)
        return None if values is None else values.take(number_values(self._rows))


def _compare_column(column: pa.Array, operator: str, constant: object) -> Bitset:
    """A column of strings or truth values against a constant of its kind; undefined for null rows."""
    if isinstance(constant, str):
        return primitives.string_compare(column, operator, constant)
    truths = primitives.bits(column)
    return truths if (operator == "==") == constant else ~truths


def _membership(hits: Bitset, known: Bitset | None, *, negated: bool) -> Truth:
    return Truth.where_known(~hits if negated else hits, known)


def _both(left: Numbers, right: Numbers) -> Bitset | None:
    return _intersection(left.known, right.known)


def _intersection(left: Bitset | None, right: Bitset | None) -> Bitset | None:
    if left is None or right is None:
        return right if left is None else left
    return left & right
