"""How hard a search of inverted lists tries, and what recall costs in those terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import msgspec
import pyarrow as pa

from elanus.index.artefacts import description_bytes, read_description
from elanus.index.calibration import Calibration

__all__ = ["ListCalibration", "ListEffort"]

_NAME: Final = "calibration.json"
# A larger pool costs less than further lists, so that codes may miss the smaller part of what may be missed.
_MISSED_BY_CODES: Final = 0.2


@dataclass(frozen=True, slots=True)
class ListEffort:
    """How hard a search tries.

    Attributes:
        nprobe: lists that are read.
        pool: rows that are kept for exact scores, at least as many as are asked for.
    """

    nprobe: int
    pool: int


class ListCalibration(msgspec.Struct, frozen=True):
    """What recall costs, measured on rows the lists were not made from.

    Attributes:
        lists: what is found by the number of lists that are read, were all their rows compared exactly.
        pool: what codes find of that, by the number of rows kept for exact scores; None where there are no codes.
    """

    lists: Calibration
    pool: Calibration | None

    @classmethod
    def from_artefacts(cls, artefacts: Mapping[str, memoryview | pa.Buffer]) -> Self:
        """The calibration that was stored.

        Raises:
            DataCorrupt: it is missing or not a calibration.
        """
        return read_description(artefacts, _NAME, cls)

    def artefacts(self) -> dict[str, bytes]:
        """As named bytes."""
        return {_NAME: description_bytes(self)}

    def effort(self, k: int, recall: float) -> ListEffort:
        """The least effort that finds a share `recall` of the nearest `k` rows; `nprobe` may exceed the lists."""
        if self.pool is None:
            return ListEffort(self.lists.effort(k, recall), k)
        by_codes = 1 - _MISSED_BY_CODES * (1 - recall)
        return ListEffort(self.lists.effort(k, recall / by_codes), max(k, self.pool.effort(k, by_codes)))
