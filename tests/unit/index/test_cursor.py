"""Going on with a search: every row once, the first batch as `search` gives it, bounds kept."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elanus.columns.bitset import Bitset
from elanus.index.cursor import WideningCursor
from elanus.index.protocol import RangeBounds, SearchHits
from elanus.schema.types import DataType, Metric

NAMES = ("FLAT", "IVF_FLAT", "IVF_RABITQ", "IVF_PQ", "SCANN", "HNSW", "HNSW_SQ", "FAISS")
ROW_COUNT = 1500


def drained(cursor: Any, count: int) -> tuple[list[int], npt.NDArray[np.float32]]:
    """All rows and scores of a cursor, in the order they came, and that its end is marked."""
    rows: list[int] = []
    scores: list[npt.NDArray[np.float32]] = []
    while True:
        hits = cursor.next(count)
        assert hits.rows.shape == hits.scores.shape == (1, count)
        found = hits.rows[0] >= 0
        assert not found[np.argmin(found) :].any() or found.all()
        rows.extend(hits.rows[0][found].tolist())
        scores.append(hits.scores[0][found])
        if not found.all():
            assert (cursor.next(3).rows == -1).all()
            return rows, np.concatenate(scores)


@pytest.fixture(scope="module", params=NAMES)
def opened(request: pytest.FixtureRequest, make_column: Any, open_built: Any) -> Any:
    return open_built(request.param, make_column(DataType.FLOAT_VECTOR, ROW_COUNT, null_every=7), Metric.L2)


@pytest.mark.parametrize("share", [1.0, 0.4, 0.01, 0.0])
@pytest.mark.parametrize("count", [1, 64, 2000])
def test_a_drained_cursor_gave_every_allowed_row_once(opened: Any, share: float, count: int, make_vectors: Any) -> None:
    if count == 1 and share > 0.1:
        count = 17
    query = make_vectors(DataType.FLOAT_VECTOR, 1, seed=3)[0]
    allow = Bitset.from_bool(np.random.default_rng(5).random(ROW_COUNT) < share)
    rows, scores = drained(opened.index.cursor(query, opened.search_params, allow), count)
    expected = [row for row in allow.rows().tolist() if row % 7]
    assert sorted(rows) == expected
    exact = opened.index.scan if hasattr(opened.index, "scan") else opened.index.inner.scan
    np.testing.assert_array_equal(scores, exact.scores(query, np.array(rows, np.int64)))


def test_the_first_batch_is_what_search_finds(opened: Any, make_vectors: Any) -> None:
    query = make_vectors(DataType.FLOAT_VECTOR, 1, seed=4)
    for count in (1, 10, 50):
        first = opened.index.cursor(query[0], opened.search_params, None).next(count)
        searched = opened.index.search(query, count, opened.search_params, None)
        np.testing.assert_array_equal(first.rows, searched.rows)
        np.testing.assert_array_equal(first.scores, searched.scores)


def test_bounds_keep_the_rows_outside_them_out(opened: Any, make_vectors: Any) -> None:
    query = make_vectors(DataType.FLOAT_VECTOR, 1, seed=5)
    ranked = opened.index.search(query, 300, opened.search_params, None).scores[0]
    bounds = RangeBounds(radius=float(ranked[250]), range_filter=float(ranked[20]))
    rows, scores = drained(opened.index.cursor(query[0], opened.search_params, None, bounds), 13)
    assert bounds.accepts(Metric.L2, scores).all()
    assert len(set(rows)) == len(rows)
    assert len(rows) >= 200


def exact_search(scores: npt.NDArray[np.float32], seed: int) -> Any:
    """A search that misses some of the nearest rows unless it is asked for all, as an approximate index does."""
    order = np.lexsort((np.arange(len(scores)), scores))

    def search(k: int) -> SearchHits:
        skipped = set(np.random.default_rng(seed + k).choice(len(scores), len(scores) // 3, replace=False).tolist())
        found = [row for row in order.tolist() if row not in skipped or k >= len(scores)]
        found = sorted({*found[:k], *order.tolist()[: max(0, k - len(found))]}, key=lambda row: (scores[row], row))
        for row in order.tolist():
            if len(found) >= min(k, len(scores)):
                break
            if row not in found:
                found.append(row)
        rows = np.full((1, k), -1, np.int64)
        ranked = sorted(found, key=lambda row: (scores[row], row))
        rows[0, : len(ranked)] = ranked
        return SearchHits(rows=rows, scores=np.where(rows >= 0, scores[rows], np.nan).astype(np.float32))

    return search


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    values=st.lists(st.integers(0, 9), max_size=40),
    counts=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    seed=st.integers(0, 1000),
    radius=st.none() | st.integers(0, 11),
)
def test_cursors_over_searches_that_miss_rows(
    values: list[int], counts: list[int], seed: int, radius: int | None
) -> None:
    """However a search errs, no row comes twice and every row comes; with bounds none outside comes."""
    scores = np.array(values, np.float32)
    bounds = None if radius is None else RangeBounds(radius=float(radius), range_filter=2.0)
    cursor = WideningCursor(exact_search(scores, seed), len(values), metric=Metric.L2, bounds=bounds)
    rows: list[int] = []
    for turn in range(100):
        batch = cursor.next(counts[turn % len(counts)]).rows[0]
        rows.extend(batch[batch >= 0].tolist())
        if (batch < 0).any():
            break
    assert len(rows) == len(set(rows))
    if radius is None:
        assert sorted(rows) == list(range(len(values)))
    else:
        assert all(2 <= values[row] < radius for row in rows)
