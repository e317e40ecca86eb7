"""From the recall asked for to the effort it takes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.index.calibration import Calibration, Measurement, calibrate, held_out_count, recall_of
from elanus.index.protocol import SearchHits

MEASURED = Calibration(
    (
        Measurement(10, 10, 0.8),
        Measurement(10, 20, 0.9),
        Measurement(10, 40, 1.0),
        Measurement(100, 100, 0.9),
        Measurement(100, 200, 1.0),
    )
)


def test_efforts_are_interpolated_with_a_margin() -> None:
    assert MEASURED.effort(10, 0.75) == 10
    assert MEASURED.effort(10, 0.9) == 22  # aims at 0.91
    assert MEASURED.effort(100, 0.9) == 110
    assert MEASURED.effort(3, 0.9) == 22
    assert MEASURED.effort(300, 0.9) == 330
    assert MEASURED.effort(32, 0.9) == pytest.approx(50, abs=2)


def test_what_no_effort_reached_gets_twice_the_largest() -> None:
    short = Calibration((Measurement(10, 10, 0.5), Measurement(10, 80, 0.9)))
    assert short.effort(10, 0.95) == 160


@given(st.integers(1, 2000), st.floats(0.1, 0.99), st.floats(0.1, 0.99))
def test_more_recall_never_takes_less_effort(k: int, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert MEASURED.effort(k, low) <= MEASURED.effort(k, high)


def test_measuring_stops_when_all_is_found() -> None:
    true = np.arange(300).reshape(3, 100)
    asked: list[tuple[int, int]] = []

    def search(k: int, effort: int) -> SearchHits:
        asked.append((k, effort))
        rows = np.full((3, k), -1)
        rows[:, : min(k, effort)] = true[:, : min(k, effort)]
        return SearchHits(rows=rows, scores=np.zeros((3, k), np.float32))

    found = calibrate(search, true, lambda k: (max(1, k // 2), k, 2 * k))
    assert asked == [(1, 1), (10, 5), (10, 10), (100, 50), (100, 100)]
    assert [one.recall for one in found.measurements] == [1.0, 0.5, 1.0, 0.5, 1.0]


def test_recall_counts_rows_that_exist() -> None:
    assert recall_of(np.array([[1, 2, -1]]), np.array([[2, 3, -1]])) == 0.5
    assert held_out_count(19) == 0
    assert held_out_count(10**6) == 400
