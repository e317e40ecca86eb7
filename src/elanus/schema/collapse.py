"""How hits that are elements become hits that are rows: a value, checked when it is made."""

from dataclasses import dataclass
from typing import Final

from elanus.errors import InvalidInput

__all__ = ["Collapse"]

_STRATEGIES: Final = ("max", "sum", "avg", "topk_sum", "topk_avg")


@dataclass(frozen=True, slots=True)
class Collapse:
    """The score of a row from those of its elements that were found.

    Attributes:
        strategy: `max` is the best, whichever way scores run; `sum` and `avg` are of all, with `topk_` of the best.
        topk: of how many; needed for `topk_sum` and `topk_avg`, and for them alone.

    Raises:
        InvalidInput: an unknown strategy, or `topk` where it does not belong or below 1.
    """

    strategy: str = "max"
    topk: int = 0

    def __post_init__(self) -> None:
        if self.strategy not in _STRATEGIES:
            raise InvalidInput(
                "invalid_argument", f"collapse strategy is {self.strategy!r}, expected one of {', '.join(_STRATEGIES)}"
            )
        if self.strategy.startswith("topk") and self.topk < 1:
            raise InvalidInput("invalid_argument", f"collapse {self.strategy} needs topk, a number of 1 or more")
        if not self.strategy.startswith("topk") and self.topk:
            raise InvalidInput("invalid_argument", f"collapse {self.strategy} takes no topk, got {self.topk}")

    @property
    def adds(self) -> bool:
        """Whether scores are added, which makes sense where larger is nearer."""
        return self.strategy.endswith("sum")
