"""Databases and collections as handles: opening, names, closing, and what a handle says when its thing is gone."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elanus
from elanus.embedded.collection import Collection
from elanus.embedded.database import Database
from elanus.errors import AlreadyExists, Conflict, InvalidInput, NotFound, Unavailable
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType

QUICK: dict[str, Any] = {"durability": "none", "background_maintenance": False}


def test_memory_is_gone_when_it_is_closed() -> None:
    with elanus.connect(":memory:", **QUICK) as first, elanus.connect(":memory:", **QUICK) as second:
        first.create_collection("a", dimension=2).insert([{"id": 1, "vector": [1, 0]}])
        assert second.list_collections() == []
        folder = first.service.shared.root  # type: ignore[attr-defined]
        assert folder.is_dir()
    assert not folder.exists()
    with pytest.raises(Unavailable):
        first.list_collections()


@pytest.mark.parametrize("name", ["with space", "über-ß-日本", "deep/er/still", "x" * 200])
def test_folders_of_any_name(tmp_path: Path, name: str) -> None:
    for number in range(2):
        with elanus.connect(tmp_path / name, **QUICK) as database:
            if number == 0:
                database.create_collection("a", dimension=2).insert([{"id": 1, "vector": [1, 0]}])
            assert database["a"].get(1)[0] == {"id": 1}


def test_the_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with elanus.connect("~/notes", **QUICK):
        assert (tmp_path / "notes" / "catalog").is_dir()


def test_one_folder_by_two_paths_is_one_database(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "data")
    with elanus.connect(tmp_path / "data", **QUICK) as one, elanus.connect(tmp_path / "link", **QUICK) as other:
        one.create_collection("a", dimension=2).insert([{"id": 1, "vector": [1, 0]}])
        assert len(other["a"]) == 1


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for place in (file, file / "below"):
        with pytest.raises(InvalidInput):
            elanus.connect(place, **QUICK)
    assert file.read_text() == "mine"


def test_an_address_is_no_folder() -> None:
    with pytest.raises(InvalidInput, match=r"elanus\.MilvusClient\('http://localhost:19530'\)"):
        elanus.connect("http://localhost:19530")


def test_settings_by_keyword_win_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELANUS_TOPK_MAX", "5")
    monkeypatch.setenv("ELANUS_PARTITION_COUNT_MAX", "2")
    with elanus.connect(tmp_path, partition_count_max=1, **QUICK) as database:
        docs = database.create_collection("a", dimension=2)
        with pytest.raises(InvalidInput, match="expected at most 5"):
            docs.search([1, 0], limit=6)
        with pytest.raises(InvalidInput, match="has 1 partitions already"):
            docs.create_partition("p")


@pytest.mark.parametrize(
    "settings", [{"no_such_setting": 1}, {"topk_max": "many"}, {"durability": "maybe"}, {"topk_max": -1}]
)
def test_wrong_settings_open_nothing(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(settings))):
        elanus.connect(tmp_path / "data", **settings)
    assert not (tmp_path / "data").exists()


def test_other_settings_for_an_open_folder_are_refused(tmp_path: Path) -> None:
    with elanus.connect(tmp_path, **QUICK) as database:
        with pytest.raises(InvalidInput, match="open in this process already, with other settings"):
            elanus.connect(tmp_path, topk_max=7, **QUICK)
        assert database.list_collections() == []
    with elanus.connect(tmp_path, topk_max=7, **QUICK) as database:
        assert database.list_collections() == []


def test_each_handle_closes_for_itself(tmp_path: Path) -> None:
    first, second = (elanus.connect(tmp_path, **QUICK) for _ in range(2))
    docs = first.create_collection("a", dimension=2)
    first.close()
    first.close()
    for call in (first.list_collections, docs.flush, lambda: docs.insert([{"id": 1, "vector": [1, 0]}])):
        with pytest.raises(Unavailable) as refused:
            call()
        assert refused.value.kind == "closed"
    assert second["a"].insert([{"id": 2, "vector": [1, 0]}]) == [2]
    second.close()
    with elanus.connect(tmp_path, **QUICK) as again:
        assert again["a"].query("id > 0").to_list() == [{"id": 2}]


def test_the_end_of_a_with_block_closes_also_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), elanus.connect(tmp_path, **QUICK) as database:
        _ = 1 / 0
    with pytest.raises(Unavailable):
        database.list_collections()


def test_every_method_says_that_the_database_is_closed(database: Database, books: Collection) -> None:
    database.close()
    calls = [
        lambda: books.insert([]),
        lambda: books.upsert([{"id": 1, "vector": [1, 0], "title": ""}], partial=True),
        lambda: books.delete(1),
        lambda: books.get(1),
        lambda: books.query("id > 0"),
        books.count,
        lambda: books.search([1, 0]),
        lambda: books.create_index("vector"),
        lambda: books.drop_index("vector"),
        books.indexes,
        books.wait_for_indexes,
        books.flush,
        books.compact,
        books.truncate,
        lambda: books.create_partition("p"),
        lambda: books.drop_partition("p"),
        books.partitions,
        books.describe,
        lambda: len(books),
        database.list_databases,
        lambda: database.create_database("d"),
        lambda: database.drop_database("d"),
        lambda: database.create_alias("a", "books"),
        lambda: database.drop_alias("a"),
        lambda: database.rename_collection("books", "b"),
        lambda: database.drop_collection("books"),
        lambda: "books" in database,
        lambda: database["books"],
    ]
    for call in calls:
        with pytest.raises(Unavailable, match="the database is closed"):
            call()


def test_collections_by_name(database: Database, books: Collection) -> None:
    assert "books" in database
    assert "absent" not in database
    assert database["books"].name == "books"
    assert database.list_collections() == ["books"]
    with pytest.raises(AlreadyExists):
        database.create_collection("books", dimension=2)
    for missing in (lambda: database["absent"], lambda: database.drop_collection("absent")):
        with pytest.raises(NotFound, match="absent"):
            missing()
    database.rename_collection("books", "volumes")
    assert database.list_collections() == ["volumes"]
    with pytest.raises(NotFound):
        books.count()
    assert len(database["volumes"]) == 0
    database.drop_collection("volumes")
    assert database.list_collections() == []


@pytest.mark.parametrize(
    "arguments", [{}, {"dimension": 1}, {"dimension": 0}, {"dimension": 32_769}, {"dimension": 2.5},
                  {"dimension": 2, "metric": "HAMMING"}, {"dimension": 2, "metric": "near"}]
)  # fmt: skip
def test_a_collection_that_cannot_be_made_leaves_nothing(database: Database, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        database.create_collection("a", **arguments)
    assert database.list_collections() == []
    database.create_collection("a", dimension=2)


def test_a_schema_and_a_dimension_are_one_too_many(database: Database, books: Collection) -> None:
    with pytest.raises(InvalidInput, match="either a schema or a dimension"):
        database.create_collection("a", books.schema, dimension=2)


@pytest.mark.parametrize("metric", ["COSINE", "l2", "IP"])
def test_a_quick_collection_has_an_index_of_its_metric(database: Database, metric: str) -> None:
    docs = database.create_collection("a", dimension=2, metric=metric)
    (index,) = docs.indexes()
    assert (index.definition.field_name, index.definition.metric) == ("vector", metric.upper())
    assert docs.search([1, 0]).metric == metric.upper()
    for other in {"COSINE", "L2", "IP"} - {metric.upper()}:
        with pytest.raises(InvalidInput, match="metric type not match"):
            docs.search([1, 0], metric=other)


def test_aliases(database: Database, books: Collection) -> None:
    books.insert([{"id": 1, "vector": [1, 0], "title": "a"}])
    database.create_alias("shelf", "books")
    assert len(database["shelf"]) == 1
    assert database["shelf"].name == "books"
    assert "shelf" in database
    assert database.list_collections() == ["books"]
    assert books.describe().aliases == ("shelf",)
    with pytest.raises(Conflict):
        database.drop_collection("shelf")
    database.create_alias("shelf", "books")  # the same once more is no mistake
    database.create_collection("other", dimension=2)
    with pytest.raises(AlreadyExists):
        database.create_alias("shelf", "other")
    database.drop_collection("other")
    with pytest.raises(AlreadyExists):
        database.create_collection("shelf", dimension=2)
    with pytest.raises(NotFound):
        database.create_alias("other", "absent")
    database.drop_alias("shelf")
    assert "shelf" not in database


def test_databases_do_not_see_each_other(database: Database, books: Collection, tmp_path: Path) -> None:
    books.insert([{"id": 1, "vector": [1, 0], "title": "a"}])
    other = database.create_database("other")
    assert other.name == "other"
    assert other.list_collections() == []
    other.create_collection("books", books.schema).insert([{"id": 7, "vector": [0, 1], "title": "b"}])
    assert [row["id"] for row in database["books"].query("id > 0")] == [1]
    assert [row["id"] for row in other["books"].query("id > 0")] == [7]
    assert sorted(database.list_databases()) == ["default", "other"]
    with pytest.raises(Conflict):
        database.drop_database("other")
    with pytest.raises(AlreadyExists):
        database.create_database("other")
    other.drop_collection("books")
    database.drop_database("other")
    with pytest.raises(NotFound):
        other.list_collections()
    with pytest.raises(InvalidInput):
        database.drop_database("default")
    assert len(books) == 1


def test_connecting_to_a_database_by_name(tmp_path: Path) -> None:
    with elanus.connect(tmp_path, **QUICK) as database:
        database.create_database("other").create_collection("a", dimension=2)
        with elanus.connect(tmp_path, database="other", **QUICK) as other:
            assert other.list_collections() == ["a"]
        with pytest.raises(NotFound, match="absent"):
            elanus.connect(tmp_path, database="absent", **QUICK)
        assert database.list_collections() == []
    with elanus.connect(tmp_path, topk_max=9, **QUICK) as database:
        assert sorted(database.list_databases()) == ["default", "other"]


def test_partitions(books: Collection) -> None:
    assert books.partitions() == ["_default"]
    books.create_partition("p")
    with pytest.raises(AlreadyExists):
        books.create_partition("p")
    rows = [{"id": key, "vector": [key, 0], "title": "x"} for key in range(4)]
    books.insert(rows[:2])
    books.insert(rows[2:], partition="p")
    assert books.query("id >= 0", partitions=["p"]).to_list() == books.get([2, 3]).to_list()
    assert books.search([9, 0], metric="L2", partitions=["_default"]).ids == [1, 0]
    assert books.delete([0, 2], partition="p") == 1
    assert books.delete(filter="id >= 0", partition="p") == 1
    assert books.count() == 2
    books.drop_partition("p")
    assert books.partitions() == ["_default"]
    assert [row["id"] for row in books.query("id >= 0")] == [0, 1]


def test_truncate_leaves_an_empty_collection(books: Collection) -> None:
    books.insert([{"id": 1, "vector": [1, 0], "title": "a"}])
    books.flush()
    books.insert([{"id": 2, "vector": [1, 0], "title": "a"}])
    books.truncate()
    assert len(books) == 0
    assert books.search([1, 0]).to_list() == []
    assert books.insert([{"id": 1, "vector": [1, 0], "title": "b"}]) == [1]
    assert books.get(1)[0]["title"] == "b"


def test_a_partial_upsert_changes_only_what_it_names(database: Database) -> None:
    docs = database.create_collection(
        "c",
        Schema(
            (
                Field("id", DataType.VARCHAR, is_primary=True, max_length=9),
                Field("v", DataType.FLOAT_VECTOR, dim=2),
                Field("n", DataType.INT8, default_value=5),
            ),
            enable_dynamic_field=True,
        ),
    )
    docs.insert([{"id": "a", "v": [1, 0], "n": 1, "x": 1, "y": 1}, {"id": "b", "v": [0, 1]}])
    docs.flush()
    docs.upsert([{"id": "a", "y": 2, "z": 3}, {"id": "b", "y": None}], partial=True)
    assert docs.query('id != ""', output_fields=["*"]).to_list() == [
        {"id": "a", "v": [1.0, 0.0], "n": 1, "x": 1, "y": 2, "z": 3},
        {"id": "b", "v": [0.0, 1.0], "n": 5, "y": None},
    ]
    docs.upsert({"id": ["c", "a"], "v": np.ones((2, 2))}, partial=True)
    assert docs.get(["a", "c"], output_fields=["*"]).to_list() == [
        {"id": "a", "v": [1.0, 1.0], "n": 1, "x": 1, "y": 2, "z": 3},
        {"id": "c", "v": [1.0, 1.0], "n": 5},
    ]


def test_a_handle_learns_of_a_schema_made_anew(database: Database, books: Collection) -> None:
    """The collection is dropped and made again under its name; the old handle converts for the new schema."""
    database.drop_collection("books")
    database.create_collection("books", dimension=3)
    assert books.insert([{"id": 1, "vector": [1, 2, 3], "anything": "goes"}]) == [1]
    assert books.search([1, 2, 3], output_fields=["anything"])[0]["anything"] == "goes"


def test_handles_may_be_used_from_many_threads(books: Collection) -> None:
    def write(number: int) -> None:
        for step in range(20):
            books.insert([{"id": number * 100 + step, "vector": [number, step], "title": str(step)}])
            assert books.get(number * 100 + step)[0]["title"] == str(step)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = sorted(number * 100 + step for number in range(6) for step in range(20))
    assert [row["id"] for row in books.query("id >= 0")] == expected
