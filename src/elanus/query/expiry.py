"""Which rows are past their time."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.columns.numbers import boolean_values, number_values
from elanus.query.view import RowSource

__all__ = ["Expiry"]


@dataclass(frozen=True, slots=True)
class Expiry:
    """When rows expire, as of one moment.

    Attributes:
        written_until: hybrid timestamp; rows written at or before it have expired.
        field_name: a Timestamptz field; rows have expired whose time in it has come, and never where it is NULL. Empty
            for none.
        now_us: microseconds since 1970 in UTC.
    """

    written_until: int = 0
    field_name: str = ""
    now_us: int = 0

    def expired(self, source: RowSource) -> Bitset | None:
        """The rows of a source that have expired; None when none has."""
        count = source.row_count
        if self.field_name:
            column: pa.Array = source.column(self.field_name)
            past = number_values(column) <= self.now_us
            if column.null_count:
                past &= boolean_values(column.is_valid())
            return Bitset.from_bool(past) if past.any() else None
        stamps = source.timestamps()
        first = int(np.searchsorted(stamps, np.uint64(self.written_until), side="right"))
        return Bitset.from_rows(np.arange(first), count) if first else None
