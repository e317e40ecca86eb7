"""Some rows of a column of any type, in any order, also of slices."""

import numpy as np
import pyarrow as pa
import pytest

from elanus.columns.rows import python_values
from elanus.columns.taking import take_rows
from elanus.schema.field import Field
from tests.unit.columns.every_type import FIELDS, column, sample_values

_ROWS = np.array([7, 0, 7, 39, 3], np.int64)


@pytest.mark.parametrize("offset", [0, 5])
@pytest.mark.parametrize("with_nulls", [False, True])
@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_rows_of_every_type(field: Field, with_nulls: bool, offset: int) -> None:
    values = sample_values(field, 400)
    values = values[:40] if with_nulls else [value for value in values if value is not None][:40]
    taken = take_rows(column(field, values, offset=offset), _ROWS)
    taken.validate(full=True)
    assert python_values(taken, field) == [values[row] for row in _ROWS]
    assert taken.type.equals(column(field, values).type)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_no_rows(field: Field) -> None:
    taken = take_rows(column(field, sample_values(field, 4)), np.empty(0, np.int64))
    assert len(taken) == 0
    assert taken.type.equals(column(field, []).type)


def test_taken_rows_are_a_copy() -> None:
    memory = np.arange(10)
    taken = take_rows(pa.array(memory), np.array([1, 2]))
    memory[:] = 0
    assert taken.to_pylist() == [1, 2]
