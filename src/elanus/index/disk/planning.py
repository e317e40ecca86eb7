"""Whether a search walks the graph on disk: a pure decision from counts.

A walk under a filter follows nodes the filter refuses, and every node it follows is a read. What there is instead
depends on what is in memory: with codes there, a scan of all allowed codes; without, an exact scan of the allowed rows.
Both cost a fraction of a read for each allowed row.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["DiskWalkPlan", "plan_disk_walk"]

CODES_PER_READ: Final = 200
"""Codes in memory that are compared in the time of a read."""

ROWS_PER_READ: Final = 12
"""Rows of the column that are scored in order in the time of a read."""

EXACT_ROWS: Final = 64
"""So few allowed rows are scored exactly in the time that coding a query takes."""

_SHARE_POWER: Final = -0.6
_UNEXPECTED: Final = 2.5
# Nodes followed beyond the breadth, which is small where no codes are in memory: on the way from the entries, and since
# a beam follows several at once.
_APPROACH: Final = 30


@dataclass(frozen=True, slots=True)
class DiskWalkPlan:
    """What a search does.

    Attributes:
        exact: score the allowed rows themselves; neither codes nor blocks are used.
        expanded_max: nodes a walk may follow under the filter before it is given up; 0 to scan codes at once.
        scan_kept_max: rows that a scan of codes may keep to be scored before scoring all is better.
        reason: why, for explanations.
    """

    exact: bool
    expanded_max: int
    scan_kept_max: int
    reason: str


def plan_disk_walk(
    *, row_count: int, allowed_count: int, k: int, breadth: int, has_codes: bool, reads_per_node: int
) -> DiskWalkPlan:
    """How to answer a search for `k` of `allowed_count` among `row_count` rows.

    `has_codes` when codes are in memory; to follow a node takes `reads_per_node`.
    """
    if allowed_count <= max(k * ROWS_PER_READ, EXACT_ROWS):
        return _exact(f"all {allowed_count} allowed rows are scored")
    if allowed_count == row_count and not has_codes:
        return DiskWalkPlan(exact=False, expanded_max=row_count, scan_kept_max=0, reason=_walk(breadth))
    followed = breadth if has_codes else breadth + _APPROACH
    expected = int(followed * (allowed_count / row_count) ** _SHARE_POWER)
    scanned_per_read = CODES_PER_READ if has_codes else ROWS_PER_READ
    kept_max = allowed_count // ROWS_PER_READ if has_codes else 0
    if expected * reads_per_node * scanned_per_read >= allowed_count:
        instead = f"a walk would follow about {expected} nodes"
        if not has_codes:
            return _exact(f"scan of {allowed_count} rows, {instead}")
        reason = f"scan of {allowed_count} codes, {instead}"
        return DiskWalkPlan(exact=False, expanded_max=0, scan_kept_max=kept_max, reason=reason)
    if allowed_count == row_count:
        return DiskWalkPlan(exact=False, expanded_max=row_count, scan_kept_max=kept_max, reason=_walk(breadth))
    most = max(1, min(int(expected * _UNEXPECTED), allowed_count // (scanned_per_read * reads_per_node)))
    reason = f"{_walk(breadth)}, scan after {most} nodes"
    return DiskWalkPlan(exact=False, expanded_max=most, scan_kept_max=kept_max, reason=reason)


def _exact(reason: str) -> DiskWalkPlan:
    return DiskWalkPlan(exact=True, expanded_max=0, scan_kept_max=0, reason=reason)


def _walk(breadth: int) -> str:
    return f"walk with {breadth} candidates"
