"""The primary keys of a segment, which gets and deletes have put in order, as an index for filters."""

from functools import partial
from typing import Final

import numpy as np
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.columns.numbers import number_array
from elanus.index.protocol import IndexSize
from elanus.index.scalar.protocol import Lookup, Members, RowMatch, RowSets, ValueRange
from elanus.storage.segment.reader import SealedSegment

__all__ = ["PrimaryKeys"]

_KEY_NS: Final = 500


class PrimaryKeys:
    """Finds rows by key where the order of the keys is at hand; it is not made for a filter."""

    __slots__ = ("_segment", "_sets")

    def __init__(self, segment: SealedSegment) -> None:
        self._segment: Final = segment
        self._sets: Final = RowSets(segment.row_count)

    @property
    def sets(self) -> RowSets:
        return self._sets

    def size(self) -> IndexSize:
        made = self._segment.made_key_index
        return IndexSize(0, 0 if made is None else made.nbytes())

    def match(self, lookup: Lookup) -> RowMatch | None:
        keys = _keys(lookup)
        if keys is None or self._segment.made_key_index is None:
            return None
        # A key may occur more than once, when a segment holds an older row of it.
        return RowMatch(len(keys), len(keys) * _KEY_NS, is_exact=True, find=partial(self._rows, keys))

    def _rows(self, keys: pa.Array) -> Bitset:
        return Bitset.from_rows(self._segment.key_index().find(keys).rows, self._segment.row_count)


def _keys(lookup: Lookup) -> pa.Array | None:
    """The keys that are looked up; None when it is not some of them one by one."""
    match lookup:
        case ValueRange(low=int() | str() as low, high=high) if low == high:
            if lookup.low_inclusive and lookup.high_inclusive:
                return number_array(np.array([low], np.int64)) if isinstance(low, int) else pa.array([low], pa.string())
            return None
        case Members(values=values):
            return number_array(values) if isinstance(values, np.ndarray) else values
        case _:
            return None
