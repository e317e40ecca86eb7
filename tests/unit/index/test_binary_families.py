"""What the approximate index types over bits owe: min(k, allowed) rows with exact scores, and recall."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from elanus.columns.bitset import Bitset
from elanus.columns.vectors import dense_array
from elanus.errors import DataCorrupt, Unavailable
from elanus.index.protocol import BuildContext, RangeBounds, VectorColumn
from elanus.index.registry import index_type
from elanus.schema.field import Field
from elanus.schema.types import DataType, Metric

ROW_COUNT, BYTES = 4000, 32
CASES = (("BIN_IVF_FLAT", Metric.HAMMING), ("BIN_IVF_FLAT", Metric.JACCARD), ("MINHASH_LSH", Metric.MHJACCARD))
BUILD: dict[str, dict[str, Any]] = {
    "BIN_IVF_FLAT": {"nlist": 32},
    "MINHASH_LSH": {"mh_element_bit_width": 16, "mh_lsh_band": 8},
}
SEARCH: dict[str, dict[str, Any]] = {
    "BIN_IVF_FLAT": {"nprobe": 8},
    "MINHASH_LSH": {"mh_search_with_jaccard": True, "refine_k": 80},
}


def bits(count: int, seed: int) -> npt.NDArray[np.uint8]:
    """Rows near 24 centres, an eighth of whose pairs of bytes are drawn anew."""
    centres = np.random.default_rng(5).integers(0, 256, (24, BYTES), np.uint8)
    random = np.random.default_rng(seed)
    rows = centres[random.integers(0, 24, count)]
    changed = np.repeat(random.random((count, BYTES // 2)) < 0.125, 2, axis=1)
    return np.where(changed, random.integers(0, 256, (count, BYTES), np.uint8), rows)


def column_of(matrix: npt.NDArray[np.uint8], *, null_every: int = 9) -> VectorColumn:
    field = Field("bits", DataType.BINARY_VECTOR, dim=8 * BYTES, nullable=True)
    return VectorColumn(field, dense_array(matrix, field, valid=np.arange(len(matrix)) % null_every != 0))


def opened(name: str, metric: Metric, column: VectorColumn) -> Any:
    """The index, the exact one, search parameters, build parameters and artefacts."""
    kind = index_type(name)
    params = kind.check_build_params(column.field, metric, BUILD[name])
    built = kind.build(column, metric, params, BuildContext())
    artefacts = {file: memoryview(np.frombuffer(data, np.uint8).tobytes()) for file, data in built.items()}
    exact = index_type("BIN_FLAT").open(column, metric, params, {})
    searched = kind.check_search_params(SEARCH[name], build_params=params, k=10)
    return kind.open(column, metric, params, artefacts), exact, searched, params, artefacts


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def case(request: pytest.FixtureRequest) -> Any:
    name, metric = request.param
    column = column_of(bits(ROW_COUNT, 1))
    return name, metric, column, *opened(name, metric, column)


@pytest.mark.parametrize("share", [None, 0.5, 0.1, 0.001, 0.0])
def test_search_finds_min_k_allowed_rows_with_exact_scores(case: Any, share: float | None) -> None:
    _, _, column, index, exact, searched, _, _ = case
    queries = bits(20, 2)
    allow = None if share is None else Bitset.from_bool(np.random.default_rng(3).random(ROW_COUNT) < share)
    hits, wanted = index.search(queries, 10, searched, allow), exact.search(queries, 10, {}, allow)
    np.testing.assert_array_equal(hits.rows >= 0, wanted.rows >= 0)
    everything = exact.search(queries, ROW_COUNT, {}, allow)
    shared = total = 0
    for rows, scores, best, all_rows, all_scores in zip(
        hits.rows, hits.scores, wanted.rows, everything.rows, everything.scores, strict=True
    ):
        found = rows[rows >= 0].tolist()
        assert len(set(found)) == len(found)
        score_of = dict(zip(all_rows.tolist(), all_scores.tolist(), strict=True))
        assert scores[rows >= 0].tolist() == [score_of[row] for row in found]
        assert found == sorted(found, key=lambda row: (score_of[row], row))
        shared += len(set(found) & set(best[best >= 0].tolist()))
        total += int((best >= 0).sum())
    assert shared >= 0.9 * total
    assert column.array.null_count > 0


def test_range_search_is_the_exact_one_but_for_rows_it_misses(case: Any) -> None:
    _, metric, _, index, exact, searched, _, _ = case
    for query in bits(10, 4):
        ranked = exact.search(query[None, :], 80, {}, None).scores[0]
        bounds = RangeBounds(radius=float(ranked[70]) + 1e-6, range_filter=float(ranked[3]))
        scores, rows = index.range_search(query, bounds, searched, None)
        exact_scores, exact_rows = exact.range_search(query, bounds, {}, None)
        score_of = dict(zip(exact_rows.tolist(), exact_scores.tolist(), strict=True))
        assert scores.tolist() == [score_of[row] for row in rows.tolist()]
        assert len(rows) >= 0.9 * len(exact_rows) > 0
        assert bounds.accepts(metric, scores).all()


def test_a_drained_cursor_gave_every_present_row_once(case: Any) -> None:
    _, _, column, index, _, searched, _, _ = case
    cursor = index.cursor(bits(1, 6)[0], searched, None)
    rows: list[int] = []
    while (batch := cursor.next(500).rows[0])[0] >= 0:
        rows.extend(batch[batch >= 0].tolist())
    assert len(rows) == len(set(rows)) == ROW_COUNT - column.array.null_count


@pytest.mark.parametrize("row_count", [0, 1, 20, 1500])
@pytest.mark.parametrize(("name", "metric"), CASES)
def test_small_and_equal_columns(name: str, metric: Metric, row_count: int) -> None:
    """Fewer rows than lists, and rows that are all the same."""
    matrix = np.full((row_count, BYTES), 0x5A, np.uint8)
    index, _, searched, _, _ = opened(name, metric, column_of(matrix, null_every=10_000))
    hits = index.search(np.full((1, BYTES), 0x5A, np.uint8), 12, searched, None)
    present = max(0, row_count - 1)
    assert (hits.rows[0] >= 0).sum() == min(12, present)
    assert (hits.scores[0][: min(12, present)] == 0).all()


@pytest.mark.parametrize(("name", "metric"), CASES)
def test_a_build_is_cancelled(name: str, metric: Metric) -> None:
    column = column_of(bits(1500, 1))
    kind = index_type(name)
    params = kind.check_build_params(column.field, metric, BUILD[name])
    with pytest.raises(Unavailable) as caught:
        kind.build(column, metric, params, BuildContext(cancelled=lambda: True))
    assert caught.value.kind == "cancelled"


def test_artefacts_of_another_column_or_cut_short_are_corrupt(case: Any) -> None:
    name, metric, column, index, _, _, params, artefacts = case
    kind = index_type(name)
    with pytest.raises(DataCorrupt):
        kind.open(VectorColumn(column.field, column.array.slice(0, ROW_COUNT - 1)), metric, params, artefacts)
    for damaged in artefacts:
        with pytest.raises(DataCorrupt):
            kind.open(column, metric, params, {**artefacts, damaged: artefacts[damaged][:-1]})
        with pytest.raises(DataCorrupt):
            kind.open(column, metric, params, {file: data for file, data in artefacts.items() if file != damaged})
    assert index.size().mapped_bytes == sum(data.nbytes for data in artefacts.values())
