"""CRC-32C (Castagnoli), the checksum of every file: polynomial 0x1EDC6F41, reflected, as in RFC 3720."""

from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.kernels.loader import active

__all__ = ["blocks_crc32c", "crc32c", "joined_crc32c"]

# A polynomial over two elements modulo that of the checksum is 32 bits, the coefficient of x^0 the highest of them.
_POLYNOMIAL: Final = 0x82F63B78
_ONE: Final = 1 << 31


def crc32c(buffer: Any, initial: int = 0) -> int:
    """The checksum of a C-contiguous buffer, or of what `initial` is the checksum of followed by the buffer.

    Raises:
        TypeError: no buffer.
        ValueError: a buffer that is not contiguous.
    """
    return active.backend.crc32c(buffer, initial)


def blocks_crc32c(buffer: Any, block_bytes: int) -> npt.NDArray[np.uint32]:
    """The checksum of each block of `block_bytes` (the last may be shorter); none for an empty buffer.

    Raises:
        TypeError: no buffer.
        ValueError: a buffer that is not contiguous, or blocks of less than one byte.
    """
    return active.backend.blocks_crc32c(buffer, block_bytes)


def joined_crc32c(first: int, second: int, second_bytes: int) -> int:
    """The checksum of two buffers end to end, from the checksum of each and the size of the second.

    Takes some 50 us however large they are, so it is worth it for more than a few hundred KB.
    """
    shift = _ONE
    # By x^8 for each byte of the second.
    for bit in range(second_bytes.bit_length()):
        if second_bytes >> bit & 1:
            shift = _product(shift, _power(bit + 3))
    return _product(first, shift) ^ second


@cache
def _power(exponent: int) -> int:
    """X to the power of 2^exponent."""
    if exponent == 0:
        return _ONE >> 1
    root = _power(exponent - 1)
    return _product(root, root)


def _product(left: int, right: int) -> int:
    total = 0
    while left:
        if left & _ONE:
            total ^= right
        left = left << 1 & 0xFFFFFFFF
        right = right >> 1 ^ (_POLYNOMIAL if right & 1 else 0)
    return total
