"""Whether a search walks the graph: a pure decision from counts.

A walk under a filter goes over every node near the query and keeps the allowed ones, so it compares more the fewer are
allowed; how many depends on whether they lie where the query is, which nobody knows beforehand. A scan of all allowed
codes compares exactly the allowed rows, in order, each in a fraction of the time. So a walk is tried where it would pay
if the filter had nothing to do with the query, and given up for the scan once it has cost a share of one.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["WalkPlan", "plan_walk"]

WALK_COST: Final = 5.0
"""The time of comparing a node of a walk, over that of comparing the next allowed row of a scan."""

EXACT_ROWS: Final = 64
"""So few allowed rows are scored exactly in the time that coding a query takes."""

_COMPARED_OF_BREADTH: Final = (150.0, 0.35)
_COMPARED_OF_SHARE: Final = -0.4
_UNEXPECTED: Final = 2.0
# A walk that is given up is paid beside the scan, so under a filter it must promise more than to be a little cheaper.
_WORTH_A_TRY: Final = 0.6


@dataclass(frozen=True, slots=True)
class WalkPlan:
    """What a search does.

    Attributes:
        exact: score the allowed rows themselves; the codes are not used.
        walk_compared_max: nodes a walk may compare under the filter before a scan takes over; 0 to scan at once.
        reason: why, for explanations.
    """

    exact: bool
    walk_compared_max: int
    reason: str


def plan_walk(*, row_count: int, allowed_count: int, k: int, breadth: int) -> WalkPlan:
    """How to answer a search for `k` of `allowed_count` among `row_count` rows with a beam of `breadth`."""
    if allowed_count <= max(k, EXACT_ROWS):
        return _plan(f"all {allowed_count} allowed rows are scored", exact=True)
    factor, power = _COMPARED_OF_BREADTH
    expected = int(factor * breadth**power * (allowed_count / row_count) ** _COMPARED_OF_SHARE)
    if expected * WALK_COST >= allowed_count * (1.0 if allowed_count == row_count else _WORTH_A_TRY):
        return _plan(f"scan of {allowed_count} codes, a walk would compare about {expected}")
    if allowed_count == row_count:
        return _plan(f"walk with {breadth} candidates", walk_compared_max=row_count)
    most = min(int(expected * _UNEXPECTED), int(allowed_count / WALK_COST))
    return _plan(f"walk with {breadth} candidates, scan after {most} comparisons", walk_compared_max=most)


def _plan(reason: str, *, exact: bool = False, walk_compared_max: int = 0) -> WalkPlan:
    return WalkPlan(exact=exact, walk_compared_max=walk_compared_max, reason=reason)
