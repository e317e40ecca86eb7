"""An RTREE index answers every st_ filter as the scan does, row by row and three-valued, over shapes of every kind."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.columns.values import column_from_values
from elanus.engine.scalar_columns import scalar_column
from elanus.expr import access
from elanus.expr.access import AccessPath, IndexAccess
from elanus.expr.evaluator import evaluate
from elanus.expr.filter import bind, parse
from elanus.index.protocol import BuildContext
from elanus.index.scalar.boxes import box_artefacts, open_boxes
from elanus.index.scalar.files import build_scalar_index, open_scalar_index
from elanus.index.scalar.hilbert import hilbert_order
from elanus.index.scalar.protocol import BoxCovers, BoxMeets, RowSets
from elanus.index.scalar.rules import check_scalar_index
from elanus.query.predicate_indexes import FieldIndex, SegmentPredicates
from elanus.schema.collection import IndexDefinition, Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType

shapely = pytest.importorskip("shapely")

_PLACE = Field("place", DataType.GEOMETRY, nullable=True)
_SCHEMA = Schema((Field("id", DataType.INT64, is_primary=True), _PLACE, Field("v", DataType.FLOAT_VECTOR, dim=2)))
_PREDICATES = ["equals", "contains", "crosses", "intersects", "overlaps", "touches", "within"]
_SEEDS = st.integers(0, 2**63)


class _Places:
    """One column as a source."""

    def __init__(self, column: pa.Array) -> None:
        self._column = column
        self.row_count = len(column)

    def column(self, name: str) -> pa.Array:
        assert name == "place"
        return self._column


@pytest.fixture(autouse=True)
def _whatever_it_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "pays", lambda _offer, **_sizes: True)
    monkeypatch.setattr(access, "may_pay", lambda **_sizes: True)


class _Shapes:
    """Geometries on a grid, whose steps are doubles that no single float is; or anywhere on the sphere."""

    def __init__(self, choose: random.Random) -> None:
        self.choose = choose
        self.on_sphere = choose.random() < 0.4
        self.step = choose.choice([1.0, 0.1, 1e-7, 1e300])
        self.span = choose.choice([4, 30])

    def corner(self) -> tuple[float, float]:
        if self.on_sphere:
            return self.choose.choice([-180, 180, 179.9, 10, self.choose.uniform(-400, 400)]), self.choose.choice(
                [-90, 90, 0, 89.9, self.choose.uniform(-95, 95)]
            )
        return self.choose.randrange(self.span) * self.step, self.choose.randrange(self.span) * self.step

    def text(self, kinds: list[str]) -> str:
        (x, y), (right, top) = self.corner(), self.corner()
        corners = [self.corner() for _ in range(self.choose.choice([2, 3]))]
        match self.choose.choice(kinds):
            case "point":
                return f"POINT ({x!r} {y!r})"
            case "line":
                return f"LINESTRING ({', '.join(f'{a!r} {b!r}' for a, b in corners)})"
            case "box":
                return f"POLYGON (({x} {y}, {right} {y}, {right} {top}, {x} {top}, {x} {y}))"
            case "bow tie":
                return f"POLYGON (({x} {y}, {right} {top}, {right} {y}, {x} {top}, {x} {y}))"
            case "collection":
                return f"GEOMETRYCOLLECTION (POINT ({x!r} {y!r}), LINESTRING ({x!r} {y!r}, {right!r} {top!r}))"
            case _:
                return self.choose.choice(["POINT EMPTY", "POLYGON EMPTY"])


_ANY = ["point", "point", "line", "box", "box", "bow tie", "collection", "empty"]


def _indexed(column: pa.Array, index_type: str) -> SegmentPredicates:
    kind, params = check_scalar_index(_PLACE, index_type, {})
    values = scalar_column(_SCHEMA, IndexDefinition("i", "place", kind, params=params), _Places(column))
    files = build_scalar_index(values, kind, params, BuildContext())
    index = open_scalar_index(
        {name: pa.py_buffer(bytes(memoryview(data))) for name, data in files.items()}, len(column)
    )
    return SegmentPredicates(lambda name: [FieldIndex("i", name, index)])


@given(_SEEDS)
def test_filters_answer_as_without_it(seed: int) -> None:
    choose = random.Random(seed)
    shapes = _Shapes(choose)
    kinds = choose.choice([["point"], ["point", "empty"], _ANY])
    count = choose.choice([0, 1, 32, 33, 1100])
    few = [shapes.text(kinds) for _ in range(min(count + 1, 60))]
    column = column_from_values(
        _PLACE, [None if choose.random() < 0.1 else choose.choice(few) for _ in range(count + 2)]
    ).slice(2)
    indexes = _indexed(column, choose.choice(["RTREE", "AUTOINDEX"]))
    for _ in range(8):
        if shapes.on_sphere and choose.random() < 0.7:
            x, y = shapes.corner()
            metres = choose.choice([0, 1, 10 ** choose.uniform(0, 7.4)])
            text = f"st_dwithin(place, 'POINT ({max(-360, min(360, x))} {max(-90, min(90, y))})', {metres})"
        else:
            text = f"st_{choose.choice(_PREDICATES)}(place, '{shapes.text(_ANY)}')"
        text = choose.choice(["", "", "not "]) + text
        condition = bind(parse(text), _SCHEMA).condition
        scanned = evaluate(condition, _Places(column), {})
        record: list[AccessPath] = []
        found = evaluate(condition, _Places(column), {}, IndexAccess(indexes, record))
        assert found.true == scanned.true, text
        unknown = [None if it.unknown is None or not it.unknown.any() else it.unknown for it in (found, scanned)]
        assert unknown[0] == unknown[1], text


@pytest.mark.parametrize(("text", "count"), [
    ("st_within(place, 'POLYGON ((2 1, 4 1, 4 2, 2 2, 2 1))')", 1),
    ("st_equals(place, 'POINT (7 3.5)')", 1),
    ("st_dwithin(place, 'POINT (5 2.5)', 1000)", 1),
    ("not st_intersects(place, 'LINESTRING (0 0, 1 0.5)')", 98),
])  # fmt: skip
def test_only_rows_near_by_are_looked_at(text: str, count: int) -> None:
    column = column_from_values(_PLACE, [f"POINT ({row} {row / 2})" for row in range(100)])
    record: list[AccessPath] = []
    condition = bind(parse(text), _SCHEMA).condition
    truth = evaluate(condition, _Places(column), {}, IndexAccess(_indexed(column, "RTREE"), record))
    assert truth.true.count() == count
    assert [path.index_name for path in record] == ["i"]
    assert record[0].undecided_count < 10


_Box = tuple[float, float, float, float]


def _whole(box: _Box) -> _Box:
    left, low, right, high = (float(round(max(-50, min(50, side / 1e306)))) for side in box)
    return left, low, right, high


_SIDES = st.lists(st.floats(-1e308, 1e308), min_size=4, max_size=4).map(
    lambda s: (min(s[0], s[2]), min(s[1], s[3]), max(s[0], s[2]), max(s[1], s[3]))
)


def _meets(box: tuple[float, ...], asked: tuple[float, ...]) -> bool:
    return box[0] <= asked[2] and box[2] >= asked[0] and box[1] <= asked[3] and box[3] >= asked[1]


def _covers(box: tuple[float, ...], asked: tuple[float, ...]) -> bool:
    return box[0] <= asked[0] and box[2] >= asked[2] and box[1] <= asked[1] and box[3] >= asked[3]


@given(st.lists(st.none() | _SIDES, max_size=80), _SIDES, st.booleans())
def test_the_tree_leaves_out_no_box(boxes: list[_Box | None], asked: _Box, whole: bool) -> None:
    """And, where the sides are small whole numbers, lets through no other."""
    if whole:
        boxes, asked = [None if box is None else _whole(box) for box in boxes], _whole(asked)
    column = pa.array(boxes, pa.list_(pa.float64(), 4))
    files = box_artefacts(column, BuildContext())
    mapped = {name: pa.py_buffer(bytes(memoryview(data))) for name, data in files.items()}
    tree = open_boxes(mapped, RowSets(len(boxes)), box_count=len(boxes) - column.null_count)
    for lookup, test in ((BoxMeets(asked), _meets), (BoxCovers(asked), _covers)):
        expected = {row for row, box in enumerate(boxes) if box is not None and test(box, asked)}
        match = tree.match(lookup)
        assert match is not None
        found = set(match.find().rows().tolist())
        assert found >= expected
        assert not whole or found == expected
        assert match.row_count_max >= len(found)


def test_neighbours_along_the_curve_are_neighbours_in_the_plane() -> None:
    x, y = (part.reshape(-1).astype(float) for part in np.meshgrid(np.arange(64), np.arange(64)))
    order = hilbert_order(x, y)
    steps = np.abs(np.diff(x[order])) + np.abs(np.diff(y[order]))
    assert sorted(order.tolist()) == list(range(64 * 64))
    assert steps.max() == 1
