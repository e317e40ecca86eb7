"""Generated ids: 64 bits, positive, ordered by time, unique over up to eight installations.

Layout from the top: sign (0), three bits of installation, then the milliseconds and logical counter of a hybrid
timestamp. Three bits are taken from the physical part, which leaves it enough for the year 2109.
"""

import os
import secrets
from collections.abc import Iterable
from typing import Final

from elanus.runtime.timestamps import TimestampOracle

__all__ = ["IdAllocator", "process_id", "random_token"]

_CLUSTER_SHIFT: Final = 60
_TIME_MASK: Final = (1 << _CLUSTER_SHIFT) - 1


class IdAllocator:
    """Row ids and object ids from one timestamp oracle."""

    def __init__(self, oracle: TimestampOracle, *, cluster_id: int = 0) -> None:
        assert 0 <= cluster_id <= 7
        self._oracle: Final = oracle
        self._prefix: Final = cluster_id << _CLUSTER_SHIFT

    def allocate_range(self, count: int) -> int:
        """The first of `count` consecutive ids."""
        return self._prefix | self._oracle.allocate_range(count)

    def allocate(self) -> int:
        """One new id."""
        return self.allocate_range(1)

    def skip_past(self, ids: Iterable[int]) -> None:
        """Makes every later id larger than these: called with what is found on disk, as a clock may be set back."""
        self._oracle.advance(max((taken & _TIME_MASK for taken in ids), default=0))


def process_id() -> int:
    """Of this process; another one in a forked child."""
    return os.getpid()


def random_token(byte_count: int = 16) -> str:
    """An unguessable hexadecimal string."""
    return secrets.token_hex(byte_count)
