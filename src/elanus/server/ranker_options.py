"""Rankers of a hybrid search, wherever clients write them: a strategy with parameters, or a reranking function."""

from collections.abc import Mapping
from typing import Any, Final

from elanus.errors import InvalidInput
from elanus.schema.rankers import Ranker, RrfRanker, WeightedRanker
from elanus.server.option_values import folded_text, option_flag
from elanus.server.refusals import not_supported

__all__ = ["ranker_of", "ranker_of_function"]

_STRATEGIES: Final = "rrf, weighted"
_LATER: Final = frozenset({"decay", "boost", "model", "expr"})


def ranker_of(strategy: Any, params: Mapping[str, Any]) -> Ranker:
    """The ranker of a strategy's name, RRF when it is empty.

    Raises:
        InvalidInput: there is no such strategy, or a parameter is wrong.
    """
    name = folded_text(strategy or "rrf")
    if name == "rrf":
        weights = params.get("weights")
        return RrfRanker(
            k=_number("k", params.get("k", RrfRanker().k)), weights=() if weights is None else _weights(weights)
        )
    if name == "weighted":
        return WeightedRanker(
            weights=_weights(params.get("weights")),
            norm_score=option_flag("norm_score", params.get("norm_score", True)),
        )
    if name in _LATER:
        raise not_supported(f"reranking by {name}")
    raise InvalidInput("invalid_argument", f"unsupported rank type {strategy!r}, expected one of {_STRATEGIES}")


def ranker_of_function(params: Mapping[str, Any]) -> Ranker:
    """The ranker of a reranking function's parameters, whose `reranker` names it.

    Raises:
        InvalidInput: as `ranker_of`.
    """
    return ranker_of(params.get("reranker", ""), params)


def _weights(values: Any) -> tuple[float, ...]:
    if not isinstance(values, list | tuple) or not values:
        raise InvalidInput("invalid_argument", f"weights is {values!r}, expected a list with a number for each search")
    return tuple(_number("weights", value) for value in values)


def _number(name: str, value: Any) -> float:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise InvalidInput("invalid_argument", f"the type of rank param {name} is wrong: {value!r}, expected a number")
