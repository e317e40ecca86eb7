"""XXH64 (https://github.com/Cyan4973/xxHash, seed 0) of many values at once, for filters made by clients."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["hash_integers", "hash_texts"]

Hashes = npt.NDArray[np.uint64]

_P1, _P2, _P3, _P4, _P5 = (
    np.uint64(prime)
    for prime in (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )
)
_STARTS: Final = tuple(np.uint64(start % (1 << 64)) for start in (int(_P1) + int(_P2), int(_P2), 0, -int(_P1)))
_CHUNK_BYTES: Final = 1 << 22


def hash_integers(values: npt.NDArray[Any]) -> Hashes:
    """The hash of each integer as 64 bits, little-endian."""
    lanes = np.ascontiguousarray(values, "<i8")
    return _hashes(lanes.view(np.uint8).reshape(len(lanes), 8))


def hash_texts(offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8]) -> Hashes:
    """The hash of each text's UTF-8 bytes; text i is `data[offsets[i]:offsets[i + 1]]`."""
    starts = offsets[:-1].astype(np.int64)
    lengths = np.diff(offsets).astype(np.int64)
    hashes = np.empty(len(lengths), np.uint64)
    order = np.argsort(lengths, kind="stable")
    edges = np.flatnonzero(np.diff(lengths[order])) + 1
    for rows in np.split(order, edges) if len(order) else []:
        length = int(lengths[rows[0]])
        step = max(1, _CHUNK_BYTES // max(1, length))
        for first in range(0, len(rows), step):
            part = rows[first : first + step]
            hashes[part] = _hashes(data[starts[part, None] + np.arange(length)])
    return hashes


def _hashes(texts: npt.NDArray[np.uint8]) -> Hashes:
    """The hash of each row of bytes. Sums and products wrap, as the algorithm wants."""
    count, length = texts.shape
    done = length // 32 * 32
    if done:
        lanes = _lanes(texts[:, :done], "<u8").reshape(count, done // 32, 4)
        parts = [np.full(count, start) for start in _STARTS]
        for stripe in range(done // 32):
            parts = [_mixed(part, lanes[:, stripe, lane]) for lane, part in enumerate(parts)]
        hashes = _turned(parts[0], 1) + _turned(parts[1], 7) + _turned(parts[2], 12) + _turned(parts[3], 18)
        for part in parts:
            hashes = (hashes ^ _mixed(np.zeros_like(part), part)) * _P1 + _P4
    else:
        hashes = np.full(count, _P5)
    hashes = hashes + np.uint64(length)
    while length - done >= 8:
        lane = _lanes(texts[:, done : done + 8], "<u8")[:, 0]
        hashes = _turned(hashes ^ _mixed(np.zeros_like(lane), lane), 27) * _P1 + _P4
        done += 8
    if length - done >= 4:
        lane = _lanes(texts[:, done : done + 4], "<u4")[:, 0].astype(np.uint64)
        hashes = _turned(hashes ^ (lane * _P1), 23) * _P2 + _P3
        done += 4
    for place in range(done, length):
        hashes = _turned(hashes ^ (texts[:, place].astype(np.uint64) * _P5), 11) * _P1
    hashes = (hashes ^ (hashes >> np.uint64(33))) * _P2
    hashes = (hashes ^ (hashes >> np.uint64(29))) * _P3
    finished: Hashes = hashes ^ (hashes >> np.uint64(32))
    return finished


def _lanes(texts: npt.NDArray[np.uint8], dtype: str) -> npt.NDArray[Any]:
    return np.ascontiguousarray(texts).view(dtype)


def _mixed(part: Hashes, lane: Hashes) -> Hashes:
    return _turned(part + lane * _P2, 31) * _P1


def _turned(values: Hashes, count: int) -> Hashes:
    turned: Hashes = (values << np.uint64(count)) | (values >> np.uint64(64 - count))
    return turned
