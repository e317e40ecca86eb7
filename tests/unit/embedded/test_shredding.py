"""JSON filters answer the same while rows grow, when they are sealed, merged and opened again, shredded or not."""

import json
from pathlib import Path
from typing import Any

import pytest

import elanus
from elanus import DataType, Field, Schema

_SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True),
        Field("vector", DataType.FLOAT_VECTOR, dim=2),
        Field("doc", DataType.JSON, nullable=True),
        Field("lang", DataType.VARCHAR, max_length=8, nullable=True),
    ),
    enable_dynamic_field=True,
)
_FILTERS = [
    'doc["n"] > 900 and doc["n"] <= 1000',
    'doc["n"] == 9007199254740993',
    'doc["s"] in ["a", "日本"]',
    'doc["mixed"] == 7',
    'doc["mixed"] == "7"',
    'doc["mixed"] is null',
    'exists doc["in"]["x"]',
    'doc["in"]["x"] * 2 > 1500',
    'json_contains(doc["tags"], 3)',
    'json_contains_all(doc["tags"], [3, "three"])',
    'doc["tags"][1] == "three"',
    'array_length(doc["tags"]) == 2',
    'doc["s"] like "%本"',
    'not (doc["rare"] == 1)',
    "doc is null",
    'key >= 990 or $meta["flag"] == true',
    'lang == "de" and doc["n"] < 100',
    'lang is null or lang like "f%"',
]


def _document(row: int) -> dict[str, Any] | None:
    if row % 50 == 7:
        return None
    document: dict[str, Any] = {"n": 9007199254740993 if row == 3 else row, "s": ["a", "", "日本"][row % 3]}
    document["mixed"] = [7, "7", None, 7.0, [7], {"7": 7}, True][row % 7]
    if row % 2:
        document["in"] = {"x": row - 0.5, "empty": {}}
    if row % 4 == 0:
        document["tags"] = [row % 5, "three", [3]][: row % 3 + 1]
    if row % 300 == 0:
        document["rare"] = row // 300
    return document


def _rows(first: int, last: int) -> list[dict[str, Any]]:
    return [
        {
            "id": row, "vector": [0.0, 1.0], "doc": _document(row), "lang": [None, "de", "fr"][row % 3], "key": row,
            **({"flag": row % 8 == 0} if row % 4 == 0 else {}),
        }
        for row in range(first, last)
    ]  # fmt: skip


def _answers(collection: elanus.Collection) -> dict[str, list[int]]:
    return {
        text: [row["id"] for row in collection.query(filter=text, limit=5000).to_list()]
        for text in (*_FILTERS, *(f"not ({text})" for text in _FILTERS))
    }


def _row_counts(folder: Path) -> list[int]:
    """Of the segments whose documents have columns."""
    return sorted({json.loads(file.read_bytes())["row_count"] for file in folder.rglob("data/json-*.json")})


@pytest.mark.parametrize("enabled", [True, False])
def test_answers_stay_the_same(tmp_path: Path, *, enabled: bool) -> None:
    settings: dict[str, Any] = {"background_maintenance": False, "json_shredding_enabled": enabled}
    with elanus.connect(tmp_path / "data", **settings) as database:
        collection = database.create_collection("c", _SCHEMA)
        collection.insert(_rows(0, 1500))
        growing = _answers(collection)
        assert all(growing[text] for text in _FILTERS)
        collection.flush()
        assert _answers(collection) == growing
        collection.insert(_rows(1500, 3000))
        both = _answers(collection)
        assert {text: [row for row in rows if row < 1500] for text, rows in both.items()} == growing
        collection.flush()
        collection.delete(filter="id >= 2000")
        collection.compact()
        both = {text: [row for row in rows if row < 2000] for text, rows in both.items()}
        assert _answers(collection) == both
        assert _row_counts(tmp_path) == ([500, 1500] if enabled else [])
    with elanus.connect(tmp_path / "data", **settings) as database:
        collection = database["c"]
        assert _answers(collection) == both
        documents = collection.query(output_fields=["doc"], limit=5000).to_list()
        assert [row["doc"] for row in documents] == [_document(row["id"]) for row in documents]
