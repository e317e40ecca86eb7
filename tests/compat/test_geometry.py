"""Geometry through pymilvus: WKT there and back, predicates before and after a flush, defaults, and refusals."""

import pytest
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException

pytest.importorskip("shapely")

_SQUARE = "POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0))"


@pytest.fixture
def places(client: MilvusClient, name: str) -> str:
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("place", DataType.GEOMETRY, nullable=True)
    schema.add_field("home", DataType.GEOMETRY, default_value="POINT (1 2)")
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_collection(name, schema=schema, index_params=index)
    rows = ["POINT (5 5)", "POINT(10 5)", None, "LINESTRING (5 5, 15 5)", _SQUARE]
    client.insert(name, [{"id": row, "place": text, "vector": [0, row]} for row, text in enumerate(rows)])
    client.insert(name, [{"id": 5, "home": "POINT (3 4)", "vector": [0, 5]}])
    return name


def test_geometries_come_back_as_wkt(client: MilvusClient, places: str) -> None:
    for _ in ("growing", "sealed"):
        rows = client.query(places, filter="id >= 0", output_fields=["place", "home"])
        assert [row["place"] for row in rows] == [
            "POINT (5 5)", "POINT (10 5)", None, "LINESTRING (5 5, 15 5)", _SQUARE, None,
        ]  # fmt: skip
        assert [row["home"] for row in rows] == ["POINT (1 2)"] * 5 + ["POINT (3 4)"]
        hits = client.search(places, data=[[0, 0]], limit=1, output_fields=["place"])
        assert hits[0][0]["entity"]["place"] == "POINT (5 5)"
        client.flush(places)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"ST_WITHIN(place, '{_SQUARE}')", [0, 4]),
        (f"st_intersects(place, '{_SQUARE}')", [0, 1, 3, 4]),
        (f"not st_within(place, '{_SQUARE}')", [1, 3]),
        (f"st_touches(place, '{_SQUARE}')", [1]),
        (f"st_crosses(place, '{_SQUARE}')", [3]),
        (f"st_equals(place, '{_SQUARE}')", [4]),
        ("st_contains(place, 'POINT (6 5)')", [3, 4]),
        ("st_overlaps(place, 'POLYGON ((5 5, 15 5, 15 15, 5 15, 5 5))')", [4]),
        ("st_dwithin(place, 'POINT (5 5.001)', 112)", [0, 3, 4]),
        ("st_dwithin(home, 'POINT (3 4)', 0)", [5]),
        ("st_isvalid(place)", [0, 1, 3, 4]),
        ("place is null", [2, 5]),
        ("st_within(place, {area}) and id < 3", [0]),
    ],
)
def test_predicates(client: MilvusClient, places: str, text: str, expected: list[int]) -> None:
    for _ in ("growing", "sealed"):
        rows = client.query(places, filter=text, filter_params={"area": _SQUARE}, output_fields=["id"])
        assert [row["id"] for row in rows] == expected
        client.flush(places)


@pytest.mark.parametrize("index_type", ["RTREE", "AUTOINDEX"])
def test_an_index_on_boxes_changes_no_answer(client: MilvusClient, places: str, index_type: str) -> None:
    rows = [{"id": 10 + row, "place": f"POINT ({row % 100} {row // 100})", "vector": [1, 1]} for row in range(3000)]
    client.insert(places, rows)
    client.flush(places)
    text = f"st_within(place, '{_SQUARE}') and id != 11"
    before = client.query(places, filter=text, output_fields=["id"])
    assert len(before) == 2 + 9 * 9
    index = client.prepare_index_params()
    index.add_index("place", index_type=index_type)
    client.create_index(places, index)
    described = client.describe_index(places, "place")
    assert (described["index_type"], described["state"]) == (index_type, "Finished")
    assert [described[key] for key in ("total_rows", "indexed_rows", "pending_index_rows")] == [3006, 3006, 0]
    assert client.query(places, filter=text, output_fields=["id"]) == before
    client.drop_index(places, "place")
    assert client.list_indexes(places) == ["vector"]
    assert client.query(places, filter=text, output_fields=["id"]) == before


def test_an_index_on_boxes_takes_no_parameters(client: MilvusClient, places: str) -> None:
    index = client.prepare_index_params()
    index.add_index("place", index_type="RTREE", params={"fanout": 8})
    with pytest.raises(MilvusException, match="has no parameter 'fanout'"):
        client.create_index(places, index)


def test_a_search_among_places(client: MilvusClient, places: str) -> None:
    hits = client.search(places, data=[[0, 9]], limit=9, filter=f"st_intersects(place, '{_SQUARE}')")[0]
    assert [hit["id"] for hit in hits] == [4, 3, 1, 0]


@pytest.mark.parametrize("value", ["POINT (1", "CIRCLE (1 1)", "", "POINT (nan 1)"])
def test_what_is_no_geometry_refuses_the_insert(client: MilvusClient, places: str, value: str) -> None:
    rows = [{"id": 8, "place": "POINT (0 0)", "vector": [0, 1]}, {"id": 9, "place": value, "vector": [0, 1]}]
    with pytest.raises(MilvusException, match=r"field 'place' .* in row 1"):
        client.insert(places, rows)
    assert client.query(places, filter="id > 5") == []


def test_a_wrong_default_refuses_the_collection(client: MilvusClient, name: str) -> None:
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("place", DataType.GEOMETRY, default_value="here")
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    with pytest.raises(MilvusException, match="field 'place' got 'here'"):
        client.create_collection(name, schema=schema)
    assert not client.has_collection(name)
