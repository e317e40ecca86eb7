"""When a graph is walked, when its codes are scanned, when vectors are."""

from hypothesis import given
from hypothesis import strategies as st

from elanus.index.graph.planning import WALK_COST, plan_walk


def test_few_allowed_rows_are_scored_exactly() -> None:
    assert plan_walk(row_count=10**6, allowed_count=5, k=10, breadth=20).exact
    assert plan_walk(row_count=10**6, allowed_count=50, k=10, breadth=20).exact
    assert not plan_walk(row_count=10**6, allowed_count=5000, k=10, breadth=20).exact


def test_without_a_filter_a_large_graph_is_walked_and_a_small_one_scanned() -> None:
    assert plan_walk(row_count=10**6, allowed_count=10**6, k=10, breadth=64).walk_compared_max == 10**6
    assert plan_walk(row_count=1000, allowed_count=1000, k=10, breadth=64).walk_compared_max == 0


def test_a_tight_filter_is_scanned_and_a_loose_one_walked_with_a_limit() -> None:
    assert plan_walk(row_count=100_000, allowed_count=1000, k=10, breadth=20).walk_compared_max == 0
    loose = plan_walk(row_count=100_000, allowed_count=50_000, k=10, breadth=20)
    assert 0 < loose.walk_compared_max < 50_000
    assert loose.reason == f"walk with 20 candidates, scan after {loose.walk_compared_max} comparisons"


@given(st.integers(1, 10**7), st.floats(0, 1), st.integers(1, 1000), st.integers(0, 1000))
def test_a_walk_that_is_given_up_never_costs_more_than_the_scan(rows: int, share: float, k: int, more: int) -> None:
    allowed = int(rows * share)
    plan = plan_walk(row_count=rows, allowed_count=allowed, k=k, breadth=k + more)
    if plan.exact:
        assert allowed <= max(k, 64)
    elif allowed < rows:
        assert plan.walk_compared_max * WALK_COST <= allowed
