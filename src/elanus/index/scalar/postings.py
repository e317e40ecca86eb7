"""The distinct values in order, and the rows of each one after another: INVERTED, STL_SORT and Trie.

A value, a range of values and a prefix are each one run of the rows; a pattern is tried on the distinct strings only.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.index.artefacts import array_bytes, artefact_array, check_agrees, mapped_bytes
from elanus.index.protocol import IndexSize
from elanus.index.scalar.grouping import Grouping
from elanus.index.scalar.keys import KeyPlaces, SortedKeys, key_artefacts
from elanus.index.scalar.protocol import (
    MEMBER_SHARE_MAX,
    AllOf,
    Lookup,
    Members,
    Passing,
    RowMatch,
    RowSets,
    StartsWith,
    ValueRange,
)

__all__ = ["Postings", "open_postings", "posting_artefacts"]

_ROW_NS: Final = 1.0
_KEY_NS: Final = 60
# The runs of so few keys are sooner laid end to end one by one than gathered together.
_FEW_KEYS: Final = 16
# How many of the rows a pattern is expected to find, which only trying it can tell.
_PASSING_SHARE: Final = 0.05


class Postings:
    """An opened index."""

    __slots__ = ("_keys", "_offsets", "_positions", "_rows", "_sets", "_size")

    def __init__(
        self,
        keys: SortedKeys,
        offsets: npt.NDArray[np.uint32] | None,
        rows: npt.NDArray[np.uint32],
        sets: RowSets,
        size: IndexSize,
    ) -> None:
        """`offsets` is None when every key has one row."""
        self._keys: Final = keys
        self._offsets: Final = offsets
        self._positions: Final = None if offsets is None else memoryview(offsets.data)
        self._rows: Final = rows
        self._sets: Final = sets
        self._size: Final = size

    @property
    def sets(self) -> RowSets:
        return self._sets

    def size(self) -> IndexSize:
        return self._size

    def match(self, lookup: Lookup) -> RowMatch | None:
        match lookup:
            # The most frequent first: cases are tried in order.
            case ValueRange() | StartsWith():
                places = self._keys.places(lookup)
                return None if places is None else self._matched(places, key_count=0)
            case Passing():
                return self._tried(lookup)
            case AllOf():
                return self._all_of(lookup)
            case Members() if len(lookup.values) > MEMBER_SHARE_MAX * self._sets.row_count:
                return None
            case Members():
                places = self._keys.places(lookup)
                return None if places is None else self._matched(places, key_count=len(lookup.values))
            case _:
                return None

    def _matched(self, places: KeyPlaces, *, key_count: int) -> RowMatch:
        """The rows of some keys; `key_count` lookups were made for them."""
        if isinstance(places, slice):
            rows = self._run(places)
            return RowMatch(len(rows), len(rows) * _ROW_NS, is_exact=True, find=partial(self._bits, rows))
        if len(places) <= _FEW_KEYS:
            return self._joined([self._run(slice(place, place + 1)) for place in places.tolist()])
        count = len(places) if self._offsets is None else int(self._counts(places).sum())
        work = count * _ROW_NS + key_count * _KEY_NS
        return RowMatch(count, work, is_exact=True, find=lambda: self._bits(self._gathered(places)))

    def _joined(self, runs: list[npt.NDArray[np.uint32]]) -> RowMatch:
        count = sum(map(len, runs))
        work = count * _ROW_NS + len(runs) * _KEY_NS
        return RowMatch(count, work, is_exact=True, find=lambda: self._bits(np.concatenate([self._rows[:0], *runs])))

    def _tried(self, lookup: Passing) -> RowMatch | None:
        if not self._keys.is_text:
            return None
        row_count = int(len(self._rows) * _PASSING_SHARE)
        work = len(self._keys) * lookup.string_test_ns + row_count * _ROW_NS
        return RowMatch(row_count, work, is_exact=True, find=partial(self._passing, lookup))

    def _passing(self, lookup: Passing) -> Bitset:
        places = self._keys.places(lookup)
        assert isinstance(places, np.ndarray)
        return self._bits(self._gathered(places))

    def _all_of(self, lookup: AllOf) -> RowMatch:
        runs = sorted((self._run(self._keys.place(value)) for value in lookup.values), key=len)

        def find() -> Bitset:
            found = self._bits(runs[0])
            for run in runs[1:]:
                found &= self._bits(run)
            return found

        return RowMatch(len(runs[0]), sum(map(len, runs)) * _ROW_NS, is_exact=True, find=find)

    def _run(self, places: slice) -> npt.NDArray[np.uint32]:
        if self._positions is None:
            return self._rows[places]
        return self._rows[self._positions[places.start] : self._positions[places.stop]]

    def _counts(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        assert self._offsets is not None
        counts: npt.NDArray[np.int64] = self._offsets[places + 1].astype(np.int64) - self._offsets[places]
        return counts

    def _gathered(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
        if self._offsets is None or len(places) == 0:
            return self._rows[places]
        counts = self._counts(places)
        # Where each run begins, less the rows gathered before it: one arange over all makes every position.
        shifts = self._offsets[places].astype(np.int64) - (np.cumsum(counts) - counts)
        return self._rows[np.repeat(shifts, counts) + np.arange(int(counts.sum()))]

    def _bits(self, rows: npt.NDArray[np.uint32]) -> Bitset:
        return Bitset.from_rows(rows, self._sets.row_count)


def posting_artefacts(grouping: Grouping) -> dict[str, npt.NDArray[np.uint8]]:
    """The files of an index over a column grouped by value."""
    files = {**key_artefacts(grouping.keys), "rows": array_bytes(grouping.rows)}
    if len(grouping.rows) != len(grouping.keys):
        files["offsets"] = array_bytes(grouping.offsets.astype(np.uint32))
    return files


def open_postings(artefacts: Mapping[str, memoryview | pa.Buffer], keys: SortedKeys, sets: RowSets) -> Postings:
    """The index in files that `posting_artefacts` made; a view of them.

    Raises:
        DataCorrupt: they do not belong together.
    """
    rows = artefact_array(artefacts, "rows", np.uint32)
    offsets = artefact_array(artefacts, "offsets", np.uint32, len(keys) + 1) if "offsets" in artefacts else None
    check_agrees("rows", len(rows), len(keys) if offsets is None else int(offsets[-1]))
    return Postings(keys, offsets, rows, sets, IndexSize(mapped_bytes(artefacts), memory_bytes=0))
