"""Every level's dense scans against the reference: exactly for whole numbers, within the stated error otherwise."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.kernels import reference
from elanus.kernels.distance import scan_range, scan_topk, scan_topk_many, score_rows
from elanus.kernels.reference.arguments import mask_of
from elanus.kernels.reference.bits import pack
from tests.unit.kernels.levels import LEVELS, using
from tests.unit.kernels.vectors import DTYPES, METRICS, budget_of, exact_scores, make_vectors, query_dtype

pytestmark = pytest.mark.parametrize("level", LEVELS)


@dataclass(frozen=True, slots=True)
class _Case:
    metric: str
    query: npt.NDArray[Any]
    base: npt.NDArray[Any]
    k: int
    allow: npt.NDArray[np.uint64] | None
    is_exact: bool

    @property
    def allowed_rows(self) -> npt.NDArray[np.int64]:
        return np.flatnonzero(mask_of(self.allow, len(self.base)))


# Widths up to 130 and the usual one; many rows only when they are narrow, past the block sizes of the scan.
_WIDTHS = st.one_of(st.integers(0, 130), st.just(768))
_ROW_COUNTS = st.integers(0, 300)
_MANY_ROWS = st.sampled_from([511, 512, 513, 1500, 4000])
_SHARES = st.sampled_from([0.0, 0.01, 0.1, 0.3, 0.6, 0.9, 1.0])


@st.composite
def _allow_words(draw: st.DrawFn, rng: np.random.Generator, row_count: int) -> npt.NDArray[np.uint64] | None:
    if draw(st.booleans()):
        return None
    mask = rng.random(row_count) < draw(_SHARES)
    # A stretch of another density, so that words of listed and of whole rows follow each other.
    if draw(st.booleans()):
        mask[row_count // 3 : row_count // 2] = draw(st.booleans())
    return pack(mask)


@st.composite
def _cases(draw: st.DrawFn) -> _Case:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dtype = draw(st.sampled_from(DTYPES))
    metric = draw(st.sampled_from(METRICS[dtype]))
    is_tall = draw(st.integers(0, 4)) == 0
    width = draw(st.integers(0, 12)) if is_tall else draw(_WIDTHS)
    row_count = draw(_MANY_ROWS if is_tall else _ROW_COUNTS)
    whole = draw(st.booleans())
    base = make_vectors(rng, (row_count, width), dtype, whole=whole, offset=draw(st.integers(0, 3)))
    query = make_vectors(rng, (width,), query_dtype(dtype), whole=whole, offset=draw(st.integers(0, 3)))
    return _Case(
        metric=metric,
        query=query,
        base=base,
        k=draw(st.one_of(st.integers(0, 20), st.integers(0, row_count + 3))),
        allow=draw(_allow_words(rng, row_count)),
        is_exact=dtype in {"int8", "uint8"} or (whole and metric != "COSINE"),
    )


@given(case=_cases())
def test_topk(level: str, case: _Case) -> None:
    with using(level):
        scores, rows = scan_topk(case.metric, case.query, case.base, case.k, allow=case.allow)
    expected_scores, expected_rows = reference.scan_topk(case.metric, case.query, case.base, case.k, case.allow)
    assert scores.dtype == np.float32
    assert rows.dtype == np.int64
    if case.is_exact:
        np.testing.assert_array_equal(rows, expected_rows)
        np.testing.assert_array_equal(scores, expected_scores)
    else:
        _check_best(case, scores, rows)


@given(case=_cases(), bounds=st.tuples(st.integers(-40, 400), st.one_of(st.none(), st.integers(-40, 400))))
def test_range(level: str, case: _Case, bounds: tuple[int, int | None]) -> None:
    radius, range_filter = bounds if case.is_exact and case.metric != "JACCARD" else _as_shares(bounds)
    with using(level):
        scores, rows = scan_range(
            case.metric, case.query, case.base, radius=radius, range_filter=range_filter, allow=case.allow
        )
        all_scores = score_rows(case.metric, case.query, case.base, case.allowed_rows)
    if case.is_exact:
        expected = reference.scan_range(case.metric, case.query, case.base, radius, range_filter, case.allow)
        np.testing.assert_array_equal(rows, expected[1])
        np.testing.assert_array_equal(scores, expected[0])
        return
    far = np.float32(np.inf if range_filter is None else range_filter)
    if case.metric == "L2":
        far = np.float32(-np.inf if range_filter is None else range_filter)
        within = (all_scores >= far) & (all_scores < np.float32(radius))
    else:
        within = (all_scores > np.float32(radius)) & (all_scores <= far)
    np.testing.assert_array_equal(rows, case.allowed_rows[within])
    np.testing.assert_array_equal(scores, all_scores[within])


@given(case=_cases(), order=st.integers(0, 2**32), count=st.integers(0, 700))
def test_listed_rows(level: str, case: _Case, order: int, count: int) -> None:
    rng = np.random.default_rng(order)
    listed = rng.integers(0, len(case.base), count) if len(case.base) else np.empty(0, np.int64)
    with using(level):
        scores = score_rows(case.metric, case.query, case.base, listed)
    expected = reference.score_rows(case.metric, case.query, case.base, listed)
    if case.is_exact:
        np.testing.assert_array_equal(scores, expected)
    else:
        _check_scores(case, scores, listed)


@given(case=_cases())
def test_score_of_a_row_is_the_same_from_every_function(level: str, case: _Case) -> None:
    every_row = np.arange(len(case.base))
    with using(level):
        listed = score_rows(case.metric, case.query, case.base, every_row)
        single = np.array(
            [score_rows(case.metric, case.query, case.base, every_row[row : row + 1])[0] for row in every_row[:9]]
        )
        scores, rows = scan_topk(case.metric, case.query, case.base, len(case.base))
        allowed_scores, allowed_rows = scan_topk(case.metric, case.query, case.base, len(case.base), allow=case.allow)
    np.testing.assert_array_equal(listed[:9], single)
    np.testing.assert_array_equal(scores, listed[rows])
    np.testing.assert_array_equal(allowed_scores, listed[allowed_rows])


@given(case=_cases(), query_count=st.integers(0, 40))
def test_many_queries_equal_single_ones(level: str, case: _Case, query_count: int) -> None:
    rng = np.random.default_rng(query_count)
    shape = (query_count, case.base.shape[1])
    queries = make_vectors(rng, shape, case.query.dtype.name, whole=case.is_exact)
    with using(level):
        scores, rows = scan_topk_many(case.metric, queries, case.base, case.k, allow=case.allow)
        assert scores.shape == rows.shape == (query_count, case.k)
        for number in range(query_count):
            single_scores, single_rows = scan_topk(case.metric, queries[number], case.base, case.k, allow=case.allow)
            count = len(single_rows)
            np.testing.assert_array_equal(rows[number, :count], single_rows)
            np.testing.assert_array_equal(scores[number, :count], single_scores)
            assert (rows[number, count:] == -1).all()
            assert np.isinf(scores[number, count:]).all()


def _as_shares(bounds: tuple[int, int | None]) -> tuple[float, float | None]:
    radius, range_filter = bounds
    return radius / 400, None if range_filter is None else range_filter / 400


def _check_scores(case: _Case, scores: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]) -> None:
    exact = exact_scores(case.metric, case.query, case.base)
    budget = budget_of(case.metric, case.query, case.base)
    assert (np.abs(scores - exact[rows]) <= budget[rows]).all()


def _check_best(case: _Case, scores: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]) -> None:
    """Right rows up to the scores' errors, in the order of the scores returned."""
    allowed = case.allowed_rows
    assert len(rows) == min(case.k, len(allowed))
    assert np.isin(rows, allowed).all()
    _check_scores(case, scores, rows)
    sign = 1 if case.metric == "L2" else -1
    assert list(zip((sign * scores).tolist(), rows.tolist(), strict=True)) == sorted(
        zip((sign * scores).tolist(), rows.tolist(), strict=True)
    )
    left_out = np.setdiff1d(allowed, rows)
    if len(rows) and len(left_out):
        exact = sign * exact_scores(case.metric, case.query, case.base)
        budget = budget_of(case.metric, case.query, case.base)
        assert (exact[left_out] + budget[left_out] >= sign * scores[-1].astype(np.float64)).all()
