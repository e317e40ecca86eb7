"""Hybrid timestamps as in Milvus: physical milliseconds shifted left by 18 bits, plus a logical counter.

They order every write. An oracle never gives the same value twice and never goes back, whatever the clock does.
"""

import threading
from typing import Final

from elanus.runtime.clock import Clock

__all__ = ["LOGICAL_BITS", "MAX_TIMESTAMP", "TimestampOracle", "compose", "physical_ms"]

LOGICAL_BITS: Final = 18
MAX_TIMESTAMP: Final = (1 << 63) - 1
_LOGICAL_COUNT: Final = 1 << LOGICAL_BITS


def compose(milliseconds: int, logical: int = 0) -> int:
    """The timestamp of a moment; `logical` is below 2**18."""
    return (milliseconds << LOGICAL_BITS) | logical


def physical_ms(timestamp: int) -> int:
    """The wall time in ms inside a timestamp."""
    return timestamp >> LOGICAL_BITS


class TimestampOracle:
    """Strictly increasing timestamps, from any thread."""

    def __init__(self, clock: Clock, *, floor: int = 0) -> None:
        self._clock: Final = clock
        self._lock: Final = threading.Lock()
        self._last = floor

    def allocate(self) -> int:
        """A timestamp above every earlier one."""
        return self.allocate_range(1)

    def allocate_range(self, count: int) -> int:
        """The first of `count` consecutive timestamps, all above every earlier one."""
        assert count > 0
        now = compose(self._clock.now_ms())
        with self._lock:
            first = max(now, self._last + 1)
            self._last = first + count - 1
            return first

    def advance(self, floor: int) -> None:
        """Makes every later timestamp larger than `floor`: called with what is found on disk."""
        with self._lock:
            self._last = max(self._last, floor)

    def last(self) -> int:
        """The newest timestamp given out, or the floor."""
        with self._lock:
            return self._last
