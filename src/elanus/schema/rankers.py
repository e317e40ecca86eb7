"""How the hits of several searches become one list: values, checked when they are made.

Ranks count from 1 and a search that did not find a row gives it nothing (Cormack, Clarke, Büttcher 2009 for the first).
"""

import math
from dataclasses import dataclass
from typing import Final

from elanus.errors import InvalidInput

__all__ = ["Ranker", "RrfRanker", "WeightedRanker"]

_SMOOTHING_DEFAULT: Final = 60.0
_SMOOTHING_MAX: Final = 16_384.0


@dataclass(frozen=True, slots=True)
class RrfRanker:
    """Reciprocal rank fusion: the sum of 1 / (k + rank) over the searches.

    Attributes:
        k: above 0 and below 16,384.
        weights: a factor in [0, 1] for each search; empty for 1 each.

    Raises:
        InvalidInput: a number out of range.
    """

    k: float = _SMOOTHING_DEFAULT
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.k < _SMOOTHING_MAX:
            raise InvalidInput("out_of_range", f"the rank params k is {self.k}, expected above 0 and below 16384")
        _check_weights(self.weights)


@dataclass(frozen=True, slots=True)
class WeightedRanker:
    """The weighted sum of the scores of the searches.

    Attributes:
        weights: in [0, 1], one a search.
        norm_score: scores are brought into [0, 1] first, larger being nearer: COSINE as (1 + s) / 2, IP as
            1/2 + atan(s) / pi, distances as 1 - 2 atan(s) / pi. Without it they are added as they are, and only
            searches whose scores run the same way can be.

    Raises:
        InvalidInput: no weights, or one out of range.
    """

    weights: tuple[float, ...]
    norm_score: bool = True

    def __post_init__(self) -> None:
        if not self.weights:
            raise InvalidInput("invalid_argument", "a weighted ranker has no weights, expected one for each search")
        _check_weights(self.weights)


Ranker = RrfRanker | WeightedRanker


def _check_weights(weights: tuple[float, ...]) -> None:
    for number, weight in enumerate(weights):
        if not (math.isfinite(weight) and 0 <= weight <= 1):
            raise InvalidInput("out_of_range", f"rank param weight {number} is {weight}, expected a number in [0, 1]")
