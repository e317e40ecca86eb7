"""Graphs compare the column itself where they can, and small copies where they cannot."""

from typing import Any

import numpy as np
import pytest

from elanus.columns.vectors import dense_array
from elanus.index.candidates import CandidateIndex
from elanus.index.floats import FloatRows
from elanus.index.hnsw_coded.search import CodedGraph
from elanus.index.hnsw_coded.storage import GraphStorage, choose_storage, have_unit_length
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


def test_an_opened_graph_reads_codes_and_neighbours_in_place(make_column: Any, open_built: Any) -> None:
    opened = open_built("HNSW_SQ", make_column(DataType.FLOAT_VECTOR, 1100), Metric.L2)
    index = opened.index
    assert isinstance(index, CandidateIndex)
    source = index.source
    assert isinstance(source, CodedGraph)
    storage: Any = source.held[2]
    assert int(storage.codes.data()) == np.frombuffer(opened.artefacts["codes"], np.uint8).ctypes.data
    neighbours_address = np.frombuffer(opened.artefacts["neighbours"], np.int32).ctypes.data
    assert int(source.graph.hnsw.neighbors.data()) == neighbours_address


def test_one_longer_vector_ends_the_sharing_unless_it_is_null() -> None:
    matrix = np.zeros((10, 4), np.float32)
    matrix[:, 1] = 1.0
    matrix[3] *= 1.01
    field = Field("vector", DataType.FLOAT_VECTOR, dim=4, nullable=True)
    assert not have_unit_length(FloatRows.of(VectorColumn(field, dense_array(matrix, field)), Metric.COSINE))
    valid = np.arange(10) != 3
    assert have_unit_length(FloatRows.of(VectorColumn(field, dense_array(matrix, field, valid=valid)), Metric.COSINE))
