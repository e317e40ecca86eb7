"""A few rows as a source of columns, for tests that name every answer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
import pyarrow as pa

from elanus.columns.json_values import JsonValues, ValuePath
from elanus.columns.layout import arrow_type
from elanus.columns.numbers import full_numbers
from elanus.columns.values import column_from_values
from elanus.expr.evaluator import evaluate
from elanus.expr.filter import bind, parse
from elanus.expr.reads import json_paths
from elanus.schema.collection import Schema


class Rows:
    """Columns made of rows given as dicts; a field that is left out is NULL, other keys go to `$meta`."""

    def __init__(self, schema: Schema, rows: Sequence[Mapping[str, Any]]) -> None:
        self.schema = schema
        self.row_count = len(rows)
        self._columns = {
            field.name: column_from_values(field, [row.get(field.name) for row in rows]) for field in schema.user_fields
        }
        dynamic = schema.dynamic_field
        if dynamic is not None:
            declared = set(self._columns)
            extras = [{key: value for key, value in row.items() if key not in declared} or None for row in rows]
            self._columns[dynamic.name] = column_from_values(dynamic, extras)

    def column(self, name: str) -> pa.Array:
        return self._columns[name]

    def numbers(self, name: str) -> npt.NDArray[Any] | None:
        return full_numbers(self.column(name))

    def strings(self, name: str) -> pa.Array:
        return self._columns[name]

    def json_values(self, name: str, path: ValuePath) -> JsonValues | None:
        return None

    def with_column(self, name: str, values: Sequence[Any]) -> "Rows":
        """The same rows with the stored values of one field replaced, unchecked."""
        self._columns[name] = pa.array(values, arrow_type(self.schema.field(name)))
        return self

    def truths(self, text: str, params: Mapping[str, Any] | None = None) -> str:
        """`T`, `F` or `?` for every row."""
        bound = bind(parse(text), self.schema, params)
        truth = evaluate(bound.condition, self, json_paths(bound.condition))
        assert bound.evaluate(self) == truth.true
        unknown = truth.unknown
        return "".join(
            "T" if row in truth.true else "?" if unknown is not None and row in unknown else "F"
            for row in range(self.row_count)
        )
