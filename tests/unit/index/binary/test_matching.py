"""Metrics that compare elements or sets, against loops over single bits and elements."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import dense_array
from elanus.errors import InvalidInput
from elanus.index.protocol import RangeBounds, VectorColumn
from elanus.index.registry import index_type
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric


def column_of(matrix: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_] | None = None) -> VectorColumn:
    field = Field("bits", DataType.BINARY_VECTOR, dim=8 * matrix.shape[1], nullable=True)
    return VectorColumn(field, dense_array(matrix, field, valid=valid))


def reference(metric: Metric, query: bytes, row: bytes, element_bytes: int) -> float | None:
    """The distance of one row, None when it is no hit."""
    if metric is Metric.MHJACCARD:
        cuts = range(0, len(row), element_bytes)
        equal = sum(query[cut : cut + element_bytes] == row[cut : cut + element_bytes] for cut in cuts)
        return 1.0 - equal / len(cuts)
    inner, outer = (query, row) if metric is Metric.SUPERSTRUCTURE else (row, query)
    inside = all(small & ~large == 0 for small, large in zip(inner, outer, strict=True))
    return 0.0 if inside else None


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    metric=st.sampled_from([Metric.MHJACCARD, Metric.SUBSTRUCTURE, Metric.SUPERSTRUCTURE]),
    element_bits=st.sampled_from([8, 16, 32, 64]),
    matrix=hnp.arrays(np.uint8, st.tuples(st.integers(1, 30), st.just(16)), elements=st.sampled_from([0, 1, 3, 7])),
    mask=st.lists(st.booleans(), min_size=30, max_size=30),
    nulls=st.lists(st.booleans(), min_size=30, max_size=30),
    k=st.integers(1, 40),
)
def test_bin_flat_equals_comparing_bit_by_bit(
    metric: Metric, element_bits: int, matrix: npt.NDArray[np.uint8], mask: list[bool], nulls: list[bool], k: int
) -> None:
    row_count = len(matrix) - 1
    if row_count == 0:
        return
    query, rows = matrix[-1], np.ascontiguousarray(matrix[:-1])
    column = column_of(rows, ~np.array(nulls[:row_count]))
    kind = index_type("BIN_FLAT")
    given_params = {"mh_element_bit_width": element_bits} if metric is Metric.MHJACCARD else {}
    params = kind.check_build_params(column.field, metric, given_params)
    index = kind.open(column, metric, params, {})
    allow = Bitset.from_bool(np.array(mask[:row_count]))
    expected = []
    for row in range(row_count):
        distance = reference(metric, query.tobytes(), rows[row].tobytes(), element_bits // 8)
        if mask[row] and not nulls[row] and distance is not None:
            expected.append((np.float32(distance), row))
    expected.sort()
    hits = index.search(query[None, :], k, {}, allow)
    count = min(k, len(expected))
    assert hits.rows[0].tolist() == [row for _, row in expected[:k]] + [-1] * (k - count)
    assert hits.scores[0][:count].tolist() == [score for score, _ in expected[:k]]
    bounds = RangeBounds(radius=0.6, range_filter=0.25)
    inside = [row for score, row in expected if 0.25 <= score < np.float32(0.6)]
    assert index.range_search(query, bounds, {}, allow)[1].tolist() == inside


def test_a_width_that_does_not_divide_the_vector_is_refused() -> None:
    field = Field("bits", DataType.BINARY_VECTOR, dim=40)
    with pytest.raises(InvalidInput) as caught:
        index_type("BIN_FLAT").check_build_params(field, Metric.MHJACCARD, {})
    assert "has 40 bits, expected a multiple of the 32 bits" in caught.value.message
