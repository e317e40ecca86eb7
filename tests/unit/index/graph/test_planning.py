"""When a graph is walked, when cells or all codes are searched, when vectors are."""

from hypothesis import given
from hypothesis import strategies as st

from elanus.index.graph.planning import WALK_COST, WalkPlan, plan_walk


def plan(rows: int, allowed: int, *, k: int = 10, breadth: int = 20) -> WalkPlan:
    return plan_walk(row_count=rows, allowed_count=allowed, cell_count=int(rows**0.5), k=k, breadth=breadth)


def test_few_allowed_rows_are_scored_exactly() -> None:
    assert plan(10**6, 5).exact
    assert plan(10**6, 50).exact
    assert not plan(10**6, 5000).exact


def test_without_a_filter_a_large_graph_is_walked_and_a_small_one_scanned() -> None:
    assert plan(10**6, 10**6, breadth=64).walk_compared_max == 10**6
    small = plan(1000, 1000, breadth=64)
    assert (small.walk_compared_max, small.patience) == (0, 0)


def test_a_loose_filter_is_walked_a_tighter_one_takes_cells_and_few_rows_are_scanned() -> None:
    loose = plan(100_000, 60_000)
    assert 0 < loose.walk_compared_max < 60_000
    assert loose.patience == 4
    assert loose.reason == (
        f"walk with 20 candidates, the nearest of 316 cells after {loose.walk_compared_max} comparisons"
    )
    tight = plan(100_000, 5000)
    assert (tight.walk_compared_max, tight.patience) == (0, 8)
    assert tight.reason.startswith("the nearest of 316 cells, a walk would compare about")
    few = plan(100_000, 100)
    assert (few.walk_compared_max, few.patience) == (0, 0)
    assert few.reason.startswith("scan of 100 codes")


@given(st.integers(1, 10**7), st.floats(0, 1), st.integers(1, 1000), st.integers(0, 1000))
def test_a_walk_that_is_given_up_never_costs_more_than_the_scan(rows: int, share: float, k: int, more: int) -> None:
    allowed = int(rows * share)
    planned = plan(rows, allowed, k=k, breadth=k + more)
    if planned.exact:
        assert allowed <= max(k, 64)
    elif allowed < rows:
        assert planned.walk_compared_max * WALK_COST <= allowed
