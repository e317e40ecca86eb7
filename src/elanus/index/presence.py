"""Which rows of a column a search may return: those that are not null and that the caller allows."""

import numpy as np
import pyarrow as pa

from elanus.columns.bitset import Bitset

__all__ = ["present_rows", "visible_rows"]


def present_rows(array: pa.Array) -> Bitset | None:
    """The rows that are not null; None when all are present."""
    if array.null_count == 0:
        return None
    packed = np.frombuffer(array.buffers()[0], np.uint8)
    return Bitset.from_packed(packed, offset=array.offset, size=len(array))


def visible_rows(allow: Bitset | None, present: Bitset | None) -> Bitset | None:
    """Rows in both sets, where None stands for every row."""
    if allow is None:
        return present
    return allow if present is None else allow & present
