"""When a graph on disk is walked."""

import pytest

from elanus.index.disk.planning import DiskWalkPlan, plan_disk_walk


def plan(
    allowed_count: int, *, has_codes: bool, row_count: int = 1_000_000, breadth: int = 100, reads_per_node: int = 1
) -> DiskWalkPlan:
    return plan_disk_walk(
        row_count=row_count,
        allowed_count=allowed_count,
        k=10,
        breadth=breadth,
        has_codes=has_codes,
        reads_per_node=reads_per_node,
    )


@pytest.mark.parametrize("has_codes", [True, False])
def test_few_rows_are_scored_and_all_rows_are_walked_to(*, has_codes: bool) -> None:
    assert plan(120, has_codes=has_codes).exact
    assert plan(5, has_codes=has_codes, row_count=5).exact
    assert not plan(121, has_codes=True).exact
    walk = plan(1_000_000, has_codes=has_codes)
    assert (walk.exact, walk.expanded_max) == (False, 1_000_000)


def test_without_codes_in_memory_every_unfiltered_search_for_a_few_rows_walks() -> None:
    walk = plan(500, has_codes=False, row_count=500)
    assert (walk.exact, walk.expanded_max) == (False, 500)
    assert plan(500, has_codes=True, row_count=500).expanded_max == 0


def test_a_narrow_filter_is_answered_by_what_costs_fewer_reads() -> None:
    codes, rows = plan(10_000, has_codes=True), plan(10_000, has_codes=False)
    assert (codes.exact, codes.expanded_max) == (False, 0)
    assert (rows.exact, rows.expanded_max) == (True, 0)


def test_the_more_reads_a_node_takes_the_wider_must_a_filter_be() -> None:
    assert not plan(300_000, has_codes=False).exact
    assert plan(30_000, has_codes=False, reads_per_node=15).exact


def test_a_scan_of_codes_scores_no_more_rows_than_cost_a_scan_of_all() -> None:
    for allowed_count in (1000, 50_000, 1_000_000):
        assert plan(allowed_count, has_codes=True).scan_kept_max == allowed_count // 12


@pytest.mark.parametrize("has_codes", [True, False])
def test_a_walk_under_a_filter_may_never_cost_more_than_what_replaces_it(*, has_codes: bool) -> None:
    for allowed_count in (50_000, 200_000, 900_000):
        for reads_per_node in (1, 15):
            made = plan(allowed_count, has_codes=has_codes, reads_per_node=reads_per_node)
            assert made.expanded_max * reads_per_node <= allowed_count // (200 if has_codes else 12)
            assert made.exact <= (made.expanded_max == 0)
            assert made.reason
