"""Sets that clients build and send as bytes: Bloom filters and Roaring bitmaps, for `membership_match`.

Bloom: magic `MBF1`, then a Parquet split-block Bloom filter over XXH64
(https://parquet.apache.org/docs/file-format/bloomfilter). Roaring: magic `MRB1`, then 64-bit Roaring in the portable
form (https://github.com/RoaringBitmap/RoaringFormatSpec) over integers as unsigned 64-bit keys.
"""

import struct
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from elanus.expr.xxhash64 import hash_integers, hash_texts

__all__ = ["BloomFilter", "IntegerRanges", "MemberSet", "bloom_filter", "roaring_ranges"]

Mask = npt.NDArray[np.bool_]

_BLOOM_HEADER: Final = struct.Struct("<4sHHQdIB3x")
_ROARING_HEADER: Final = struct.Struct("<4sHHQQQ")
_INTEGERS, _TEXTS = 1, 2
_BYTES_MAX: Final = 128 << 20
_RANGES_MAX: Final = 1 << 24
_SALTS: Final = np.array(
    [0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31], np.uint32
)


class MemberSet(Protocol):
    """A set of integers, texts or both."""

    @property
    def has_integers(self) -> bool:
        """Whether integers were put into it."""

    @property
    def has_texts(self) -> bool:
        """Whether texts were put into it."""

    def integers(self, values: npt.NDArray[Any]) -> Mask:
        """Which of the integers are in it."""

    def texts(self, offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8]) -> Mask:
        """Which of the texts are in it; text i is `data[offsets[i]:offsets[i + 1]]`."""


