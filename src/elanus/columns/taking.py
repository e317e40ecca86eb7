"""Some rows of a column, in any order: what output of winners is made of, so the fixed cost of a call matters."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.numbers import are_numbers, number_array, number_values

__all__ = ["take_rows"]

_OPTIONS: Final = pc.TakeOptions(boundscheck=False)


def take_rows(column: pa.Array, rows: npt.NDArray[np.int64]) -> pa.Array:
    """The values of `rows` (each 0 to the column's length, exclusive), copied."""
    if are_numbers(column):
        return number_array(number_values(column)[rows])
    return pc.call_function("take", [column, number_array(rows)], _OPTIONS)
