"""BIN_FLAT: the exact answer over bits, by HAMMING or JACCARD."""

from typing import Final

from elanus.index.flat.index import FlatType
from elanus.schema.types import DataType

__all__ = ["BIN_FLAT"]

BIN_FLAT: Final = FlatType(name="BIN_FLAT", taken=frozenset({DataType.BINARY_VECTOR}))
