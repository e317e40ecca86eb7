"""Geometries nested deeper than GEOS's stack are refused, in WKT and WKB of every spelling; others are not."""

import contextlib
import random
import struct

import pytest

from elanus.columns.geometries import geometry_from_text
from elanus.columns.geometry_nesting import NESTING_MAX, is_nested_too_deeply
from elanus.columns.values import column_from_values
from elanus.errors import InvalidInput
from elanus.schema.field import Field
from elanus.schema.types import DataType

shapely = pytest.importorskip("shapely")

_FIELD = Field("place", DataType.GEOMETRY)
_DEEP = 200_000


def nested_text(levels: int) -> str:
    return "GeometryCollection(" * levels + "POINT(1 1)" + ")" * levels


def nested_bytes(levels: int, *, order: bytes = b"\x01", kind: int = 7, before: bytes = b"") -> bytes:
    """`before` are whole geometries that stand in each level in front of the next one."""
    endian = ">" if order == b"\x00" else "<"
    members = 1 + bool(before)
    level = order + struct.pack(f"{endian}II", kind, members) + before
    return level * levels + order + struct.pack(f"{endian}Idd", 1, 1.0, 1.0)


_POINT = struct.pack("<BIdd", 1, 1, 7.0, 7.0)
_SQUARE = shapely.to_wkb(shapely.box(0, 0, 7, 7))


@pytest.mark.parametrize(
    "value",
    [
        nested_text(_DEEP),
        nested_text(_DEEP).upper(),
        "(" * _DEEP,
        nested_bytes(_DEEP),
        nested_bytes(_DEEP, order=b"\x00"),
        nested_bytes(_DEEP, order=b"\x09"),
        nested_bytes(_DEEP, kind=1007),
        nested_bytes(_DEEP, kind=65007),
        nested_bytes(_DEEP, kind=0x8000_0007),
        nested_bytes(_DEEP, kind=0x00FF_0007),
        nested_bytes(_DEEP, kind=4),
        nested_bytes(_DEEP, kind=11),
        nested_bytes(_DEEP, before=_POINT),
        nested_bytes(_DEEP, before=_SQUARE),
        nested_bytes(_DEEP, before=shapely.to_wkb(shapely.from_wkt("MULTIPOINT ((1 1), (2 2))"))),
    ],
    ids=range(15),
)
def test_a_geometry_that_is_nested_too_deeply_is_refused_with_its_row(value: str | bytes) -> None:
    with pytest.raises(InvalidInput, match=r"row 1 of field 'place' is nested more than 64 levels deep"):
        column_from_values(_FIELD, ["POINT (1 1)", value])
    if isinstance(value, str):
        with pytest.raises(ValueError, match="nested more than 64"):
            geometry_from_text(value)


def test_the_limit_is_exact() -> None:
    inside = shapely.from_wkt(nested_text(NESTING_MAX - 1))
    beyond = shapely.from_wkt(nested_text(NESTING_MAX + 1))
    for value in (shapely.to_wkt(inside), shapely.to_wkb(inside), shapely.to_wkb(inside, byte_order=0)):
        assert not is_nested_too_deeply(value)
    for value in (shapely.to_wkt(beyond), shapely.to_wkb(beyond), shapely.to_wkb(beyond, byte_order=0)):
        assert is_nested_too_deeply(value)


def test_wide_geometries_and_noise_are_not_taken_for_deep_ones() -> None:
    luck = random.Random(5)
    parts = [shapely.Point(luck.random(), 7.0).buffer(luck.random()) for _ in range(300)]
    wide = shapely.GeometryCollection([*parts, shapely.MultiPolygon(parts), shapely.MultiPoint([(1, 1)] * 300)])
    for value in (shapely.to_wkt(wide), shapely.to_wkb(wide), shapely.to_wkb(wide, byte_order=0, output_dimension=3)):
        assert not is_nested_too_deeply(value)
        assert column_from_values(_FIELD, [value]).null_count == 0
    for length in range(0, 3000, 7):
        # Whatever the bytes are, the answer comes, and reading them raises nothing but our error.
        noise = luck.randbytes(length)
        is_nested_too_deeply(noise)
        with contextlib.suppress(InvalidInput):
            column_from_values(_FIELD, [noise])
