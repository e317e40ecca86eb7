"""Reranking functions of a request, as they were sent."""

from typing import Any

import msgspec

from elanus.server.grpc.key_values import texts_of
from elanus.server.grpc.stubs import schema_pb2
from elanus.server.ranker_options import RankingFunction

__all__ = ["ranking_functions", "said_value"]


def ranking_functions(score: schema_pb2.FunctionScore) -> tuple[RankingFunction, ...]:
    """The functions with what their parameters say; filters stay as they were written.

    Raises:
        InvalidInput: a parameter is given twice.
    """
    found = []
    for function in score.functions:
        texts = texts_of(function.params, what="the function's params")
        params = {name: text if name == "filter" else said_value(text) for name, text in texts.items()}
        found.append(RankingFunction(tuple(function.input_field_names), params))
    return tuple(found)


def said_value(text: str) -> Any:
    """What a text says: clients send JSON, or the bare word."""
    try:
        return msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, RecursionError):
        return text
