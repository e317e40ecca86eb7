"""Columns there and back for any values, and every fast path against the slow one."""

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.columns.check import check_column
from elanus.columns.rows import batch_from_rows, python_values, rows_from_batch
from elanus.columns.tables import batch_from_arrow, batch_from_mapping
from elanus.columns.taking import take_rows
from elanus.columns.values import column_from_ndarray, column_from_values
from elanus.errors import InvalidInput
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.unit.columns.every_type import FIELD_OF, FIELDS, SCHEMA, as_in_a_table, rows_of, values_of

_ANY_FIELD = st.sampled_from(FIELDS)
_JSON = FIELD_OF[DataType.JSON]
_BITS = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}


@st.composite
def _columns(draw: st.DrawFn, *, rows_max: int = 12) -> tuple[Field, list[Any]]:
    field = draw(_ANY_FIELD)
    return field, draw(st.lists(st.none() | values_of(field), max_size=rows_max))


@given(_columns(), st.data())
def test_values_come_back_from_columns_slices_and_selections(
    drawn: tuple[Field, list[Any]], data: st.DataObject
) -> None:
    field, values = drawn
    column = column_from_values(field, values)
    column.validate(full=True)
    assert python_values(column, field) == values
    start = data.draw(st.integers(0, len(values)))
    size = data.draw(st.integers(0, len(values) - start))
    part = column.slice(start, size)
    assert python_values(part, field) == values[start : start + size]
    check_column(field, part)
    if size:
        rows = data.draw(st.lists(st.integers(0, size - 1), max_size=10))
        taken = take_rows(part, np.array(rows, np.int64))
        taken.validate(full=True)
        assert python_values(taken, field) == [values[start + row] for row in rows]


@given(_columns())
def test_values_survive_the_arrow_format(drawn: tuple[Field, list[Any]]) -> None:
    """A slice written as an IPC message and read back, as the log and the segments do."""
    field, values = drawn
    batch = pa.record_batch([column_from_values(field, [*values, *values]).slice(len(values))], names=[field.name])
    read = pa.ipc.read_record_batch(batch.serialize(), batch.schema)
    assert python_values(read.column(0), field) == values


@given(st.data(), st.integers(1, 6))
def test_rows_of_a_batch_come_back(data: st.DataObject, row_count: int) -> None:
    fields = data.draw(st.lists(_ANY_FIELD, min_size=1, max_size=4, unique_by=lambda field: field.name))
    columns = data.draw(rows_of(fields, row_count))
    rows = [
        {field.name: values[row] for field, values in zip(fields, columns, strict=True)} for row in range(row_count)
    ]
    batch = batch_from_rows(rows, SCHEMA)
    assert rows_from_batch(batch, SCHEMA.fields) == rows
    again = batch_from_mapping({field.name: values for field, values in zip(fields, columns, strict=True)}, SCHEMA)
    assert rows_from_batch(again, SCHEMA.fields) == rows


@given(_columns(), st.integers(0, 4))
def test_a_table_in_any_chunks_is_the_column(drawn: tuple[Field, list[Any]], cuts: int) -> None:
    field, values = drawn
    whole = as_in_a_table(field, column_from_values(field, values))
    edges = [0, *(len(values) * cut // (cuts + 1) for cut in range(1, cuts + 1)), len(values)]
    chunks = [whole.slice(start, stop - start) for start, stop in pairwise(edges)]
    table = pa.table({field.name: pa.chunked_array(chunks, whole.type)})
    assert python_values(batch_from_arrow(table, SCHEMA).column(0), field) == values


@given(st.data())
def test_whole_numbers_of_any_width_fit_or_are_refused_alike_from_lists_arrays_and_tables(data: st.DataObject) -> None:
    data_type = data.draw(st.sampled_from(sorted(_BITS)))
    field = FIELD_OF[data_type]
    width, signed = data.draw(st.sampled_from([8, 16, 32, 64])), data.draw(st.booleans())
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
    drawn = data.draw(st.lists(st.integers(low, high), max_size=5))
    numbers = np.array(drawn, f"{'i' if signed else 'u'}{width // 8}")
    half = 1 << (_BITS[data_type] - 1)
    wrong = [row for row, number in enumerate(numbers.tolist()) if not -half <= number < half]
    ways: list[Callable[[], pa.Array]] = [
        lambda: column_from_values(field, numbers.tolist()),
        lambda: column_from_values(field, list(numbers)),
        lambda: column_from_ndarray(field, numbers),
        lambda: batch_from_mapping({field.name: pa.array(numbers)}, SCHEMA).column(0),
    ]
    for way in ways:
        if wrong:
            with pytest.raises(InvalidInput) as caught:
                way()
            assert (caught.value.kind, caught.value.row) == ("out_of_range", wrong[0])
        else:
            assert way().to_pylist() == numbers.tolist()


@given(st.sampled_from([DataType.FLOAT_VECTOR, DataType.FLOAT16_VECTOR, DataType.BFLOAT16_VECTOR]), st.data())
def test_matrices_and_lists_of_numbers_make_the_same_vectors(data_type: DataType, data: st.DataObject) -> None:
    field = FIELD_OF[data_type]
    number = st.floats(-6e4, 6e4, width=32)
    rows = data.draw(st.lists(st.lists(number, min_size=16, max_size=16), min_size=1, max_size=4))
    for dtype in (np.float32, np.float64, ">f4"):
        matrix = np.array(rows, dtype)
        one = column_from_ndarray(field, matrix)
        assert one.equals(column_from_values(field, matrix.tolist()))
        assert one.equals(column_from_values(field, list(matrix)))
        assert one.equals(batch_from_mapping({field.name: pa.array(list(np.array(rows, "f8")))}, SCHEMA).column(0))


@given(st.text('{}[]",:0123456789eE+-.\\u trufalsn', max_size=24) | st.text(max_size=12))
def test_json_that_may_be_stored_can_be_read(text: str) -> None:
    column = pa.array([text])
    with suppress(InvalidInput):
        check_column(_JSON, column)
        assert len(python_values(column, _JSON)) == 1


@given(st.data())
def test_a_wrong_value_anywhere_is_refused_with_its_row(data: st.DataObject) -> None:
    field = data.draw(_ANY_FIELD)
    values = data.draw(st.lists(st.none() | values_of(field), max_size=6))
    row = data.draw(st.integers(0, len(values)))
    values.insert(row, data.draw(st.sampled_from([object(), 1j, b"", float("nan") if field is _JSON else {1, 2}])))
    with pytest.raises(InvalidInput) as caught:
        column_from_values(field, values)
    assert (caught.value.field, caught.value.row) == (field.name, row)
