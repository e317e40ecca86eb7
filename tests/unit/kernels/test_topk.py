"""The best of many scores."""

import numpy as np
import pytest

from elanus.kernels.topk import topk

pytestmark = pytest.mark.usefixtures("backend")


def test_largest_and_smallest_in_order_with_ties_to_the_smaller_place() -> None:
    scores = np.array([3, 1, 3, 2, 1], np.float32)
    assert topk(scores, 3, largest=True)[1].tolist() == [0, 2, 3]
    assert topk(scores, 3, largest=False)[1].tolist() == [1, 4, 3]
    assert topk(scores, 3, largest=False)[0].tolist() == [1, 1, 2]


def test_more_than_there_are_gives_all() -> None:
    assert topk(np.array([1, 2], np.float32), 9, largest=True)[1].tolist() == [1, 0]
    assert topk(np.empty(0, np.float32), 9, largest=True)[1].tolist() == []
    assert topk(np.array([1, 2], np.float32), 0, largest=True)[1].tolist() == []


@pytest.mark.parametrize("largest", [True, False])
def test_infinities_and_extremes_are_ordinary_scores(largest: bool) -> None:
    values = [np.inf, -np.inf, 0.0, np.finfo(np.float32).max, -1e-45, 1e-45]
    scores = np.array(values * 700, np.float32)
    found = topk(scores, len(scores), largest=largest)[0]
    assert found.tolist() == sorted(scores.tolist(), reverse=largest)


def test_descending_scores_replace_the_kept_ones_again_and_again() -> None:
    scores = np.arange(50_000, dtype=np.float32)
    assert topk(scores, 5, largest=True)[1].tolist() == [49_999, 49_998, 49_997, 49_996, 49_995]


@pytest.mark.parametrize("largest", [True, False])
def test_least_better_score_replaces_the_last_kept_one(largest: bool) -> None:
    scores = np.ones(5000, np.float32)
    scores[4000] = np.nextafter(np.float32(1), np.float32(2 if largest else 0))
    assert topk(scores, 1, largest=largest)[1].tolist() == [4000]


@pytest.mark.parametrize("largest", [True, False])
def test_the_two_zeros_are_equal(largest: bool) -> None:
    scores = np.tile(np.array([-0.0, 0.0, 0.0, -0.0], np.float32), 1000)
    found, rows = topk(scores, 9, largest=largest)
    assert rows.tolist() == list(range(9))
    assert not np.signbit(found).any()


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="scores has elements of float64, expected float32"):
        topk(np.zeros(3), 1, largest=True)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="k is -2"):
        topk(np.zeros(3, np.float32), -2, largest=True)
