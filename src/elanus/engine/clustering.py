"""Rows divided by their clustering key, so that filters on it skip segments by their bounds. Pure."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.numbers import boolean_values, number_array
from elanus.columns.order_codes import SortColumn, sorted_rows
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.settings import Settings

__all__ = ["clustering_key", "parts_by_key"]

Rows = npt.NDArray[np.int64]

# A border moves by up to this share of a part so as not to divide the rows of one key.
_MOVE_SHARE_MAX: Final = 0.25


def clustering_key(schema: Schema, settings: Settings) -> Field | None:
    """The field by which rows are divided, if there is one: the schema's, else by a setting its partition key."""
    declared = schema.clustering_key_field
    return schema.partition_key_field if declared is None and settings.clustering_by_partition_key else declared


def parts_by_key(keys: pa.Array, part_count: int) -> Rows:
    """The part of each row, 0 to `part_count` (exclusive): ascending ranges of keys with about as many rows each.

    Ranges share no key but one that more rows have than a border can move by. NULL and NaN are in the last ones.
    """
    order = sorted_rows([SortColumn(keys)])
    borders = np.arange(1, part_count) * len(order) // part_count
    runs = _run_starts(keys.take(number_array(order)))
    after = np.minimum(np.searchsorted(runs, borders), len(runs) - 1)
    for starts in (runs[np.maximum(after - 1, 0)], runs[after]):
        near = np.abs(starts - borders) <= _MOVE_SHARE_MAX * len(order) / part_count
        borders = np.where(near, starts, borders)
    parts = np.empty(len(order), np.int64)
    parts[order] = np.searchsorted(borders, np.arange(len(order)), side="right")
    return parts


def _run_starts(ascending: pa.Array) -> Rows:
    """Where each of the distinct keys begins, and the end; what equals nothing, as NULL, begins everywhere."""
    differs = boolean_values(pc.fill_null(pc.not_equal(ascending[1:], ascending[:-1]), pa.scalar(value=True)))
    return np.concatenate(([0], np.flatnonzero(differs) + 1, [len(ascending)]))
