"""Scores of lists of vectors: the sum over the query of the best with one of the row's, by NumPy in float64."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elanus.columns.bitset import Bitset
from elanus.columns.values import column_from_values
from elanus.columns.vectors import VectorLists, bfloat16_from_float32
from elanus.query.max_sim import max_sim_hits
from elanus.schema.field import Field
from elanus.schema.types import LIST_METRICS_OF, DataType, Metric

_DIM = 16


def _between(metric: Metric, a: Any, b: Any) -> float:
    """Two vectors of numbers, or of bits as 0 and 1."""
    match metric.element:
        case Metric.L2:
            return float(((a - b) ** 2).sum())
        case Metric.IP:
            return float((a * b).sum())
        case Metric.COSINE:
            size = float(np.linalg.norm(a) * np.linalg.norm(b))
            return float((a * b).sum()) / size if size else 0.0
        case Metric.HAMMING:
            return float((a != b).sum())
        case _:
            union = float(np.maximum(a, b).sum())
            return 1 - float(np.minimum(a, b).sum()) / union if union else 0.0


def _given(data_type: DataType, numbers: Any) -> tuple[Any, Any]:
    """Whole numbers as the values of a column, and as what they are compared as."""
    matrix = np.array(numbers, np.float64).reshape(-1, _DIM)
    if data_type is DataType.BINARY_VECTOR:
        bits = (matrix > 0).astype(np.uint8)
        return [row.tobytes() for row in np.packbits(bits, axis=1, bitorder="little")], bits.astype(np.float64)
    return matrix.astype(np.int64 if data_type is DataType.INT8_VECTOR else np.float32).tolist(), matrix


def _queries(data_type: DataType, matrix: Any) -> Any:
    if data_type is DataType.BINARY_VECTOR:
        return np.packbits(matrix.astype(np.uint8), axis=1, bitorder="little")
    if data_type is DataType.BFLOAT16_VECTOR:
        return bfloat16_from_float32(matrix.astype(np.float32))
    kinds = {DataType.FLOAT16_VECTOR: np.float16, DataType.INT8_VECTOR: np.int8}
    return matrix.astype(kinds.get(data_type, np.float32))


_PAIRS = [(data_type, metric) for data_type, metrics in LIST_METRICS_OF.items() for metric in metrics]


@pytest.mark.parametrize(("data_type", "metric"), _PAIRS)
@settings(max_examples=max(10, settings().max_examples // 8))
@given(st.integers(0, 2**32))
def test_rows_are_ranked_by_the_sum_of_the_best(data_type: DataType, metric: Metric, seed: int) -> None:
    rng = np.random.default_rng(seed)
    member = Field("emb", data_type, dim=_DIM)
    field = Field(
        "docs", DataType.ARRAY, element_type=DataType.STRUCT, max_capacity=9, nullable=True,
        struct_fields=(Field("n", DataType.INT8), member),
    )  # fmt: skip
    rows: list[Any] = []
    compared: list[Any] = []
    for _ in range(rng.integers(0, 9)):
        values, matrix = _given(data_type, rng.integers(-3, 4, (rng.integers(0, 4), _DIM)))
        is_null = rng.random() < 0.2
        rows.append(None if is_null else [{"n": 1, "emb": value} for value in values])
        compared.append(None if is_null or len(matrix) == 0 else matrix)
    column = column_from_values(field, [[], *rows]).slice(1)
    lists = [_given(data_type, rng.integers(-3, 4, (count, _DIM)))[1] for count in rng.integers(1, 4, 2)]
    offsets = np.concatenate(([0], np.cumsum([len(matrix) for matrix in lists])))
    queries = VectorLists(offsets, _queries(data_type, np.concatenate(lists)))
    allowed = rng.random(len(rows)) < 0.8
    allow = None if seed % 2 else Bitset.from_bool(allowed)
    named = Field("docs[emb]", data_type, dim=_DIM)
    hits = max_sim_hits(column, named, metric, queries, k=5, allow=allow)
    best = max if metric.larger_is_nearer else min
    for number, query in enumerate(lists):
        scores = {
            row: sum(best(_between(metric, a, b) for b in matrix) for a in query)
            for row, matrix in enumerate(compared)
            if matrix is not None and (allow is None or allowed[row])
        }
        found = [row for row in hits.rows[number].tolist() if row >= 0]
        assert len(found) == min(5, len(scores))
        assert hits.rows[number, len(found) :].tolist() == [-1] * (5 - len(found))
        np.testing.assert_allclose(
            hits.scores[number, : len(found)], [scores[row] for row in found], rtol=1e-5, atol=1e-5
        )
        ranked = sorted(scores.values(), reverse=metric.larger_is_nearer)[: len(found)]
        np.testing.assert_allclose([scores[row] for row in found], ranked, rtol=1e-5, atol=1e-5)
        assert len(set(found)) == len(found)
