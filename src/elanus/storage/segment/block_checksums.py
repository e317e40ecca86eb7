"""The checksums of a file's blocks, taken while its parts pass by on their way to the disk."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from elanus.kernels.checksum import blocks_crc32c, crc32c
from elanus.storage.segment.meta import BLOCK_BYTES, FileChecksums

__all__ = ["BlockChecksums"]


class BlockChecksums:
    """The parts of a file as they pass by. Gone through once."""

    def __init__(self, parts: Iterable[memoryview]) -> None:
        self._parts: Final = parts
        self._whole: Final[list[int]] = []
        self._open_bytes = 0
        self._open_checksum = 0

    def __iter__(self) -> Iterator[memoryview]:
        for part in self._parts:
            if part.nbytes:
                data = part.cast("B")
                self._add(data)
                yield data

    def checksums(self) -> FileChecksums:
        """The size and the checksums of all that passed."""
        last = [self._open_checksum] if self._open_bytes else []
        size_bytes = len(self._whole) * BLOCK_BYTES + self._open_bytes
        return FileChecksums.of(size_bytes, np.array([*self._whole, *last], np.uint32))

    def _add(self, data: memoryview) -> None:
        """Fills the open block, takes whole ones, and begins the next with what is left."""
        head = data[: BLOCK_BYTES - self._open_bytes]
        self._open_checksum = crc32c(head, self._open_checksum)
        self._open_bytes += head.nbytes
        if self._open_bytes < BLOCK_BYTES:
            return
        start = head.nbytes
        stop = start + (data.nbytes - start) // BLOCK_BYTES * BLOCK_BYTES
        self._whole.append(self._open_checksum)
        self._whole.extend(blocks_crc32c(data[start:stop], BLOCK_BYTES).tolist())
        tail = data[stop:]
        self._open_checksum, self._open_bytes = crc32c(tail), tail.nbytes
