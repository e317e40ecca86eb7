"""From a column to its distinct values and the rows of each."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.bitset import Bitset
from elanus.columns.numbers import boolean_values, number_array, number_values
from elanus.errors import InvalidInput
from elanus.index.scalar.keys import KEY_TYPES

__all__ = ["Grouping", "group_rows"]


@dataclass(frozen=True, slots=True)
class Grouping:
    """The distinct values of a column (the elements of its lists) and where they are.

    Attributes:
        keys: ascending, without NULL and NaN: numbers, or an Arrow string array; truth values are uint8.
        key_type: their type, as `keys.KEY_TYPES` has it.
        offsets: int64, one more than there are keys; the rows of key k are `rows[offsets[k] : offsets[k + 1]]`.
        rows: uint32; of one key ascending, and each once.
    """

    keys: npt.NDArray[Any] | pa.Array
    key_type: str
    offsets: npt.NDArray[np.int64]
    rows: npt.NDArray[np.uint32]


def group_rows(array: pa.Array) -> Grouping:
    """The rows of a column by value.

    Raises:
        InvalidInput: its values are of a type that has no order here.
    """
    if pa.types.is_list(array.type):
        lengths = number_values(pc.list_value_length(array).fill_null(0)).astype(np.int64)
        return _grouped(array.flatten(), np.repeat(np.arange(len(array), dtype=np.uint32), lengths))
    return _grouped(array, np.arange(len(array), dtype=np.uint32))


def _grouped(values: pa.Array, rows: npt.NDArray[np.uint32]) -> Grouping:
    present = _present(values)
    if present is not None:
        values, rows = values.take(number_array(present)), rows[present]
    if pa.types.is_string(values.type):
        keys, codes = _text_codes(values)
        return _by_code(keys, "string", len(keys), codes, rows)
    numbers = boolean_values(values).view(np.uint8) if pa.types.is_boolean(values.type) else number_values(values)
    if numbers.dtype.kind == "M":
        numbers = numbers.view(np.int64)
    if numbers.dtype.name not in KEY_TYPES:
        raise InvalidInput("invalid_index", f"values of type {values.type} cannot be indexed")
    distinct, inverse = np.unique(numbers, return_inverse=True)
    return _by_code(distinct, distinct.dtype.name, len(distinct), inverse.reshape(-1), rows)


def _present(values: pa.Array) -> npt.NDArray[np.int64] | None:
    """The places that are neither null nor NaN; None when that is all of them."""
    known: npt.NDArray[np.bool_] | None = None
    if values.null_count:
        packed = np.frombuffer(values.buffers()[0], np.uint8)
        known = Bitset.from_packed(packed, offset=values.offset, size=len(values)).to_bool()
    if pa.types.is_floating(values.type):
        numbers = number_values(values)
        real = numbers == numbers  # noqa: PLR0124  NaN is not itself
        if not real.all():
            known = real if known is None else known & real
    return None if known is None else np.flatnonzero(known)


def _text_codes(values: pa.Array) -> tuple[pa.Array, npt.NDArray[Any]]:
    """Distinct strings in the order of their bytes, and the place of every value among them."""
    encoded = values.dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary)
    places = np.empty(len(order), np.int64)
    places[number_values(order).astype(np.int64)] = np.arange(len(order))
    return encoded.dictionary.take(order), places[number_values(encoded.indices)]


def _by_code(
    keys: npt.NDArray[Any] | pa.Array,
    key_type: str,
    key_count: int,
    codes: npt.NDArray[Any],
    rows: npt.NDArray[np.uint32],
) -> Grouping:
    # One number for code and row sorts by both at once, and shows a value that a list has twice.
    pairs = (codes.astype(np.uint64) << np.uint64(32)) | rows
    pairs.sort()
    if len(pairs) > 1:
        pairs = pairs[np.concatenate(([True], pairs[1:] != pairs[:-1]))]
    counts = np.bincount((pairs >> np.uint64(32)).astype(np.int64), minlength=key_count)
    offsets = np.zeros(key_count + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return Grouping(keys, key_type, offsets, (pairs & np.uint64(0xFFFF_FFFF)).astype(np.uint32))
