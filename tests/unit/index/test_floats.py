"""Vectors as float32 for building."""

from typing import Any

import numpy as np
import pytest

from elanus.columns.vectors import dense_matrix
from elanus.index.floats import FloatRows, as_float32, unit_vectors
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType, Metric


def test_float32_is_not_copied() -> None:
    vectors = np.ones((3, 2), np.float32)
    assert as_float32(vectors) is vectors


def test_unit_vectors_have_length_one_and_zero_stays_zero() -> None:
    vectors = np.array([[3, 4], [0, 0], [1e38, 3e38], [1e-30, 0]], np.float32)
    expected = np.array([[0.6, 0.8], [0, 0], [0.316227766, 0.948683298], [1, 0]])
    np.testing.assert_allclose(unit_vectors(vectors), expected, rtol=1e-6)


@pytest.mark.parametrize("data_type", sorted(DENSE_FLOAT_VECTORS))
def test_blocks_are_the_present_rows_in_order(data_type: DataType, make_column: Any) -> None:
    column = make_column(data_type, 50, null_every=4)
    rows = FloatRows.of(column, Metric.L2)
    present = np.flatnonzero(np.arange(50) % 4)
    np.testing.assert_array_equal(rows.row_numbers(), present)
    expected = as_float32(dense_matrix(column.array, column.field))[present]
    blocks = list(rows.blocks(rows_max=7))
    assert [start for start, _ in blocks] == list(range(0, len(present), 7))
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), expected)
    np.testing.assert_array_equal(rows.taken(np.array([5, 1])), expected[[5, 1]])
    unit = FloatRows.of(column, Metric.COSINE).block(3, 9)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1.0, rtol=1e-6)
