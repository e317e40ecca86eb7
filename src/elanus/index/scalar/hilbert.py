"""The order of points along a Hilbert curve, in which neighbours in the plane are near each other.

Skilling, "Programming the Hilbert curve" (2004), for two dimensions.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["hilbert_order"]

_BITS: Final = 16


def hilbert_order(xs: npt.NDArray[Any], ys: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Places of the points along a curve through the box around them; those that share a cell keep their order.

    The coordinates are finite.
    """
    x, y = _cells(xs), _cells(ys)
    along = np.zeros(len(x), np.uint64)
    for bit in range(_BITS - 1, -1, -1):
        right, upper = (x >> bit) & 1, (y >> bit) & 1
        along = (along << np.uint64(2)) | ((3 * right) ^ upper).astype(np.uint64)
        # The curve of a lower quarter is turned, that of the right one the other way round.
        turned = upper == 0
        mirrored = turned & (right == 1)
        last = (1 << _BITS) - 1
        x, y = np.where(mirrored, last - x, x), np.where(mirrored, last - y, y)
        x, y = np.where(turned, y, x), np.where(turned, x, y)
    return np.argsort(along, kind="stable")


def _cells(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Whole numbers from 0 to 2**16 - 1, in proportion."""
    if len(values) == 0:
        return np.zeros(0, np.int64)
    # Halves, because the width of what doubles span need not be a double.
    low, high = float(values.min()) / 2, float(values.max()) / 2
    share = (values / 2 - low) / ((high - low) or 1.0)
    return np.minimum(share * (1 << _BITS), (1 << _BITS) - 1).astype(np.int64)
