"""A few values that are dear to make, by key."""

import threading
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

__all__ = ["Memo"]

_Value = TypeVar("_Value")


class Memo(Generic[_Value]):
    """Remembers up to `count_max` values; what was put first goes first. Thread-safe."""

    __slots__ = ("_count_max", "_lock", "_values")

    def __init__(self, count_max: int) -> None:
        self._count_max: Final = count_max
        self._lock: Final = threading.Lock()
        self._values: Final[dict[Hashable, _Value]] = {}

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable) -> _Value | None:
        """What was put under the key, if it is still there."""
        return self._values.get(key)

    def put(self, key: Hashable, value: _Value) -> None:
        """Remembers a value in place of what the key had."""
        with self._lock:
            while len(self._values) >= self._count_max and key not in self._values:
                del self._values[next(iter(self._values))]
            self._values[key] = value
