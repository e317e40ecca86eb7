"""Every level's sparse scans equal the reference, bit by bit: both add in double in the order of the row."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.kernels import reference
from elanus.kernels.reference.bits import pack
from elanus.kernels.sparse import sparse_scan_range, sparse_scan_topk
from tests.unit.kernels.levels import LEVELS, using

pytestmark = pytest.mark.parametrize("level", LEVELS)


_Vectors = tuple[
    npt.NDArray[np.uint32],
    npt.NDArray[np.float32],
    npt.NDArray[np.int32],
    npt.NDArray[np.uint32],
    npt.NDArray[np.float32],
]


@dataclass(frozen=True, slots=True)
class _Case:
    query_indices: npt.NDArray[np.uint32]
    query_values: npt.NDArray[np.float32]
    offsets: npt.NDArray[np.int32]
    indices: npt.NDArray[np.uint32]
    values: npt.NDArray[np.float32]
    allow: npt.NDArray[np.uint64] | None

    @property
    def vectors(self) -> _Vectors:
        return self.query_indices, self.query_values, self.offsets, self.indices, self.values


@st.composite
def _cases(draw: st.DrawFn) -> _Case:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    # Few different indices make overlaps, many make misses, and the highest ones use every bit.
    universe = rng.choice(2**32, draw(st.sampled_from([5, 60, 3000])), replace=False).astype(np.uint32)
    is_tall = draw(st.integers(0, 5)) == 0
    row_count = draw(st.sampled_from([511, 513, 1100]) if is_tall else st.integers(0, 40))
    longest = 2 if is_tall else min(len(universe), draw(st.sampled_from([1, 8, 300])))
    lengths = rng.integers(0, longest, row_count, endpoint=True)
    rows = [np.sort(rng.choice(universe, length, replace=False)) for length in lengths]
    first = draw(st.integers(0, 3))
    offsets = (first + np.concatenate([[0], np.cumsum(lengths)])).astype(np.int32)
    indices = np.concatenate([universe[:1].repeat(first), *rows]).astype(np.uint32)
    query_size = draw(st.integers(0, min(len(universe), 400)))
    query = np.sort(rng.choice(universe, query_size, replace=False))
    values = rng.integers(-3, 3, len(indices), endpoint=True) * rng.choice([1.0, 0.1])
    weights = rng.integers(-3, 3, query_size, endpoint=True) * 0.5
    allow = None if draw(st.booleans()) else pack(rng.random(row_count) < draw(st.sampled_from([0.0, 0.05, 0.7])))
    return _Case(query, weights.astype(np.float32), offsets, indices, values.astype(np.float32), allow)


@given(case=_cases(), k=st.one_of(st.integers(0, 12), st.integers(0, 1200)))
def test_topk(level: str, case: _Case, k: int) -> None:
    with using(level):
        scores, rows = sparse_scan_topk(*case.vectors, k, allow=case.allow)
    expected_scores, expected_rows = reference.sparse_scan_topk(*case.vectors, k, case.allow)
    np.testing.assert_array_equal(rows, expected_rows)
    np.testing.assert_array_equal(scores, expected_scores)


@given(case=_cases(), radius=st.integers(-20, 20), range_filter=st.one_of(st.none(), st.integers(-20, 20)))
def test_range(level: str, case: _Case, radius: float, range_filter: float | None) -> None:
    with using(level):
        scores, rows = sparse_scan_range(*case.vectors, radius=radius, range_filter=range_filter, allow=case.allow)
    expected_scores, expected_rows = reference.sparse_scan_range(*case.vectors, radius, range_filter, case.allow)
    np.testing.assert_array_equal(rows, expected_rows)
    np.testing.assert_array_equal(scores, expected_scores)
