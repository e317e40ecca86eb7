"""CRC-32C (Castagnoli), the checksum of every file: polynomial 0x1EDC6F41, reflected, as in RFC 3720."""

from typing import Any

import numpy as np
import numpy.typing as npt

from elanus.kernels.loader import active

__all__ = ["blocks_crc32c", "crc32c"]


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
