"""Conditions over typed arrays: all elements at once, then back to the rows they are in."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.bitset import Bitset
from elanus.columns.numbers import number_values
from elanus.expr import primitives
from elanus.expr.numbers import Numbers
from elanus.expr.syntax import Scalar

__all__ = ["array_elements", "array_equals", "array_sizes", "contains_all", "contains_any"]

Integers = npt.NDArray[np.int64]


def array_sizes(column: pa.Array) -> Numbers:
    """The number of elements of every row of a list column."""
    return Numbers(_lengths(column), known=primitives.validity(column))


def array_elements(column: pa.Array, position: int) -> pa.Array:
    """The element at `position` of every row; null for rows that are null or too short."""
    starts = column.offsets.to_numpy(zero_copy_only=False)[:-1].astype(np.int64)
    missing = _lengths(column) <= position
    rows = np.where(missing, 0, starts + position)
    return column.values.take(pa.array(rows, mask=missing))


def contains_any(column: pa.Array, members: Sequence[Scalar]) -> Bitset:
    """The rows with an element that is one of the members; undefined for null rows."""
    elements, offsets = _flat(column)
    return primitives.runs_with(_is_member(elements, members), offsets)


def contains_all(column: pa.Array, members: Sequence[Scalar]) -> Bitset:
    """The rows that have every member among their elements; undefined for null rows."""
    elements, offsets = _flat(column)
    rows = Bitset.ones(len(column))
    for member in dict.fromkeys(members):
        rows &= primitives.runs_with(_is_member(elements, [member]), offsets)
    return rows


def array_equals(column: pa.Array, members: Sequence[Scalar]) -> Bitset:
    """The rows whose elements are the members, in order; undefined for null rows."""
    rows = Bitset.from_bool(_lengths(column) == len(members))
    for position, member in enumerate(members):
        if not rows.any():
            break
        # Rows of this length have an element at every position; what the others answer is masked.
        rows &= _is_member(array_elements(column, position), [member])
    return rows


def _lengths(column: pa.Array) -> Integers:
    """Elements of each row, 0 for a null row."""
    lengths: Integers = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths


def _flat(column: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int32]]:
    """The elements of all rows, end to end, and where each row's begin, and the last's end; views where they can be."""
    buffer = column.buffers()[1]
    if len(column) == 0 or buffer is None:
        return column.values.slice(0, 0), np.zeros(len(column) + 1, np.int32)
    offsets = np.frombuffer(buffer, np.int32, len(column) + 1, column.offset * 4)
    first, last = int(offsets[0]), int(offsets[-1])
    return column.values.slice(first, last - first), offsets - np.int32(first) if first else offsets


def _is_member(elements: pa.Array, members: Sequence[Scalar]) -> Bitset:
    """The elements that equal one of the members, which are in the domain of the elements."""
    if not members:
        return Bitset.zeros(len(elements))
    if pa.types.is_string(elements.type):
        return primitives.string_in(elements, pa.array(members, elements.type))
    if pa.types.is_boolean(elements.type):
        if len(set(members)) > 1:
            return Bitset.ones(len(elements))
        truths = primitives.bits(elements)
        return truths if members[0] else ~truths
    values = number_values(elements)
    if len(members) == 1:
        return primitives.compare(values, "==", float(members[0]) if values.dtype.kind == "f" else int(members[0]))
    return primitives.is_in(values, np.unique(np.array(members, np.float64 if values.dtype.kind == "f" else np.int64)))