class BloomFilter:
    """A set that may claim a few members it has not, and never denies one it has."""

    def __init__(self, words: npt.NDArray[np.uint32], domains: int) -> None:
        """`words` are eight a block."""
        self._words: Final = words
        self._domains: Final = domains

    @property
    def has_integers(self) -> bool:
        return bool(self._domains & _INTEGERS)

    @property
    def has_texts(self) -> bool:
        return bool(self._domains & _TEXTS)

    def integers(self, values: npt.NDArray[Any]) -> Mask:
        return self._contained(hash_integers(values)) if self.has_integers else np.zeros(len(values), np.bool_)

    def texts(self, offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8]) -> Mask:
        if not self.has_texts:
            return np.zeros(len(offsets) - 1, np.bool_)
        return self._contained(hash_texts(offsets, data))

    def __repr__(self) -> str:
        return f"BloomFilter({len(self._words) // 8} blocks)"

    def _contained(self, hashes: npt.NDArray[np.uint64]) -> Mask:
        high, low = hashes >> np.uint64(32), hashes.astype(np.uint32)
        first = ((high * np.uint64(len(self._words) // 8)) >> np.uint64(32)).astype(np.int64) * 8
        found = np.ones(len(hashes), np.bool_)
        for place, salt in enumerate(_SALTS):
            bits = self._words[first + place] >> ((low * salt) >> np.uint32(27))
            found &= (bits & np.uint32(1)).astype(np.bool_)
        return found


class IntegerRanges:
    """A set of integers as ranges: ascending, not touching, both ends inside."""

    has_integers: Final = True
    has_texts: Final = False

    def __init__(self, firsts: npt.NDArray[np.int64], lasts: npt.NDArray[np.int64]) -> None:
        self._firsts: Final = firsts
        self._lasts: Final = lasts

    def integers(self, values: npt.NDArray[Any]) -> Mask:
        if len(self._firsts) == 0:
            return np.zeros(len(values), np.bool_)
        place = np.searchsorted(self._firsts, values, side="right") - 1
        found: Mask = (place >= 0) & (values <= self._lasts[place])
        return found

    def texts(self, offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8]) -> Mask:  # noqa: ARG002
        return np.zeros(len(offsets) - 1, np.bool_)

    def __repr__(self) -> str:
        return f"IntegerRanges({len(self._firsts)} ranges)"


def bloom_filter(blob: bytes) -> BloomFilter:
    """The filter in a blob; shares its memory.

    Raises:
        ValueError: it is damaged, of another version, or too large.
    """
    _check_size(blob, _BLOOM_HEADER.size)
    magic, version, form, _, _, block_count, domains = _BLOOM_HEADER.unpack_from(blob)
    if (magic, version, form) != (b"MBF1", 1, 1):
        raise ValueError("they do not begin like a Bloom filter (MBF1, version 1)")
    if block_count < 1 or len(blob) - _BLOOM_HEADER.size != 32 * block_count or domains > (_INTEGERS | _TEXTS):
        raise ValueError(f"the Bloom filter is damaged: {len(blob)} bytes for {block_count} blocks")
    return BloomFilter(np.frombuffer(blob, "<u4", offset=_BLOOM_HEADER.size), domains)


def roaring_ranges(blob: bytes) -> IntegerRanges:
    """The integers in a blob.

    Raises:
        ValueError: it is damaged, of another version, or too large.
    """
    _check_size(blob, _ROARING_HEADER.size)
    magic, version, form, cardinality, body_length, _ = _ROARING_HEADER.unpack_from(blob)
    if (magic, version, form) != (b"MRB1", 1, 1):
        raise ValueError("they do not begin like a Roaring bitmap (MRB1, version 1)")
    if body_length != len(blob) - _ROARING_HEADER.size:
        raise ValueError(f"the Roaring bitmap is damaged: {len(blob)} bytes for a body of {body_length}")
    reader = _RoaringReader(blob, _ROARING_HEADER.size)
    try:
        firsts, lasts = reader.ranges()
    except (struct.error, IndexError):
        raise ValueError("the Roaring bitmap is damaged: it ends too early") from None
    if len(firsts) and (not (lasts >= firsts).all() or not (firsts[1:] > lasts[:-1]).all()):
        raise ValueError("the Roaring bitmap is damaged: its members are not ascending")
    counted = int((lasts - firsts).sum(dtype=np.uint64)) + len(firsts)
    if counted != cardinality:
        raise ValueError(f"the Roaring bitmap is damaged: {counted} members, expected {cardinality}")
    # Keys are integers of two's complement: those with the highest bit are negative and come first.
    order = np.argsort(firsts.view(np.int64), kind="stable")
    return IntegerRanges(firsts.view(np.int64)[order], lasts.view(np.int64)[order])


class _RoaringReader:
    """Reads the containers of a 64-bit bitmap one after another, as ranges of keys."""

    def __init__(self, blob: bytes, position: int) -> None:
        self._blob: Final = blob
        self._position = position
        self._range_count = 0

    def ranges(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        parts: list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]] = []
        (bitmap_count,) = self._unpacked("<Q")
        for _ in range(min(bitmap_count, len(self._blob))):
            (high,) = self._unpacked("<I")
            parts += self._bitmap(high)
        if self._position != len(self._blob):
            raise IndexError
        if not parts:
            return np.empty(0, np.uint64), np.empty(0, np.uint64)
        return _joined(np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts]))

    def _bitmap(self, high: int) -> list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]]:
        """The ranges of one 32-bit bitmap, a pair of arrays a container."""
        (cookie,) = self._unpacked("<I")
        if cookie & 0xFFFF == 12347:
            count = (cookie >> 16) + 1
            flags = np.unpackbits(self._array(np.uint8, (count + 7) // 8), count=count, bitorder="little")
        elif cookie == 12346:
            (count,) = self._unpacked("<I")
            flags = np.zeros(count if count <= 1 << 16 else 0, np.uint8)
        else:
            raise IndexError
        descriptors = self._array(np.uint16, 2 * count).reshape(count, 2)
        if cookie == 12346 or count >= 4:
            self._array(np.uint32, count)  # offsets, which reading in order does not need
        parts = []
        for (key, last), is_run in zip(descriptors.tolist(), flags.tolist(), strict=True):
            firsts, lasts = self._container(last + 1, is_run=bool(is_run))
            self._range_count += len(firsts)
            if self._range_count > _RANGES_MAX:
                raise ValueError(f"the Roaring bitmap has more than {_RANGES_MAX} ranges")
            base = np.uint64((high << 32) | (key << 16))
            parts.append((firsts.astype(np.uint64) + base, lasts.astype(np.uint64) + base))
        return parts

    def _container(self, cardinality: int, *, is_run: bool) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        if is_run:
            (count,) = self._unpacked("<H")
            pairs = self._array(np.uint16, 2 * count).reshape(count, 2).astype(np.uint32)
            if (pairs.sum(axis=1) > 0xFFFF).any():
                raise IndexError
            return pairs[:, 0], pairs[:, 0] + pairs[:, 1]
        if cardinality > 4096:
            bits = np.unpackbits(self._array(np.uint8, 8192), bitorder="little")
            values = np.flatnonzero(bits).astype(np.uint32)
        else:
            values = self._array(np.uint16, cardinality).astype(np.uint32)
        return values, values

    def _unpacked(self, form: str) -> tuple[int, ...]:
        found = struct.unpack_from(form, self._blob, self._position)
        self._position += struct.calcsize(form)
        return found

    def _array(self, dtype: type[np.generic], count: int) -> npt.NDArray[Any]:
        size = np.dtype(dtype).itemsize * count
        if self._position + size > len(self._blob):
            raise IndexError
        found = np.frombuffer(self._blob, np.dtype(dtype).newbyteorder("<"), count, self._position)
        self._position += size
        return found


def _joined(
    firsts: npt.NDArray[np.uint64], lasts: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Ranges that follow each other without a gap made one; those of signed integers stay apart at the sign."""
    apart = np.ones(len(firsts), np.bool_)
    apart[1:] = (firsts[1:] != lasts[:-1] + np.uint64(1)) | (firsts[1:] == np.uint64(1 << 63))
    starts = np.flatnonzero(apart)
    ends = np.append(starts[1:], len(firsts)) - 1
    return firsts[starts], lasts[ends]


def _check_size(blob: bytes, header_size: int) -> None:
    if not header_size <= len(blob) <= _BYTES_MAX:
        raise ValueError(f"they are {len(blob)} bytes, expected {header_size} to {_BYTES_MAX}")
