"""Aggregation beyond what the property test reaches: exact sums at the edge of 64 bits, many groups, limits, words."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from elanus.app.compose import service_on_disk
from elanus.columns.numbers import number_array
from elanus.embedded.collection import Collection
from elanus.embedded.database import Database
from elanus.errors import InvalidInput
from elanus.query import aggregation
from elanus.query.accumulators import accumulator
from elanus.query.aggregation import is_aggregation
from elanus.query.row_groups import group_rows
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.settings import Settings
from tests.simulation.disk import SimulatedDisk

LARGEST = (1 << 63) - 1


@pytest.fixture
def rows() -> Iterator[Collection]:
    """An empty collection; three groups are too many."""
    settings = Settings(background_maintenance=False, search_thread_count=1, aggregation_group_count_max=2)
    service = service_on_disk(SimulatedDisk(), settings)
    with Database(service, "simulated") as database:
        yield database.create_collection(
            "rows",
            Schema(
                (
                    Field("id", DataType.INT64, is_primary=True),
                    Field("vector", DataType.FLOAT_VECTOR, dim=2, nullable=True),
                    Field("n", DataType.INT64, nullable=True),
                    Field("doc", DataType.JSON, nullable=True),
                    Field("tags", DataType.ARRAY, element_type=DataType.INT8, max_capacity=3, nullable=True),
                )
            ),
        )


def insert(collection: Collection, numbers: list[int | None]) -> None:
    start = len(collection)
    collection.insert([{"id": start + place, "n": number} for place, number in enumerate(numbers)])


def test_sums_are_exact_on_the_way_and_refused_beyond_64_bits(rows: Collection) -> None:
    insert(rows, [LARGEST, LARGEST, -LARGEST - 1])
    rows.flush()
    insert(rows, [-LARGEST, 5])
    assert rows.aggregate(["sum(n)"])[0] == {"sum(n)": 4}
    assert rows.aggregate(["avg(n)"])[0] == {"avg(n)": 4 / 5}
    insert(rows, [LARGEST])
    with pytest.raises(InvalidInput, match=r"sum\(n\) is 9223372036854775811 in a group") as raised:
        rows.aggregate(["sum(n)"])
    assert raised.value.kind == "out_of_range"
    assert rows.aggregate(["avg(n)", "max(n)", "min(n)"])[0] == {
        "avg(n)": (LARGEST + 4) / 6,
        "max(n)": LARGEST,
        "min(n)": -LARGEST - 1,
    }


def test_too_many_groups_are_refused(rows: Collection) -> None:
    insert(rows, [1, None, 1])
    assert rows.aggregate(["n", "count(*)"], group_by=["n"]).to_list() == [
        {"n": 1, "count(*)": 2},
        {"n": None, "count(*)": 1},
    ]
    insert(rows, [2])
    with pytest.raises(InvalidInput, match="more than 2 groups") as raised:
        rows.aggregate(["n", "count(*)"], group_by=["n"], limit=1)
    assert raised.value.kind == "limit_exceeded"


def test_any_field_can_be_counted(rows: Collection) -> None:
    rows.insert([{"id": 1, "vector": [0, 1], "doc": {"a": 1}}, {"id": 2, "tags": [1]}, {"id": 3, "tags": []}])
    names = ["count(*)", "count(id)", "count(vector)", "count(doc)", "count(tags)", "count(n)"]
    assert rows.aggregate(names)[0] == dict(zip(names, [3, 3, 1, 1, 2, 0], strict=True))


def test_output_columns_are_those_asked_for_in_their_order(rows: Collection) -> None:
    insert(rows, [4, 4, 3])
    found = rows.aggregate(["COUNT( * )", "n", "max(id)"], group_by=["n"], order_by=["max(id):desc"])
    assert found.to_list() == [{"COUNT( * )": 1, "n": 3, "max(id)": 2}, {"COUNT( * )": 2, "n": 4, "max(id)": 1}]
    assert found.to_arrow().schema.names == ["COUNT( * )", "n", "max(id)"]
    assert rows.aggregate([], group_by=["n"]).to_list() == [{"n": 3}, {"n": 4}]
    assert rows.aggregate(["count(*)"], group_by=["n"], offset=1).to_list() == [{"count(*)": 2}]
    assert rows.aggregate(["count(*)"], offset=1).to_list() == []
    assert "3 rows" not in repr(found)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"output": []}, "needs an aggregate such as"),
        ({"output": "count(*)"}, "output is the string"),
        ({"output": ["median(n)"]}, "'median.n.' is neither in group_by nor an aggregate"),
        ({"output": ["sum(x)"]}, "field 'x' does not exist"),
        ({"output": ["sum(*)"]}, "only count takes"),
        ({"output": ["min(doc)"]}, "'doc' is a JSON, expected a number or VarChar"),
        ({"output": ["avg(tags)"]}, "'tags' is a Array<Int8>, expected a number"),
        ({"output": ["count(*)"], "group_by": ["x"]}, "group_by field 'x' does not exist"),
        (
            {"output": ["count(*)"], "group_by": ["doc"]},
            "'doc' is a JSON, expected an integer, Bool, VarChar or Timestamptz",
        ),
        ({"output": ["count(*)"], "group_by": ["n"], "order_by": ["id"]}, "order_by has 'id', expected a field of"),
        ({"output": ["count(*)"], "group_by": ["n"], "order_by": ["n:up"]}, "direction 'up'"),
        ({"output": ["count(*)"], "group_by": ["n"], "limit": 0}, "limit is 0"),
        ({"output": ["count(*)"], "filter": "n >"}, "invalid filter|expected|unexpected"),
    ],
)
def test_what_is_refused(rows: Collection, arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        rows.aggregate(**arguments)


@pytest.mark.parametrize(
    ("order_by", "told"),
    [
        (["x"], "'x' does not exist; fields with an order are id, n"),
        (["doc"], "'doc' is a JSON; expected a number, Bool, VarChar or Timestamptz"),
        (["vector:asc"], "'vector' is a FloatVector"),
        (["n", "n:desc"], "names 'n' twice"),
        (["n:Asc"], "direction 'Asc', expected asc or desc in lower case"),
        ([":asc"], "expected name, name:asc or name:desc"),
        ("n", "order_by is the string"),
    ],
)
def test_orders_that_are_refused(rows: Collection, order_by: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        rows.query("id > 0", order_by=order_by)
    with pytest.raises(InvalidInput, match="a count has one row"):
        rows.query(output_fields=["count(*)"], order_by=["n"])


def test_what_asks_for_an_aggregation() -> None:
    assert is_aggregation(["count(*)", "n"], [])
    assert is_aggregation(["n"], ["n"])
    assert is_aggregation(["Max (n)"], [])
    assert not is_aggregation(["count(*)"], [])
    assert not is_aggregation(["n", "counted", "$meta['sum(a']"], [])


def test_groups_of_many_blocks_are_merged(rows: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Merging now and then gives what merging once gives."""
    numbers = np.random.default_rng(5).integers(0, 2, 500).tolist()
    insert(rows, numbers)
    expected = rows.aggregate(["n", "count(*)", "sum(id)", "min(id)"], group_by=["n"]).to_list()
    assert [row["count(*)"] for row in expected] == [numbers.count(0), numbers.count(1)]
    monkeypatch.setattr(aggregation, "_BLOCK_ROWS", 7)
    monkeypatch.setattr(aggregation, "_PENDING_GROUPS_MIN", 3)
    assert rows.aggregate(["n", "count(*)", "sum(id)", "min(id)"], group_by=["n"]).to_list() == expected
    assert rows.aggregate(["count(*)"], group_by=["n"], filter="id < 400").to_list() == [
        {"count(*)": numbers[:400].count(0)},
        {"count(*)": numbers[:400].count(1)},
    ]


