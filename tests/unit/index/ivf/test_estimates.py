"""What the codes of RaBitQ promise: estimates that are right on average, err less in more dimensions, and say how much.

Estimates are computed here in float64 from the stored codes and factors, by the formula of the paper.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from elanus.index.floats import FloatRows
from elanus.index.ivf.bit_codes import ERROR_WIDTH, encoded_rows
from elanus.index.ivf.grouping import GroupedRows
from elanus.index.ivf.lists import InvertedLists
from elanus.index.ivf.rotation import block_layout, fine_layout, quantised, rotation_signs
from elanus.index.protocol import BuildContext
from elanus.kernels.list_arrays import RabitqLists
from elanus.kernels.rabitq import padded_dim, rotate
from elanus.schema.types import DataType, Metric

_METRICS = (Metric.L2, Metric.IP)


def _grouped(dim: int, count: int, *, seed: int = 1) -> tuple[FloatRows, GroupedRows]:
    """Rows around two centroids that are far from zero."""
    random = np.random.default_rng(seed)
    centroids = (3 + random.normal(size=(2, dim))).astype(np.float32)
    assigned = random.integers(0, 2, count).astype(np.int32)
    matrix = (centroids[assigned] + random.normal(size=(count, dim))).astype(np.float32)
    rows = FloatRows(matrix=matrix, data_type=DataType.FLOAT_VECTOR, rows=None, normalised=False)
    lists = InvertedLists.grouped(assigned, rows.row_numbers(), 2)
    return rows, GroupedRows(centroids=centroids, assigned=assigned, lists=lists, held_out=np.empty(0, np.int64))


def _directions(codes: RabitqLists, count: int, *, fine: bool) -> npt.NDArray[np.float64]:
    """What codes stand for, up to a factor, in the order of places; unpacked bit by bit."""
    padded = codes.signs.shape[1]
    upper = np.zeros((count, padded))
    for place in range(count):
        block, row = codes.blocks[place // 32], place % 32
        for dim in range(padded):
            half = block[16 * (dim // 4) + row % 16] >> (4 * (row // 16))
            upper[place, dim] = half >> (dim % 4) & 1
    if not fine:
        return 2 * upper - 1
    low_bits, segment = codes.fine_bits - 1, padded // 8
    bits = np.unpackbits(codes.fine.reshape(count, low_bits, segment), axis=1, bitorder="little")
    weights = 2.0 ** np.arange(low_bits)
    lower = [np.einsum("pbi,b->pi", bits[:, low_bits * s : low_bits * (s + 1)], weights) for s in range(8)]
    return upper * 2**low_bits + np.hstack(lower) - (2**codes.fine_bits - 1) / 2


def _estimates(
    codes: RabitqLists, grouped: GroupedRows, metric: Metric, query: npt.NDArray[np.float32], *, fine: bool
) -> npt.NDArray[np.float64]:
    """The key of each present row: about its squared distance, or about the negative of its product."""
    places = grouped.places()
    factors = (codes.fine_factors if fine else codes.factors).astype(np.float64)[:, places]
    rotated = rotate((query - codes.origin)[None, :], codes.signs)[0].astype(np.float64)
    products = _directions(codes, len(places), fine=fine)[places] @ rotated
    centroids = grouped.centroids[grouped.assigned].astype(np.float64)
    near = ((query - centroids) ** 2).sum(axis=1) if metric is Metric.L2 else -(centroids @ query)
    estimates: npt.NDArray[np.float64] = near + factors[0] + factors[1] * products
    return estimates


def _exact(metric: Metric, query: npt.NDArray[np.float32], rows: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    wide = rows.astype(np.float64)
    exact: npt.NDArray[np.float64] = ((wide - query) ** 2).sum(axis=1) if metric is Metric.L2 else -(wide @ query)
    return exact


@pytest.mark.parametrize("dim", [1, 2, 63, 64, 100, 128, 200, 768])
def test_a_rotation_keeps_every_product(dim: int) -> None:
    vectors = np.random.default_rng(dim).normal(size=(9, dim)).astype(np.float32)
    rotated = rotate(vectors, rotation_signs(dim, 3)).astype(np.float64)
    assert rotated.shape == (9, padded_dim(dim))
    wide = vectors.astype(np.float64)
    np.testing.assert_allclose(rotated @ rotated.T, wide @ wide.T, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("dim", [64, 192, 768, 960, 1088])
def test_a_rotation_spreads_a_single_value(dim: int) -> None:
    """A vector along any axis comes out like a normal one: no value stands out, and the fourth moment is near three."""
    rotated = rotate(np.eye(dim, dtype=np.float32), rotation_signs(dim, 3)) * np.sqrt(dim)
    assert np.abs(rotated).max() < 6
    assert 2.6 < (rotated**4).mean() < 3.2


@pytest.mark.parametrize("metric", _METRICS)
@pytest.mark.parametrize("bits", [1, 2, 5, 8])
def test_estimates_are_right_on_average_over_rotations(metric: Metric, bits: int) -> None:
    rows, grouped = _grouped(24, 12)
    query = np.random.default_rng(5).normal(size=24).astype(np.float32) + 3
    errors = []
    for seed in range(300):
        codes = encoded_rows(rows, metric, grouped, bits, BuildContext(seed=seed))
        estimates = _estimates(codes, grouped, metric, query, fine=bits > 1)
        errors.append(estimates - _exact(metric, query, rows.matrix))
    errors = np.array(errors)
    deviation = errors.std(axis=0)
    assert (np.abs(errors.mean(axis=0)) < 4.5 * deviation / np.sqrt(len(errors)) + 1e-3).all()


@pytest.mark.parametrize("metric", _METRICS)
def test_errors_shrink_with_the_dimension_and_with_bits(metric: Metric) -> None:
    """Relative to the lengths multiplied, an error falls with the root of the dimension, and by half with each bit."""
    relative: dict[tuple[int, int], float] = {}
    for dim in (64, 256, 1024):
        rows, grouped = _grouped(dim, 200)
        centroids = grouped.centroids[grouped.assigned]
        for bits in (1, 2, 4, 8):
            codes = encoded_rows(rows, metric, grouped, bits, BuildContext())
            errors = []
            for seed in range(20, 26):
                query = (3 + np.random.default_rng(seed).normal(size=dim)).astype(np.float32)
                lengths = np.linalg.norm(rows.matrix - centroids, axis=1) * np.linalg.norm(query - centroids, axis=1)
                estimates = _estimates(codes, grouped, metric, query, fine=bits > 1)
                errors.append((estimates - _exact(metric, query, rows.matrix)) / lengths)
            relative[dim, bits] = float(np.sqrt(np.mean(np.square(errors))))
    for bits in (1, 2, 4, 8):
        assert 1.6 < relative[64, bits] / relative[256, bits] < 2.5
        assert 1.6 < relative[256, bits] / relative[1024, bits] < 2.5
    for dim in (64, 256, 1024):
        assert relative[dim, 1] > 1.8 * relative[dim, 2]
        assert relative[dim, 2] > 2.8 * relative[dim, 4]
        assert relative[dim, 4] > 8 * relative[dim, 8]


@pytest.mark.parametrize("metric", _METRICS)
@pytest.mark.parametrize("dim", [64, 300])
def test_the_bound_covers_as_many_errors_as_its_width_says(metric: Metric, dim: int) -> None:
    """1.9 standard deviations of a normal error cover 94 %; the bound's deviation is an upper bound of the true one."""
    rows, grouped = _grouped(dim, 600)
    covered = []
    for seed in range(8):
        query = (3 + np.random.default_rng(100 + seed).normal(size=dim)).astype(np.float32)
        codes = encoded_rows(rows, metric, grouped, 1, BuildContext(seed=seed))
        errors = np.abs(_estimates(codes, grouped, metric, query, fine=False) - _exact(metric, query, rows.matrix))
        distances = np.linalg.norm(query - grouped.centroids[grouped.assigned], axis=1)
        covered.append(errors <= codes.factors[2, grouped.places()] * distances)
    assert ERROR_WIDTH == 1.9
    assert 0.92 < np.mean(covered) < 0.99


