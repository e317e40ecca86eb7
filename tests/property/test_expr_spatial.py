"""The st_ functions over columns answer as GEOS does row by row, and distances as a fine sampling of the shape."""

import math
import random
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elanus.columns.values import column_from_values
from elanus.expr.evaluator import evaluate
from elanus.expr.filter import bind, parse
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType

shapely = pytest.importorskip("shapely")

_PLACE = Field("place", DataType.GEOMETRY, nullable=True)
_SCHEMA = Schema((Field("id", DataType.INT64, is_primary=True), _PLACE, Field("v", DataType.FLOAT_VECTOR, dim=2)))
_PREDICATES = ["equals", "contains", "crosses", "intersects", "overlaps", "touches", "within"]


class _Places:
    """One column as a source."""

    def __init__(self, column: pa.Array) -> None:
        self._column = column
        self.row_count = len(column)

    def column(self, name: str) -> pa.Array:
        assert name == "place"
        return self._column


def _text(choose: random.Random, kinds: list[str]) -> str:
    """A geometry on a small grid, so that shapes touch, cross and coincide."""
    at = lambda: f"{choose.randrange(5)} {choose.randrange(5)}"  # noqa: E731
    kind = choose.choice(kinds)
    x, y, w, h = choose.randrange(4), choose.randrange(4), choose.choice([1, 1, 2]), choose.choice([1, 2])
    box = f"(({x} {y}, {x + w} {y}, {x + w} {y + h}, {x} {y + h}, {x} {y}))"
    match kind:
        case "point":
            return f"POINT ({at()})"
        case "half":
            return f"POINT ({x + 0.5} {y})"
        case "line":
            return f"LINESTRING ({at()}, {x} {y}, {x + w} {y + h})"
        case "polygon":
            return f"POLYGON {box}"
        case "bow tie":
            return f"POLYGON (({x} {y}, {x + w} {y + h}, {x + w} {y}, {x} {y + h}, {x} {y}))"
        case "multipoint":
            return f"MULTIPOINT ({at()}, {at()})"
        case "collection":
            return f"GEOMETRYCOLLECTION (POINT ({at()}), POLYGON {box})"
        case "height":
            return f"POINT Z ({at()} 7)"
        case _:
            return choose.choice(["POINT EMPTY", "POLYGON EMPTY", "GEOMETRYCOLLECTION EMPTY"])


_POINTS = ["point", "point", "half"]
_ANY = ["point", "half", "line", "polygon", "polygon", "bow tie", "multipoint", "collection", "height", "empty"]


def _column(choose: random.Random) -> tuple[list[str | None], pa.Array]:
    kinds = choose.choice([_POINTS, _POINTS, [*_POINTS, "empty"], _ANY, _ANY])
    null_share = choose.choice([0.0, 0.3])
    texts = [None if choose.random() < null_share else _text(choose, kinds) for _ in range(choose.choice([0, 1, 12]))]
    skipped = choose.choice([0, 3])
    column = column_from_values(_PLACE, [*["POINT (9 9)", None, "POINT (8 8)"][:skipped], *texts]).slice(skipped)
    return texts, column


def _truths(text: str, column: pa.Array) -> list[bool | None]:
    truth = evaluate(bind(parse(text), _SCHEMA).condition, _Places(column), {})
    true = truth.true.to_bool().tolist()
    unknown = [False] * len(true) if truth.unknown is None else truth.unknown.to_bool().tolist()
    return [None if u else t for t, u in zip(true, unknown, strict=True)]


@given(st.integers(0, 2**63))
def test_predicates_are_those_of_geos_row_by_row(seed: int) -> None:
    choose = random.Random(seed)
    texts, column = _column(choose)
    assert _truths("st_isvalid(place)", column) == [
        None if text is None else bool(shapely.is_valid(shapely.from_wkt(text))) for text in texts
    ]
    for _ in range(8):
        predicate, other = choose.choice(_PREDICATES), _text(choose, _ANY)
        name = choose.choice([f"st_{predicate}", f"ST_{predicate.upper()}"])
        expected = [
            None if text is None else bool(getattr(shapely, predicate)(shapely.from_wkt(text), shapely.from_wkt(other)))
            for text in texts
        ]
        assert _truths(f"{name}(place, '{other}')", column) == expected, (texts, other)
        negated = [None if answer is None else not answer for answer in expected]
        assert _truths(f"not {name}(place, '{other}')", column) == negated


