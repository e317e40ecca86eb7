"""Hits and rows: as lists, tables and text; one query and many; every type."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from elanus.embedded.collection import Collection
from elanus.embedded.database import Database
from elanus.embedded.results import Hits, Rows
from tests.reference.every_type import ROWS, SCHEMA

STORED_FIELDS = [field.name for field in SCHEMA.fields]


def as_given(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a result, comparable with the one inserted."""
    return {name: value for name, value in row.items() if name != "distance"}


def test_every_type_comes_back_as_it_was_given(every: Collection) -> None:
    for _ in range(2):
        assert every.query("id > 0", output_fields=["*"]).to_list() == ROWS
        hits = every.search([3, 4, 0], field="float32", metric="L2", output_fields=["*"])
        assert [as_given(hit) for hit in hits] == [ROWS[2], ROWS[1], ROWS[0]]
        every.flush()


def test_rows_are_a_sequence(every: Collection) -> None:
    rows = every.query("id > 0", output_fields=["*"])
    assert len(rows) == 3
    assert list(rows) == ROWS
    assert [rows[number] for number in (0, 1, 2, -1, -3)] == [ROWS[number] for number in (0, 1, 2, -1, -3)]
    assert rows[1:] == ROWS[1:]
    assert rows[::-1] == ROWS[::-1]
    assert rows[5:] == []
    for number in (3, -4):
        with pytest.raises(IndexError):
            rows[number]


def test_hits_of_one_query_are_a_sequence(every: Collection) -> None:
    hits = every.search([3, 4, 0], field="float32", metric="L2", output_fields=["text", "mood"])
    expected = [
        {"id": 3, "distance": 0.0, "text": "", "mood": {"deep": [True]}},
        {"id": 2, "distance": 25.0, "text": None},
        {"id": 1, "distance": 40.0625, "text": "née\n\x00", "mood": "long"},
    ]
    assert len(hits) == 3
    assert hits.query_count == 1
    assert hits.metric == "L2"
    assert hits.to_list() == expected
    assert list(hits) == expected
    assert [hits[0], hits[-1], hits[1]] == [expected[0], expected[2], expected[1]]
    assert hits[:2] == expected[:2]
    assert hits[::-2] == expected[::-2]
    assert hits.ids == [3, 2, 1]
    assert hits.distances.tolist() == [0.0, 25.0, 40.0625]
    assert hits.distances.dtype == np.float32
    for number in (3, -4):
        with pytest.raises(IndexError):
            hits[number]


def test_hits_of_many_queries_are_a_sequence_of_hits(every: Collection) -> None:
    queries = [[3, 4, 0], [0, 0, 0]]
    hits = every.search(queries, field="float32", metric="L2", limit=2, output_fields=["text"])
    assert len(hits) == hits.query_count == 2
    alone = [every.search(query, field="float32", metric="L2", limit=2, output_fields=["text"]) for query in queries]
    assert hits.to_list() == [one.to_list() for one in alone]
    assert [part.to_list() for part in hits] == hits.to_list()
    assert [hits[number].to_list() for number in (0, 1, -1, -2)] == [hits.to_list()[n] for n in (0, 1, -1, -2)]
    assert [part.to_list() for part in hits[1:]] == hits.to_list()[1:]
    assert isinstance(hits[0], Hits)
    assert hits.ids == [key for one in alone for key in one.ids]
    for number in (2, -3):
        with pytest.raises(IndexError):
            hits[number]


def test_queries_without_hits_keep_their_place(books: Collection) -> None:
    """Range searches find different numbers of rows for each query."""
    books.insert([{"id": key, "vector": [key, 0], "title": "x"} for key in (1, 2, 10)])
    hits = books.search([[0, 0], [100, 0], [10, 0]], metric="L2", params={"radius": 5.0})
    assert [[hit["id"] for hit in part] for part in hits] == [[1, 2], [], [10]]
    assert hits.to_arrow().column("query").to_pylist() == [0, 0, 2]
    assert len(hits[1]) == 0
    assert hits[1].to_list() == []


