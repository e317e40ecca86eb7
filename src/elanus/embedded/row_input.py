"""Rows as callers give them to be written: in whatever form, into one batch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from elanus.columns.rows import batch_from_rows
from elanus.columns.tables import batch_from_arrow, batch_from_mapping, table_of
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    RowInput: TypeAlias = (
        Sequence[Mapping[str, Any]] | Mapping[str, Any] | pa.Table | pa.RecordBatch | pd.DataFrame | pl.DataFrame
    )

__all__ = ["rows_batch"]


def rows_batch(data: Any, schema: Schema) -> pa.RecordBatch:
    """A list of dicts, one dict, a mapping of columns, or a table of another library as a batch.

    Raises:
        InvalidInput: something else, or values that do not fit the schema.
    """
    table = table_of(data)
    if table is not None:
        return batch_from_arrow(table, schema)
    if isinstance(data, Mapping):
        return batch_from_rows([data], schema) if _is_one_row(data, schema) else batch_from_mapping(data, schema)
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return batch_from_rows(data, schema)
    raise InvalidInput(
        "type_mismatch",
        f"rows are a {type(data).__name__}, expected a list of dicts, a mapping of columns, or a pyarrow, pandas "
        "or polars table",
    )


def _is_one_row(data: Mapping[str, Any], schema: Schema) -> bool:
    """Whether a mapping is one row rather than columns: its primary key (or a scalar field) is a single value."""
    for field in schema.user_fields:
        if field.name in data and not field.is_vector and field.element_type is None:
            return isinstance(data[field.name], str | int | float | bool | np.generic | None)
    return False
