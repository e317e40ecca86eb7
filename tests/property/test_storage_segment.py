"""Segments of any values: what was written comes back, and a flipped bit never shows as a wrong value."""

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from elanus.columns.layout import TIMESTAMP_COLUMN
from elanus.columns.rows import python_values
from elanus.columns.values import column_from_values
from elanus.errors import DataCorrupt
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.storage.segment.reader import open_segment
from tests.unit.columns.every_type import FIELDS, rows_of
from tests.unit.storage.segment.segments import PREFIX, replaced, written_open

_KEY = Field("id", DataType.INT64, is_primary=True, field_id=100)


@st.composite
def _segments(draw: st.DrawFn) -> tuple[list[Field], dict[str, list[Any]], dict[str, pa.Array]]:
    """Fields, their values, and columns of them that are slices of longer ones."""
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=4, unique_by=lambda field: field.name))
    count, offset = draw(st.integers(1, 10)), draw(st.integers(0, 3))
    values = dict(zip([field.name for field in fields], draw(rows_of(fields, count)), strict=True))
    columns = {
        field.name: column_from_values(field, [*values[field.name][:offset], *values[field.name]]).slice(
            min(offset, count), count
        )
        for field in fields
    }
    values["id"] = list(range(count))
    columns["id"] = pa.array(values["id"], pa.int64())
    columns[TIMESTAMP_COLUMN] = pa.array(np.arange(count, dtype=np.uint64))
    return [_KEY, *fields], values, columns


@given(_segments(), st.data())
def test_a_segment_gives_what_was_written(
    drawn: tuple[list[Field], dict[str, list[Any]], dict[str, pa.Array]], data: st.DataObject
) -> None:
    fields, values, columns = drawn
    _, _, segment = written_open(columns, fields)
    rows = data.draw(st.lists(st.integers(0, segment.row_count - 1), max_size=6))
    for field in fields:
        taken = python_values(segment.take(field.name, np.array(rows, np.int64)), field)
        assert taken == [values[field.name][row] for row in rows]
        assert python_values(segment.column(field.name), field) == values[field.name]
    segment.verify()


@given(_segments(), st.data())
def test_statistics_bound_every_value(
    drawn: tuple[list[Field], dict[str, list[Any]], dict[str, pa.Array]], data: st.DataObject
) -> None:
    fields, values, columns = drawn
    _, made, _ = written_open(columns, fields)
    for field in fields:
        stats = made.meta.stats[str(field.field_id)]
        known = [value for value in values[field.name] if value is not None]
        assert stats.null_count == len(values[field.name]) - len(known)
        if stats.minimum is not None:
            if field.data_type is DataType.TIMESTAMPTZ:
                known = columns[field.name].drop_null().to_pylist()
            assert (stats.minimum, stats.maximum) == (min(known), max(known))
        elif field.data_type.is_number:
            assert not known


@given(_segments(), st.data())
def test_a_flipped_bit_is_named_or_unseen(
    drawn: tuple[list[Field], dict[str, list[Any]], dict[str, pa.Array]], data: st.DataObject
) -> None:
    fields, values, columns = drawn
    store, made, _ = written_open(columns, fields)
    file = data.draw(st.sampled_from(made.meta.files))
    key = f"{PREFIX}/{file.name}"
    contents = bytearray(store.get(key))
    contents[data.draw(st.integers(0, len(contents) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    segment = open_segment(replaced(store, key, bytes(contents)), PREFIX, made.meta_crc32c, fields)
    for field in fields:
        try:
            found = python_values(segment.column(field.name), field)
        except DataCorrupt as error:
            assert file.name in error.message  # noqa: PT017 (a right value is right too)
            assert field.field_id in file.field_ids
        else:
            assert found == values[field.name]
