"""What the objects of the native API look like in a notebook, a debugger or a log: golden text."""

from collections.abc import Callable
from pathlib import Path

import pytest

from elanus.embedded.collection import Collection
from elanus.embedded.database import Database

_GOLDEN = Path(__file__).parents[2] / "golden" / "embedded" / "texts.txt"


def shown(database: Database, every: Collection, books: Collection) -> dict[str, str]:
    """Titles and texts, in order."""
    books.insert([{"id": key, "vector": [key, 1], "title": f"title {key}"} for key in range(12)])
    notes = database.create_collection("notes", dimension=8, metric="IP")
    notes.insert(
        [
            {"id": 1, "vector": [1.0] * 8, "title": "x" * 40},
            {"id": 2, "vector": [0.1] * 8, "author": {"name": "Ann"}},
            {"id": 3, "vector": [0.0] * 8, **{f"key_{number}": number for number in range(9)}},
        ]
    )
    texts: dict[str, Callable[[], object]] = {
        "a database": lambda: database,
        "a collection": lambda: books,
        "a collection with every type": lambda: every,
        "rows": lambda: books.query("id > 2", output_fields=["*"], limit=3),
        "more rows than are shown": lambda: books.query("id >= 0"),
        "no rows": lambda: books.query("id > 99"),
        "rows of every type": lambda: every.query("id > 0", output_fields=["*"]),
        "hits": lambda: notes.search([1.0] * 8, limit=2),
        "hits with all dynamic keys": lambda: notes.search([1.0] * 8, output_fields=["*"]),
        "hits with some dynamic keys": lambda: notes.search([1.0] * 8, output_fields=["title", "absent"]),
        "hits of many queries": lambda: books.search([[1, 1], [5, 1]], metric="L2", limit=2, output_fields=["title"]),
        "no hits": lambda: notes.search([1.0] * 8, filter="id > 99", output_fields=["title"]),
    }
    found = {title: repr(make()) for title, make in texts.items()}
    database.close()
    found["a closed database"] = repr(database)
    found["a collection of a closed database"] = repr(books)
    return found


def test_texts(database: Database, every: Collection, books: Collection, *, update_golden: bool) -> None:
    text = "".join(f"== {title}\n{content}\n\n" for title, content in shown(database, every, books).items())
    if update_golden:
        _GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        _GOLDEN.write_text(text, encoding="utf-8")
    assert text == _GOLDEN.read_text(encoding="utf-8")


def test_a_dropped_collection_says_so(books: Collection, database: Database) -> None:
    database.drop_collection("books")
    assert repr(books).startswith("Collection('books', collection_not_found, id: Int64")


@pytest.mark.parametrize("key", ["distance", "id", "query", "vector"])
def test_a_dynamic_key_called_like_a_column_is_not_shown_twice(database: Database, key: str) -> None:
    notes = database.create_collection("notes", dimension=2)
    notes.insert([{"id": 1, "vector": [1, 0], "$meta": {key: "shadowed"}}])
    header = repr(notes.search([[1, 0]], output_fields=["*"])).splitlines()[1].split()
    assert header.count(key) == 1
