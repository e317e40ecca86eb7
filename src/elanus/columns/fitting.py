"""Rows written under one schema as rows of another: fields are told apart by their ids, which are never used again."""

import pyarrow as pa

from elanus.columns.layout import FIELD_ID_KEY, arrow_field, arrow_type
from elanus.columns.values import default_scalar
from elanus.schema.collection import Schema
from elanus.schema.field import Field

__all__ = ["fitted_batch", "missing_column"]


def fitted_batch(batch: pa.RecordBatch, schema: Schema) -> pa.RecordBatch:
    """The batch with the fields of a schema in their order, sharing memory; the same object when it has them already.

    Fields the batch lacks are as in rows that left them out; columns that are no fields stay at the end if they have no
    id (`$timestamp`), and go otherwise.
    """
    found = {item.metadata[FIELD_ID_KEY]: place for place, item in enumerate(batch.schema) if item.metadata}
    ids = [str(field.field_id).encode() for field in schema.fields]
    if len(found) == len(ids) and all(found.get(one) == place for place, one in enumerate(ids)):
        return batch
    columns, fields = [], []
    for field, one in zip(schema.fields, ids, strict=True):
        columns.append(batch.column(found[one]) if one in found else missing_column(field, batch.num_rows))
        fields.append(arrow_field(field))
    for place, item in enumerate(batch.schema):
        if not item.metadata:
            columns.append(batch.column(place))
            fields.append(item)
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def missing_column(field: Field, row_count: int) -> pa.Array:
    """A field of rows that were written before it was added: its default value, or null."""
    if field.is_dynamic:
        return pa.repeat(pa.scalar("{}", arrow_type(field)), row_count)
    if field.default_value is not None:
        return pa.repeat(default_scalar(field), row_count)
    return pa.nulls(row_count, arrow_type(field))
