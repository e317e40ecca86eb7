"""From the batch a user sent to the batch that is stored: complete, checked, routed. Refused whole or taken whole."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.check import check_column
from elanus.columns.layout import arrow_schema, arrow_type
from elanus.columns.numbers import number_array
from elanus.columns.values import default_scalar
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.storage.keys import unique_key_rows
from elanus.storage.routing import partition_slots
from elanus.storage.wal.record import PartitionRows

__all__ = ["AdmissionRules", "admit", "route", "without_repeated_keys"]


@dataclass(frozen=True, slots=True)
class AdmissionRules:
    """What one request may do.

    Attributes:
        key_required: an upsert: rows must name their primary key even when it is generated for inserts.
        accepts_own_keys: rows may bring keys although they are generated.
        allocate_ids: gives the first of n new ids.
    """

    allocate_ids: Callable[[int], int]
    key_required: bool = False
    accepts_own_keys: bool = False


def admit(batch: pa.RecordBatch, schema: Schema, rules: AdmissionRules) -> pa.RecordBatch:
    """The batch with every field of the schema in its order: ids generated, defaults and nulls filled, all checked.

    Raises:
        InvalidInput: the first thing wrong, with field and row.
    """
    known = {field.name for field in schema.fields}
    unknown = [name for name in batch.schema.names if name not in known]
    if unknown:
        raise InvalidInput("unknown_field", f"{unknown[0]!r} is no field of the collection", field=unknown[0])
    columns = []
    for field in schema.fields:
        position = batch.schema.get_field_index(field.name)
        given = batch.column(position) if position >= 0 else None
        if field.is_primary:
            column = _primary_column(field, given, batch.num_rows, rules)
        else:
            column = _complete(field, given, batch.num_rows)
        check_column(field, column)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=arrow_schema(schema.fields))


def _primary_column(field: Field, given: pa.Array | None, row_count: int, rules: AdmissionRules) -> pa.Array:
    if given is not None:
        if field.auto_id and not rules.key_required and not rules.accepts_own_keys:
            raise InvalidInput(
                "invalid_argument",
                f"field {field.name!r} is generated (auto_id); leave it out, or set the collection property "
                "allow_insert_auto_id to true",
                field=field.name,
            )
        return given
    if not field.auto_id or rules.key_required:
        raise InvalidInput("missing_field", f"rows have no value for the primary key {field.name!r}", field=field.name)
    first = rules.allocate_ids(row_count)
    ids = number_array(np.arange(first, first + row_count, dtype=np.int64))
    return ids if field.data_type is DataType.INT64 else ids.cast(pa.string())


def _complete(field: Field, given: pa.Array | None, row_count: int) -> pa.Array:
    if given is not None:
        if given.null_count and field.default_value is not None:
            return pc.fill_null(given, default_scalar(field))
        if given.null_count and field.is_dynamic:
            return pc.fill_null(given, "{}")
        return given
    if field.is_dynamic:
        return pa.repeat(pa.scalar("{}", arrow_type(field)), row_count)
    if field.default_value is not None:
        return pa.repeat(default_scalar(field), row_count)
    if field.nullable:
        return pa.nulls(row_count, arrow_type(field))
    raise InvalidInput(
        "missing_field",
        f"rows have no value for field {field.name!r}, which is neither nullable nor has a default value",
        field=field.name,
    )


def without_repeated_keys(batch: pa.RecordBatch, primary_field: str) -> pa.RecordBatch:
    """The batch with only the last row of each primary key, as an upsert wants it."""
    rows = unique_key_rows(batch.column(primary_field))
    return batch if rows is None else batch.take(number_array(rows))


def route(batch: pa.RecordBatch, key_field: str, partition_ids: list[int]) -> tuple[PartitionRows, ...]:
    """The rows by partition, spread by the hash of the partition key; order within a partition is kept."""
    slots = partition_slots(batch.column(key_field), len(partition_ids))
    parts = []
    for slot in np.unique(slots).tolist():
        rows = np.flatnonzero(slots == slot)
        parts.append(PartitionRows(partition_ids[slot], batch.take(number_array(rows))))
    return tuple(parts)
