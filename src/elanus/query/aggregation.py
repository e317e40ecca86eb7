"""Aggregates of the rows of a scope, in all or by groups.

Segments are read in blocks of rows; what is kept of a block is one state a group, so memory grows with the groups and
not with the rows. Every visible row counts, as in `count(*)`: rows that share a primary key are several rows.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa

from elanus.columns.layout import arrow_field, arrow_type
from elanus.columns.order_codes import SortColumn, sorted_rows
from elanus.columns.taking import take_rows
from elanus.errors import InvalidInput
from elanus.query.accumulators import Accumulator, State, accumulator
from elanus.query.ordering import split_direction
from elanus.query.parts import allowed_rows
from elanus.query.plan import Scope
from elanus.query.row_groups import group_rows
from elanus.query.view import SegmentView
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import INTEGERS, NUMBERS, DataType

__all__ = ["Aggregation", "Measure", "aggregate", "is_aggregation", "plan_aggregation"]

_MEASURE: Final = re.compile(r"\s*(count|sum|avg|min|max)\s*\(\s*(\*|[^()\s][^()]*?)\s*\)\s*", re.IGNORECASE)
_KEY_TYPES: Final = INTEGERS | {DataType.BOOL, DataType.VARCHAR, DataType.TIMESTAMPTZ}
_EXTREME_TYPES: Final = NUMBERS | {DataType.VARCHAR, DataType.TIMESTAMPTZ}
_BLOCK_ROWS: Final = 1 << 18
# States of blocks wait until they are as many as those they are merged into, so that merging costs each once or twice.
_PENDING_GROUPS_MIN: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Measure:
    """An aggregate function over a field.

    Attributes:
        name: as it was asked for; the name of the result column.
        function: `count`, `sum`, `avg`, `min` or `max`.
        field: None for `count(*)`.
    """

    name: str
    function: str
    field: Field | None

    def result_field(self) -> Field:
        """What the result column is."""
        if self.function == "count":
            return Field(self.name, DataType.INT64)
        assert self.field is not None
        if self.function in {"min", "max"}:
            return Field(self.name, self.field.data_type, nullable=True, max_length=self.field.max_length)
        is_whole = self.function == "sum" and self.field.data_type.is_integer
        return Field(self.name, DataType.INT64 if is_whole else DataType.DOUBLE, nullable=True)

    def make_accumulator(self) -> Accumulator:
        """An accumulator for it."""
        return accumulator(self.function, None if self.field is None else arrow_type(self.field), label=self.name)


@dataclass(frozen=True, slots=True)
class Aggregation:
    """What to compute.

    Attributes:
        keys: the fields rows are grouped by; none for all rows together.
        measures: the aggregates, each once.
        output: the names of the result columns in order, each that of a key or a measure.
        order: names of result columns or keys, and whether they descend; groups equal in them come by their keys.
    """

    keys: tuple[Field, ...]
    measures: tuple[Measure, ...]
    output: tuple[str, ...]
    order: tuple[tuple[str, bool], ...] = ()


def is_aggregation(output: Sequence[str], group_by: Sequence[str]) -> bool:
    """Whether names of output columns, as a query has them, ask for an aggregation; `count(*)` alone is a count."""
    return bool(group_by) or (tuple(output) != ("count(*)",) and any(map(_MEASURE.fullmatch, output)))


def plan_aggregation(
    schema: Schema, *, output: Sequence[str], group_by: Sequence[str], order_by: Sequence[str]
) -> Aggregation:
    """The aggregation behind names.

    Args:
        schema: of the collection.
        output: fields of `group_by` and aggregates, in the order of the result; empty for the fields of `group_by`.
        group_by: names of fields.
        order_by: as `query.ordering.split_direction` reads them: of `group_by`, or aggregates of `output`.

    Raises:
        InvalidInput: an unknown name, a type an aggregate is not for, or a field that is neither grouped by nor
            aggregated.
    """
    keys = tuple(_key_field(schema, name) for name in dict.fromkeys(group_by))
    names = {key.name for key in keys}
    measures: dict[str, Measure] = {}
    for text in output:
        if text in names:
            continue
        match = _MEASURE.fullmatch(text)
        if match is None:
            raise InvalidInput(
                "invalid_argument",
                f"output field {text!r} is neither in group_by nor an aggregate; beside those of group_by only count, "
                "sum, avg, min and max of a field are possible",
            )
        measures[text] = _measure(schema, text, match[1].lower(), match[2])
    if not keys and not measures:
        raise InvalidInput("invalid_argument", "an aggregation needs an aggregate such as count(*), or group_by")
    chosen = tuple(dict.fromkeys(output)) or tuple(key.name for key in keys)
    order = tuple(_order_item(text, names | measures.keys()) for text in order_by)
    return Aggregation(keys, tuple(measures.values()), chosen, order)


def aggregate(
    scope: Scope, plan: Aggregation, *, offset: int = 0, limit: int | None = None, group_count_max: int
) -> tuple[pa.RecordBatch, tuple[Field, ...]]:
    """The result columns of groups `offset` to `offset + limit`, one row a group, and what the columns are.

    Without keys there is one row, also when no row matches: counts are 0 and everything else NULL.

    Raises:
        InvalidInput: more than `group_count_max` groups, or a sum beyond 64 bits.
    """
    table = _GroupTable(plan, group_count_max)
    for segment in scope.segments:
        for columns, row_count in _blocks(segment, scope, plan):
            table.add(columns, row_count)
    fields = {key.name: replace(key, is_primary=False, auto_id=False, is_partition_key=False) for key in plan.keys}
    fields |= {measure.name: measure.result_field() for measure in plan.measures}
    results = table.finish()
    if plan.keys:
        ordered = [SortColumn(results[name], descending) for name, descending in plan.order]
        rows = sorted_rows([*ordered, *(SortColumn(results[key.name]) for key in plan.keys)])
        rows = rows[offset : None if limit is None else offset + limit]
        results = {name: take_rows(results[name], rows) for name in plan.output}
    elif offset:
        results = {name: results[name].slice(0, 0) for name in plan.output}
    shown = tuple(fields[name] for name in plan.output)
    schema = pa.schema([arrow_field(field) for field in shown])
    return pa.RecordBatch.from_arrays([results[name] for name in plan.output], schema=schema), shown


def _key_field(schema: Schema, name: str) -> Field:
    field = schema.find(name)
    if field is None:
        raise InvalidInput("invalid_argument", f"group_by field {name!r} does not exist")
    if field.data_type not in _KEY_TYPES:
        raise InvalidInput(
            "invalid_argument",
            f"group_by field {name!r} is a {field.type_label()}, expected an integer, Bool, VarChar or Timestamptz "
            "field",
            field=name,
        )
    return field


def _measure(schema: Schema, text: str, function: str, name: str) -> Measure:
    if name == "*":
        if function != "count":
            raise InvalidInput("invalid_argument", f"{text!r}: only count takes *, name a field")
        return Measure(text, function, None)
    field = schema.find(name)
    if field is None:
        raise InvalidInput("invalid_argument", f"{text!r}: field {name!r} does not exist")
    allowed = {"sum": NUMBERS, "avg": NUMBERS, "min": _EXTREME_TYPES, "max": _EXTREME_TYPES}.get(function)
    if allowed is not None and field.data_type not in allowed:
        expected = "a number field" if function in {"sum", "avg"} else "a number or VarChar field"
        raise InvalidInput(
            "invalid_argument", f"{text!r}: field {name!r} is a {field.type_label()}, expected {expected}", field=name
        )
    return Measure(text, function, field)


def _order_item(text: str, known: set[str]) -> tuple[str, bool]:
    name, descending = (text, False) if text in known else split_direction(text)
    if name not in known:
        raise InvalidInput(
            "invalid_argument", f"order_by has {name!r}, expected a field of group_by or an aggregate of the output"
        )
    return name, descending


def _blocks(segment: SegmentView, scope: Scope, plan: Aggregation) -> Iterator[tuple[dict[str, pa.Array], int]]:
    """The matching rows of a segment, some at a time, as the columns that are needed."""
    allowed = allowed_rows(segment, scope.filter)
    names = {field.name for field in plan.keys}
    names |= {measure.field.name for measure in plan.measures if measure.field is not None}
    if allowed is None:
        for start in range(0, segment.row_count, _BLOCK_ROWS):
            count = min(_BLOCK_ROWS, segment.row_count - start)
            yield {name: segment.source.column(name).slice(start, count) for name in names}, count
        return
    rows = allowed.rows()
    for start in range(0, len(rows), _BLOCK_ROWS):
        part = rows[start : start + _BLOCK_ROWS]
        yield {name: segment.source.take(name, part) for name in names}, len(part)


@dataclass(frozen=True, slots=True)
class _Part:
    """Some groups: their keys and the state of each measure."""

    count: int
    keys: list[pa.Array]
    states: list[State]


class _GroupTable:
    """The groups so far."""

    def __init__(self, plan: Aggregation, group_count_max: int) -> None:
        self._plan: Final = plan
        self._group_count_max: Final = group_count_max
        self._accumulators: Final = [measure.make_accumulator() for measure in plan.measures]
        self._parts: list[_Part] = []
        self._merged_count = 0
        self._pending_count = 0

    def add(self, columns: dict[str, pa.Array], row_count: int) -> None:
        """Takes in a block of rows."""
        keys = [columns[field.name] for field in self._plan.keys]
        groups = group_rows(keys, row_count)
        states = []
        for measure, accumulate in zip(self._plan.measures, self._accumulators, strict=True):
            values = None if measure.field is None else columns[measure.field.name]
            states.append(accumulate.start(values, groups.of_rows, groups.count))
        self._parts.append(_Part(groups.count, [take_rows(key, groups.first_rows) for key in keys], states))
        self._pending_count += groups.count
        if self._pending_count >= max(self._merged_count, _PENDING_GROUPS_MIN):
            self._merge()

    def finish(self) -> dict[str, pa.Array]:
        """Every key and measure as a column with a value a group."""
        if not self._parts:
            # No row at all: a block of none, so that the columns have their types.
            self.add({field.name: pa.nulls(0, arrow_type(field)) for field in self._fields()}, 0)
        self._merge()
        merged = self._parts[0]
        results = {field.name: column for field, column in zip(self._plan.keys, merged.keys, strict=True)}
        for measure, accumulate, state in zip(self._plan.measures, self._accumulators, merged.states, strict=True):
            results[measure.name] = accumulate.finish(state)
        return results

    def _fields(self) -> list[Field]:
        return [*self._plan.keys, *(measure.field for measure in self._plan.measures if measure.field is not None)]

    def _merge(self) -> None:
        """Makes one part of all."""
        if len(self._parts) > 1:
            count = sum(part.count for part in self._parts)
            columns = [pa.concat_arrays(columns) for columns in zip(*(part.keys for part in self._parts), strict=True)]
            groups = group_rows(columns, count)
            states = [
                accumulate.combine([part.states[place] for part in self._parts], groups.of_rows, groups.count)
                for place, accumulate in enumerate(self._accumulators)
            ]
            keys = [take_rows(column, groups.first_rows) for column in columns]
            self._parts = [_Part(groups.count, keys, states)]
        self._merged_count, self._pending_count = self._parts[0].count, 0
        if self._merged_count > self._group_count_max:
            raise InvalidInput(
                "limit_exceeded",
                f"the rows fall into more than {self._group_count_max} groups; narrow the filter, group by fewer "
                "fields, or raise aggregation_group_count_max",
            )
