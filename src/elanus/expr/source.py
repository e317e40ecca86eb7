"""What a filter is evaluated over."""

from typing import Protocol

import pyarrow as pa

__all__ = ["ColumnSource"]


class ColumnSource(Protocol):
    """Rows 0 to `row_count` (exclusive) as columns."""

    @property
    def row_count(self) -> int: ...

    def column(self, name: str) -> pa.Array:
        """The column of a field, in the layout of `columns.layout`, exactly `row_count` long."""
        ...
