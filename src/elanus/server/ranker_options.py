"""Rankers, wherever clients write them: a strategy with parameters, or reranking functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from elanus.errors import InvalidInput
from elanus.schema.rankers import Ranker, RrfRanker, WeightedRanker
from elanus.schema.rescoring import Boost, BoostRanker, DecayRanker, RandomScore, Rescoring
from elanus.server.option_values import folded_text, option_flag, option_integer
from elanus.server.refusals import not_supported

__all__ = ["RankingFunction", "hybrid_ranker", "ranker_of", "rescoring_of"]

_STRATEGIES: Final = "rrf, weighted, decay"
_LATER: Final = frozenset({"model", "expr"})
_MODES: Final = {"multiply": True, "multiple": True, "sum": False}


@dataclass(frozen=True, slots=True)
class RankingFunction:
    """A reranking function as it was sent.

    Attributes:
        inputs: the fields it goes by.
        params: by name; texts, or what they say.
    """

    inputs: tuple[str, ...]
    params: Mapping[str, Any]

    @property
    def name(self) -> str:
        return folded_text(self.params.get("reranker", ""))


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


def hybrid_ranker(functions: Sequence[RankingFunction]) -> Ranker | DecayRanker:
    """The ranker of a hybrid search from its one reranking function.

    Raises:
        InvalidInput: there is not one, it is not for hybrid searches, or a parameter is wrong.
    """
    if len(functions) != 1:
        raise not_supported("more than one reranking function")
    if functions[0].name == "decay":
        return _decay(functions[0])
    if functions[0].name == "boost":
        raise InvalidInput(
            "invalid_argument", "a boost ranker is for single searches: give it to the searches of the hybrid one"
        )
    return ranker_of(functions[0].params.get("reranker", ""), functions[0].params)


def rescoring_of(functions: Sequence[RankingFunction], params: Mapping[str, Any]) -> Rescoring | None:
    """What changes the scores of a single search; None without functions.

    `params` are those of all functions together: `boost_mode` and `function_mode`.

    Raises:
        InvalidInput: functions that do not go together, an unknown one, or a wrong parameter.
    """
    if not functions:
        return None
    names = {function.name for function in functions}
    for name in sorted(names):
        if name in _LATER:
            raise not_supported(f"reranking by {name}")
        if name not in {"decay", "boost"}:
            raise InvalidInput("invalid_argument", f"a single search is reranked by decay or boost, not by {name!r}")
    if names == {"boost"}:
        return BoostRanker(
            tuple(_boost(function) for function in functions),
            multiplies_score=_mode("boost_mode", params),
            multiplies_weights=_mode("function_mode", params),
        )
    if len(functions) > 1:
        raise not_supported("more than one reranking function, unless all are boosts,")
    return _decay(functions[0])


def _decay(function: RankingFunction) -> DecayRanker:
    if len(function.inputs) != 1:
        raise InvalidInput(
            "invalid_argument", f"a decay ranker goes by one field, got {', '.join(function.inputs) or 'none'}"
        )
    params = function.params
    for name in ("function", "origin", "scale"):
        if params.get(name) is None:
            raise InvalidInput("missing_parameter", f"a decay ranker needs {name}")
    return DecayRanker(
        function.inputs[0],
        folded_text(params["function"]),
        origin=_number("origin", params["origin"]),
        scale=_number("scale", params["scale"]),
        offset=_number("offset", params.get("offset", 0.0)),
        decay=_number("decay", params.get("decay", 0.5)),
        score_mode=folded_text(params.get("score_mode", "max")),
    )


def _boost(function: RankingFunction) -> Boost:
    if function.inputs:
        raise InvalidInput(
            "invalid_argument", f"a boost ranker takes no input fields, got {', '.join(function.inputs)}"
        )
    params = function.params
    if params.get("weight") is None:
        raise InvalidInput("missing_parameter", "a boost ranker needs weight")
    random = params.get("random_score")
    if isinstance(random, str) and random:
        try:
            random = msgspec.json.decode(random.encode())
        except (msgspec.DecodeError, RecursionError):
            raise InvalidInput("invalid_argument", f"random_score is {random!r}, expected a JSON object") from None
    if random is not None and not isinstance(random, Mapping):
        raise InvalidInput("invalid_argument", f"random_score is {random!r}, expected an object")
    return Boost(
        _number("weight", params["weight"]),
        filter=str(params.get("filter") or ""),
        random_score=None
        if random is None
        else RandomScore(option_integer("seed", random.get("seed", 0)), str(random.get("field") or "")),
    )


def _mode(name: str, params: Mapping[str, Any]) -> bool:
    """Whether it is multiplication, which is the default."""
    mode = folded_text(params.get(name) or "multiply")
    if mode not in _MODES:
        raise InvalidInput("invalid_argument", f"{name} is {mode!r}, expected Multiply or Sum")
    return _MODES[mode]


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