@pytest.mark.parametrize("bits", range(1, 9))
def test_codes_are_the_nearest_steps(bits: int) -> None:
    rotated = np.random.default_rng(bits).normal(size=(50, 128)).astype(np.float32)
    codes = quantised(rotated, bits)
    assert codes.max() < 2**bits
    np.testing.assert_array_equal(codes >= 2 ** (bits - 1), rotated >= 0)
    order = np.argsort(rotated[0])
    assert (np.diff(codes[0][order].astype(int)) >= 0).all()
    lengths = np.linalg.norm(rotated, axis=1)
    directions = codes - (2**bits - 1) / 2
    cosines = (directions * rotated).sum(axis=1) / np.linalg.norm(directions, axis=1) / lengths
    # What the best uniform quantiser of a normal value leaves of its variance (Max, 1960).
    left = {1: 0.3634, 2: 0.1188, 3: 0.0374, 4: 0.0115, 5: 0.0035, 6: 0.0010, 7: 0.0003, 8: 0.0001}[bits]
    assert (1 - cosines**2).mean() < 1.25 * left + 1e-4


@pytest.mark.parametrize("bits", range(1, 8))
def test_layouts_keep_every_bit(bits: int) -> None:
    random = np.random.default_rng(bits)
    codes = random.integers(0, 256, (70, 128)).astype(np.uint8)
    packed = np.packbits(codes & 1, axis=1, bitorder="little")
    lists = RabitqLists(
        signs=np.ones((3, 128), np.float32),
        origin=np.zeros(128, np.float32),
        blocks=block_layout(packed),
        factors=np.zeros((3, 70), np.float32),
        fine_bits=bits + 1,
        fine=fine_layout(codes, bits),
        fine_factors=np.zeros((2, 70), np.float32),
    )
    np.testing.assert_array_equal(_directions(lists, 70, fine=False), 2.0 * (codes & 1) - 1)
    whole = _directions(lists, 70, fine=True) + (2 ** (bits + 1) - 1) / 2
    np.testing.assert_array_equal(whole, (codes & 1) * 2.0**bits + (codes & (2**bits - 1)))


def test_a_row_that_is_its_centroid_has_an_exact_key() -> None:
    _, grouped = _grouped(40, 10)
    same = FloatRows(
        matrix=grouped.centroids[grouped.assigned].copy(), data_type=DataType.FLOAT_VECTOR, rows=None, normalised=False
    )
    query = np.ones(40, np.float32)
    for metric in _METRICS:
        codes = encoded_rows(same, metric, grouped, 4, BuildContext())
        for fine in (False, True):
            estimates = _estimates(codes, grouped, metric, query, fine=fine)
            np.testing.assert_allclose(estimates, _exact(metric, query, same.matrix), rtol=1e-5)
        assert (codes.factors[2] == 0).all()
