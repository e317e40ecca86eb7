"""When an index is worth asking: pure decisions from counts.

An exact scan of the allowed rows costs one distance a row, read in order. Where an index would compute as many, the
scan is as fast and always right, so it is taken. Filters are where indexes fail: a graph walks through rows the filter
refuses, and the nearest allowed rows lie spread over more lists. So the fewer rows are allowed, the wider an index is
searched, until the scan is the cheaper way.
"""

import math
from dataclasses import dataclass
from typing import Final

__all__ = ["ListCosts", "SearchPlan", "plan_graph_search", "plan_list_search"]

GRAPH_SHARE_MIN: Final = 0.02
"""A graph is not asked when a smaller share of its rows is allowed."""

COMPARED_PER_CANDIDATE_MAX: Final = 16
"""Rows a graph search compares for each candidate it keeps: about M, and no more than this however large M is."""

GRAPH_READ_COST: Final = 3
"""The time of comparing a row met in a graph, which is read from anywhere, over that of the next row of a scan."""

_WIDENING: Final = -2 / 3

EXACT_ROW_COUNT: Final = 1000
"""So many rows are scanned in the time that asking lists takes before the first row is compared."""


@dataclass(frozen=True, slots=True)
class ListCosts:
    """What an inverted file spends on a row, relative to an exact score in a scan.

    Attributes:
        read: for each row in the lists it reads: finding it, and asking whether it is allowed.
        compare: for each of those that are allowed.
    """

    read: float
    compare: float


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What a search does.

    Attributes:
        exact: scan the allowed rows; the index is not used.
        breadth: candidates a graph search keeps (`ef`), or lists that are read (`nprobe`).
        reason: why, for explanations.
    """

    exact: bool
    breadth: int
    reason: str


def plan_graph_search(*, row_count: int, allowed_count: int, k: int, ef: int, degree: int) -> SearchPlan:
    """How to answer a search over a graph of `row_count` rows, `allowed_count` of which may be returned.

    A graph search keeps `ef` candidates, of which the allowed share are answers; `degree` is M.
    """
    ef = max(ef, k)
    if allowed_count <= k:
        return SearchPlan(exact=True, breadth=ef, reason=f"all {allowed_count} allowed rows are answers")
    share = allowed_count / row_count
    if share < GRAPH_SHARE_MIN:
        return SearchPlan(exact=True, breadth=ef, reason=f"only {share:.2%} of the rows are allowed")
    breadth = math.ceil(ef / share)
    compared_count = breadth * min(degree, COMPARED_PER_CANDIDATE_MAX)
    if compared_count * GRAPH_READ_COST >= allowed_count:
        reason = f"a scan reads {allowed_count} rows, the graph about {compared_count} scattered ones"
        return SearchPlan(exact=True, breadth=breadth, reason=reason)
    return SearchPlan(exact=False, breadth=breadth, reason=f"graph search that keeps {breadth} candidates")


def plan_list_search(
    *, row_count: int, allowed_count: int, k: int, nprobe: int, list_count: int, costs: ListCosts
) -> SearchPlan:
    """How to answer a search over inverted lists of `row_count` rows, `allowed_count` of which may be returned.

    Under a filter the nearest allowed rows are spread over more lists, and fewer rows are compared in each. The number
    of lists grows with the allowed share to the power of -2/3, which kept recall where it was without a filter, for
    shares down to a tenth. At least so many lists are read that twice `k` rows can be expected.
    """
    if allowed_count <= max(k, EXACT_ROW_COUNT):
        return SearchPlan(exact=True, breadth=nprobe, reason=f"a scan of {allowed_count} allowed rows is cheapest")
    share = allowed_count / row_count
    widened = max(nprobe * share**_WIDENING, 2 * k * list_count / allowed_count)
    breadth = min(list_count, math.ceil(widened))
    read_count = row_count * breadth // list_count
    if read_count * (costs.read + share * costs.compare) >= allowed_count:
        reason = f"a scan reads {allowed_count} rows, {breadth} of {list_count} lists hold about {read_count}"
        return SearchPlan(exact=True, breadth=breadth, reason=reason)
    return SearchPlan(exact=False, breadth=breadth, reason=f"reads {breadth} of {list_count} lists")
