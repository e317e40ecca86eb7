"""Which partition a row belongs to when a partition key spreads them."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.storage.keys import key_codes

__all__ = ["partition_slots"]

_MULTIPLIER: Final = np.uint64(0x9E37_79B9_7F4A_7C15)


def partition_slots(keys: pa.Array, partition_count: int) -> npt.NDArray[np.int64]:
    """The slot of each partition key value, 0 to `partition_count` (exclusive). Part of the file format."""
    codes = key_codes(keys).view(np.uint64) * _MULTIPLIER
    return ((codes >> np.uint64(32)) % np.uint64(partition_count)).astype(np.int64)
