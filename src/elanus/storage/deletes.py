"""Which rows of an immutable run are deleted, and since when."""

from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.columns.bitset import Bitset

__all__ = ["DeleteSet"]

Rows = npt.NDArray[np.int64]
Stamps = npt.NDArray[np.uint64]


class DeleteSet:
    """An immutable set of (row, timestamp) over rows 0 to `size` (exclusive).

    A row counts as deleted for readers at or after its timestamp. Entries are in order of time, so that those up to a
    moment are a prefix. They are kept in a few runs that merge when they reach equal length, so that many small
    deletes cost n log n and not n squared.
    """

    __slots__ = ("_hidden", "_runs", "size")

    def __init__(self, size: int, runs: tuple[tuple[Rows, Stamps], ...] = (), hidden: Bitset | None = None) -> None:
        self.size: Final = size
        self._runs: Final = runs
        self._hidden: Final = hidden

    @classmethod
    def from_arrays(cls, size: int, rows: Rows, timestamps: Stamps) -> "DeleteSet":
        """The set of the given pairs."""
        return cls(size).with_rows(rows, timestamps)

    @property
    def count(self) -> int:
        """How many rows are deleted for the newest reader."""
        return 0 if self._hidden is None else self._hidden.count()

    @property
    def entry_count(self) -> int:
        """How many pairs the set holds; a row may have several."""
        return sum(len(rows) for rows, _ in self._runs)

    @property
    def max_timestamp(self) -> int:
        """The newest delete, 0 without any."""
        return max((int(stamps.max()) for _, stamps in self._runs), default=0)

    def with_rows(self, rows: Rows, timestamps: Stamps | int) -> "DeleteSet":
        """The set with more deletes, at one timestamp or one each."""
        if len(rows) == 0:
            return self
        stamps = np.broadcast_to(np.asarray(timestamps, np.uint64), rows.shape)
        runs = [*self._runs, (rows.astype(np.int64), np.array(stamps))]
        while len(runs) > 1 and len(runs[-2][0]) <= len(runs[-1][0]):
            last, before = runs.pop(), runs.pop()
            runs.append((np.concatenate([before[0], last[0]]), np.concatenate([before[1], last[1]])))
        added = Bitset.from_rows(rows, self.size)
        return DeleteSet(self.size, tuple(runs), added if self._hidden is None else self._hidden | added)

    def hidden(self, read_timestamp: int | None = None) -> Bitset | None:
        """The rows a reader at `read_timestamp` (None: the newest) must not see; None when there are none."""
        if self._hidden is None or read_timestamp is None or self.max_timestamp <= read_timestamp:
            return self._hidden
        rows, stamps = self.arrays()
        seen = rows[stamps <= read_timestamp]
        return Bitset.from_rows(seen, self.size) if len(seen) else None

    def arrays(self, *, after: int = 0) -> tuple[Rows, Stamps]:
        """All pairs with a timestamp above `after`, in order of arrival."""
        if not self._runs:
            return np.empty(0, np.int64), np.empty(0, np.uint64)
        rows = np.concatenate([run[0] for run in self._runs])
        stamps = np.concatenate([run[1] for run in self._runs])
        if after == 0:
            return rows, stamps
        newer = stamps > after
        return rows[newer], stamps[newer]

    @classmethod
    def concatenate(cls, parts: list["DeleteSet"]) -> "DeleteSet":
        """The set over all parts' rows laid end to end, its entries in order of time as if they had come that way."""
        rows, stamps, start = [], [], 0
        for part in parts:
            part_rows, part_stamps = part.arrays()
            rows.append(part_rows + start)
            stamps.append(part_stamps)
            start += part.size
        if not rows:
            return cls(0)
        all_rows, all_stamps = np.concatenate(rows), np.concatenate(stamps)
        by_time = np.argsort(all_stamps, kind="stable")
        return cls.from_arrays(start, all_rows[by_time], all_stamps[by_time])
