"""Conditions over columns of JSON values.

A value of another kind than the one it is compared with is unequal to it and in no order with it (UNKNOWN). Without a
value, or with null, every comparison is UNKNOWN. Numbers compare exactly whatever their form; a bool is no number.
"""

import functools
import operator as operators
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.expr import primitives
from elanus.expr.bound import ConstantValue
from elanus.expr.bounds import NumberSet
from elanus.expr.member_sets import MemberSet
from elanus.expr.numbers import Numbers, compare_constant, compare_numbers, contained
from elanus.expr.truth import Truth
from elanus.expr.variants import ARRAY, BIG_INTEGER, BOOL, DOUBLE, INTEGER, OBJECT, STRING, Elements, Variants

__all__ = [
    "array_lengths",
    "compare_json",
    "compare_variants",
    "contains_json",
    "in_json",
    "json_equal",
    "members_json",
]

_PYTHON: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operators.eq, "<": operators.lt, "<=": operators.le, ">": operators.gt, ">=": operators.ge,
}  # fmt: skip
_NUMBERS: Final = (INTEGER, DOUBLE, BIG_INTEGER)


def compare_json(variants: Variants, operator: str, constant: ConstantValue) -> Truth:
    """`value operator constant`."""
    asked = "==" if operator == "!=" else operator
    if isinstance(constant, bool):
        comparable = variants.rows_of(BOOL)
        hits = _truths(variants, truth=constant)
    elif isinstance(constant, str):
        comparable = variants.rows_of(STRING)
        hits = Bitset.zeros(variants.row_count)
        if variants.strings is not None:
            hits = primitives.string_compare(variants.strings, asked, constant)
    elif isinstance(constant, tuple):
        comparable = variants.rows_of(ARRAY)
        hits = _rows_where(
            variants, _of_size(variants, comparable, len(constant)), lambda value: json_equal(value, constant)
        )
    else:
        assert isinstance(constant, int | float), constant
        comparable = variants.rows_of(*_NUMBERS)
        hits = _compare_numbers(variants, asked, constant)
    return _answer(operator, hits & comparable, comparable, variants.known)


def compare_variants(left: Variants, operator: str, right: Variants) -> Truth:
    """`left operator right`, row by row."""
    asked = "==" if operator == "!=" else operator
    numbers = left.rows_of(*_NUMBERS) & right.rows_of(*_NUMBERS)
    strings = left.rows_of(STRING) & right.rows_of(STRING)
    hits = compare_numbers(left.numbers(), asked, right.numbers()) & numbers
    if left.strings is not None and right.strings is not None:
        hits |= primitives.string_compare_columns(left.strings, asked, right.strings) & strings
    big = numbers & (left.rows_of(BIG_INTEGER) | right.rows_of(BIG_INTEGER))
    if big.any():
        hits = hits.minus(big) | _rows_where_both(left, right, big, _PYTHON[asked])
    if asked == "==":
        hits |= _equal_others(left, right)
    return _answer(operator, hits, numbers | strings, lambda: left.known() & right.known())


def in_json(variants: Variants, numbers: NumberSet, strings: pa.Array, others: Sequence[ConstantValue]) -> Truth:
    """Whether the value equals one of the numbers, strings, truth values or lists."""
    hits = contained(variants.numbers(), numbers) & variants.rows_of(INTEGER, DOUBLE)
    big = variants.rows_of(BIG_INTEGER)
    if big.any():
        hits |= _rows_where(variants, big, frozenset(numbers.constants).__contains__)
    if variants.strings is not None:
        hits |= primitives.string_in(variants.strings, strings) & variants.rows_of(STRING)
    for other in others:
        hits |= compare_json(variants, "==", other).true
    return Truth.where_known(hits, variants.known())


def contains_json(variants: Variants, members: Sequence[ConstantValue], *, all_needed: bool) -> Truth:
    """Whether an array has all, or any, of the members; FALSE for a value that is no array."""
    arrays = variants.rows_of(ARRAY)
    hits = Bitset.zeros(variants.row_count)
    if variants.elements is not None:
        inside = arrays.minus(_without_columns(variants.elements, members))
        hits = _contains_by_column(variants.elements, members, all_needed=all_needed) & inside
        arrays = arrays.minus(inside)
    tests = [_member_test(member) for member in members]
    if len(tests) == 1:
        test = tests[0]
    elif all_needed:
        test = lambda elements: all([test(elements) for test in tests])  # noqa: C419, E731  a list is quicker
    else:
        test = lambda elements: any([test(elements) for test in tests])  # noqa: C419, E731
    return Truth.where_known(hits | _rows_where(variants, arrays, test), variants.known())


def array_lengths(variants: Variants) -> Numbers:
    """The number of elements of each array; not known for other values."""
    arrays = variants.rows_of(ARRAY)
    lengths = np.zeros(variants.row_count, np.int64)
    elements = variants.elements
    read = arrays
    if elements is not None:
        lengths[:] = elements.sizes()
        read = Bitset.zeros(variants.row_count) if elements.elsewhere is None else arrays & elements.elsewhere
    rows = read.rows()
    lengths[rows] = [len(array) for array in variants.objects_at(rows)]
    return Numbers(lengths, known=arrays)


def json_equal(left: Any, right: Any) -> bool:
    """Whether two JSON values are the same: numbers by value, arrays in order, objects by key. Not recursive."""
    waiting = [(left, right)]
    while waiting:
        a, b = waiting.pop()
        if isinstance(a, bool) or isinstance(b, bool) or a is None or b is None:
            if a is not b:
                return False
        elif isinstance(a, list | tuple) and isinstance(b, list | tuple):
            if len(a) != len(b):
                return False
            waiting.extend(zip(a, b, strict=True))
        elif isinstance(a, dict) and isinstance(b, dict):
            if a.keys() != b.keys():
                return False
            waiting.extend((value, b[key]) for key, value in a.items())
        elif isinstance(a, list | tuple | dict) or isinstance(b, list | tuple | dict) or a != b:
            return False
    return True


