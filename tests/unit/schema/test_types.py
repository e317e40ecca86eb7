"""Data types and metrics have the numbers and names of the Milvus protocol."""

import pytest

from elanus.schema.types import (
    DENSE_FLOAT_VECTORS,
    INTEGERS,
    LIST_METRICS_OF,
    METRICS_OF,
    NUMBERS,
    VECTORS,
    DataType,
    Metric,
)

# From the protocol's schema.proto: these numbers are on the wire and in the manifest.
_PROTOCOL = {
    "BOOL": 1, "INT8": 2, "INT16": 3, "INT32": 4, "INT64": 5, "FLOAT": 10, "DOUBLE": 11, "VARCHAR": 21, "ARRAY": 22,
    "JSON": 23, "GEOMETRY": 24, "TEXT": 25, "TIMESTAMPTZ": 26, "BINARY_VECTOR": 100, "FLOAT_VECTOR": 101,
    "FLOAT16_VECTOR": 102, "BFLOAT16_VECTOR": 103, "SPARSE_FLOAT_VECTOR": 104, "INT8_VECTOR": 105, "STRUCT": 201,
}  # fmt: skip


def test_numbers_never_change() -> None:
    assert {data_type.name: int(data_type) for data_type in DataType} == _PROTOCOL


def test_every_type_has_a_label_of_its_own() -> None:
    assert len({data_type.label for data_type in DataType}) == len(DataType)
    assert (DataType.VARCHAR.label, DataType.BFLOAT16_VECTOR.label) == ("VarChar", "BFloat16Vector")


@pytest.mark.parametrize("data_type", DataType)
def test_kinds_agree_with_each_other(data_type: DataType) -> None:
    assert data_type.is_vector == (100 <= int(data_type) < 200)
    assert data_type.is_integer == (data_type.name.startswith("INT") and not data_type.is_vector)
    assert data_type.is_number == (data_type in NUMBERS)
    assert not (data_type.is_vector and data_type.is_number)


def test_sets_of_types() -> None:
    assert {data_type.name for data_type in INTEGERS} == {"INT8", "INT16", "INT32", "INT64"}
    assert {DataType.FLOAT, DataType.DOUBLE} == NUMBERS - INTEGERS
    assert {DataType.BINARY_VECTOR, DataType.SPARSE_FLOAT_VECTOR} == VECTORS - DENSE_FLOAT_VECTORS


def test_every_vector_type_has_metrics_and_the_first_is_the_default() -> None:
    assert set(METRICS_OF) == set(VECTORS)
    assert METRICS_OF[DataType.FLOAT_VECTOR] == (Metric.COSINE, Metric.L2, Metric.IP)
    assert METRICS_OF[DataType.BINARY_VECTOR][:2] == (Metric.HAMMING, Metric.JACCARD)
    assert METRICS_OF[DataType.SPARSE_FLOAT_VECTOR] == (Metric.IP,)


def test_larger_is_nearer_for_products_only() -> None:
    products = {Metric.IP, Metric.COSINE, Metric.MAX_SIM, Metric.MAX_SIM_IP, Metric.MAX_SIM_COSINE}
    assert {metric for metric in Metric if metric.larger_is_nearer} == products


def test_metrics_of_lists_add_up_one_between_vectors() -> None:
    assert {metric for metric in Metric if metric.is_of_lists} == {
        metric for metrics in LIST_METRICS_OF.values() for metric in metrics
    }
    assert Metric.MAX_SIM_L2.element is Metric.L2
    assert Metric.MAX_SIM.element is Metric.MAX_SIM_COSINE.element is Metric.COSINE
    assert Metric.HAMMING.element is Metric.HAMMING
    for data_type, metrics in LIST_METRICS_OF.items():
        assert {metric.element for metric in metrics} <= set(METRICS_OF[data_type])