def test_tables_of_rows(every: Collection) -> None:
    rows = every.query("id > 0", output_fields=["*"])
    table = rows.to_arrow()
    assert table.num_rows == 3
    assert sorted(table.column_names) == sorted(STORED_FIELDS)
    assert table.column("float32").type == pa.list_(pa.field("item", pa.float32(), nullable=False), 3)
    assert table.column("large").to_pylist() == [row["large"] for row in ROWS]
    frame = rows.to_pandas()
    assert frame["id"].tolist() == [1, 2, 3]
    assert frame["text"].iloc[0] == ROWS[0]["text"]
    assert frame["text"].isna().tolist() == [False, True, False]
    np.testing.assert_array_equal(np.stack(frame["float32"].tolist()), [row["float32"] for row in ROWS])


def test_tables_of_hits(every: Collection) -> None:
    one = every.search([3, 4, 0], field="float32", metric="L2", output_fields=["text"]).to_arrow()
    assert one.column_names == ["id", "distance", "text"]
    assert one.column("id").to_pylist() == [3, 2, 1]
    many = every.search([[3, 4, 0], [0, 0, 0]], field="float32", metric="L2", limit=1)
    assert many.to_arrow().to_pydict() == {"query": [0, 1], "id": [3, 2], "distance": [0.0, 0.0]}
    assert many.to_pandas()["query"].tolist() == [0, 1]


def test_a_table_that_came_out_goes_in_again(database: Database, every: Collection) -> None:
    """Output and input forms agree for every type, dynamic keys among them."""
    table = every.query("id > 0", output_fields=["*"]).to_arrow()
    for number, form in enumerate([table, table.to_batches()[0], dict(zip(table.column_names, table.columns,
                                                                          strict=True))]):  # fmt: skip
        copy = database.create_collection(f"copy_{number}", SCHEMA)
        copy.insert(form)
        assert copy.query("id > 0", output_fields=["*"]).to_list() == ROWS


def test_no_rows_have_their_columns(every: Collection) -> None:
    rows = every.query("id > 99", output_fields=["*"])
    assert len(rows) == 0
    assert rows.to_list() == []
    assert sorted(rows.to_arrow().column_names) == sorted(STORED_FIELDS)
    assert len(rows.to_pandas()) == 0
    hits = every.search([1, 0, 0], field="float32", filter="id > 99", output_fields=["*"])
    assert len(hits) == 0
    assert hits.to_list() == []
    assert hits.to_arrow().num_rows == 0
    assert "0 hits" in repr(hits)


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (None, {*STORED_FIELDS, "mood"} - {"$meta", "float32", "float16", "bits", "sparse"}),
        ([], {"id"}),
        (["id"], {"id"}),
        (["text"], {"id", "text"}),
        (["mood"], {"id", "mood"}),
        (['$meta["mood"]'], {"id", "mood"}),
        (["$meta"], {"id", "mood"}),
        (["absent"], {"id"}),
        (["text", "mood", "text"], {"id", "text", "mood"}),
        (["*"], {*STORED_FIELDS, "mood"} - {"$meta"}),
        (["*", "mood", "id"], {*STORED_FIELDS, "mood"} - {"$meta"}),
    ],
)
def test_output_fields(every: Collection, names: list[str] | None, keys: set[str]) -> None:
    row = every.get(1, output_fields=names)[0]
    assert set(row) == keys
    assert all(row[name] == ROWS[0][name] for name in keys)
    if names is not None:
        hit = every.search([1, -2, 0.25], field="float32", metric="L2", limit=1, output_fields=names)[0]
        assert set(hit) == {"id", "distance", *keys}


def test_the_score_wins_over_a_field_of_its_name(database: Database) -> None:
    collection = database.create_collection("measured", dimension=2)
    collection.insert([{"id": 1, "vector": [1, 0], "distance": "far", "query": "who"}])
    hits = collection.search([1, 0], output_fields=["distance", "query"])
    assert hits[0]["distance"] == pytest.approx(1.0)
    assert hits[0]["query"] == "who"
    assert collection.get(1, output_fields=["distance"])[0]["distance"] == "far"


def test_results_outlive_their_rows_and_their_database(every: Collection, database: Database) -> None:
    """A result is a value: what happens to the collection afterwards does not show in it."""
    every.flush()
    rows: Rows = every.query("id > 0", output_fields=["*"])
    hits = every.search([3, 4, 0], field="float32", metric="L2", output_fields=["*"])
    every.delete(filter="id > 0")
    every.compact()
    database.drop_collection("every")
    database.close()
    assert rows.to_list() == ROWS
    assert [as_given(hit) for hit in hits] == [ROWS[2], ROWS[1], ROWS[0]]
