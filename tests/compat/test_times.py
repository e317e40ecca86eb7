"""Timestamptz through pymilvus: zones of request, collection and database; filters; parts of times; defaults."""

from collections.abc import Iterator
from typing import Any

import pytest
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException

_NOON = "2025-05-01T12:00:00Z"


@pytest.fixture
def times(client: MilvusClient, name: str) -> Iterator[str]:
    """Rows 1 to 4: with a zone, without one, null, and with an own value where there is a default."""
    _create(client, name, properties={"timezone": "Asia/Shanghai"})
    client.insert(
        name,
        [
            {"id": 1, "seen": "2025-05-01T14:00:00+02:00", "vector": [0, 1]},
            {"id": 2, "seen": "2025-05-01 20:00:00.25", "vector": [0, 2]},
            {"id": 3, "seen": None, "vector": [0, 3]},
            {"id": 4, "made": "2024-01-31T00:00:00Z", "vector": [0, 4]},
        ],
    )
    return name


def _create(client: MilvusClient, name: str, **options: Any) -> None:
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("seen", DataType.TIMESTAMPTZ, nullable=True)
    schema.add_field("made", DataType.TIMESTAMPTZ, default_value="2025-01-01T00:00:00")
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_collection(name, schema=schema, index_params=index, **options)


def _ids(client: MilvusClient, name: str, text: str, **options: Any) -> list[int]:
    return [row["id"] for row in client.query(name, filter=text, output_fields=["id"], **options)]


def test_times_come_back_in_the_zone_of_the_collection(client: MilvusClient, times: str) -> None:
    for _ in ("growing", "sealed"):
        rows = client.query(times, filter="id > 0", output_fields=["seen", "made"])
        assert [(row["seen"], row["made"]) for row in rows] == [
            ("2025-05-01T20:00:00+08:00", "2025-01-01T00:00:00+08:00"),
            ("2025-05-01T20:00:00.25+08:00", "2025-01-01T00:00:00+08:00"),
            (None, "2025-01-01T00:00:00+08:00"),
            (None, "2024-01-31T08:00:00+08:00"),
        ]
        client.flush(times)


def test_groups_and_order_by_times(client: MilvusClient, times: str) -> None:
    for _ in ("growing", "sealed"):
        rows = client.query(
            times, filter="id > 0", group_by_fields=["made"], output_fields=["made", "count(*)", "max(seen)"], limit=9
        )
        assert [(row["made"], row["count(*)"], row["max(seen)"]) for row in rows] == [
            ("2024-01-31T08:00:00+08:00", 1, None),
            ("2025-01-01T00:00:00+08:00", 3, "2025-05-01T20:00:00.25+08:00"),
        ]
        rows = client.query(times, filter="id > 0", order_by=["seen:desc", "made"], output_fields=["id"], limit=9)
        assert [row["id"] for row in rows] == [4, 3, 2, 1]
        client.flush(times)


def test_the_zone_of_a_request_wins(client: MilvusClient, times: str) -> None:
    rows = client.query(times, filter="id == 1", output_fields=["seen"], timezone="America/New_York")
    assert rows[0]["seen"] == "2025-05-01T08:00:00-04:00"
    hits = client.search(times, data=[[0, 1]], limit=1, output_fields=["seen"], timezone="UTC")
    assert hits[0][0]["entity"]["seen"] == _NOON
    with pytest.raises(MilvusException, match="there is no time zone 'Mars/Olympus'"):
        client.query(times, filter="id == 1", timezone="Mars/Olympus")


def test_the_collection_wins_over_the_database(client: MilvusClient, name: str) -> None:
    database = f"d_{name}"[:60]
    client.create_database(database, properties={"timezone": "Europe/Paris"})
    client.use_database(database)
    try:
        _create(client, name)
        client.insert(name, [{"id": 1, "seen": "2025-05-01T12:00:00", "vector": [0, 1]}])
        read = lambda: client.query(name, filter="id == 1", output_fields=["seen"])[0]["seen"]  # noqa: E731
        assert read() == "2025-05-01T12:00:00+02:00"
        client.alter_collection_properties(name, {"timezone": "Asia/Tokyo"})
        assert read() == "2025-05-01T19:00:00+09:00"
        client.drop_collection_properties(name, ["timezone"])
        client.alter_database_properties(database, {"timezone": "UTC"})
        assert read() == "2025-05-01T10:00:00Z"
        with pytest.raises(MilvusException, match="there is no time zone"):
            client.alter_collection_properties(name, {"timezone": "Nowhere"})
        with pytest.raises(MilvusException, match="there is no time zone"):
            client.alter_database_properties(database, {"timezone": "Nowhere"})
        client.drop_collection(name)
    finally:
        client.use_database("default")
        client.drop_database(database)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seen == ISO '2025-05-01T12:00:00Z'", [1]),
        ("seen > ISO '2025-05-01T20:00:00'", [2]),
        ("not (seen > ISO '2025-05-01T20:00:00')", [1]),
        ("seen is null", [3, 4]),
        ("seen - INTERVAL 'P4M' > made", [1, 2]),
        ("made + INTERVAL 'P1M' == ISO '2024-02-29T00:00:00Z'", [4]),
        ("made + INTERVAL 'P1D' == ISO '2024-02-01T00:00:00Z'", [4]),
        ("ISO '2024-12-31T16:00:00Z' <= made < ISO '2025-01-02'", [1, 2, 3]),
        ("seen in [ISO '2025-05-01T12:00:00Z', ISO '2025-05-01T12:00:01Z']", [1]),
    ],
)
def test_filters(client: MilvusClient, times: str, text: str, expected: list[int]) -> None:
    assert _ids(client, times, text) == expected
    client.flush(times)
    assert _ids(client, times, text) == expected


