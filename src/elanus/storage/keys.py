"""From primary keys to the rows that hold them.

A `KeyIndex` is made once for an immutable run of rows: the keys as 64-bit numbers (VarChar keys by their hash, checked
against the text afterwards), sorted, with the row of each. A key may occur many times.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.numbers import boolean_values, number_values
from elanus.columns.taking import take_rows
from elanus.kernels.strings import hash_strings

__all__ = ["KeyIndex", "KeyMatches", "key_codes", "unique_key_rows"]

Rows = npt.NDArray[np.int64]

_HASH_SEED: Final = 0x9E3779B9


def key_codes(keys: pa.Array) -> npt.NDArray[np.int64]:
    """A number for every key (int64): the key itself, or the hash of its text. Keys have no nulls."""
    if pa.types.is_int64(keys.type):
        return number_values(keys)
    _, offsets_buffer, data_buffer = keys.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32, len(keys) + 1, keys.offset * 4)
    data = np.empty(0, np.uint8) if data_buffer is None else np.frombuffer(data_buffer, np.uint8)
    hashes: npt.NDArray[np.uint64] = hash_strings(offsets, data, seed=_HASH_SEED)
    return hashes.view(np.int64)


class KeyMatches:
    """Pairs of (position in the keys asked for, row found), by position and then by row."""

    __slots__ = ("positions", "rows")

    def __init__(self, positions: Rows, rows: Rows) -> None:
        self.positions: Final = positions
        self.rows: Final = rows


class KeyIndex:
    """Rows by primary key, over a column that never changes."""

    __slots__ = ("_codes", "_keys", "_order")

    def __init__(self, keys: pa.Array) -> None:
        self._keys: Final = keys
        codes = key_codes(keys)
        if len(codes) < 2 or bool((codes[1:] >= codes[:-1]).all()):
            self._order: npt.NDArray[np.uint32] | None = None
            self._codes = codes
        else:
            order = np.argsort(codes, kind="stable")
            self._order = order.astype(np.uint32)
            self._codes = codes[order]

    def find(self, keys: pa.Array) -> KeyMatches:
        """Every row that holds one of `keys` (same type as the column)."""
        wanted = key_codes(keys)
        if len(self._codes) == 0 or len(wanted) == 0:
            return KeyMatches(np.empty(0, np.int64), np.empty(0, np.int64))
        starts = np.searchsorted(self._codes, wanted, side="left")
        stops = np.searchsorted(self._codes, wanted, side="right")
        counts = stops - starts
        total = int(counts.sum())
        if total == 0:
            return KeyMatches(np.empty(0, np.int64), np.empty(0, np.int64))
        positions = np.repeat(np.arange(len(wanted)), counts)
        first = np.repeat(starts - np.concatenate(([0], np.cumsum(counts)[:-1])), counts)
        places = first + np.arange(total)
        rows = places if self._order is None else self._order[places].astype(np.int64)
        if not pa.types.is_int64(keys.type):
            same = _equal_texts(take_rows(keys, positions), take_rows(self._keys, rows))
            positions, rows = positions[same], rows[same]
        return KeyMatches(positions, rows)

    def nbytes(self) -> int:
        """Memory beyond the column itself."""
        if self._order is not None:
            return int(self._order.nbytes + self._codes.nbytes)
        return 0 if pa.types.is_int64(self._keys.type) else int(self._codes.nbytes)


def _equal_texts(left: pa.Array, right: pa.Array) -> npt.NDArray[np.bool_]:
    return boolean_values(pc.equal(left, right))


def unique_key_rows(keys: pa.Array) -> Rows | None:
    """The last row of each distinct key, ascending; None when all keys differ already."""
    values: Any = keys.to_numpy(zero_copy_only=False)
    codes, first = np.unique(values[::-1], return_index=True)
    if len(codes) == len(values):
        return None
    return np.sort(len(values) - 1 - first)
