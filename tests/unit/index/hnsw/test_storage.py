"""Graphs compare the column itself where they can, and small copies where they cannot."""

from typing import Any

import numpy as np
import pytest

from elanus.columns.vectors import dense_array, dense_matrix
from elanus.index.floats import FloatRows
from elanus.index.hnsw.search import HnswIndex
from elanus.index.hnsw.storage import GraphStorage, choose_storage, copied_codes, have_unit_length
from elanus.index.protocol import VectorColumn
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric


@pytest.mark.parametrize("data_type", [DataType.FLOAT_VECTOR, DataType.FLOAT16_VECTOR, DataType.BFLOAT16_VECTOR])
def test_float_columns_are_shared_but_for_cosine_of_other_lengths(data_type: DataType) -> None:
    for metric in (Metric.L2, Metric.IP):
        assert choose_storage(data_type, metric, unit_length=False) is GraphStorage.COLUMN
    assert choose_storage(data_type, Metric.COSINE, unit_length=True) is GraphStorage.COLUMN
    assert choose_storage(data_type, Metric.COSINE, unit_length=False) is GraphStorage.UNIT_FLOAT16


def test_int8_columns_are_always_copied() -> None:
    data_type = DataType.INT8_VECTOR
    assert choose_storage(data_type, Metric.L2, unit_length=False) is GraphStorage.INT8_AS_BYTES
    assert choose_storage(data_type, Metric.IP, unit_length=False) is GraphStorage.INT8_AS_BYTES
    assert choose_storage(data_type, Metric.COSINE, unit_length=True) is GraphStorage.UNIT_FLOAT16


@pytest.mark.parametrize("data_type", [DataType.FLOAT_VECTOR, DataType.FLOAT16_VECTOR, DataType.BFLOAT16_VECTOR])
def test_an_opened_graph_reads_column_and_neighbours_in_place(
    data_type: DataType, make_column: Any, open_built: Any
) -> None:
    column = make_column(data_type, 1000)
    opened = open_built("HNSW", column, Metric.L2)
    index = opened.index
    assert isinstance(index, HnswIndex)
    _, codes, storage = index.held
    assert codes is None
    assert set(opened.artefacts) == {"graph.json", "levels", "neighbours"}
    column_address = dense_matrix(column.array, column.field).ctypes.data
    assert int(storage.codes.data()) == column_address  # type: ignore[attr-defined]
    neighbours_address = np.frombuffer(opened.artefacts["neighbours"], np.int32).ctypes.data
    assert int(index.graph.hnsw.neighbors.data()) == neighbours_address


def test_unit_vectors_under_cosine_are_shared(open_built: Any) -> None:
    vectors = np.random.default_rng(1).normal(size=(1200, 16))
    matrix = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    field = Field("vector", DataType.FLOAT_VECTOR, dim=16)
    opened = open_built("HNSW", VectorColumn(field, dense_array(matrix, field)), Metric.COSINE)
    assert "vectors" not in opened.artefacts


def test_one_longer_vector_ends_the_sharing_unless_it_is_null() -> None:
    matrix = np.zeros((10, 4), np.float32)
    matrix[:, 1] = 1.0
    matrix[3] *= 1.01
    field = Field("vector", DataType.FLOAT_VECTOR, dim=4, nullable=True)
    assert not have_unit_length(FloatRows.of(VectorColumn(field, dense_array(matrix, field)), Metric.COSINE))
    valid = np.arange(10) != 3
    assert have_unit_length(FloatRows.of(VectorColumn(field, dense_array(matrix, field, valid=valid)), Metric.COSINE))


def test_copies_have_a_place_for_every_row_and_the_stated_width(make_column: Any) -> None:
    column = make_column(DataType.INT8_VECTOR, 100, null_every=3)
    matrix = dense_matrix(column.array, column.field)
    as_bytes = copied_codes(GraphStorage.INT8_AS_BYTES, FloatRows.of(column, Metric.L2))
    assert as_bytes is not None
    np.testing.assert_array_equal(as_bytes.reshape(100, 32), (matrix.astype(np.int16) + 128).astype(np.uint8))
    halves = copied_codes(GraphStorage.UNIT_FLOAT16, FloatRows.of(column, Metric.COSINE))
    assert halves is not None
    units = halves.view(np.float16).reshape(100, 32).astype(np.float64)
    np.testing.assert_array_equal(units[::3], 0.0)
    present = np.arange(100) % 3 != 0
    expected = matrix[present] / np.linalg.norm(matrix[present].astype(np.float64), axis=1, keepdims=True)
    np.testing.assert_allclose(units[present], expected, rtol=1e-3, atol=1e-7)
