"""Dense scans: order, ties, bounds, extreme numbers and refused arguments, on every level and the reference."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from elanus.kernels.distance import scan_range, scan_topk, scan_topk_many, score_rows
from tests.unit.kernels.vectors import DTYPES, METRICS, make_vectors, query_dtype

pytestmark = pytest.mark.usefixtures("backend")

_PAIRS = [(dtype, metric) for dtype in DTYPES for metric in METRICS[dtype]]


def _column(values: list[float], dtype: str = "float32") -> npt.NDArray[Any]:
    return np.array(values, dtype).reshape(-1, 1)


def test_l2_is_squared_and_smaller_is_nearer() -> None:
    scores, rows = scan_topk("L2", np.array([1], np.float32), _column([4, 1, 3]), 3)
    assert rows.tolist() == [1, 2, 0]
    assert scores.tolist() == [0, 4, 9]


@pytest.mark.parametrize("metric", ["IP", "COSINE"])
def test_larger_is_nearer(metric: str) -> None:
    base = np.array([[1, 1], [-1, 0], [1, 0]], np.float32)
    scores, rows = scan_topk(metric, np.array([2, 0], np.float32), base, 3)
    expected = {"IP": [(2.0, 0), (2.0, 2), (-2.0, 1)], "COSINE": [(1.0, 2), (2**-0.5, 0), (-1.0, 1)]}[metric]
    assert rows.tolist() == [row for _, row in expected]
    assert scores == pytest.approx([score for score, _ in expected], rel=1e-6)


def test_hamming_counts_and_jaccard_shares() -> None:
    base = np.array([[0b1111, 0], [0b1100, 1], [0, 0]], np.uint8)
    query = np.array([0b1100, 0], np.uint8)
    assert score_rows("HAMMING", query, base, np.arange(3)).tolist() == [2, 1, 2]
    assert score_rows("JACCARD", query, base, np.arange(3)).tolist() == [0.5, np.float32(1 / 3), 1]


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint16", "int8"])
def test_cosine_with_a_zero_vector_is_zero(dtype: str) -> None:
    base = np.zeros((2, 3), dtype)
    base[1] = 1
    ones = np.ones(3, query_dtype(dtype))
    assert score_rows("COSINE", ones, base, np.array([0])).tolist() == [0]
    assert score_rows("COSINE", np.zeros_like(ones), base, np.array([0, 1])).tolist() == [0, 0]


def test_jaccard_of_two_empty_sets_is_zero() -> None:
    assert score_rows("JACCARD", np.zeros(3, np.uint8), np.zeros((1, 3), np.uint8), np.array([0])).tolist() == [0]


@pytest.mark.parametrize(("dtype", "metric"), _PAIRS)
def test_width_zero_scores_zero(dtype: str, metric: str) -> None:
    scores, rows = scan_topk(metric, np.empty(0, query_dtype(dtype)), np.empty((70, 0), dtype), 2)
    assert (scores.tolist(), rows.tolist()) == ([0, 0], [0, 1])


@pytest.mark.parametrize(("dtype", "metric"), _PAIRS)
def test_ties_go_to_the_smaller_row(dtype: str, metric: str) -> None:
    base = np.repeat(make_vectors(np.random.default_rng(1), (1, 20), dtype, whole=True), 3000, axis=0)
    query = base[0].view(query_dtype(dtype)) if dtype in {"int8", "uint8"} else np.ones(20, np.float32)
    for k in (1, 7, 700):
        assert scan_topk(metric, query, base, k)[1].tolist() == list(range(k))


@pytest.mark.parametrize("k", [0, 1, 5])
def test_empty_base_and_empty_allow_give_nothing(k: int) -> None:
    query = np.ones(4, np.float32)
    for base, allow in ((np.empty((0, 4), np.float32), None), (np.ones((65, 4), np.float32), np.zeros(2, np.uint64))):
        scores, rows = scan_topk("L2", query, base, k, allow=allow)
        assert scores.shape == rows.shape == (0,)
        assert scores.dtype == np.float32
        assert rows.dtype == np.int64


def test_bits_of_allow_after_the_last_row_are_ignored() -> None:
    allow = np.array([2**64 - 1, 2**64 - 1], np.uint64)
    assert len(scan_topk("L2", np.ones(1, np.float32), np.ones((70, 1), np.float32), 200, allow=allow)[1]) == 70


def test_many_pads_with_row_minus_one_and_the_worst_score() -> None:
    base = _column([1, 2])
    queries = np.ones((3, 1), np.float32)
    for metric, worst in (("L2", np.inf), ("IP", -np.inf)):
        scores, rows = scan_topk_many(metric, queries, base, 4)
        assert rows[:, 2:].tolist() == [[-1, -1]] * 3
        assert scores[:, 2:].tolist() == [[worst, worst]] * 3


@pytest.mark.parametrize(("query_count", "k"), [(0, 3), (3, 0)])
def test_many_of_nothing_has_the_shape_asked_for(query_count: int, k: int) -> None:
    scores, rows = scan_topk_many("L2", np.ones((query_count, 1), np.float32), _column([1, 2]), k)
    assert scores.shape == rows.shape == (query_count, k)


def test_range_bounds_of_a_distance_include_the_near_and_exclude_the_far() -> None:
    base = _column([0, 1, 2, 3])
    scores, rows = scan_range("L2", np.zeros(1, np.float32), base, radius=9, range_filter=1)
    assert (scores.tolist(), rows.tolist()) == ([1, 4], [1, 2])
    assert scan_range("L2", np.zeros(1, np.float32), base, radius=9)[1].tolist() == [0, 1, 2]


def test_range_bounds_of_a_similarity_exclude_the_far_and_include_the_near() -> None:
    base = _column([0, 1, 2, 3])
    scores, rows = scan_range("IP", np.ones(1, np.float32), base, radius=0, range_filter=2)
    assert (scores.tolist(), rows.tolist()) == ([1, 2], [1, 2])
    assert scan_range("IP", np.ones(1, np.float32), base, radius=0)[1].tolist() == [1, 2, 3]


@pytest.mark.parametrize(("radius", "count"), [(np.inf, 4), (-np.inf, 0), (1e300, 4)])
def test_range_takes_infinite_and_enormous_radius(radius: float, count: int) -> None:
    assert len(scan_range("L2", np.zeros(1, np.float32), _column([0, 1, 2, 3]), radius=radius)[1]) == count


def test_identical_vectors_have_cosine_at_most_one() -> None:
    base = make_vectors(np.random.default_rng(3), (500, 37), "float32", whole=False)
    for row in range(0, 500, 50):
        hits = scan_range("COSINE", base[row], base, radius=0.999999, range_filter=1.0)[1]
        assert row in hits.tolist()


@pytest.mark.parametrize("scale", [1e-30, 1e-22, 1e-12, 1e12, 1e22, 1e30])
def test_cosine_survives_overflow_and_underflow_of_squares(scale: float) -> None:
    rng = np.random.default_rng(5)
    plain = rng.standard_normal((40, 19)).astype(np.float32)
    query = rng.standard_normal(19).astype(np.float32)
    expected = score_rows("COSINE", query, plain, np.arange(40))
    scaled = (plain.astype(np.float64) * scale).astype(np.float32)
    assert score_rows("COSINE", query, scaled, np.arange(40)) == pytest.approx(expected, abs=2e-6)
    scaled_query = (query.astype(np.float64) * scale).astype(np.float32)
    assert score_rows("COSINE", scaled_query, plain, np.arange(40)) == pytest.approx(expected, abs=2e-6)


def test_inner_product_survives_cancelling_overflow() -> None:
    base = np.zeros((5, 64), np.float32)
    base[:, 0], base[:, 40], base[:, 63] = 3e38, -3e38, [0, 1, 2, 3, 4]
    query = np.full(64, 3, np.float32)
    assert scan_topk("IP", query, base, 5)[0].tolist() == [12, 9, 6, 3, 0]


def test_one_overflowing_row_does_not_change_its_neighbours() -> None:
    base = make_vectors(np.random.default_rng(8), (12, 33), "float32", whole=False)
    query = make_vectors(np.random.default_rng(9), (33,), "float32", whole=False)
    for metric in ("IP", "COSINE"):
        before = score_rows(metric, query, base, np.arange(12))
        changed = base.copy()
        changed[5] *= np.float32(1e38)
        after = score_rows(metric, query, changed, np.arange(12))
        assert np.delete(after, 5).tolist() == np.delete(before, 5).tolist()


def test_l2_overflow_is_infinite_and_still_a_hit() -> None:
    scores, rows = scan_topk("L2", np.zeros(1, np.float32), _column([3e38, 1, -3e38]), 3)
    assert (scores.tolist(), rows.tolist()) == ([1, np.inf, np.inf], [1, 0, 2])


def test_int8_sums_are_exact_beyond_32_bits() -> None:
    width = 200_000
    base = np.full((2, width), -128, np.int8)
    base[1] = 127
    query = np.full(width, -128, np.int8)
    rows = np.array([0, 1])
    assert score_rows("IP", query, base, rows).tolist() == [
        np.float32(128 * 128 * width),
        np.float32(-128 * 127 * width),
    ]
    assert score_rows("L2", query, base, rows).tolist() == [0, np.float32(255 * 255 * width)]
    assert score_rows("COSINE", query, base, rows).tolist() == [1, -1]


def test_float16_and_bfloat16_edges_are_widened_exactly() -> None:
    halves = np.array([0, 1, 2, 1023, 1024, 0x3C00, 0x7BFF, 0x8001, 0xBC00, 0xFBFF], np.uint16)
    one = np.ones(1, np.float32)
    places = np.arange(len(halves))
    as_float16 = halves.view(np.float16).reshape(-1, 1)
    assert score_rows("IP", one, as_float16, places).tolist() == as_float16[:, 0].astype(np.float32).tolist()
    as_bfloat16 = (halves.astype(np.uint32) << np.uint32(16)).view(np.float32)
    assert score_rows("IP", one, halves.reshape(-1, 1), places).tolist() == as_bfloat16.tolist()


def test_listed_rows_may_repeat_and_come_in_any_order() -> None:
    base = _column(list(range(1000)))
    rows = np.array([999, 0, 5, 5, 600] * 300, np.int64)
    assert score_rows("IP", np.ones(1, np.float32), base, rows).tolist() == [float(row) for row in rows]
    assert score_rows("IP", np.ones(1, np.float32), base, np.empty(0, np.int64)).tolist() == []


@pytest.mark.parametrize("bad", [-1, 1000, 2**40])
def test_listed_row_outside_the_base_is_refused(bad: int) -> None:
    rows = np.array([0] * 700 + [bad])
    with pytest.raises(ValueError, match=rf"rows\[700\] is {bad}, expected 0 to 1000 \(exclusive\)"):
        score_rows("L2", np.ones(1, np.float32), _column([0] * 1000), rows)


def test_read_only_and_misaligned_arrays_are_taken() -> None:
    rng = np.random.default_rng(11)
    base = make_vectors(rng, (90, 21), "float32", whole=True)
    query = make_vectors(rng, (21,), "float32", whole=True)
    expected = scan_topk("L2", query, base, 90)[0].tolist()
    raw = np.frombuffer(b"x" + base.tobytes(), np.uint8)[1:].view(np.float32).reshape(base.shape)
    raw_query = np.frombuffer(b"xyz" + query.tobytes(), np.uint8)[3:].view(np.float32)
    assert not raw.flags.aligned
    assert not raw.flags.writeable
    assert scan_topk("L2", raw_query, raw, 90)[0].tolist() == expected


_QUERY = np.ones(4, np.float32)
_BASE = np.ones((70, 4), np.float32)


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        (("L2", _QUERY.astype(np.float64), _BASE, 1), TypeError, "query has elements of float64, expected float32"),
        (("L2", _QUERY, _BASE.astype(np.float64), 1), TypeError, "base has elements of float64"),
        (("L2", _QUERY, _BASE.astype(np.int8), 1), TypeError, "query has elements of float32, expected int8"),
        (("L2", _QUERY, [[1.0] * 4], 1), TypeError, "base is a list, expected an array"),
        (("L2", 5, _BASE, 1), TypeError, "query is a int, expected an array"),
        (("L3", _QUERY, _BASE, 1), ValueError, "metric is 'L3', expected L2, IP"),
        (("HAMMING", _QUERY, _BASE, 1), ValueError, "metric HAMMING is not defined for base of float32"),
        (("L2", _QUERY, _BASE, -1), ValueError, "k is -1, expected 0 or more"),
        (("L2", _QUERY[:3], _BASE, 1), ValueError, "query has 3 elements a vector, expected 4 as in base"),
        (("L2", _QUERY[::2], _BASE[:, :2], 1), ValueError, "is not C-contiguous"),
        (("L2", _QUERY, _BASE[0], 1), ValueError, "base has 1 dimensions, expected 2"),
        (("L2", _BASE, _BASE, 1), ValueError, "query has 2 dimensions, expected 1"),
    ],
)
def test_wrong_arguments_are_refused(arguments: tuple[Any, ...], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        scan_topk(*arguments)


@pytest.mark.parametrize(
    ("allow", "error", "told"),
    [
        (np.zeros(1, np.uint64), ValueError, "allow has 1 words, expected 2 for 70 rows"),
        (np.zeros(2, np.int64), TypeError, "allow has elements of int64, expected uint64"),
    ],
)
def test_wrong_allow_is_refused(allow: npt.NDArray[Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        scan_topk("L2", _QUERY, _BASE, 1, allow=allow)


def test_nan_bounds_are_refused() -> None:
    with pytest.raises(ValueError, match="radius is NaN"):
        scan_range("L2", _QUERY, _BASE, radius=np.nan)
    with pytest.raises(ValueError, match="range_filter is NaN"):
        scan_range("L2", _QUERY, _BASE, radius=1, range_filter=np.nan)
