"""Columns of geometries: WKT, WKB and shapely objects in, WKT out; what is refused, with its row."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from elanus.columns.check import check_column
from elanus.columns.geometries import point_coordinates
from elanus.columns.rows import python_values
from elanus.columns.tables import batch_from_arrow
from elanus.columns.values import column_from_ndarray, column_from_values
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType

shapely = pytest.importorskip("shapely")

_FIELD = Field("place", DataType.GEOMETRY, nullable=True)
_TEXTS = [
    "POINT (1 2)",
    "POINT (0.1 -1e-07)",
    "POINT Z (1 2 3)",
    "LINESTRING (0 0, 1.123456789012345 1)",
    "POLYGON ((0 0, 4 0, 4 4, 0 0), (1 0.5, 2 0.5, 2 1, 1 0.5))",
    "MULTIPOINT ((0 0), (1 1))",
    "MULTILINESTRING ((0 0, 1 1), (2 2, 3 3))",
    "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))",
    "GEOMETRYCOLLECTION (POINT (4 6), LINESTRING (4 6, 7 10))",
    "POINT EMPTY",
    "POLYGON ((0 0, 10 10, 10 0, 0 10, 0 0))",
]


@pytest.mark.parametrize("text", _TEXTS)
def test_what_goes_in_comes_out(text: str) -> None:
    geometry = shapely.from_wkt(text)
    for value in (text, text.lower(), geometry, shapely.to_wkb(geometry), shapely.to_wkb(geometry, byte_order=0)):
        column = column_from_values(_FIELD, [None, value])
        check_column(_FIELD, column)
        assert column.type == pa.binary()
        back = python_values(column, _FIELD)
        assert back[0] is None
        assert shapely.equals_identical(shapely.from_wkt(back[1]), geometry)


def test_wkt_as_people_write_it() -> None:
    assert python_values(column_from_values(_FIELD, ["point(1 2)", " POINT( 1   2 )"]), _FIELD) == ["POINT (1 2)"] * 2


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        ("POINT (1", "invalid_value", "is no WKT"),
        ("", "invalid_value", "is no WKT"),
        ("CIRCLE (1 2 3)", "invalid_value", "is no WKT"),
        ("POLYGON ((0 0, 1 1))", "invalid_value", "is no WKT"),
        (b"\x01\x02", "invalid_value", "is no WKB"),
        (5, "type_mismatch", "got a int"),
        ([1, 2], "type_mismatch", "got a list"),
        ("POINT (inf 0)", "not_finite", "is not finite"),
        ("LINESTRING (0 0, nan 1)", "not_finite", "is not finite"),
        ("POINT Z (1 2 inf)", "not_finite", "is not finite"),
    ],
)
def test_what_is_no_geometry_is_refused_with_its_row(value: Any, kind: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told) as raised:
        column_from_values(_FIELD, ["POINT (0 0)", None, value])
    assert (raised.value.kind, raised.value.field, raised.value.row) == (kind, "place", 2)


def test_arrays_and_tables() -> None:
    schema = Schema((_FIELD,))
    texts = ["POINT (1 2)", None, "POINT (3 4)"]
    stored = column_from_values(_FIELD, texts)
    for given in (pa.array(texts), stored, pa.chunked_array([stored.slice(0, 1), stored.slice(1)])):
        assert batch_from_arrow(pa.table({"place": given}), schema).column(0).equals(stored)
    assert column_from_ndarray(_FIELD, np.array(texts, object)).equals(stored)
    with pytest.raises(InvalidInput, match="is no WKB"):
        batch_from_arrow(pa.table({"place": pa.array([b"x"])}), schema)


def test_no_rows() -> None:
    assert python_values(column_from_values(_FIELD, []), _FIELD) == []
    assert python_values(pa.nulls(2, pa.binary()), _FIELD) == [None, None]


def test_coordinates_are_read_where_every_row_is_a_plain_point() -> None:
    points = column_from_values(_FIELD, ["POINT (9 9)", "POINT (1 2)", None, "POINT (-3.5 4)"]).slice(1)
    found = point_coordinates(points)
    assert found is not None
    assert found.tolist() == [[1, 2], [-3.5, 4]]
    for other in ("POINT Z (1 2 3)", "LINESTRING (0 0, 1 1)", "MULTIPOINT (1 2)"):
        assert point_coordinates(column_from_values(_FIELD, ["POINT (1 2)", other])) is None
    assert point_coordinates(pa.nulls(3, pa.binary())) is None
