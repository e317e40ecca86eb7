"""What an index does for a search, and why, as explanations tell it."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy.typing as npt

from elanus.columns.bitset import Bitset
from elanus.index.planning import SearchPlan
from elanus.index.protocol import Params

__all__ = ["ExplainedIndex", "SearchStrategy", "planned_strategy"]


@dataclass(frozen=True, slots=True)
class SearchStrategy:
    """How an index answers.

    Attributes:
        exact: every allowed row is scored; what the index stores besides the column is not used.
        reason: why, with the numbers that decided.
        compared_count: rows or codes compared for all queries together; None when it is not counted.
        read_count: blocks and vectors read from files for all queries together; None for what is in memory or mapped.
    """

    exact: bool
    reason: str
    compared_count: int | None = None
    read_count: int | None = None


@runtime_checkable
class ExplainedIndex(Protocol):
    """A `VectorIndex` that can tell."""

    def explain(self, queries: npt.NDArray[Any], k: int, params: Params, allow: Bitset | None) -> SearchStrategy:
        """What `search` with these arguments does; it may search to find out."""
        ...


def planned_strategy(plan: SearchPlan, *, allowed_count: int, query_count: int) -> SearchStrategy:
    """That of a plan; what an index itself compares is not counted."""
    compared_count = allowed_count * query_count if plan.exact else None
    return SearchStrategy(exact=plan.exact, reason=plan.reason, compared_count=compared_count)
