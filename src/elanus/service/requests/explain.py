"""Explaining what another request does."""

from dataclasses import dataclass

from elanus.query.explanation import Explanation
from elanus.service.requests.base import Request
from elanus.service.requests.query import Aggregate, Query, Search

__all__ = ["Explain"]


@dataclass(frozen=True, slots=True)
class Explain(Request[Explanation]):
    """What a request means and what it does, found out by doing it; it takes longer than the request itself.

    Attributes:
        request: a search, or anything with a filter.
    """

    request: Search | Query | Aggregate
