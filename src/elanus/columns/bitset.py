"""Sets of row numbers, one bit a row, in Arrow's bit order: row i is bit i % 64 of word i // 64."""

from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.kernels.bits import bit_count, bit_rows, bits_from_bool, bits_from_rows

__all__ = ["Bitset"]

Words = npt.NDArray[np.uint64]

_WORD_BITS: Final = 64
_ROW_DTYPES: Final = (np.dtype(np.uint32), np.dtype(np.int64))


class Bitset:
    """An immutable set of rows 0 to `size` (exclusive). Bits at and after `size` are zero.

    Operators return new sets and want both sides of the same size.
    """

    __slots__ = ("size", "words")

    def __init__(self, words: Words, size: int) -> None:
        """Takes over `words` (uint64, ceil(size / 64) of them); the caller promises that the tail bits are zero."""
        assert len(words) == _word_count(size), (len(words), size)
        self.words: Final = words
        self.size: Final = size

    @classmethod
    def zeros(cls, size: int) -> "Bitset":
        """No row."""
        return cls(np.zeros(_word_count(size), np.uint64), size)

    @classmethod
    def ones(cls, size: int) -> "Bitset":
        """Every row."""
        words = np.full(_word_count(size), np.uint64(0xFFFF_FFFF_FFFF_FFFF))
        _clear_tail(words, size)
        return cls(words, size)

    @classmethod
    def from_bool(cls, mask: npt.NDArray[np.bool_]) -> "Bitset":
        """The rows where `mask` is true; its length is the size."""
        return cls(bits_from_bool(np.ascontiguousarray(mask)), len(mask))

    @classmethod
    def from_rows(cls, rows: npt.NDArray[np.integer], size: int) -> "Bitset":
        """The rows numbered in `rows`, in any order, repeats allowed."""
        if rows.dtype not in _ROW_DTYPES:
            rows = rows.astype(np.int64)
        return cls(bits_from_rows(np.ascontiguousarray(rows), size), size)

    @classmethod
    def from_packed(cls, packed: npt.NDArray[np.uint8], *, offset: int, size: int) -> "Bitset":
        """Bits `offset` to `offset + size` of an Arrow bitmap, copied."""
        first_byte, shift = divmod(offset, 8)
        needed = packed[first_byte : (offset + size + 7) // 8]
        if shift:
            return cls.from_bool(np.unpackbits(needed, bitorder="little")[shift : shift + size].view(np.bool_))
        words = _pad_to_words(needed)
        _clear_tail(words, size)
        return cls(words, size)

    def __and__(self, other: "Bitset") -> "Bitset":
        assert self.size == other.size
        return Bitset(self.words & other.words, self.size)

    def __or__(self, other: "Bitset") -> "Bitset":
        assert self.size == other.size
        return Bitset(self.words | other.words, self.size)

    def __xor__(self, other: "Bitset") -> "Bitset":
        assert self.size == other.size
        return Bitset(self.words ^ other.words, self.size)

    def __invert__(self) -> "Bitset":
        words = ~self.words
        _clear_tail(words, self.size)
        return Bitset(words, self.size)

    def minus(self, other: "Bitset") -> "Bitset":
        """The rows of this set that are not in `other`."""
        assert self.size == other.size
        return Bitset(self.words & ~other.words, self.size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Bitset):
            return NotImplemented
        return self.size == other.size and bool(np.array_equal(self.words, other.words))

    def __hash__(self) -> int:
        return hash((self.size, self.words.tobytes()))

    def __len__(self) -> int:
        return self.size

    def __contains__(self, row: int) -> bool:
        return 0 <= row < self.size and bool((int(self.words[row // _WORD_BITS]) >> (row % _WORD_BITS)) & 1)

    def __repr__(self) -> str:
        return f"Bitset({self.count()} of {self.size})"

    def count(self) -> int:
        """How many rows are in the set."""
        return bit_count(self.words)

    def any(self) -> bool:
        """Whether the set has a row."""
        return bit_count(self.words) != 0

    def all(self) -> bool:
        """Whether every row is in the set."""
        return self.count() == self.size

    def rows(self) -> npt.NDArray[np.int64]:
        """The row numbers, ascending."""
        return bit_rows(self.words, self.size)

    def part(self, start: int, size: int) -> "Bitset":
        """The set of rows `start` to `start + size` (exclusive), renumbered from 0; `start` is a multiple of 64."""
        assert start % _WORD_BITS == 0
        words = self.words[start // _WORD_BITS : start // _WORD_BITS + _word_count(size)]
        if start + size < self.size and size % _WORD_BITS:
            words = words.copy()
            _clear_tail(words, size)
        return Bitset(words, size)

    def test(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """For each row number, whether it is in the set."""
        shifted: Words = self.words[rows >> 6] >> (rows & 63).astype(np.uint64)
        return (shifted & np.uint64(1)).astype(np.bool_)

    def to_bool(self) -> npt.NDArray[np.bool_]:
        """One boolean a row (a copy)."""
        return np.unpackbits(self.packed(), count=self.size, bitorder="little").view(np.bool_)

    def packed(self) -> npt.NDArray[np.uint8]:
        """The bits as bytes, an Arrow bitmap (a view)."""
        return self.words.view(np.uint8)

    def nbytes(self) -> int:
        return int(self.words.nbytes)


def _word_count(size: int) -> int:
    return (size + _WORD_BITS - 1) // _WORD_BITS


def _pad_to_words(packed: npt.NDArray[np.uint8]) -> Words:
    padded = np.zeros((len(packed) + 7) // 8 * 8, np.uint8)
    padded[: len(packed)] = packed
    return padded.view(np.uint64)


def _clear_tail(words: Words, size: int) -> None:
    tail = size % _WORD_BITS
    if tail and len(words):
        words[-1] &= np.uint64((1 << tail) - 1)
