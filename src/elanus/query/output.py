"""Which columns a reader asked for, and their values for the rows found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.layout import arrow_field, arrow_schema
from elanus.columns.numbers import number_array
from elanus.columns.structs import with_members
from elanus.columns.taking import take_rows
from elanus.columns.texts import text_array
from elanus.errors import InvalidInput
from elanus.query.view import SegmentView
from elanus.schema.collection import Schema
from elanus.schema.field import DYNAMIC_FIELD_NAME, Field
from elanus.schema.types import NUMBERS

__all__ = ["FoundRows", "OutputColumns", "fetch", "fetch_column", "resolve_output"]

_json_keys: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_json_encode: Final = msgspec.json.Encoder().encode
_NOTHING: Final = pa.RecordBatch.from_arrays([], schema=pa.schema([]))


@dataclass(frozen=True, slots=True)
class OutputColumns:
    """The columns to return.

    Attributes:
        dynamic_keys: keys of `$meta` to keep; None for all of them.
        layout: of a batch of them.
    """

    fields: tuple[Field, ...]
    dynamic_keys: tuple[str, ...] | None
    layout: pa.Schema


_NO_COLUMNS: Final = OutputColumns((), (), _NOTHING.schema)


def resolve_output(schema: Schema, names: Sequence[str], *, with_primary: bool) -> OutputColumns:
    """The columns behind names of fields and dynamic keys; `*` is everything.

    Raises:
        InvalidInput: a name that is no field, in a collection without dynamic field.
    """
    if not names and not with_primary:
        return _NO_COLUMNS
    fields: dict[str, Field] = {}
    if with_primary:
        fields[schema.primary_field.name] = schema.primary_field
    keys: list[str] = []
    all_keys = False
    for name in names:
        found = schema.find(name) or _members(schema, name, fields)
        if name == "*":
            fields.update({field.name: field for field in schema.fields})
            all_keys = True
        elif found is not None:
            fields[found.name] = found
            all_keys = all_keys or found.is_dynamic
        else:
            keys.append(_dynamic_key(schema, name))
    dynamic = schema.dynamic_field
    if keys and dynamic is not None:
        fields[dynamic.name] = dynamic
    ordered = sorted(fields.values(), key=lambda field: field.is_dynamic)
    return OutputColumns(tuple(ordered), None if all_keys else tuple(keys), arrow_schema(ordered))


def _members(schema: Schema, name: str, chosen: Mapping[str, Field]) -> Field | None:
    """The array of structs behind `chunks[text]`, with that member and those already chosen only."""
    array, _, rest = name.partition("[")
    field = schema.find(array)
    if field is None or not field.is_struct_array or not rest.endswith("]"):
        return None
    member = rest[:-1].strip("\"'")
    if field.struct_field(member) is None:
        known = ", ".join(inner.name for inner in field.struct_fields)
        raise InvalidInput("invalid_argument", f"output field {name!r} does not exist; {array} has {known}")
    before = chosen.get(array)
    names = {member} | ({inner.name for inner in before.struct_fields} if before is not None else set())
    return replace(field, struct_fields=tuple(inner for inner in field.struct_fields if inner.name in names))


def _dynamic_key(schema: Schema, name: str) -> str:
    if schema.dynamic_field is None:
        known = ", ".join(field.name for field in schema.fields)
        raise InvalidInput("invalid_argument", f"output field {name!r} does not exist; the fields are {known}")
    if name.startswith(f"{DYNAMIC_FIELD_NAME}[") and name.endswith("]"):
        return name[len(DYNAMIC_FIELD_NAME) + 1 : -1].strip("\"'")
    return name


@dataclass(frozen=True, slots=True)
class FoundRows:
    """Rows of a view, in the order they are returned: row `rows[i]` of `segments[places[i]]`."""

    segments: Sequence[SegmentView]
    places: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, positions: npt.NDArray[np.int64]) -> "FoundRows":
        """Some of the rows, in the order given."""
        return FoundRows(self.segments, self.places[positions], self.rows[positions])


def fetch(found: FoundRows, output: OutputColumns) -> pa.RecordBatch:
    """The output columns of the rows found; an empty batch when none are asked for."""
    if not output.fields:
        return _NOTHING
    columns = []
    for field in output.fields:
        column = fetch_column(found, field)
        if field.is_struct_array:
            column = with_members(column, field)
        if field.is_dynamic and output.dynamic_keys is not None:
            column = _keep_keys(column, output.dynamic_keys)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=output.layout)


def fetch_column(found: FoundRows, field: Field) -> pa.Array:
    """One column of the rows found, in their order."""
    if len(found) == 0:
        return pa.nulls(0, arrow_field(field).type)
    segments, rows = found.segments, found.rows
    places = [0] if len(segments) == 1 else sorted(set(found.places.tolist()))
    if field.data_type in NUMBERS:
        numbers = [segments[place].source.numbers(field.name) for place in places]
        if all(values is not None for values in numbers):
            return number_array(_numbers_of(found, places, cast("list[npt.NDArray[Any]]", numbers)))
    if len(places) == 1:
        return segments[places[0]].source.take(field.name, rows)
    positions = [np.flatnonzero(found.places == place) for place in places]
    parts = [
        segments[place].source.take(field.name, rows[of_part]) for place, of_part in zip(places, positions, strict=True)
    ]
    order = np.concatenate(positions)
    inverse = np.empty(len(order), np.int64)
    inverse[order] = np.arange(len(order))
    return take_rows(pa.concat_arrays(parts), inverse)


def _numbers_of(found: FoundRows, places: Sequence[int], columns: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """The number of each row found, from the columns of the segments at `places`."""
    if len(places) == 1:
        taken: npt.NDArray[Any] = columns[0][found.rows]
        return taken
    joined = np.empty(len(found), columns[0].dtype)
    for place, values in zip(places, columns, strict=True):
        of_segment = found.places == place
        joined[of_segment] = values[found.rows[of_segment]]
    return joined


def _keep_keys(column: pa.Array, keys: Sequence[str]) -> pa.Array:
    """JSON objects with only some of their keys, whose values keep their text."""
    kept = []
    for text in column.to_pylist():
        values = _json_keys(text)
        kept.append(_json_encode({key: values[key] for key in keys if key in values}))
    return text_array(kept)
