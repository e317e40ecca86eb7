"""The st_ functions: their binding, and their answers for a column of geometries.

Predicates are those of OGC's Simple Features as GEOS computes them, in the plane of the coordinates; st_dwithin
measures on the sphere.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.columns.geometries import geometry_from_text, geometry_objects, point_coordinates, shapely_library
from elanus.expr import primitives, syntax
from elanus.expr.bound import Column, Condition, Constant, Spatial
from elanus.expr.constants import is_number
from elanus.expr.operand_binder import OperandBinder, kind, label
from elanus.expr.sphere import geometry_distances, point_distances
from elanus.expr.truth import Truth

__all__ = ["SPATIAL_FUNCTIONS", "bind_spatial", "spatial_truth"]

Mask = npt.NDArray[np.bool_]

# The predicate with its sides exchanged: prepared geometries answer fast, and are on the left.
_EXCHANGED: Final = {
    "equals": "equals",
    "contains": "within",
    "crosses": "crosses",
    "intersects": "intersects",
    "overlaps": "overlaps",
    "touches": "touches",
    "within": "contains",
}
SPATIAL_FUNCTIONS: Final = frozenset({*(f"st_{name}" for name in _EXCHANGED), "st_dwithin", "st_isvalid"})
"""Every function that `bind_spatial` knows."""


def bind_spatial(operands: OperandBinder, node: syntax.Call) -> Condition:
    """The condition of a call.

    Raises:
        InvalidInput: the first argument is no Geometry field, the second no WKT, or the distance no length.
    """
    field = operands.operand(node.arguments[0])
    if not isinstance(field, Column) or kind(field) != "geometry":
        raise operands.wrong(node.arguments[0], f"{node.function} is for Geometry fields, not {label(field)}")
    predicate = node.function.removeprefix("st_")
    if predicate == "isvalid":
        return Spatial(field, predicate)
    text = operands.operand(node.arguments[1])
    if not isinstance(text, Constant) or not isinstance(text.value, str):
        raise operands.wrong(node.arguments[1], f"{node.function} wants a geometry as WKT text, not {label(text)}")
    try:
        geometry = geometry_from_text(text.value)
    except ValueError as error:
        raise operands.wrong(node.arguments[1], str(error)) from None
    written = shapely_library().to_wkt(geometry, rounding_precision=-1)
    if predicate != "dwithin":
        return Spatial(field, predicate, written)
    if geometry.geom_type != "Point" or geometry.is_empty:
        raise operands.wrong(node.arguments[1], "st_dwithin measures the distance to one point, POINT (13.4 52.5)")
    if not (abs(geometry.x) <= 360 and abs(geometry.y) <= 90):
        raise operands.wrong(node.arguments[1], "the point of st_dwithin is a longitude and a latitude in degrees")
    distance = operands.operand(node.arguments[2])
    if not isinstance(distance, Constant) or not is_number(distance.value) or not distance.value >= 0:
        raise operands.wrong(node.arguments[2], "the distance of st_dwithin is a number of metres, 0 or more")
    return Spatial(field, predicate, written, float(distance.value))


def spatial_truth(node: Spatial, column: pa.Array) -> Truth:
    """The answer for every row: UNKNOWN where it is null, or where GEOS cannot decide for a broken geometry."""
    known = primitives.validity(column)
    points = point_coordinates(column)
    if points is None:
        true, decided = _answers(node, geometry_objects(column))
        truth = Truth.where_known(Bitset.from_bool(true), known)
        return truth if decided is None else Truth.where_known(truth.true, _both(known, Bitset.from_bool(decided)))
    rows = np.arange(len(column)) if known is None else known.rows()
    return Truth.where_known(Bitset.from_rows(rows[_of_points(node, points)], len(column)), known)


def _of_points(node: Spatial, points: npt.NDArray[np.float64]) -> Mask:
    """The answers for points: every predicate but st_isvalid needs them inside the box around the other geometry."""
    if node.predicate == "isvalid":
        return np.ones(len(points), np.bool_)
    other = geometry_from_text(node.geometry)
    if node.predicate == "dwithin":
        assert node.distance_m is not None
        return np.less_equal(point_distances(points, np.array([other.x, other.y])), node.distance_m)
    near: Mask
    if other.is_empty:
        near = np.asarray(np.isnan(points).all(axis=1), np.bool_)
    else:
        left, low, right, high = other.bounds
        inside = (points >= np.array([left, low])) & (points <= np.array([right, high]))
        near = np.asarray(inside.all(axis=1), np.bool_)
    rows = np.flatnonzero(near)
    near[rows] = _answers(node, shapely_library().points(points[rows]))[0]
    return near


def _answers(node: Spatial, objects: npt.NDArray[np.object_]) -> tuple[Mask, Mask | None]:
    """Where the predicate holds, and where it could be decided (None: everywhere); no row without a geometry holds."""
    shapely = shapely_library()
    if node.predicate == "isvalid":
        return shapely.is_valid(objects), None
    # Made for this call alone: a prepared geometry changes inside when it is asked, and filters serve many threads.
    other = geometry_from_text(node.geometry)
    if node.predicate == "dwithin":
        assert node.distance_m is not None
        return geometry_distances(objects, other) <= node.distance_m, None
    shapely.prepare(other)
    test: Any = getattr(shapely, _EXCHANGED[node.predicate])
    # Products of huge coordinates overflow inside GEOS, which goes on with infinity.
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            return test(other, objects), None
        except shapely.errors.GEOSException:
            pass
        true, decided = np.zeros(len(objects), np.bool_), np.ones(len(objects), np.bool_)
        for row, one in enumerate(objects):
            try:
                true[row] = test(other, one)
            except shapely.errors.GEOSException:
                decided[row] = False
        return true, decided


def _both(known: Bitset | None, decided: Bitset) -> Bitset:
    return decided if known is None else known & decided
