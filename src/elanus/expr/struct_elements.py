"""Conditions on the elements of arrays of structs: all elements at once, then back to the rows they are in."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.columns.json_values import JsonValues, ValuePath
from elanus.columns.numbers import full_numbers
from elanus.expr import primitives
from elanus.expr.truth import Truth

__all__ = ["StructElements", "counted_truth"]


class StructElements:
    """The structs in all rows of a column, one after another, as a source of rows; their members are its columns."""

    def __init__(self, column: pa.Array) -> None:
        structs = column.flatten()
        self.row_count: Final = len(structs)
        self._members: Final = structs.flatten()
        self._type: Final = structs.type

    def column(self, name: str) -> pa.Array:
        return self._members[self._type.get_field_index(name)]

    def numbers(self, name: str) -> npt.NDArray[Any] | None:
        return full_numbers(self.column(name))

    def strings(self, name: str) -> pa.Array:
        return self.column(name)

    def json_values(self, name: str, path: ValuePath) -> JsonValues | None:  # noqa: ARG002 (the port's)
        return None


def counted_truth(column: pa.Array, truth: Truth, *, least: int | None, most: int | None) -> Truth:
    """Whether the number of elements that are TRUE lies between `least` (None: all of them) and `most` (None: any).

    An element that is UNKNOWN may count or not: where that makes a difference the row is UNKNOWN, as it is where the
    array is null.
    """
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    rows = np.repeat(np.arange(len(column)), lengths)
    surely = np.bincount(rows[truth.true.to_bool()], minlength=len(column))
    perhaps = np.bincount(rows[truth.possible().to_bool()], minlength=len(column))
    low = lengths if least is None else np.full(len(column), least)
    high = lengths if most is None else np.full(len(column), most)
    true = (surely >= low) & (perhaps <= high)
    false = (perhaps < low) | (surely > high)
    known = primitives.validity(column)
    decided = Bitset.from_bool(true | false)
    return Truth.where_known(Bitset.from_bool(true), decided if known is None else decided & known)
