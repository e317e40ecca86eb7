"""Vector columns as arrays: views where they must be, right for slices, and bfloat16 rounded as others round it."""

from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.columns.layout import SPARSE_TYPE, arrow_type
from elanus.columns.vectors import (
    SparseRows,
    bfloat16_from_float32,
    dense_array,
    dense_matrix,
    element_dtype,
    float32_from_bfloat16,
    row_elements,
    row_width_bytes,
    sparse_array,
    sparse_rows,
)
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.unit.columns.every_type import DENSE, FIELD_OF, column, sample_values

_DENSE_FIELDS = [FIELD_OF[data_type] for data_type in DENSE]
_SPARSE = FIELD_OF[DataType.SPARSE_FLOAT_VECTOR]


def _matrix(field: Field, row_count: int) -> npt.NDArray[Any]:
    numbers = np.random.default_rng(5).integers(0, 100, (row_count, row_elements(field)))
    return numbers.astype(element_dtype(field.data_type))


@pytest.mark.parametrize("field", _DENSE_FIELDS, ids=lambda field: field.name)
def test_a_matrix_and_its_column_share_memory(field: Field) -> None:
    matrix = _matrix(field, 9)
    made = dense_array(matrix, field)
    assert made.type.equals(arrow_type(field))
    made.validate(full=True)
    back = dense_matrix(made, field)
    assert np.shares_memory(back, matrix)
    assert back.shape == matrix.shape
    assert back.dtype == matrix.dtype
    assert not back.flags.writeable
    np.testing.assert_array_equal(back, matrix)


@pytest.mark.parametrize("start", [0, 1, 5])
@pytest.mark.parametrize("field", _DENSE_FIELDS, ids=lambda field: field.name)
def test_slices_of_slices_are_views_of_the_right_rows(field: Field, start: int) -> None:
    matrix = _matrix(field, 20)
    part = dense_array(matrix, field).slice(start, 12).slice(2, 6)
    back = dense_matrix(part, field)
    np.testing.assert_array_equal(back, matrix[start + 2 : start + 8])
    assert np.shares_memory(back, matrix)


@pytest.mark.parametrize("field", [item for item in _DENSE_FIELDS if item.data_type in {101, 102, 105}])
def test_a_column_over_a_slice_of_elements(field: Field) -> None:
    """A fixed-size list may have an offset of its own and stand over elements that have one too."""
    matrix = _matrix(field, 20)
    width = row_elements(field)
    elements = pa.array(matrix.reshape(-1)).slice(3 * width, 12 * width)
    kind = arrow_type(field)
    part = pa.FixedSizeListArray.from_arrays(elements, type=kind).slice(4, 5)
    np.testing.assert_array_equal(dense_matrix(part, field), matrix[7:12])


@pytest.mark.parametrize("field", _DENSE_FIELDS, ids=lambda field: field.name)
def test_null_rows_are_marked_and_others_keep_their_place(field: Field) -> None:
    matrix = _matrix(field, 11)
    valid = np.arange(11) % 3 != 0
    made = dense_array(matrix, field, valid=valid)
    assert made.null_count == 4
    assert made.is_valid().to_pylist() == valid.tolist()
    np.testing.assert_array_equal(dense_matrix(made.slice(2), field)[valid[2:]], matrix[2:][valid[2:]])
    assert dense_array(matrix, field, valid=np.ones(11, np.bool_)).null_count == 0


@pytest.mark.parametrize("field", _DENSE_FIELDS, ids=lambda field: field.name)
def test_empty_and_all_null_columns_have_the_right_shape(field: Field) -> None:
    width = row_elements(field)
    assert dense_matrix(pa.array([], arrow_type(field)), field).shape == (0, width)
    assert dense_matrix(dense_array(_matrix(field, 0), field), field).shape == (0, width)
    assert dense_matrix(pa.nulls(3, arrow_type(field)), field).shape == (3, width)


def test_widths() -> None:
    widths = {field.data_type.label: (row_elements(field), row_width_bytes(field)) for field in _DENSE_FIELDS}
    assert widths == {
        "FloatVector": (16, 64),
        "Float16Vector": (16, 32),
        "BFloat16Vector": (16, 32),
        "Int8Vector": (16, 16),
        "BinaryVector": (2, 2),
    }


