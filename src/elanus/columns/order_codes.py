"""Columns as int64 codes in the order of their values, so that sorting and extremes are integer work.

The order is one for the whole program: numbers by size with NaN above all others and both zeros equal, FALSE below
TRUE, strings by their UTF-8 bytes, and NULL above every value. Descending is the exact reverse, so NULL comes first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.numbers import boolean_values, number_array, number_values
from elanus.errors import Internal

__all__ = ["SortColumn", "coarse_codes", "number_codes", "numbers_of_codes", "sorted_rows", "string_ranks"]

Codes = npt.NDArray[np.int64]

_PREFIX_BYTES: Final = 8
_SIGN: Final = np.uint64(1 << 63)


@dataclass(frozen=True, slots=True)
class SortColumn:
    """A column to sort by: numbers, truth values or strings."""

    column: pa.Array
    descending: bool = False


def number_codes(column: pa.Array) -> Codes:
    """The codes of integers, floats or truth values, one a row; those of null rows mean nothing."""
    if pa.types.is_boolean(column.type):
        return boolean_values(column).astype(np.int64)
    values = number_values(column)
    if values.dtype.kind != "f":
        return values.astype(np.int64)
    doubles = values.astype(np.float64)
    # Adding zero turns -0.0 into 0.0; every NaN becomes the same one, with the sign bit clear.
    doubles += 0.0
    doubles[np.isnan(doubles)] = np.nan
    bits = doubles.view(np.int64)
    # Negative floats have the order of their bits reversed; flipping all but the sign puts it right.
    return bits ^ ((bits >> 63) & np.int64(0x7FFF_FFFF_FFFF_FFFF))


def numbers_of_codes(codes: Codes, data_type: pa.DataType) -> pa.Array:
    """The numbers of codes that `number_codes` gave for a column of this integer or float type."""
    dtype = np.dtype(data_type.to_pandas_dtype())
    if dtype.kind != "f":
        return number_array(codes.astype(dtype))
    bits = codes ^ ((codes >> 63) & np.int64(0x7FFF_FFFF_FFFF_FFFF))
    return number_array(bits.view(np.float64).astype(dtype))


def string_ranks(column: pa.Array) -> Codes:
    """The place of each string among the distinct ones of the column, from 0, in the order of UTF-8 bytes; no nulls."""
    encoded = column.dictionary_encode()
    order = number_values(pc.array_sort_indices(encoded.dictionary)).astype(np.int64)
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    codes: Codes = ranks[number_values(encoded.indices)]
    return codes


def coarse_codes(item: SortColumn) -> list[Callable[[pa.Array], Codes]]:
    """Codes of ever finer order, each to be asked only for rows that are equal in those before.

    The last ones tell all values apart that differ; earlier ones are cheaper. Each takes a part of the column.
    """
    steps: list[Callable[[pa.Array], Codes]] = []
    if item.column.null_count:
        steps.append(_null_codes)
    if pa.types.is_string(item.column.type):
        steps += [lambda part: _prefix_codes(part.fill_null("")), lambda part: string_ranks(part.fill_null(""))]
    else:
        steps.append(_filled_codes)
    if not item.descending:
        return steps
    return [_reversed(step) for step in steps]


def sorted_rows(items: Sequence[SortColumn]) -> Codes:
    """The rows of columns of one length in their order, by the first column, then the second, and so on; stable."""
    levels: list[Codes] = []
    for item in items:
        steps = coarse_codes(item)
        if pa.types.is_string(item.column.type):
            # Ranks alone decide; the prefixes only spare ranking.
            del steps[-2]
        levels += [step(item.column) for step in steps]
    if not levels:
        raise Internal("internal", "there is nothing to sort by")
    return np.lexsort(levels[::-1])


def _reversed(step: Callable[[pa.Array], Codes]) -> Callable[[pa.Array], Codes]:
    return lambda part: ~step(part)


def _null_codes(part: pa.Array) -> Codes:
    return boolean_values(part.is_null()).astype(np.int64)


def _filled_codes(part: pa.Array) -> Codes:
    """`number_codes` with null rows all equal."""
    codes = number_codes(part)
    if part.null_count:
        codes = np.where(boolean_values(part.is_valid()), codes, 0)
    return codes


def _prefix_codes(part: pa.Array) -> Codes:
    """The first eight bytes of each string as a number; shorter ones are filled up with zeros."""
    if len(part) == 0:
        return np.empty(0, np.int64)
    _, offsets_buffer, data_buffer = part.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32, len(part) + 1, part.offset * 4).astype(np.int64)
    if data_buffer is None or data_buffer.size == 0:
        return np.zeros(len(part), np.int64)
    data = np.frombuffer(data_buffer, np.uint8)
    codes = np.zeros(len(part), np.uint64)
    for place in range(_PREFIX_BYTES):
        at = offsets[:-1] + place
        inside = at < offsets[1:]
        at[~inside] = 0
        codes = codes << np.uint64(8) | np.where(inside, data[at], 0).astype(np.uint64)
    return (codes ^ _SIGN).view(np.int64)
