"""A mapped file whose blocks are checked against their checksums before they are first used."""

import threading
from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.errors import DataCorrupt
from elanus.kernels.checksum import blocks_crc32c
from elanus.storage.segment.meta import FileChecksums

__all__ = ["VerifiedFile"]


class VerifiedFile:
    """Bytes of a file, and which of its blocks were found intact. Blocks are checked once, by whoever needs them."""

    def __init__(self, key: str, data: memoryview, checksums: FileChecksums) -> None:
        if data.nbytes != checksums.size_bytes:
            raise DataCorrupt(
                "checksum_mismatch", f"{key} has {data.nbytes} bytes, expected {checksums.size_bytes}; it was truncated"
            )
        self.key: Final = key
        self.data: Final = data
        self._block_bytes: Final = checksums.block_bytes
        self._expected: Final = checksums.blocks()
        self._lock: Final = threading.Lock()
        self._intact = np.zeros(len(self._expected), np.bool_)
        self._all_intact = len(self._expected) == 0

    def verify_all(self) -> None:
        """Checks every block not checked yet.

        Raises:
            DataCorrupt: a block is damaged.
        """
        if not self._all_intact:
            self.verify_range(0, self.data.nbytes)

    def verify_range(self, start: int, stop: int) -> None:
        """Checks the blocks that hold bytes `start` to `stop` (exclusive)."""
        if self._all_intact or stop <= start:
            return
        first, last = start // self._block_bytes, (stop - 1) // self._block_bytes
        if self._intact[first : last + 1].all():
            return
        size = self._block_bytes
        found = blocks_crc32c(self.data[first * size : (last + 1) * size], size)
        wrong = np.flatnonzero(found != self._expected[first : last + 1])
        if len(wrong):
            offset = (first + int(wrong[0])) * size
            raise DataCorrupt(
                "checksum_mismatch", f"{self.key} is damaged between offsets {offset} and {offset + size}"
            )
        with self._lock:
            self._intact[first : last + 1] = True
            self._all_intact = bool(self._intact.all())

    def verify_places(self, starts: npt.NDArray[np.int64], width_bytes: int) -> None:
        """Checks the blocks that hold `width_bytes` bytes from each of `starts`."""
        if self._all_intact or len(starts) == 0:
            return
        size = self._block_bytes
        first, last = starts // size, (starts + max(width_bytes, 1) - 1) // size
        for block in np.union1d(first, last).tolist():
            if not self._intact[block]:
                self.verify_range(block * size, min((block + 1) * size, self.data.nbytes))
