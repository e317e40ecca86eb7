"""Every scalar index there can be over a table of `tests.reference.filter_cases`, and filters asked through some."""

from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa

from elanus.engine.scalar_columns import definition_path, scalar_column
from elanus.errors import InvalidInput
from elanus.expr.access import AccessPath, IndexAccess
from elanus.expr.evaluator import evaluate
from elanus.expr.filter import Filter
from elanus.expr.reads import json_paths as paths_of
from elanus.index.protocol import BuildContext
from elanus.index.scalar.files import build_scalar_index, open_scalar_index
from elanus.index.scalar.rules import JSON_CASTS, SCALAR_INDEX_NAMES, check_scalar_index
from elanus.query.predicate_indexes import FieldIndex, SegmentPredicates
from elanus.schema.collection import IndexDefinition
from tests.reference.filter_cases import Table

__all__ = ["built_index", "check_through_indexes", "index_definitions", "offered"]

_PATHS: Final = ("doc", 'doc["a"]', 'doc["b"]', 'doc["a"]["b"]', 'doc["a"][0]', "a", "b", '$meta["a"]["b"]')


def index_definitions(table: Table) -> Iterator[IndexDefinition]:
    """Every index there can be on the fields of the table and on some paths in its documents."""
    for field in (field for field in table.schema.fields if field.name in table.columns):
        for name in SCALAR_INDEX_NAMES:
            own = {"min_gram": 1, "max_gram": 2} if name == "NGRAM" else {}
            choices: list[dict[str, Any]] = [own]
            if field.data_type.label == "JSON":
                inside = [path for path in _PATHS if path.startswith("doc") is (field.name == "doc")]
                choices = [
                    {**own, "json_path": path, "json_cast_type": cast} for path in inside for cast in JSON_CASTS[:-1]
                ]
            for params in choices:
                try:
                    kind, checked = check_scalar_index(field, name, params)
                except InvalidInput:
                    continue
                yield IndexDefinition(f"{name} on {field.name} {params}", field.name, kind, params=checked)


def built_index(table: Table, definition: IndexDefinition) -> FieldIndex:
    column = scalar_column(table.schema, definition, table)
    files = build_scalar_index(column, definition.index_type, definition.params, BuildContext())
    mapped = {name: pa.py_buffer(bytes(content)) for name, content in files.items()}
    index = open_scalar_index(mapped, table.row_count)
    path = definition_path(table.schema, definition)
    steps, cast = (None, "") if path is None else (path.steps, str(definition.params["json_cast_type"]))
    field = table.schema.find_indexed(definition.field_name)
    assert field is not None
    return FieldIndex(definition.index_name, field.name, index, steps, cast)


def offered(indexes: list[FieldIndex]) -> SegmentPredicates:
    return SegmentPredicates(lambda name: [index for index in indexes if index.field_name == name])


def check_through_indexes(bound: Filter, table: Table, indexes: SegmentPredicates, record: list[AccessPath]) -> None:
    scanned = evaluate(bound.condition, table, paths_of(bound.condition))
    found = evaluate(bound.condition, table, paths_of(bound.condition), IndexAccess(indexes, record))
    unknown = [
        None if truth.unknown is None or not truth.unknown.any() else truth.unknown for truth in (scanned, found)
    ]
    assert found.true == scanned.true, (str(bound), record)
    if bound.sample_fraction is None:
        assert bound.evaluate(table, indexes) == scanned.true, str(bound)
        assert bound.evaluate(table) == scanned.true, str(bound)
    assert unknown[0] == unknown[1], (str(bound), record)
