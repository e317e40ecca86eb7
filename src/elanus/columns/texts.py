"""String columns from texts, and their layout, without Arrow's general conversions (see `numbers` for why)."""

from array import array
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["text_array", "text_layout"]


def text_layout(column: pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """The offsets (one more than rows) and bytes of a string column, views."""
    _, offsets, data = column.buffers()
    if len(column) == 0 or offsets is None:
        return np.zeros(len(column) + 1, np.int32), np.empty(0, np.uint8)
    bytes_of = np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return np.frombuffer(offsets, np.int32, len(column) + 1, column.offset * 4), bytes_of


def text_array(texts: Sequence[str | bytes]) -> pa.Array:
    """A string column of texts, or of their UTF-8 bytes."""
    encoded = [text.encode() if isinstance(text, str) else text for text in texts]
    offsets = array("i", accumulate(map(len, encoded), initial=0))
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers, 0)
