"""CRC-32C from a table of the 256 bytes, many stretches of a large buffer side by side.

A checksum is a remainder of polynomials over two elements, its bits reflected, so that stretches can be summed apart
and joined: appending zero bytes to a stretch multiplies its remainder by a power of x.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["blocks_crc32c", "crc32c"]

_CASTAGNOLI: Final = 0x82F63B78
_ONES: Final = 0xFFFFFFFF
# Buffers of at least this size are cut into this many equal stretches.
_STRETCH_COUNT: Final = 512
_STRETCHED_BYTES_MIN: Final = 16 * _STRETCH_COUNT


def crc32c(buffer: Any, initial: int) -> int:
    data = _bytes_of(buffer)
    state = initial ^ _ONES
    if len(data) >= _STRETCHED_BYTES_MIN:
        length = len(data) // _STRETCH_COUNT
        stretched = _joined(data[: length * _STRETCH_COUNT].reshape(_STRETCH_COUNT, length))
        state = _append_zeros(np.array([state], np.uint32), length * _STRETCH_COUNT).item() ^ stretched
        data = data[length * _STRETCH_COUNT :]
    for byte in data.tolist():
        state = (state >> 8) ^ int(_TABLE[(state ^ byte) & 0xFF])
    return state ^ _ONES


def blocks_crc32c(buffer: Any, block_bytes: int) -> npt.NDArray[np.uint32]:
    data = _bytes_of(buffer)
    if block_bytes < 1:
        raise ValueError(f"block_bytes is {block_bytes}, expected at least 1")
    blocks = [data[start : start + block_bytes] for start in range(0, len(data), block_bytes)]
    return np.array([crc32c(block, 0) for block in blocks], np.uint32)


def _bytes_of(buffer: Any) -> npt.NDArray[np.uint8]:
    view = memoryview(buffer)
    if not view.c_contiguous:
        raise ValueError("buffer is not C-contiguous; pass a contiguous copy")
    return np.frombuffer(view, np.uint8) if view.nbytes else np.empty(0, np.uint8)


def _joined(stretches: npt.NDArray[np.uint8]) -> int:
    """The remainder of the stretches (a power of two of them) one after the other, from a state of zero."""
    states = np.zeros(len(stretches), np.uint32)
    for column in stretches.T:
        states = (states >> np.uint32(8)) ^ _TABLE[(states ^ column) & np.uint32(0xFF)]
    length = stretches.shape[1]
    while len(states) > 1:
        states = _append_zeros(states[0::2], length) ^ states[1::2]
        length *= 2
    return int(states[0])


def _append_zeros(states: npt.NDArray[np.uint32], byte_count: int) -> npt.NDArray[np.uint32]:
    """Each remainder after `byte_count` zero bytes, by repeated squaring."""
    factor, square = np.uint32(0x80000000), np.uint32(0x80000000 >> 8)
    while byte_count:
        if byte_count & 1:
            factor = _multiply(np.array([factor], np.uint32), square)[0]
        square = _multiply(np.array([square], np.uint32), square)[0]
        byte_count >>= 1
    return _multiply(states, factor)


def _multiply(states: npt.NDArray[np.uint32], factor: np.uint32) -> npt.NDArray[np.uint32]:
    """Products modulo the polynomial; bit 31 is x to the power of 0."""
    product = np.zeros(len(states), np.uint32)
    for bit in range(31, -1, -1):
        if int(factor) >> bit & 1:
            product ^= states
        states = (states >> np.uint32(1)) ^ (states & np.uint32(1)) * np.uint32(_CASTAGNOLI)
    return product


def _make_table() -> npt.NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ (table & np.uint32(1)) * np.uint32(_CASTAGNOLI)
    return table


_TABLE: Final = _make_table()
