"""A set of rows for each distinct value: BITMAP.

A value that few rows have keeps them as a list, which is smaller than its bits: four bytes a row against an eighth of a
byte for every row there is.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.errors import DataCorrupt
from elanus.index.artefacts import array_bytes, artefact_array, check_agrees, mapped_bytes
from elanus.index.protocol import IndexSize
from elanus.index.scalar.grouping import Grouping
from elanus.index.scalar.keys import SortedKeys, key_artefacts
from elanus.index.scalar.protocol import MEMBER_SHARE_MAX, AllOf, Lookup, Members, Passing, RowMatch, RowSets

__all__ = ["Bitmaps", "bitmap_artefacts", "open_bitmaps"]

_WORD_BITS: Final = 64
# As many rows as this share make a list as large as the bits.
_LIST_SHARE_MAX: Final = 1 / 32
_ROW_NS: Final = 1.0
_WORD_NS: Final = 0.3
_KEY_NS: Final = 500
_NO_BITS: Final = np.uint32(0xFFFF_FFFF)


class Bitmaps:
    """An opened index."""

    __slots__ = ("_bits", "_counts", "_keys", "_places", "_rows", "_sets", "_size", "_starts")

    def __init__(
        self, keys: SortedKeys, counts: npt.NDArray[np.uint32], places: npt.NDArray[np.uint32],
        artefacts: Mapping[str, memoryview | pa.Buffer], sets: RowSets,
    ) -> None:  # fmt: skip
        """`counts` are the rows of each key, `places` says which bits are a key's, or that it has a list."""
        word_count = -(-sets.row_count // _WORD_BITS)
        listed = np.where(places == _NO_BITS, counts, 0).astype(np.int64)
        self._keys: Final = keys
        self._counts: Final = counts
        self._places: Final = places
        self._starts: Final = np.concatenate(([0], np.cumsum(listed)))
        self._sets: Final = sets
        bits_count = int((places != _NO_BITS).sum())
        if bits_count and int(places[places != _NO_BITS].max()) >= bits_count:
            raise DataCorrupt("malformed_file", "index artefact 'places' points beyond the bitmaps; rebuild the index")
        bits = artefact_array(artefacts, "bits", np.uint64, bits_count * word_count)
        self._bits: Final = bits.reshape(bits_count, word_count)
        self._rows: Final = artefact_array(artefacts, "rows", np.uint32, int(self._starts[-1]))
        own = self._starts.nbytes
        self._size: Final = IndexSize(mapped_bytes(artefacts), memory_bytes=own)

    @property
    def sets(self) -> RowSets:
        return self._sets

    def size(self) -> IndexSize:
        return self._size

    def match(self, lookup: Lookup) -> RowMatch | None:
        match lookup:
            case Passing():
                if not self._keys.is_text:
                    return None
                work = len(self._keys) * (lookup.string_test_ns + self._key_ns())
                return RowMatch(self._sets.row_count // 2, work, is_exact=True, find=partial(self._passing, lookup))
            case AllOf():
                sets = [self._keys.place(value) for value in lookup.values]
                count = min(int(self._counts[place].sum()) for place in sets)
                work = len(sets) * self._key_ns()
                return RowMatch(count, work, is_exact=True, find=partial(self._intersection, sets))
            case Members() if len(lookup.values) > MEMBER_SHARE_MAX * self._sets.row_count:
                return None
            case _:
                places = self._keys.places(lookup)
                if places is None:
                    return None
                if isinstance(places, slice) and places.stop == places.start + 1:
                    key = places.start
                    return RowMatch(int(self._counts[key]), self._key_ns(), is_exact=True, find=partial(self._one, key))
                chosen = np.arange(places.start, places.stop) if isinstance(places, slice) else places
                count = min(int(self._counts[chosen].sum(dtype=np.int64)), self._sets.row_count)
                work = len(chosen) * self._key_ns()
                return RowMatch(count, work, is_exact=True, find=partial(self._union, chosen))

    def _key_ns(self) -> float:
        return _KEY_NS + self._bits.shape[1] * _WORD_NS

    def _one(self, key: int) -> Bitset:
        place = self._places[key]
        if place == _NO_BITS:
            return Bitset.from_rows(self._rows[self._starts[key] : self._starts[key + 1]], self._sets.row_count)
        return Bitset(self._bits[int(place)], self._sets.row_count)

    def _passing(self, lookup: Passing) -> Bitset:
        places = self._keys.places(lookup)
        assert isinstance(places, np.ndarray)
        return self._union(places)

    def _intersection(self, runs: list[slice]) -> Bitset:
        found = self._union(np.arange(runs[0].start, runs[0].stop))
        for run in runs[1:]:
            found &= self._union(np.arange(run.start, run.stop))
        return found

    def _union(self, chosen: npt.NDArray[np.int64]) -> Bitset:
        size = self._sets.row_count
        of_bits = self._places[chosen]
        packed = of_bits[of_bits != _NO_BITS]
        listed = chosen[of_bits == _NO_BITS]
        found = Bitset.zeros(size)
        if len(listed):
            runs = [self._rows[self._starts[key] : self._starts[key + 1]] for key in listed.tolist()]
            found = Bitset.from_rows(np.concatenate(runs), size)
        for place in packed.tolist():
            np.bitwise_or(found.words, self._bits[place], out=found.words)
        return found


def bitmap_artefacts(grouping: Grouping, row_count: int) -> dict[str, npt.NDArray[np.uint8]]:
    """The files of an index over a column grouped by value."""
    counts = np.diff(grouping.offsets)
    packed = counts > row_count * _LIST_SHARE_MAX
    places = np.full(len(counts), _NO_BITS, np.uint32)
    places[packed] = np.arange(int(packed.sum()), dtype=np.uint32)
    sets = [
        Bitset.from_rows(grouping.rows[grouping.offsets[key] : grouping.offsets[key + 1]], row_count).words
        for key in np.flatnonzero(packed).tolist()
    ]
    return {
        **key_artefacts(grouping.keys),
        "counts": array_bytes(counts.astype(np.uint32)),
        "places": array_bytes(places),
        "bits": array_bytes(np.concatenate(sets) if sets else np.empty(0, np.uint64)),
        "rows": array_bytes(grouping.rows[np.repeat(~packed, counts)]),
    }


def open_bitmaps(artefacts: Mapping[str, memoryview | pa.Buffer], keys: SortedKeys, sets: RowSets) -> Bitmaps:
    """The index in files that `bitmap_artefacts` made; a view of them.

    Raises:
        DataCorrupt: they do not belong together.
    """
    counts = artefact_array(artefacts, "counts", np.uint32, len(keys))
    places = artefact_array(artefacts, "places", np.uint32, len(keys))
    check_agrees("rows of one value", int(counts.max(initial=0)) <= sets.row_count, expected=True)
    return Bitmaps(keys, counts, places, artefacts, sets)
