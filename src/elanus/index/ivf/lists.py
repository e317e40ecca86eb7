"""Which rows are in which list: row numbers grouped by list, four bytes a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.errors import DataCorrupt
from elanus.index.artefacts import array_bytes, artefact_array

__all__ = ["InvertedLists"]

_OFFSETS: Final = "list_offsets"
_ROWS: Final = "list_rows"


@dataclass(frozen=True, slots=True)
class InvertedLists:
    """Rows of list i are `members[offsets[i]:offsets[i + 1]]`, ascending.

    Attributes:
        offsets: int64, one more than lists.
        members: int32 row numbers.
    """

    offsets: npt.NDArray[np.int64]
    members: npt.NDArray[np.int32]

    @classmethod
    def grouped(cls, lists: npt.NDArray[np.int32], row_numbers: npt.NDArray[np.int64], list_count: int) -> Self:
        """Rows `row_numbers` (ascending) grouped by their entry in `lists`."""
        offsets = np.zeros(list_count + 1, np.int64)
        np.cumsum(np.bincount(lists, minlength=list_count), out=offsets[1:])
        members = row_numbers[np.argsort(lists, kind="stable")].astype(np.int32)
        return cls(offsets=offsets, members=members)

    @classmethod
    def from_artefacts(
        cls,
        artefacts: Mapping[str, memoryview | pa.Buffer],
        *,
        list_count: int,
        present_count: int,
        row_count: int,
    ) -> Self:
        """The lists over mapped artefacts.

        Raises:
            DataCorrupt: arrays that do not fit each other or the column.
        """
        offsets = artefact_array(artefacts, _OFFSETS, np.int64, list_count + 1)
        members = artefact_array(artefacts, _ROWS, np.int32, present_count)
        rising = offsets[0] == 0 and offsets[-1] == present_count and bool((np.diff(offsets) >= 0).all())
        inside = present_count == 0 or (members.min() >= 0 and members.max() < row_count)
        if not (rising and inside):
            raise DataCorrupt(
                "malformed_file",
                f"index artefacts {_OFFSETS!r} and {_ROWS!r} do not describe {list_count} lists of {present_count} "
                f"rows below {row_count}; rebuild the index",
            )
        return cls(offsets=offsets, members=members)

    def artefacts(self) -> dict[str, npt.NDArray[np.uint8]]:
        """The arrays as named bytes."""
        return {_OFFSETS: array_bytes(self.offsets), _ROWS: array_bytes(self.members)}

    @property
    def list_count(self) -> int:
        return len(self.offsets) - 1

    def rows(self, list_number: int) -> npt.NDArray[np.int64]:
        """The row numbers in one list, ascending; a copy."""
        start, stop = int(self.offsets[list_number]), int(self.offsets[list_number + 1])
        return self.members[start:stop].astype(np.int64)

    def places_of(self, list_numbers: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Places in `members` of the rows of several lists, list after list, and how many each list has."""
        starts = self.offsets[list_numbers]
        counts = self.offsets[list_numbers + 1] - starts
        ends = np.cumsum(counts)
        # Position p of the answer is in the list whose part covers p, as far from its start there as here.
        shift = np.repeat(starts - (ends - counts), counts)
        return np.arange(int(ends[-1]), dtype=np.int64) + shift, counts

    def rows_of(self, list_numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The row numbers in several lists, list after list."""
        members: npt.NDArray[np.int64] = self.members[self.places_of(list_numbers)[0]].astype(np.int64)
        return members