def test_wrong_matrices_are_our_mistake() -> None:
    field = FIELD_OF[DataType.FLOAT_VECTOR]
    matrix = _matrix(field, 6)
    for wrong in (matrix.astype(np.float64), matrix[:, ::2], matrix.T, matrix[:, :8].copy()):
        with pytest.raises(AssertionError):
            dense_array(wrong, field)


def test_sparse_rows_are_views_of_a_column() -> None:
    made = column(_SPARSE, [{1: 1.0, 5: 2.0}, None, {}, {2: 3.0}])
    rows = sparse_rows(made)
    assert len(rows) == 4
    assert rows.offsets.tolist() == [0, 2, 2, 2, 3]
    assert [(i.tolist(), v.tolist()) for i, v in map(rows.row, range(4))] == [
        ([1, 5], [1.0, 2.0]),
        ([], []),
        ([], []),
        ([2], [3.0]),
    ]
    values = made.values.field(1).to_numpy()
    assert np.shares_memory(rows.values, values)


@pytest.mark.parametrize("start", [0, 1, 7])
def test_sparse_slices_have_the_right_rows(start: int) -> None:
    values = sample_values(_SPARSE, 30)
    rows = sparse_rows(column(_SPARSE, values, offset=4).slice(start, 11))
    assert len(rows) == 11
    for number, value in enumerate(values[start : start + 11]):
        indices, numbers = rows.row(number)
        assert dict(zip(indices.tolist(), numbers.tolist(), strict=True)) == (value or {})


def test_sparse_columns_from_rows_and_back() -> None:
    rows = SparseRows(np.array([0, 1, 1, 3], np.int32), np.array([4, 0, 9], np.uint32), np.array([1, 2, 3], np.float32))
    made = sparse_array(rows, valid=np.array([True, False, True]))
    made.validate(full=True)
    assert made.type.equals(SPARSE_TYPE)
    assert made.to_pylist() == [
        [{"index": 4, "value": 1.0}],
        None,
        [{"index": 0, "value": 2.0}, {"index": 9, "value": 3.0}],
    ]
    assert sparse_array(rows).null_count == 0
    assert len(sparse_rows(pa.array([], SPARSE_TYPE))) == 0


def test_rows_whose_first_offset_is_not_zero() -> None:
    rows = SparseRows(np.array([1, 3], np.int32), np.array([7, 8, 9], np.uint32), np.array([1, 2, 3], np.float32))
    assert sparse_array(rows).to_pylist() == [[{"index": 8, "value": 2.0}, {"index": 9, "value": 3.0}]]


@given(st.lists(st.floats(width=32), min_size=1, max_size=20))
def test_bfloat16_rounds_as_ml_dtypes_does(numbers: list[float]) -> None:
    values = np.array(numbers, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        expected = values.astype(ml_dtypes.bfloat16)
    found = bfloat16_from_float32(values).view(ml_dtypes.bfloat16)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
    known = ~np.isnan(values)
    assert found[known].tobytes() == expected[known].tobytes()


@given(st.integers(0, 2**32 - 1))
def test_bfloat16_rounds_every_bit_pattern_to_one_of_its_neighbours(bits: int) -> None:
    value = np.array([bits], np.uint32).view(np.float32)
    found = int(bfloat16_from_float32(value)[0])
    if np.isnan(value[0]):
        assert np.isnan(float32_from_bfloat16(np.array([found], np.uint16)))[0]
    else:
        assert found in {bits >> 16, (bits >> 16) + 1}


def test_every_bfloat16_is_kept_exactly() -> None:
    every = np.arange(1 << 16, dtype=np.uint16)
    wide = float32_from_bfloat16(every)
    known = (every & 0x7F80 != 0x7F80) | (every & 0x7F == 0)
    np.testing.assert_array_equal(wide[known], every[known].view(ml_dtypes.bfloat16).astype(np.float32))
    assert np.isnan(wide[~known]).all()
    np.testing.assert_array_equal(bfloat16_from_float32(wide)[known], every[known])
    assert np.isnan(float32_from_bfloat16(bfloat16_from_float32(wide[~known]))).all()
