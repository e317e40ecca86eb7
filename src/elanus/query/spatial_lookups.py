"""What a predicate on geometries asks of an index on their boxes."""

import math

from elanus.columns.geometries import geometry_from_text
from elanus.expr.bound import Spatial
from elanus.expr.sphere import EARTH_RADIUS_M
from elanus.index.scalar.protocol import BoxCovers, BoxMeets, NearPoint

__all__ = ["spatial_lookup"]


def spatial_lookup(predicate: Spatial) -> BoxMeets | BoxCovers | NearPoint | None:
    """The boxes outside of which no valid geometry meets the predicate; None when boxes say nothing of it."""
    if predicate.predicate == "isvalid":
        return None
    other = geometry_from_text(predicate.geometry)
    if predicate.predicate == "dwithin":
        assert predicate.distance_m is not None
        return NearPoint(other.x, other.y, min(180.0, math.degrees(predicate.distance_m / EARTH_RADIUS_M)))
    # What GEOS does with a broken geometry it may do at any distance.
    if other.is_empty or not other.is_valid:
        return None
    box = other.bounds
    return BoxCovers(box) if predicate.predicate in {"contains", "equals"} else BoxMeets(box)
