"""The rows of every run of a few characters: NGRAM.

A string that contains a text contains every gram of the text, so the rows that have all of them are the only ones to
look at. Grams are kept as 32-bit hashes, by blocks of 65,536 rows: what collides or is spread over a row in another
order is found out when the candidates are verified.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.bitset import Bitset
from elanus.columns.numbers import number_array, number_values
from elanus.index.artefacts import array_bytes, artefact_array, check_agrees, mapped_bytes
from elanus.index.protocol import BuildContext, IndexSize
from elanus.index.scalar.protocol import Lookup, Passing, RowMatch, RowSets, ValueRange

__all__ = ["Ngrams", "ngram_artefacts", "open_ngrams"]

_BLOCK_ROWS: Final = 1 << 16
# Odd constants without pattern, for multiplicative hashing.
_STEP: Final = np.uint64(0x9E37_79B9_7F4A_7C15)
_MIX: Final = np.uint64(0xD6E8_FEB8_6659_FD93)
# So many characters are hashed at a time, at some tens of bytes each.
_BATCH_CHARACTERS: Final = 1 << 22
_BLOCK_NS: Final = 15_000
_ROW_NS: Final = 20
# Searching strings for a text goes through them at the rate of memory.
_STRING_SCAN_NS: Final = 1.0
_CHARACTER_SCAN_NS: Final = 0.1
# After so many grams, the rarest first, a further one leaves out hardly any row.
_COMPARED_GRAMS_MAX: Final = 6
# What it costs to verify a candidate, to go through a row of a list, and to search a list for a candidate.
_VERIFYING_NS: Final = 50
_MARKING_NS: Final = 3
_SEARCHING_NS: Final = 16
# A gram that left hardly a candidate out is forgotten to be so, and tried again some blocks later.
_FORGETTING: Final = 0.95
# A list so many times as long as another is sooner searched for its rows than gone through.
_MARKING_RATIO_MAX: Final = 4
# So few candidates are sooner verified than narrowed down.
_FEW_ROWS: Final = 8


_Run = tuple[int, npt.NDArray[np.uint16]]
"""A gram, by its number among those looked for, and its rows in a block."""


class Ngrams:
    """An opened index."""

    __slots__ = ("_base", "_gram_max", "_gram_min", "_grams", "_offsets", "_rows", "_sets", "_size", "_starts")

    def __init__(
        self, artefacts: Mapping[str, memoryview | pa.Buffer], sets: RowSets, lengths: tuple[int, int]
    ) -> None:
        """`lengths` are the shortest and the longest gram, in characters."""
        block_count = -(-sets.row_count // _BLOCK_ROWS)
        self._sets: Final = sets
        self._gram_min, self._gram_max = lengths
        # Block b has grams `starts[b] : starts[b + 1]`; their offsets, one more a block, count from `base[b]`.
        self._starts: Final = artefact_array(artefacts, "gram_starts", np.int64, block_count + 1)
        self._base: Final = artefact_array(artefacts, "row_starts", np.int64, block_count + 1)
        self._grams: Final = artefact_array(artefacts, "grams", np.uint32, int(self._starts[-1]))
        self._offsets: Final = artefact_array(artefacts, "offsets", np.uint32, int(self._starts[-1]) + block_count)
        self._rows: Final = artefact_array(artefacts, "rows", np.uint16, int(self._base[-1]))
        self._size: Final = IndexSize(mapped_bytes(artefacts), memory_bytes=0)

    @property
    def sets(self) -> RowSets:
        return self._sets

    def size(self) -> IndexSize:
        return self._size

    def match(self, lookup: Lookup) -> RowMatch | None:
        row_scan_ns = None
        match lookup:
            case Passing():
                pieces = lookup.pieces
                row_scan_ns = self._text_scan_ns() if lookup.is_plain else None
            case ValueRange(low=str(text), high=str(other)) if text == other:
                pieces = (text,)
            case _:
                return None
        hashes = self._hashes(pieces)
        if len(hashes) == 0:
            return None
        runs = [found for block in range(len(self._starts) - 1) if (found := self._block_runs(block, hashes))]
        count = sum(len(of_block[0][1]) for _, of_block in runs)
        work = len(self._starts) * _BLOCK_NS + count * _ROW_NS
        return RowMatch(count, work, False, partial(self._candidates, runs), row_scan_ns)  # noqa: FBT003 (a field)

    def _text_scan_ns(self) -> float:
        """What it costs a string of mean length to be searched for a text; rather too little, as some grams repeat."""
        length_count = self._gram_max - self._gram_min + 1
        characters = (
            len(self._rows) / (max(1, self._sets.row_count) * length_count) + (self._gram_min + self._gram_max) / 2 - 1
        )
        return _STRING_SCAN_NS + characters * _CHARACTER_SCAN_NS

    def _hashes(self, pieces: tuple[str, ...]) -> npt.NDArray[np.uint32]:
        """The longest grams of the pieces; none when every piece is shorter than the shortest gram."""
        found = []
        for piece in pieces:
            points = _code_points(piece)
            if len(points) >= self._gram_min:
                *_, (_, hashes) = _gram_hashes(points, self._gram_max)
                found.append(hashes)
        return np.unique(np.concatenate(found)) if found else np.empty(0, np.uint32)

    def _block_runs(self, block: int, hashes: npt.NDArray[np.uint32]) -> tuple[int, list[_Run]] | None:
        """The rarest grams in a block, the fewest rows first; None when one of the grams is not there."""
        first, stop = int(self._starts[block]), int(self._starts[block + 1])
        grams = self._grams[first:stop]
        places = grams.searchsorted(hashes)
        if len(grams) == 0 or int(places[-1]) == len(grams) or bool((grams[places] != hashes).any()):
            return None
        offsets = self._offsets[first + block : stop + block + 1]
        begins = (offsets[places] + self._base[block]).tolist()
        ends = (offsets[places + 1] + self._base[block]).tolist()
        sizes = [end - begin for begin, end in zip(begins, ends, strict=True)]
        rarest = sorted(range(len(sizes)), key=sizes.__getitem__)[:_COMPARED_GRAMS_MAX]
        return block, [(gram, self._rows[begins[gram] : ends[gram]]) for gram in rarest]

    def _candidates(self, blocks: list[tuple[int, list[_Run]]]) -> Bitset:
        parts = []
        narrowing = _Narrowing()
        for block, runs in blocks:
            parts.append(narrowing.narrowed(runs).astype(np.uint32) + np.uint32(block * _BLOCK_ROWS))
        found = np.concatenate(parts) if parts else np.empty(0, np.uint32)
        return Bitset.from_rows(found, self._sets.row_count)


class _Narrowing:
    """Leaves out candidates that lack a gram, as long as that is less work than to verify them.

    Grams of one text often occur together, so how many candidates a gram left in one block tells what it will do in the
    next.
    """

    def __init__(self) -> None:
        self._marks: Final = np.zeros(_BLOCK_ROWS, np.bool_)
        self._shares_left: Final[dict[int, float]] = {}

    def narrowed(self, runs: list[_Run]) -> npt.NDArray[np.uint16]:
        """The candidates of one block."""
        (_, rows), *others = runs
        for gram, other in others:
            if len(rows) <= _FEW_ROWS:
                break
            share_left = self._shares_left.get(gram, 0.0)
            work = min(len(other) * _MARKING_NS, len(rows) * _SEARCHING_NS)
            if len(rows) * (1 - share_left) * _VERIFYING_NS < work:
                self._shares_left[gram] = share_left * _FORGETTING
                continue
            common = _common_rows(rows, other, self._marks)
            self._shares_left[gram] = len(common) / len(rows)
            rows = common
        return rows


def ngram_artefacts(
    array: pa.Array, *, gram_min: int, gram_max: int, context: BuildContext
) -> dict[str, npt.NDArray[np.uint8]]:
    """The files of an index over strings."""
    grams, offsets, rows = [], [], []
    for start in range(0, len(array), _BLOCK_ROWS):
        context.check_cancelled()
        pairs = _block_pairs(array.slice(start, _BLOCK_ROWS), gram_min, gram_max)
        hashes = (pairs >> np.uint64(32)).astype(np.uint32)
        begins = np.flatnonzero(np.concatenate(([True], hashes[1:] != hashes[:-1]))) if len(hashes) else hashes
        grams.append(hashes[begins])
        offsets.append(np.concatenate((begins, [len(pairs)])).astype(np.uint32))
        rows.append((pairs & np.uint64(0xFFFF)).astype(np.uint16))
    return {
        "gram_starts": array_bytes(_starts([len(part) for part in grams])),
        "row_starts": array_bytes(_starts([len(part) for part in rows])),
        "grams": array_bytes(_joined(grams, np.uint32)),
        "offsets": array_bytes(_joined(offsets, np.uint32)),
        "rows": array_bytes(_joined(rows, np.uint16)),
    }


def open_ngrams(
    artefacts: Mapping[str, memoryview | pa.Buffer], sets: RowSets, *, gram_min: int, gram_max: int
) -> Ngrams:
    """The index in files that `ngram_artefacts` made; a view of them.

    Raises:
        DataCorrupt: they do not belong together.
    """
    check_agrees("a range of gram lengths", 1 <= gram_min <= gram_max, expected=True)
    return Ngrams(artefacts, sets, (gram_min, gram_max))


def _common_rows(
    rows: npt.NDArray[np.uint16], other: npt.NDArray[np.uint16], marks: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint16]:
    """Those of `rows` that are in `other`, both ascending; `marks`, a place for every row, is all false again after."""
    if len(other) > _MARKING_RATIO_MAX * len(rows):
        places = np.minimum(other.searchsorted(rows), len(other) - 1)
        found: npt.NDArray[np.uint16] = rows[other[places] == rows]
        return found
    marks[other] = True
    common: npt.NDArray[np.uint16] = rows[marks[rows]]
    marks[:] = False
    return common


def _block_pairs(strings: pa.Array, gram_min: int, gram_max: int) -> npt.NDArray[np.uint64]:
    """Hash (upper half) and row (lower half) of every gram in a block, ascending and distinct."""
    known = _known_rows(strings)
    present = strings.take(number_array(known))
    lengths = number_values(pc.utf8_length(present)).astype(np.int64)
    batches = np.cumsum(lengths) // _BATCH_CHARACTERS
    parts = []
    for batch in np.unique(batches).tolist():
        here = np.flatnonzero(batches == batch)
        first, count = int(here[0]), len(here)
        rows = np.repeat(known[here].astype(np.uint64), lengths[here])
        parts.append(_text_pairs("".join(present.slice(first, count).to_pylist()), rows, gram_min, gram_max))
    if len(parts) == 1:
        return parts[0]
    return _distinct(np.concatenate(parts)) if parts else np.empty(0, np.uint64)


def _known_rows(strings: pa.Array) -> npt.NDArray[np.int64]:
    """The rows that are not null."""
    if strings.null_count == 0:
        return np.arange(len(strings))
    packed = np.frombuffer(strings.buffers()[0], np.uint8)
    return Bitset.from_packed(packed, offset=strings.offset, size=len(strings)).rows()


def _text_pairs(text: str, rows: npt.NDArray[np.uint64], gram_min: int, gram_max: int) -> npt.NDArray[np.uint64]:
    """The same for a text of which each character is in one of the ascending `rows`."""
    points = _code_points(text)
    parts = [np.empty(0, np.uint64)]
    for length, hashes in _gram_hashes(points, gram_max):
        if length >= gram_min:
            within = rows[: len(hashes)] == rows[length - 1 :]
            parts.append((hashes[within].astype(np.uint64) << np.uint64(32)) | rows[: len(hashes)][within])
    return _distinct(np.concatenate(parts))


def _distinct(pairs: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The numbers, ascending; sorts `pairs` itself."""
    pairs.sort()
    return pairs[np.concatenate(([True], pairs[1:] != pairs[:-1]))] if len(pairs) else pairs


def _code_points(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def _gram_hashes(points: npt.NDArray[np.uint32], length_max: int) -> Iterator[tuple[int, npt.NDArray[np.uint32]]]:
    """For every length there is a gram of, that length and the hash of the gram at every position."""
    sums = np.zeros(len(points), np.uint64)
    for length in range(1, min(length_max, len(points)) + 1):
        count = len(points) - length + 1
        sums = sums[:count] * _STEP + points[length - 1 :]
        mixed = sums ^ np.uint64(length)
        yield length, ((mixed ^ (mixed >> np.uint64(29))) * _MIX >> np.uint64(32)).astype(np.uint32)


def _starts(counts: list[int]) -> npt.NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(np.array(counts, np.int64)))).astype(np.int64)


def _joined(parts: Sequence[npt.NDArray[Any]], dtype: type[np.generic]) -> npt.NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype)
