"""Texts into a string column without Arrow's general conversion (see `numbers` for why)."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

__all__ = ["text_array"]


def text_array(texts: Sequence[str | bytes]) -> pa.Array:
    """A string column of texts, or of their UTF-8 bytes."""
    encoded = [text.encode() if isinstance(text, str) else text for text in texts]
    offsets = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers, 0)