def _metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    """By the angle between two vectors, which is another formula than the package's."""
    u, v = (
        (math.cos(y) * math.cos(x), math.cos(y) * math.sin(x), math.sin(y))
        for x, y in (tuple(map(math.radians, a)), tuple(map(math.radians, b)))
    )
    cross = math.hypot(u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
    return 6_371_008.8 * math.atan2(cross, sum(p * q for p, q in zip(u, v, strict=True)))


_DEGREES = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


@given(st.lists(_DEGREES, min_size=1, max_size=5), _DEGREES, st.floats(0, 2e7))
def test_points_within_a_distance(points: list[tuple[float, float]], center: tuple[float, float], limit: float) -> None:
    column = column_from_values(_PLACE, [shapely.Point(point) for point in points])
    mixed = column_from_values(_PLACE, [*(shapely.Point(point) for point in points), "LINESTRING EMPTY"])
    text = f"st_dwithin(place, 'POINT ({center[0]!r} {center[1]!r})', {limit!r})"
    answers, others = _truths(text, column), _truths(text, mixed)
    assert others == [*answers, False]
    for point, answer in zip(points, answers, strict=True):
        metres = _metres(point, center)
        if abs(metres - limit) > 1:
            assert answer == (metres <= limit)


def _sampled(geometry: Any, center: tuple[float, float]) -> float:
    """The distance to the nearest of many points along great circles between the corners."""
    if shapely.intersects(geometry, shapely.Point(center)):
        return 0.0
    best = min(_metres(tuple(corner), center) for corner in shapely.get_coordinates(geometry).tolist())
    boundary = geometry.boundary if geometry.geom_type == "Polygon" else geometry
    corners = shapely.get_coordinates(boundary)
    for a, b in pairwise(corners):
        u, v = (
            np.array([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)])
            for x, y in (np.radians(a), np.radians(b))
        )
        for share in np.linspace(0, 1, 200):
            w = u * (1 - share) + v * share
            w /= np.linalg.norm(w)
            point = (math.degrees(math.atan2(w[1], w[0])), math.degrees(math.asin(max(-1.0, min(1.0, w[2])))))
            best = min(best, _metres(point, center))
    return best


@settings(max_examples=max(10, settings().max_examples // 5))
@given(st.integers(0, 2**63))
def test_lines_and_polygons_within_a_distance(seed: int) -> None:
    choose = random.Random(seed)
    x, y, size = choose.uniform(-150, 140), choose.uniform(-70, 60), choose.choice([0.01, 1.0, 8.0])
    corner = lambda: f"{x + choose.random() * size!r} {y + choose.random() * size!r}"  # noqa: E731
    first = corner()
    text = choose.choice(
        [f"LINESTRING ({first}, {corner()}, {corner()})", f"POLYGON (({first}, {corner()}, {corner()}, {first}))"]
    )
    center = (x + choose.uniform(-1, 2) * size, y + choose.uniform(-1, 2) * size)
    metres = _sampled(shapely.from_wkt(text), center)
    column = column_from_values(_PLACE, [text, f"MULTIPOINT (({first}))", None, f"GEOMETRYCOLLECTION ({text})"])
    slack = 1e-2 * size * 111_000 / 10 + 1e-3
    for limit, expected in ((metres + slack, True), (max(0.0, metres - slack), metres <= slack)):
        answers = _truths(f"st_dwithin(place, 'POINT ({center[0]!r} {center[1]!r})', {limit!r})", column)
        assert answers[2] is None
        assert answers[0] == answers[3]
        if metres == 0.0 or metres > slack or expected:
            assert answers[0] is (True if metres == 0.0 else expected), (text, center, metres, limit)
