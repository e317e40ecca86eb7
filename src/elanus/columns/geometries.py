"""Geometry columns: from WKT (or WKB, or shapely objects) to WKB, and back to WKT.

Shapely reads and writes them; it is imported at first use, because only collections with a Geometry field need it.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.geometry_nesting import NESTING_MAX, is_nested_too_deeply
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType

__all__ = [
    "check_geometry_defaults",
    "geometries_from_values",
    "geometry_boxes",
    "geometry_from_text",
    "geometry_objects",
    "point_coordinates",
    "shapely_library",
    "texts_from_geometries",
]

Objects = npt.NDArray[np.object_]

# Byte order, a type, two doubles: the form that `geometries_from_values` writes of a point.
_POINT_BYTES: Final = 21
_BATCH_ROWS: Final = 1 << 16
_POINT_HEAD: Final = b"\x01\x01\x00\x00\x00"
_TOO_DEEP: Final = f"is nested more than {NESTING_MAX} levels deep, expected at most that many; store its parts in rows"


def shapely_library() -> Any:
    """The module `shapely`.

    Raises:
        InvalidInput: it is not installed.
    """
    try:
        import shapely
    except ImportError:
        raise InvalidInput(
            "not_supported", "Geometry fields need the package shapely; install it with: pip install 'elanus[geo]'"
        ) from None
    return shapely


def check_geometry_defaults(schema: Schema) -> None:
    """Refuses Geometry fields where they could not be read or written, and defaults that are no WKT.

    Raises:
        InvalidInput: as said.
    """
    for field in schema.fields:
        if field.data_type is DataType.GEOMETRY:
            geometries_from_values(field, [] if field.default_value is None else [field.default_value])


def geometries_from_values(field: Field, values: Sequence[Any]) -> pa.Array:
    """A column from WKT texts, WKB bytes and shapely geometries; None is null.

    Raises:
        InvalidInput: a value that is no geometry, or has a coordinate that is not finite, with its row.
    """
    shapely = shapely_library()
    objects = np.full(len(values), None, object)
    for row, value in enumerate(values):
        if isinstance(value, str | bytes) and is_nested_too_deeply(value):
            what = f"a geometry in row {row} of field {field.name!r} {_TOO_DEEP}"
            raise InvalidInput("invalid_value", what, field=field.name, row=row)
    for kind, parse in ((str, shapely.from_wkt), (bytes, shapely.from_wkb)):
        rows = [row for row, value in enumerate(values) if isinstance(value, kind)]
        if rows:
            with np.errstate(invalid="ignore"):  # NaN among the coordinates, which is refused below
                objects[rows] = parse([values[row] for row in rows], on_invalid="ignore")
    for row, value in enumerate(values):
        if isinstance(value, shapely.Geometry):
            objects[row] = value
        elif value is not None and objects[row] is None:
            raise _unreadable(field, row, value)
    coordinates, rows_of = shapely.get_coordinates(objects, include_z=True, return_index=True)
    # A height that a geometry has not is NaN there.
    wrong = ~np.isfinite(coordinates[:, :2]).all(axis=1) | np.isinf(coordinates[:, 2])
    if wrong.any():
        row = int(rows_of[np.argmax(wrong)])
        raise InvalidInput(
            "not_finite",
            f"field {field.name!r} has a coordinate in row {row} that is not finite",
            field=field.name,
            row=row,
        )
    return pa.array(list(shapely.to_wkb(objects, byte_order=1, flavor="iso")), pa.binary())


def geometry_from_text(text: str) -> Any:
    """The shapely geometry a WKT text names.

    Raises:
        ValueError: it is none, or is nested too deeply.
        InvalidInput: shapely is not installed.
    """
    shapely = shapely_library()
    if is_nested_too_deeply(text):
        raise ValueError(f"the geometry {_TOO_DEEP}")
    with np.errstate(invalid="ignore"):
        found = shapely.from_wkt(text, on_invalid="ignore")
    if found is None or not np.isfinite(shapely.get_coordinates(found)).all():
        raise ValueError(f"{_shown(text)} is no WKT, expected for example POINT (13.4 52.5)")
    return found


def geometry_objects(column: pa.Array) -> Objects:
    """The shapely geometry of every row; None where it is null."""
    objects: Objects = shapely_library().from_wkb(np.array(column.to_pylist(), object))
    return objects


def geometry_boxes(column: pa.Array) -> pa.FixedSizeListArray:
    """The box around every geometry, four doubles: left, low, right, high.

    Null where there is none (NULL, empty), and where the geometry is not valid, so that GEOS may fail at any box.
    """
    points = point_coordinates(column)
    sides = np.full((len(column), 4), np.nan)
    if points is not None:
        sides[np.asarray(column.is_valid())] = np.concatenate((points, points), axis=1)
    else:
        shapely = shapely_library()
        for start in range(0, len(column), _BATCH_ROWS):
            objects = geometry_objects(column.slice(start, _BATCH_ROWS))
            boxes = shapely.bounds(objects)
            boxes[~shapely.is_valid(objects)] = np.nan
            sides[start : start + len(objects)] = boxes
    missing = np.isnan(sides).any(axis=1)
    return pa.FixedSizeListArray.from_arrays(pa.array(sides.reshape(-1)), 4, mask=pa.array(missing))


def texts_from_geometries(column: pa.Array) -> list[str | None]:
    """The geometries as WKT, with all digits they have."""
    if len(column) == 0:
        return []
    return list(shapely_library().to_wkt(geometry_objects(column), rounding_precision=-1))


def point_coordinates(column: pa.Array) -> npt.NDArray[np.float64] | None:
    """X and y of every row that is not null, `(count, 2)`, if all of those are points in the plane; else None."""
    known = column.drop_null()
    _, offsets, data = known.buffers()
    if len(known) == 0 or data is None:
        return None
    ends = np.frombuffer(offsets, np.int32, len(known) + 1, known.offset * 4)
    if ends[-1] - ends[0] != _POINT_BYTES * len(known):
        return None
    rows = np.frombuffer(data, np.uint8, ends[-1] - ends[0], ends[0]).reshape(-1, _POINT_BYTES)
    if (np.diff(ends) != _POINT_BYTES).any() or (rows[:, :5] != np.frombuffer(_POINT_HEAD, np.uint8)).any():
        return None
    return np.ascontiguousarray(rows[:, 5:]).view("<f8")


def _unreadable(field: Field, row: int, value: Any) -> InvalidInput:
    if isinstance(value, str | bytes):
        what = "WKT" if isinstance(value, str) else "WKB"
        return InvalidInput(
            "invalid_value",
            f"field {field.name!r} got {_shown(value)} in row {row}, which is no {what}; "
            "expected for example POINT (13.4 52.5)",
            field=field.name,
            row=row,
        )
    return InvalidInput(
        "type_mismatch",
        f"field {field.name!r} got a {type(value).__name__} in row {row}, expected a geometry as WKT text",
        field=field.name,
        row=row,
    )


def _shown(value: str | bytes) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
