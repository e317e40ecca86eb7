"""Rows put into groups by the values of columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.numbers import number_values

__all__ = ["Groups", "group_rows"]

Numbers = npt.NDArray[np.int64]

# Combined codes up to this many times the rows are counted in a table; beyond it they are sorted.
_TABLE_FACTOR: Final = 4
_TABLE_MIN: Final = 1 << 16
_CODES_MAX: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class Groups:
    """Which group each row is in.

    Attributes:
        count: how many groups there are.
        of_rows: a number from 0 to `count` (exclusive) for every row.
        first_rows: a row of each group.
    """

    count: int
    of_rows: Numbers
    first_rows: Numbers


def group_rows(columns: Sequence[pa.Array], row_count: int) -> Groups:
    """The rows that are equal in all columns together; NULL equals NULL. Without columns all rows are one group."""
    if not columns:
        return Groups(1, np.zeros(row_count, np.int64), np.zeros(1, np.int64))
    codes, code_count = _codes(columns[0])
    for column in columns[1:]:
        more, more_count = _codes(column)
        if code_count * more_count > _CODES_MAX:
            codes, code_count = _dense(codes, code_count)
        codes = codes * more_count + more
        code_count *= more_count
    groups, count = _dense(codes, code_count)
    first_rows = np.empty(count, np.int64)
    # Later assignments win, so from the back the first row of each group stays.
    first_rows[groups[::-1]] = np.arange(row_count - 1, -1, -1)
    return Groups(count, groups, first_rows)


def _codes(column: pa.Array) -> tuple[Numbers, int]:
    """A code for every row, equal where the values are, and one more than the largest."""
    encoded = column.dictionary_encode(null_encoding="encode")
    return number_values(encoded.indices).astype(np.int64), len(encoded.dictionary)


def _dense(codes: Numbers, code_count: int) -> tuple[Numbers, int]:
    """The codes that occur, numbered from 0 without gaps."""
    if code_count > max(_TABLE_FACTOR * len(codes), _TABLE_MIN):
        distinct, dense = np.unique(codes, return_inverse=True)
        return dense.astype(np.int64), len(distinct)
    occurs = np.zeros(code_count, np.bool_)
    occurs[codes] = True
    numbers = np.cumsum(occurs) - 1
    return numbers[codes], int(np.count_nonzero(occurs))
