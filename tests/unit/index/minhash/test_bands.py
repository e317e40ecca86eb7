"""Bands: equal ones meet, and rows are found by how many they share."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from elanus.index.minhash.bands import Bands, band_hashes, miss_probability
from elanus.index.protocol import BuildContext


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    matrix=hnp.arrays(np.uint8, st.tuples(st.integers(2, 40), st.just(16)), elements=st.integers(0, 1)),
    element_bits=st.sampled_from([8, 16, 32, 64]),
    data=st.data(),
)
def test_rows_found_are_those_with_an_equal_band(
    matrix: npt.NDArray[np.uint8], element_bits: int, data: st.DataObject
) -> None:
    length = 128 // element_bits
    band_count = data.draw(st.sampled_from([count for count in range(1, length + 1) if length % count == 0]))
    numbers = np.arange(len(matrix) - 1) * 2
    wide = np.zeros((2 * len(numbers), 16), np.uint8)
    wide[numbers] = matrix[:-1]
    bands = Bands.of(wide, numbers, element_bits=element_bits, band_count=band_count, context=BuildContext())
    rows, counts = bands.sharing(matrix[-1])
    width = 16 // band_count
    expected = {}
    for number, row in zip(numbers.tolist(), matrix[:-1], strict=True):
        cuts = range(0, 16, width)
        shared = sum(bool((row[cut : cut + width] == matrix[-1][cut : cut + width]).all()) for cut in cuts)
        if shared:
            expected[number] = shared
    assert dict(zip(rows.tolist(), counts.tolist(), strict=True)) == expected
    assert rows.tolist() == sorted(expected)


def test_the_order_of_elements_matters_to_a_hash() -> None:
    forward = np.array([[1, 2, 3, 4]], np.uint8)
    hashes = [int(band_hashes(row, element_bits=8, band_count=1)[0, 0]) for row in (forward, forward[:, ::-1])]
    assert hashes[0] != hashes[1]


@pytest.mark.parametrize(("distance", "expected"), [(0.0, 0.0), (1.0, 1.0), (0.5, (1 - 0.5**4) ** 8), (-3.0, 0.0)])
def test_miss_probability(distance: float, expected: float) -> None:
    assert miss_probability(distance, band_count=8, elements_per_band=4) == pytest.approx(expected)
