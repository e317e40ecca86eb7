"""Distances on the Earth taken for a sphere, in metres. Coordinates are degrees: x is longitude, y latitude.

Great-circle distance after the haversine formula; between two corners of a line or polygon runs the great circle.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.columns.geometries import shapely_library

__all__ = ["EARTH_RADIUS_M", "geometry_distances", "point_distances"]

EARTH_RADIUS_M: Final = 6_371_008.8
"""Mean radius of the Earth, (2a + b) / 3 of WGS 84."""

Doubles = npt.NDArray[np.float64]


def point_distances(points: Doubles, center: Doubles) -> Doubles:
    """Metres from each of `(count, 2)` points to the center `(2,)`; NaN for coordinates that are NaN."""
    longitudes, latitudes = np.radians(points[:, 0]), np.radians(points[:, 1])
    longitude, latitude = np.radians(center)
    chord = (
        np.sin((latitudes - latitude) / 2) ** 2
        + np.cos(latitudes) * np.cos(latitude) * np.sin((longitudes - longitude) / 2) ** 2
    )
    distances: Doubles = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    return distances


def geometry_distances(objects: npt.NDArray[np.object_], center: Any) -> Doubles:
    """Metres from each shapely geometry to a shapely point: 0 where it covers it, NaN for None and empty ones."""
    shapely = shapely_library()
    at = shapely.get_coordinates(center)[0]
    distances = np.full(len(objects), np.inf)
    coordinates, rows = shapely.get_coordinates(objects, return_index=True)
    np.minimum.at(distances, rows, point_distances(coordinates, at))
    starts, ends, rows = _segments(objects)
    np.minimum.at(
        distances, rows, _arc_distances(_unit(coordinates=starts), _unit(coordinates=ends), _unit(at[None])[0])
    )
    distances[shapely.intersects(objects, center)] = 0.0
    distances[np.isinf(distances)] = np.nan
    return distances


def _segments(objects: npt.NDArray[np.object_]) -> tuple[Doubles, Doubles, npt.NDArray[np.int64]]:
    """Both ends of every segment of the lines and rings in the geometries, and the row each is in."""
    shapely = shapely_library()
    parts, rows = objects, np.arange(len(objects))
    while (shapely.get_type_id(parts) > 3).any():
        parts, places = shapely.get_parts(parts, return_index=True)
        rows = rows[places]
    polygons = shapely.get_type_id(parts) == 3
    rings, places = shapely.get_rings(parts[polygons], return_index=True)
    lines = np.isin(shapely.get_type_id(parts), (1, 2))
    lines_rows = np.concatenate([rows[lines], rows[polygons][places]])
    coordinates, line_of = shapely.get_coordinates(np.concatenate([parts[lines], rings]), return_index=True)
    joined = line_of[1:] == line_of[:-1]
    return coordinates[:-1][joined], coordinates[1:][joined], lines_rows[line_of[1:][joined]]


def _unit(coordinates: Doubles) -> Doubles:
    """The coordinates as vectors of length 1 from the center of the Earth."""
    longitudes, latitudes = np.radians(coordinates[:, 0]), np.radians(coordinates[:, 1])
    level = np.cos(latitudes)
    return np.column_stack([level * np.cos(longitudes), level * np.sin(longitudes), np.sin(latitudes)])


def _arc_distances(starts: Doubles, ends: Doubles, at: Doubles) -> Doubles:
    """Metres from `at` to the nearest inner point of each arc; infinite where that is one of its ends."""
    normals = np.cross(starts, ends)
    lengths = np.linalg.norm(normals, axis=1)
    is_arc = lengths > 1e-15
    normals = normals / np.where(is_arc, lengths, 1.0)[:, None]
    beside = (np.cross(normals, starts) @ at > 0) & (np.cross(ends, normals) @ at > 0)
    nearest = EARTH_RADIUS_M * np.arcsin(np.minimum(np.abs(normals @ at), 1.0))
    return np.where(is_arc & beside, nearest, np.inf)
