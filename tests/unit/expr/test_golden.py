"""Filters and what is made of them, as text files for review: one topic a file, one case a paragraph.

A case is the filter (lines beginning with `> `) and perhaps `params` as JSON; what follows is written by the program:
the canonical text, the syntax tree and the bound tree, or the error. `pytest --update-golden` writes the files anew.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from elanus.errors import ElanusError
from elanus.expr.filter import bind, parse
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType

_FOLDER = Path(__file__).parent.parent.parent / "golden" / "expr"
_FILES = sorted(_FOLDER.glob("*.txt"))

_SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True),
        Field("year", DataType.INT16),
        Field("level", DataType.INT8),
        Field("permissions", DataType.INT32),
        Field("price", DataType.FLOAT, nullable=True),
        Field("score", DataType.DOUBLE),
        Field("in_stock", DataType.BOOL),
        Field("lang", DataType.VARCHAR, max_length=64),
        Field("title", DataType.VARCHAR, nullable=True),
        Field("tags", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=10),
        Field("ratings", DataType.ARRAY, element_type=DataType.INT8, max_capacity=10),
        Field("prices", DataType.ARRAY, element_type=DataType.FLOAT, max_capacity=10),
        Field("doc", DataType.JSON, nullable=True),
        Field("place", DataType.GEOMETRY),
        Field("seen", DataType.TIMESTAMPTZ),
        Field(
            "chunks",
            DataType.ARRAY,
            element_type=DataType.STRUCT,
            max_capacity=10,
            struct_fields=(
                Field("section", DataType.VARCHAR),
                Field("quality", DataType.FLOAT),
                Field("pages", DataType.INT16),
                Field("flag", DataType.BOOL),
                Field("emb", DataType.FLOAT_VECTOR, dim=4),
            ),
        ),
        Field("vector", DataType.FLOAT_VECTOR, dim=8),
    )
)
_DYNAMIC = Schema(_SCHEMA.fields, enable_dynamic_field=True)


@pytest.mark.parametrize("file", _FILES, ids=[file.stem for file in _FILES])
def test_golden(file: Path, update_golden: bool) -> None:
    if file.stem == "geometry":
        pytest.importorskip("shapely")
    written = "\n\n".join(_case(paragraph) for paragraph in _paragraphs(file.read_text())) + "\n"
    if update_golden:
        file.write_text(written)
    assert file.read_text() == written


def test_there_are_golden_files() -> None:
    assert len(_FILES) >= 10


def _paragraphs(text: str) -> list[list[str]]:
    return [paragraph.splitlines() for paragraph in text.strip().split("\n\n")]


def _case(lines: list[str]) -> str:
    kept = [line for line in lines if line.startswith((">", "params ", "dynamic"))]
    if not kept or not kept[0].startswith(">"):
        return "\n".join(line for line in lines if line.startswith("#"))
    text = "\n".join(line[2:] for line in kept if line.startswith(">"))
    params = next((json.loads(line.removeprefix("params ")) for line in kept if line.startswith("params ")), None)
    return "\n".join([*kept, *_answer(text, params, _DYNAMIC if "dynamic" in kept else _SCHEMA)])


def _answer(text: str, params: dict[str, Any] | None, schema: Schema) -> list[str]:
    lines: list[str] = []
    try:
        expression = parse(text)
        assert parse(str(expression)).outline() == expression.outline()
        lines += [f"text {expression}", "syntax", *_indented(expression.outline())]
        lines += ["bound", *_indented(bind(expression, schema, params).outline())]
    except ElanusError as error:
        lines += [f"error {error.kind}", *_indented(error.message)]
    return lines


def _indented(text: str) -> list[str]:
    return [f"  {line}".rstrip() for line in text.splitlines()]
