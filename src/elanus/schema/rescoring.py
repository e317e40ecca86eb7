"""Rules that change the scores of a search's hits by other fields: values, checked when they are made."""

import math
from dataclasses import dataclass
from typing import Final

from elanus.errors import InvalidInput

__all__ = ["Boost", "BoostRanker", "DecayRanker", "RandomScore", "Rescoring"]

_SHAPES: Final = ("gauss", "exp", "linear")
_SCORE_MODES: Final = ("max", "sum", "avg")
_HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class DecayRanker:
    """The score of a hit, larger being nearer, times a factor that falls with the distance of a number from an origin.

    The factor is 1 up to `offset` from `origin` and `decay` at `offset + scale`. Distances (L2, JACCARD, ...) are first
    brought into [0, 1] as 1 - 2 atan(s) / pi; COSINE and IP stay as they are. NULL has the factor 0.

    Attributes:
        field_name: a numeric field.
        function: `gauss`, `exp` or `linear`.
        origin: where the factor is 1.
        scale: above 0.
        offset: 0 or more.
        decay: in (0, 1).
        score_mode: which score of a hit that several searches found is taken: `max`, `sum` or `avg`.

    Raises:
        InvalidInput: a number out of range, or an unknown word.
    """

    field_name: str
    function: str
    origin: float
    scale: float
    offset: float = 0.0
    decay: float = _HALF
    score_mode: str = "max"

    def __post_init__(self) -> None:
        if self.function not in _SHAPES:
            raise _wrong(f"function is {self.function!r}, expected one of {', '.join(_SHAPES)}")
        if self.score_mode not in _SCORE_MODES:
            raise _wrong(f"score_mode is {self.score_mode!r}, expected one of {', '.join(_SCORE_MODES)}")
        if not math.isfinite(self.origin):
            raise _wrong(f"origin is {self.origin}, expected a finite number")
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise _wrong(f"scale is {self.scale}, expected a number above 0")
        if not (math.isfinite(self.offset) and self.offset >= 0):
            raise _wrong(f"offset is {self.offset}, expected 0 or more")
        if not 0 < self.decay < 1:
            raise _wrong(f"decay is {self.decay}, expected a number above 0 and below 1")


@dataclass(frozen=True, slots=True)
class RandomScore:
    """A number in [0, 1) by which the weight of a boost is multiplied; the same for equal values and seeds.

    Attributes:
        seed: another one gives other numbers.
        field_name: an integer field whose values choose the numbers; empty for the primary key.
    """

    seed: int = 0
    field_name: str = ""


@dataclass(frozen=True, slots=True)
class Boost:
    """A weight for the hits that pass a filter.

    Attributes:
        weight: finite.
        filter: an expression of the filter language; empty for every hit.
        random_score: None for the weight itself.

    Raises:
        InvalidInput: the weight is not finite.
    """

    weight: float
    filter: str = ""
    random_score: RandomScore | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.weight):
            raise _wrong(f"weight is {self.weight}, expected a finite number")


@dataclass(frozen=True, slots=True)
class BoostRanker:
    """Scores, in the metric's own direction, joined with the weights of those boosts whose filters a hit passes.

    It is applied to the nearest rows of each segment, so that it can bring up what would not be among the nearest of
    all.

    Attributes:
        boosts: one or more.
        multiplies_score: the score times the weight, else their sum.
        multiplies_weights: the weights of several boosts are multiplied, else added.

    Raises:
        InvalidInput: there are no boosts.
    """

    boosts: tuple[Boost, ...]
    multiplies_score: bool = True
    multiplies_weights: bool = True

    def __post_init__(self) -> None:
        if not self.boosts:
            raise _wrong("a boost ranker has no boosts, expected at least one")


Rescoring = DecayRanker | BoostRanker


def _wrong(told: str) -> InvalidInput:
    return InvalidInput("invalid_argument", f"reranking: {told}")