def _answer(operator: str, hits: Bitset, comparable: Bitset, known: Callable[[], Bitset]) -> Truth:
    """`hits` are the rows where `operator` (`==` for `!=`) holds between values, all of them comparable."""
    if operator == "==":
        return Truth(hits, ~known())
    if operator == "!=":
        rows = known()
        return Truth(rows.minus(hits), ~rows)
    return Truth(hits, ~comparable)


def _compare_numbers(variants: Variants, operator: str, constant: float) -> Bitset:
    hits = compare_constant(variants.any_numbers(), operator, constant)
    big = None if variants.objects is None else variants.rows_of(BIG_INTEGER)
    if big is not None and big.any():
        compare = _PYTHON[operator]
        hits = hits.minus(big) | _rows_where(variants, big, lambda value: compare(value, constant))
    return hits


def _truths(variants: Variants, *, truth: bool) -> Bitset:
    if variants.truths is None:
        return Bitset.zeros(variants.row_count)
    return Bitset.from_bool(variants.truths == truth)


def _equal_others(left: Variants, right: Variants) -> Bitset:
    """The rows with equal truth values, arrays or objects on both sides."""
    hits = Bitset.zeros(left.row_count)
    if left.truths is not None and right.truths is not None:
        both = left.rows_of(BOOL) & right.rows_of(BOOL)
        hits = Bitset.from_bool(left.truths == right.truths) & both
    rows = left.rows_of(ARRAY, OBJECT) & right.rows_of(ARRAY, OBJECT)
    return hits | _rows_where_both(left, right, rows, json_equal)


def _rows_where_both(left: Variants, right: Variants, rows: Bitset, test: Callable[[Any, Any], bool]) -> Bitset:
    """Those of `rows` whose two values pass."""
    numbers = rows.rows()
    passed = np.fromiter(map(test, left.values_at(numbers), right.values_at(numbers)), np.bool_, len(numbers))
    return Bitset.from_rows(numbers[passed], left.row_count)


def _rows_where(variants: Variants, rows: Bitset, test: Callable[[Any], bool]) -> Bitset:
    """Those of `rows`, all of them ARRAY, OBJECT or BIG_INTEGER, whose value passes."""
    if not rows.any():
        return Bitset.zeros(variants.row_count)
    numbers = rows.rows()
    passed = np.fromiter(map(test, variants.objects_at(numbers)), np.bool_, len(numbers))
    return Bitset.from_rows(numbers[passed], variants.row_count)


def _of_size(variants: Variants, arrays: Bitset, size: int) -> Bitset:
    """Those of the arrays that may have so many elements."""
    elements = variants.elements
    if elements is None:
        return arrays
    possible = Bitset.from_bool(elements.sizes() == size)
    return arrays & (possible if elements.elsewhere is None else possible | elements.elsewhere)


def _without_columns(elements: Elements, members: Sequence[ConstantValue]) -> Bitset:
    """The rows whose arrays have elements that columns cannot compare with the members."""
    hard = []
    if any(isinstance(member, tuple) for member in members):
        hard.append(ARRAY)
    if any(isinstance(member, int | float) for member in members):
        hard.append(BIG_INTEGER)
    rows = Bitset.zeros(len(elements.offsets) - 1)
    if elements.values.present.intersection(hard):
        rows = elements.rows_with(elements.values.rows_of(*hard))
    return rows if elements.elsewhere is None else rows | elements.elsewhere


def _contains_by_column(elements: Elements, members: Sequence[ConstantValue], *, all_needed: bool) -> Bitset:
    """The rows that have all, or any, of the members; lists are in no row."""
    row_count = len(elements.offsets) - 1
    values = elements.values
    found = [
        Bitset.zeros(values.row_count) if isinstance(member, tuple) else compare_json(values, "==", member).true
        for member in members
    ]
    if all_needed:
        return functools.reduce(Bitset.__and__, map(elements.rows_with, found), Bitset.ones(row_count))
    return elements.rows_with(functools.reduce(Bitset.__or__, found, Bitset.zeros(values.row_count)))


def _member_test(member: ConstantValue) -> Callable[[list[Any]], bool]:
    """Whether a JSON array has the member among its elements."""
    if isinstance(member, bool):
        return lambda elements: any(element is member for element in elements)
    if isinstance(member, tuple):
        return lambda elements: any(json_equal(element, member) for element in elements)

    if member in {0, 1}:
        # Python takes these for false and true.
        return lambda elements: any(element == member and type(element) is not bool for element in elements)
    return lambda elements: member in elements


def members_json(variants: Variants, members: MemberSet) -> Truth:
    """`membership_match(value, set)`: integers, whichever way they are written, and strings; others are in none."""
    hits = np.zeros(variants.row_count, np.bool_)
    if variants.integers is not None:
        rows = variants.kinds == INTEGER
        hits[rows] = members.integers(variants.integers[rows])
    if variants.doubles is not None:
        whole = (variants.kinds == DOUBLE) & (variants.doubles == np.floor(variants.doubles))
        rows = whole & (variants.doubles >= -(2.0**63)) & (variants.doubles < 2.0**63)
        hits[rows] = members.integers(variants.doubles[rows].astype(np.int64))
    if variants.strings is not None:
        hits |= primitives.string_test(variants.strings, members.texts).to_bool() & (variants.kinds == STRING)
    return Truth.where_known(Bitset.from_bool(hits), variants.known())
