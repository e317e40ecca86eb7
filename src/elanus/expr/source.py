"""What a filter is evaluated over."""

from typing import Any, Protocol

import numpy.typing as npt
import pyarrow as pa

from elanus.columns.json_values import JsonValues, ValuePath

__all__ = ["ColumnSource"]


class ColumnSource(Protocol):
    """Rows 0 to `row_count` (exclusive) as columns."""

    @property
    def row_count(self) -> int: ...

    def column(self, name: str) -> pa.Array:
        """The column of a field, in the layout of `columns.layout`, exactly `row_count` long."""
        ...

    def numbers(self, name: str) -> npt.NDArray[Any] | None:
        """A column of integers or floats as they lie in memory (a view); None of another type, or with nulls."""
        ...

    def strings(self, name: str) -> pa.Array:
        """The column of a VarChar field, by a dictionary (int32 codes) where the source has it so, else plain."""
        ...

    def json_values(self, name: str, path: ValuePath) -> JsonValues | None:
        """The values at a path inside a JSON field, where the source has them in columns.

        None when it has not: they are to be read from the text, which `column` gives. The same answer either way.
        """
        ...