def test_keys_whose_combinations_are_too_many_to_number() -> None:
    """Three columns of two thousand values each: their product is beyond what codes are multiplied to."""
    random = np.random.default_rng(9)
    columns = [random.integers(0, 2000, 3000) for _ in range(3)]
    columns = [np.concatenate([column, column[:500]]) for column in columns]
    groups = group_rows([number_array(column) for column in columns], 3500)
    triples = list(zip(*(column.tolist() for column in columns), strict=True))
    assert groups.count == len(set(triples))
    assert len(set(zip(groups.of_rows.tolist(), triples, strict=True))) == groups.count
    assert [triples[row] for row in groups.first_rows.tolist()] == list(dict.fromkeys(
        sorted(triples, key=lambda triple: groups.of_rows[triples.index(triple)])
    ))  # fmt: skip


def test_nan_is_the_greatest_number() -> None:
    values, groups = pa.array([1.0, float("nan"), None, float("nan"), None]), np.array([0, 0, 0, 1, 2])
    largest, least = (accumulator(name, pa.float64(), label=name) for name in ("max", "min"))
    found = largest.finish(largest.start(values, groups, 3)).to_pylist()
    assert np.isnan(found[0])
    assert np.isnan(found[1])
    assert found[2] is None
    found = least.finish(least.start(values, groups, 3)).to_pylist()
    assert found[0] == 1.0
    assert np.isnan(found[1])
    assert found[2] is None


def test_times_are_ordered_grouped_and_given_in_their_zone() -> None:
    service = service_on_disk(SimulatedDisk(), Settings(background_maintenance=False, search_thread_count=1))
    with Database(service, "simulated") as database:
        times = database.create_collection(
            "times",
            Schema(
                (
                    Field("id", DataType.INT64, is_primary=True),
                    Field("vector", DataType.FLOAT_VECTOR, dim=2),
                    Field("seen", DataType.TIMESTAMPTZ, nullable=True),
                )
            ),
        )
        days = ["2025-05-03T00:00:00Z", None, "2025-05-01T00:00:00Z", "2025-05-03T00:00:00Z"]
        times.insert([{"id": key, "vector": [0, 0], "seen": day} for key, day in enumerate(days)])
        times.flush()
        assert [row["id"] for row in times.query(order_by=["seen:desc"], limit=9)] == [1, 0, 3, 2]
        found = times.aggregate(["seen", "count(*)"], group_by=["seen"]).to_list()
        assert [row["count(*)"] for row in found] == [1, 2, 1]
        rows = times.query("id in [2, 0, 1]", order_by=["seen"]).to_list()
        assert [row["seen"] for row in rows] == [found[0]["seen"], found[1]["seen"], None]
        extremes = times.aggregate(["min(seen)", "max(seen)", "count(seen)"])[0]
        assert extremes == {"min(seen)": found[0]["seen"], "max(seen)": found[1]["seen"], "count(seen)": 3}
        with pytest.raises(InvalidInput, match="'seen' is a Timestamptz, expected a number"):
            times.aggregate(["sum(seen)"])
