"""Which boxes of longitudes and latitudes a circle on the sphere may reach.

The boxes are those of corners in the plane; between two corners runs the great circle, which leaves the box towards the
nearer pole by a bound that grows with the box, so that what holds for a node of a tree holds for all below it.
"""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.index.scalar.protocol import NearPoint

__all__ = ["within_reach"]

_TURN: Final = 360.0
# Degrees added to the circle for what rounding may take from it: a tenth of a millimetre.
_MARGIN: Final = 1e-9


def within_reach(boxes: npt.NDArray[np.float32], near: NearPoint) -> npt.NDArray[np.bool_]:
    """The boxes that may have a point inside the circle; `boxes` is `(..., 4, count)`: left, low, right, high.

    A box of NaN has none.
    """
    left, low, right, high = np.moveaxis(boxes.astype(np.float64), -2, 0)
    width = right - left
    bottom, top = -_bulged(-low, width), _bulged(high, width)
    radius = near.angle_degrees * (1 + _MARGIN) + _MARGIN
    reached = (bottom <= near.latitude + radius) & (top >= near.latitude - radius)
    reached &= _longitudes_meet(left, width, near, radius)
    # A latitude beyond a pole is a place on the other side of it, and such corners span no arc as they look.
    unusual = (low < -90) | (high > 90) | (width >= _TURN / 2)
    met: npt.NDArray[np.bool_] = reached | unusual
    return met


def _bulged(latitudes: npt.NDArray[Any], width: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The northernmost latitude of arcs between places at most `latitudes` north and `width` apart, all in degrees."""
    half = np.radians(np.clip(width, 0, 180) / 2)
    northern = np.radians(np.clip(latitudes, 0, 90))
    crests = np.degrees(np.arctan2(np.sin(northern), np.cos(northern) * np.cos(half)))
    return np.where(latitudes > 0, crests, latitudes) + _MARGIN


def _longitudes_meet(
    left: npt.NDArray[Any], width: npt.NDArray[Any], near: NearPoint, radius: float
) -> npt.NDArray[np.bool_]:
    if abs(near.latitude) + radius >= 90:
        return np.ones(left.shape, np.bool_)
    reach = math.degrees(math.asin(min(1.0, math.sin(math.radians(radius)) / math.cos(math.radians(near.latitude)))))
    # Round the sphere: the circle begins inside the box, or the box inside the circle.
    start = near.longitude - reach - _MARGIN
    meet: npt.NDArray[np.bool_] = (np.mod(left - start, _TURN) <= 2 * (reach + _MARGIN)) | (
        np.mod(start - left, _TURN) <= width
    )
    return meet
