"""Inverted lists and RaBitQ on every level: leaves equal the reference, searches equal slow answers where they must.

A search by codes may miss rows, so what is compared with it is what cannot depend on rounding: the rows found are of
the lists that were read and allowed, their scores are those of a scan, ties and places after the hits are in order; and
once the pool holds every row, the answer is that of a scan over the lists.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elanus.index.floats import FloatRows
from elanus.index.ivf.bit_codes import encoded_rows
from elanus.index.ivf.byte_codes import ByteCodes
from elanus.index.ivf.coarse import Centroids, centroid_artefacts
from elanus.index.ivf.grouping import GroupedRows
from elanus.index.ivf.lists import InvertedLists
from elanus.index.ivf.rotation import rotation_signs
from elanus.index.protocol import BuildContext
from elanus.kernels import distance, reference
from elanus.kernels.ivf import nearest_lists, search_bytes, search_flat
from elanus.kernels.list_arrays import ByteLists, IvfLists, IvfQuestion
from elanus.kernels.rabitq import block_sums, fine_products, padded_dim, rotate, search_rabitq
from elanus.kernels.reference.arguments import mask_of
from elanus.kernels.reference.bits import pack
from elanus.schema.types import DataType, Metric
from tests.unit.kernels.levels import BACKENDS, LEVELS, using


@given(seed=st.integers(0, 2**32), blocks=st.integers(0, 5), tables=st.sampled_from([16, 32, 192, 256, 272, 1040]))
@pytest.mark.parametrize("level", LEVELS)
def test_block_sums(level: str, seed: int, blocks: int, tables: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 256, (blocks, 16 * tables)).astype(np.uint8)
    entries = rng.integers(rng.choice([0, 250]), 256, (tables, 16)).astype(np.uint8)
    with using(level):
        np.testing.assert_array_equal(block_sums(codes, entries), reference.rabitq_block_sums(codes, entries))


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(1, 20),
    dim=st.integers(1, 18),
    bits=st.integers(1, 7),
    extreme=st.booleans(),
)
@pytest.mark.parametrize("level", LEVELS)
def test_fine_products(level: str, seed: int, rows: int, dim: int, bits: int, extreme: bool) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(255 if extreme else 0, 256, (rows, 8 * dim * bits)).astype(np.uint8)
    query = rng.integers(-128, -127 if extreme else 128, 64 * dim).astype(np.int8)
    places = rng.integers(0, rows, rng.integers(0, 30)).astype(np.uint32)
    with using(level):
        found = fine_products(codes, query, places)
    np.testing.assert_array_equal(found, reference.rabitq_fine_products(codes, query, places))


@given(seed=st.integers(0, 2**32), rows=st.integers(0, 5), dim=st.integers(1, 400))
@pytest.mark.parametrize("level", LEVELS)
def test_rotation(level: str, seed: int, rows: int, dim: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)
    signs = rotation_signs(dim, seed)
    with using(level):
        rotated = rotate(vectors, signs)
    assert rotated.shape == (rows, padded_dim(dim))
    np.testing.assert_allclose(rotated, reference.rabitq_rotate(vectors, signs), rtol=1e-5, atol=1e-5)
    with using("scalar"):
        np.testing.assert_array_equal(rotated, rotate(vectors, signs))


FEW = settings(max_examples=40)


@dataclass(frozen=True, slots=True)
class _Case:
    """Lists over a column, with the codes of all kinds, and what is asked of them."""

    question: IvfQuestion
    lists: IvfLists
    bytes_: ByteLists
    vectors: FloatRows
    grouped: GroupedRows
    metric: Metric
    nprobe: int
    k: int

    def vectors_compared(self) -> npt.NDArray[np.float32]:
        """The queries at the length at which lists compare them, rounded as the kernels do."""
        if self.question.length == 0:
            return self.question.vectors
        wide = self.question.vectors.astype(np.float64)
        lengths = np.sqrt((wide**2).sum(axis=1, keepdims=True))
        vectors: npt.NDArray[np.float32] = (wide * (self.question.length / np.where(lengths > 0, lengths, 1))).astype(
            np.float32
        )
        return vectors

    def rows_read(self) -> npt.NDArray[np.int64]:
        """Allowed rows of the lists that are read, by query; the lists are those of the same level."""
        question = self.question
        vectors, weight = self.vectors_compared(), question.square_weight
        found = nearest_lists(question.ranking, vectors, self.lists, self.nprobe, square_weight=weight)
        read = np.zeros((len(found), len(self.question.base)), np.bool_)
        for number, lists in enumerate(found):
            for one in lists:
                start, stop = self.lists.offsets[one : one + 2]
                read[number, self.lists.members[start:stop]] = True
        return read & mask_of(self.question.allow, len(self.question.base))


@st.composite
def _cases(draw: st.DrawFn) -> _Case:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    metric = draw(st.sampled_from([Metric.L2, Metric.IP, Metric.COSINE]))
    dim = draw(st.sampled_from([1, 5, 16, 64, 70]))
    row_count = draw(st.sampled_from([1, 7, 60, 700]))
    list_count = min(row_count, draw(st.sampled_from([1, 3, 20, 90])))
    # Few different numbers make ties; far from zero, sums lose more.
    whole = draw(st.booleans())
    matrix = rng.integers(-2, 3, (row_count, dim)) if whole else rng.normal(size=(row_count, dim))
    matrix = (matrix + draw(st.sampled_from([0, 0, 10]))).astype(np.float32)
    nulls = rng.random(row_count) < draw(st.sampled_from([0.0, 0.3]))
    nulls[0] = False
    rows = np.flatnonzero(~nulls)
    vectors = FloatRows(matrix, DataType.FLOAT_VECTOR, rows, normalised=metric is Metric.COSINE)
    floats = vectors.block(0, len(rows))
    centroids = floats[rng.integers(0, len(rows), list_count)] + np.float32(0.01)
    assigned = ((floats[:, None, :] - centroids[None, :, :]) ** 2).sum(axis=2).argmin(axis=1).astype(np.int32)
    inverted = InvertedLists.grouped(assigned, rows.astype(np.int64), list_count)
    grouped = GroupedRows(centroids=centroids, assigned=assigned, lists=inverted, held_out=np.empty(0, np.int64))
    artefacts = {name: memoryview(data) for name, data in centroid_artefacts(centroids).items()}
    coded = ByteCodes.encoded(vectors, metric, grouped, BuildContext())
    queries = (matrix[rng.integers(0, row_count, 3)] + rng.integers(-1, 2, (3, dim))).astype(np.float32)
    ranking = draw(st.sampled_from(["L2", "IP"]))
    weight = draw(st.sampled_from([0.0, 0.25]))
    length = {Metric.L2: 0.0, Metric.IP: draw(st.sampled_from([0.0, 2.5])), Metric.COSINE: 1.0}[metric]
    allow = None if draw(st.booleans()) else pack(rng.random(row_count) < draw(st.sampled_from([0.0, 0.1, 0.7])))
    return _Case(
        question=IvfQuestion(metric.value, queries, matrix, queries, length, ranking, weight, allow),
        lists=Centroids.from_artefacts(artefacts, metric, dim=dim, lists=inverted, length=0.0).lists,
        bytes_=ByteLists(coded.scales, coded.origin, coded.codes, coded.constants),
        vectors=vectors,
        grouped=grouped,
        metric=metric,
        nprobe=draw(st.integers(1, list_count)),
        k=draw(st.sampled_from([0, 1, 4, 30, 800])),
    )


def _check_equal_to_scan(case: _Case, hits: tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]) -> None:
    scores, rows = hits
    for number, read in enumerate(case.rows_read()):
        expected_scores, expected_rows = distance.scan_topk(
            case.metric.value, case.question.queries[number], case.question.base, case.k, allow=pack(read)
        )
        count = len(expected_rows)
        np.testing.assert_array_equal(rows[number, :count], expected_rows)
        np.testing.assert_array_equal(scores[number, :count], expected_scores)
        assert (rows[number, count:] == -1).all()
        assert np.isinf(scores[number, count:]).all()


@FEW
@given(case=_cases())
@pytest.mark.parametrize("level", BACKENDS)
def test_flat_lists_are_a_scan_of_the_rows_they_hold(level: str, case: _Case) -> None:
    with using(level):
        _check_equal_to_scan(case, search_flat(case.question, case.lists, nprobe=case.nprobe, k=case.k))


@FEW
@given(case=_cases())
@pytest.mark.parametrize("level", BACKENDS)
def test_a_pool_of_all_rows_makes_codes_a_scan(level: str, case: _Case) -> None:
    pool = max(case.k, 800)
    codes = encoded_rows(case.vectors, case.metric, case.grouped, 5, BuildContext())
    with using(level):
        nprobe, k = case.nprobe, case.k
        hits = search_bytes(case.question, case.lists, case.bytes_, nprobe=nprobe, k=k, pool=pool)
        _check_equal_to_scan(case, hits)
        for stage in ("estimates", "fine", "column"):
            hits = search_rabitq(case.question, case.lists, codes, stage=stage, nprobe=nprobe, k=k, pool=pool)
            _check_equal_to_scan(case, hits)


@FEW
@given(case=_cases(), bits=st.integers(1, 8), data=st.data())
@pytest.mark.parametrize("level", BACKENDS)
def test_small_pools_find_rows_of_the_lists_with_their_scores(
    level: str, case: _Case, bits: int, data: st.DataObject
) -> None:
    """As many rows as there are, allowed and of the lists read, with the scores of a scan, in its order."""
    stage = data.draw(st.sampled_from(["estimates", "column", *(["fine"] if bits > 1 else [])]))
    codes = encoded_rows(case.vectors, case.metric, case.grouped, bits, BuildContext())
    nprobe, k = case.nprobe, case.k
    with using(level):
        found = [
            search_bytes(case.question, case.lists, case.bytes_, nprobe=nprobe, k=k, pool=k),
            search_rabitq(case.question, case.lists, codes, stage=stage, nprobe=nprobe, k=k, pool=k),
        ]
        read = case.rows_read()
        for scores, rows in found:
            for number, allowed in enumerate(read):
                count = min(k, int(allowed.sum()))
                hits = rows[number, :count]
                assert len(set(hits.tolist())) == count
                assert allowed[hits].all()
                assert (rows[number, count:] == -1).all()
                query = case.question.queries[number]
                exact = distance.score_rows(case.metric.value, query, case.question.base, hits)
                np.testing.assert_array_equal(scores[number, :count], exact)
                order = np.lexsort((hits, -exact if case.metric.larger_is_nearer else exact))
                np.testing.assert_array_equal(order, np.arange(count))


@FEW
@given(case=_cases(), count=st.sampled_from([2, 7, 8, 9, 20]), seed=st.integers(0, 1000))
@pytest.mark.parametrize("level", LEVELS)
def test_queries_together_find_what_each_finds_alone(level: str, case: _Case, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    queries = case.question.base[rng.integers(0, len(case.question.base), count)] + np.float32(0.25)
    nprobe, weight = case.nprobe, case.question.square_weight
    with using(level):
        together = nearest_lists(case.question.ranking, queries, case.lists, nprobe, square_weight=weight)
        question = case.question._replace(queries=queries, vectors=queries)
        scores, rows = search_flat(question, case.lists, nprobe=nprobe, k=case.k)
        for number in range(count):
            one = queries[number : number + 1]
            alone = nearest_lists(case.question.ranking, one, case.lists, nprobe, square_weight=weight)
            np.testing.assert_array_equal(together[number], alone[0])
            asked = question._replace(queries=one, vectors=one)
            alone_scores, alone_rows = search_flat(asked, case.lists, nprobe=nprobe, k=case.k)
            np.testing.assert_array_equal(rows[number], alone_rows[0])
            np.testing.assert_array_equal(scores[number], alone_scores[0])


@FEW
@given(case=_cases())
@pytest.mark.parametrize("level", LEVELS)
def test_the_lists_chosen_are_nearly_the_nearest(level: str, case: _Case) -> None:
    """The exact scores of the lists that are chosen are in order, and no farther than rounding to bytes can explain."""
    ranking = case.question.ranking
    with using(level):
        found = nearest_lists(ranking, case.question.vectors, case.lists, case.nprobe)
    exact = reference.ivf_nearest_lists(ranking, 0.0, case.question.vectors, case.lists, case.nprobe)
    for vector, numbers, nearest in zip(case.question.vectors, found, exact, strict=True):
        assert len(set(numbers.tolist())) == case.nprobe
        sign = -1 if ranking == "IP" else 1
        keys = sign * distance.score_rows(ranking, vector, case.lists.centroids, numbers)
        best = sign * distance.score_rows(ranking, vector, case.lists.centroids, nearest)
        scale = 1e-5 * (np.abs(best).max() + 1)
        assert (np.diff(keys) >= -scale).all()
        # Twice the rounding of the query and of the codes, one step of each.
        lengths = np.abs(case.lists.scales).sum() * (np.abs(vector).max() + np.abs(case.lists.origin).max())
        assert (keys <= best + 4 * lengths + scale).all()


def test_lists_that_are_not_within_the_members_are_refused() -> None:
    lists = IvfLists(
        centroids=np.zeros((2, 4), np.float32),
        codes=np.zeros((2, 4), np.int8),
        scales=np.zeros(4, np.float32),
        origin=np.zeros(4, np.float32),
        squares=np.zeros((2, 2), np.float32),
        offsets=np.array([0, 3, 9], np.int64),
        members=np.zeros(5, np.int32),
    )
    rows = np.zeros((5, 4), np.float32)
    question = IvfQuestion("L2", rows[:1], rows, rows[:1], 0.0, "L2", 0.0, None)
    for level in BACKENDS:
        with using(level), pytest.raises(ValueError, match="offsets of list 1 are not within the members"):
            search_flat(question, lists, nprobe=2, k=1)
    # A row the column does not have is no hit, and nothing is read for it.
    wild = lists._replace(offsets=np.array([0, 3, 5], np.int64), members=np.array([0, 7, -1, 2**31 - 1, 1], np.int32))
    for level in BACKENDS:
        with using(level):
            assert search_flat(question, wild, nprobe=2, k=4)[1].tolist() == [[0, 1, -1, -1]]