def test_the_zone_of_a_request_is_that_of_the_filter_too(client: MilvusClient, times: str) -> None:
    text = "seen == ISO '2025-05-01T12:00:00'"
    assert _ids(client, times, text) == []
    assert _ids(client, times, text, timezone="UTC") == [1]


def test_a_template_may_hold_a_time(client: MilvusClient, times: str) -> None:
    assert _ids(client, times, "seen >= {t}", filter_params={"t": _NOON}) == [1, 2]


def test_deletes_by_time(client: MilvusClient, times: str) -> None:
    assert client.delete(times, filter="made < ISO '2024-12-31T23:00:00'")["delete_count"] == 1
    assert _ids(client, times, "id > 0") == [1, 2, 3]


def test_parts_of_times(client: MilvusClient, times: str) -> None:
    rows = client.query(times, filter="id in [2, 3]", output_fields=["seen"], time_fields="year, hour microsecond")
    assert [row["seen"] for row in rows] == [[2025, 20, 250_000], None]
    hits = client.search(
        times, data=[[0, 1]], limit=1, output_fields=["seen"], time_fields="day,minute,month,second", timezone="UTC"
    )
    assert hits[0][0]["entity"]["seen"] == [1, 0, 5, 0]
    with pytest.raises(MilvusException, match="time_fields names 'week'"):
        client.query(times, filter="id > 0", time_fields="week")


@pytest.mark.parametrize("value", ["2025-13-01T00:00:00Z", "yesterday", ""])
def test_a_wrong_time_refuses_the_insert_with_field_and_row(client: MilvusClient, times: str, value: str) -> None:
    rows = [{"id": 8, "seen": _NOON, "vector": [0, 1]}, {"id": 9, "seen": value, "vector": [0, 1]}]
    with pytest.raises(MilvusException, match=r"field .seen. in row 1: .* is no"):
        client.insert(times, rows)
    assert _ids(client, times, "id > 5") == []


def test_a_wrong_default_refuses_the_collection(client: MilvusClient, name: str) -> None:
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("made", DataType.TIMESTAMPTZ, default_value="tomorrow")
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    with pytest.raises(MilvusException, match="field 'made' has a default value that is no time"):
        client.create_collection(name, schema=schema)
    assert not client.has_collection(name)


def test_a_partial_upsert_keeps_times(client: MilvusClient, times: str) -> None:
    client.upsert(times, [{"id": 1, "vector": [9, 9]}, {"id": 7, "vector": [0, 7]}], partial_update=True)
    rows = client.query(times, filter="id in [1, 7]", output_fields=["seen", "made"], timezone="UTC")
    assert [(row["seen"], row["made"]) for row in rows] == [
        (_NOON, "2024-12-31T16:00:00Z"),
        (None, "2024-12-31T16:00:00Z"),
    ]


@pytest.mark.parametrize("kind", ["", "STL_SORT", "INVERTED", "AUTOINDEX"])
def test_times_in_order_in_groups_and_indexed(client: MilvusClient, times: str, kind: str) -> None:
    if kind:
        index = client.prepare_index_params()
        index.add_index("seen", index_type=kind)
        client.create_index(times, index)
    client.insert(times, [{"id": 5, "seen": "2025-05-01T12:00:00Z", "vector": [0, 5]}])
    for _ in ("growing", "sealed"):
        rows = client.query(
            times, filter="id > 0", order_by=["seen:desc", "id:desc"], limit=5, output_fields=["seen"], timezone="UTC"
        )
        assert [(row["id"], row["seen"]) for row in rows] == [
            (4, None), (3, None), (2, "2025-05-01T12:00:00.25Z"), (5, _NOON), (1, _NOON),
        ]  # fmt: skip
        [row] = client.query(times, filter="id > 0", output_fields=["min(seen)", "max(made)", "count(seen)"])
        assert (row["min(seen)"], row["max(made)"], row["count(seen)"]) == (
            "2025-05-01T20:00:00+08:00",
            "2025-01-01T00:00:00+08:00",
            3,
        )
        groups = client.query(
            times,
            filter="id > 0",
            group_by_fields=["seen"],
            output_fields=["seen", "count(*)"],
            timezone="Europe/Berlin",
        )
        assert [(row["seen"], row["count(*)"]) for row in groups] == [
            ("2025-05-01T14:00:00+02:00", 2),
            ("2025-05-01T14:00:00.25+02:00", 1),
            (None, 2),
        ]
        assert _ids(client, times, "seen <= ISO '2025-05-01T12:00:00Z'") == [1, 5]
        hits = client.search(times, data=[[0, 0]], limit=5, group_by_field="seen", output_fields=["seen"])
        assert [hit["id"] for hit in hits[0]] == [1, 2, 3]
        client.flush(times)
