"""What an aggregate remembers of the rows of each group, so that groups of different segments can be put together.

A state is a tuple of arrays with one entry a group. It is made of a block of rows, states end to end are combined like
rows, and the last one is turned into a column. Sums of integers are exact at any size in between; sums of floats are
double precision, added in the order of rows. NULL is left out everywhere, and a group without a value has NULL.
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.numbers import boolean_values, number_array, number_values
from elanus.columns.order_codes import number_codes, numbers_of_codes, string_ranks
from elanus.columns.taking import take_rows
from elanus.errors import InvalidInput

__all__ = ["Accumulator", "State", "accumulator"]

Numbers = npt.NDArray[np.int64]
State = tuple[Any, ...]

_HALF_BITS: Final = 32
_HALF_MASK: Final = np.int64((1 << _HALF_BITS) - 1)
_INT64: Final = np.iinfo(np.int64)


class Accumulator(Protocol):
    """One aggregate function over one type of column."""

    def start(self, values: pa.Array | None, groups: Numbers, count: int) -> State:
        """The state of a block of rows: `groups` has the group of each, from 0 to `count` (exclusive)."""
        ...

    def combine(self, states: list[State], groups: Numbers, count: int) -> State:
        """The state of `count` groups, given the group of each entry of the states end to end."""
        ...

    def finish(self, state: State) -> pa.Array:
        """The values, one a group. Raises InvalidInput when one is beyond its type."""
        ...


def accumulator(function: str, data_type: pa.DataType | None, *, label: str) -> Accumulator:
    """The accumulator of `count`, `sum`, `avg`, `min` or `max` over a column type; `label` is for messages."""
    if function == "count":
        return _Counts()
    assert data_type is not None
    if function in {"sum", "avg"}:
        return _Sums(is_integer=pa.types.is_integer(data_type), is_mean=function == "avg", label=label)
    if pa.types.is_string(data_type):
        return _StringExtremes(largest=function == "max")
    return _NumberExtremes(data_type, largest=function == "max")


class _Counts:
    """Rows, or values that are not NULL."""

    def start(self, values: pa.Array | None, groups: Numbers, count: int) -> State:
        if values is not None and values.null_count:
            groups = groups[boolean_values(values.is_valid())]
        return (np.bincount(groups, minlength=count),)

    def combine(self, states: list[State], groups: Numbers, count: int) -> State:
        return (_added(np.concatenate([state[0] for state in states]), groups, count),)

    def finish(self, state: State) -> pa.Array:
        return number_array(state[0])


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums and means.

    A state of integers is (count, sum of upper halves, sum of lower halves): neither half can overflow below 2^31 rows.
    A state of floats is (count, sum).
    """

    is_integer: bool
    is_mean: bool
    label: str

    def start(self, values: pa.Array | None, groups: Numbers, count: int) -> State:
        assert values is not None
        numbers, groups = _present(values, groups)
        counts = np.bincount(groups, minlength=count)
        if not self.is_integer:
            with np.errstate(invalid="ignore", over="ignore"):
                return counts, np.bincount(groups, weights=numbers.astype(np.float64), minlength=count)
        integers = numbers.astype(np.int64)
        upper, lower = integers >> _HALF_BITS, integers & _HALF_MASK
        return counts, _added(upper, groups, count), _added(lower, groups, count)

    def combine(self, states: list[State], groups: Numbers, count: int) -> State:
        with np.errstate(invalid="ignore", over="ignore"):
            return tuple(_added(np.concatenate(parts), groups, count) for parts in zip(*states, strict=True))

    def finish(self, state: State) -> pa.Array:
        counts = state[0]
        if not self.is_integer:
            sums = state[1]
            if self.is_mean:
                sums = sums / np.maximum(counts, 1)
            return number_array(sums, present=counts > 0)
        exact = [
            (upper << _HALF_BITS) + lower for upper, lower in zip(state[1].tolist(), state[2].tolist(), strict=True)
        ]
        if self.is_mean:
            means = [total / max(count, 1) for total, count in zip(exact, counts.tolist(), strict=True)]
            return number_array(np.array(means, np.float64), present=counts > 0)
        for total in exact:
            if not _INT64.min <= total <= _INT64.max:
                raise InvalidInput(
                    "out_of_range",
                    f"{self.label} is {total} in a group, which is beyond 64 bits; use avg, or narrow the filter",
                )
        return number_array(np.array(exact, np.int64), present=counts > 0)


@dataclass(frozen=True, slots=True)
class _NumberExtremes:
    """The least or greatest number in the order of `columns.order_codes`. A state is (has a value, code of it)."""

    data_type: pa.DataType
    largest: bool

    def start(self, values: pa.Array | None, groups: Numbers, count: int) -> State:
        assert values is not None
        codes = number_codes(values)
        if values.null_count:
            present = boolean_values(values.is_valid())
            codes, groups = codes[present], groups[present]
        return self._best(codes, groups, count)

    def combine(self, states: list[State], groups: Numbers, count: int) -> State:
        present = np.concatenate([state[0] for state in states])
        codes = np.concatenate([state[1] for state in states])
        return self._best(codes[present], groups[present], count)

    def finish(self, state: State) -> pa.Array:
        present, codes = state
        values = numbers_of_codes(np.where(present, codes, 0), self.data_type)
        return number_array(number_values(values), present=present)

    def _best(self, codes: Numbers, groups: Numbers, count: int) -> State:
        best = np.full(count, _INT64.min if self.largest else _INT64.max)
        (np.maximum if self.largest else np.minimum).at(best, groups, codes)
        return np.bincount(groups, minlength=count) > 0, best


@dataclass(frozen=True, slots=True)
class _StringExtremes:
    """The first or last string by UTF-8 bytes. A state is one column, NULL where a group has none."""

    largest: bool

    def start(self, values: pa.Array | None, groups: Numbers, count: int) -> State:
        assert values is not None
        if values.null_count:
            rows = np.flatnonzero(boolean_values(values.is_valid()))
            values, groups = take_rows(values, rows), groups[rows]
        ranks = string_ranks(values)
        best = np.full(count, -1 if self.largest else len(values))
        (np.maximum if self.largest else np.minimum).at(best, groups, ranks)
        row_of_rank = np.zeros(len(values) + 1, np.int64)
        row_of_rank[ranks] = np.arange(len(values))
        chosen = number_array(row_of_rank[best], present=np.bincount(groups, minlength=count) > 0)
        return (values.take(chosen),)

    def combine(self, states: list[State], groups: Numbers, count: int) -> State:
        return self.start(pa.concat_arrays([state[0] for state in states]), groups, count)

    def finish(self, state: State) -> pa.Array:
        column: pa.Array = state[0]
        return column


def _present(values: pa.Array, groups: Numbers) -> tuple[npt.NDArray[Any], Numbers]:
    """The values that are not NULL, and their groups."""
    numbers = number_values(values)
    if not values.null_count:
        return numbers, groups
    present = boolean_values(values.is_valid())
    return numbers[present], groups[present]


def _added(values: npt.NDArray[Any], groups: Numbers, count: int) -> npt.NDArray[Any]:
    """The sum of the values of each group, in their own type."""
    sums = np.zeros(count, values.dtype)
    np.add.at(sums, groups, values)
    return sums
