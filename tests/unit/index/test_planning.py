"""When an index is asked, how widely, and when the allowed rows are scanned instead."""

import pytest

from elanus.index.planning import EXACT_ROW_COUNT, GRAPH_SHARE_MIN, ListCosts, plan_graph_search, plan_list_search


def test_an_unfiltered_graph_search_keeps_ef_candidates() -> None:
    plan = plan_graph_search(row_count=100_000, allowed_count=100_000, k=10, ef=64, degree=16)
    assert (plan.exact, plan.breadth) == (False, 64)


def test_ef_below_k_works_as_k() -> None:
    plan = plan_graph_search(row_count=100_000, allowed_count=100_000, k=50, ef=10, degree=16)
    assert (plan.exact, plan.breadth) == (False, 50)


def test_a_filter_widens_the_graph_search_by_the_inverse_of_its_share() -> None:
    plan = plan_graph_search(row_count=1_000_000, allowed_count=250_000, k=10, ef=64, degree=16)
    assert (plan.exact, plan.breadth) == (False, 256)


@pytest.mark.parametrize(
    ("row_count", "allowed_count", "k", "reason"),
    [
        (1_000_000, 10, 10, "all 10 allowed rows are answers"),
        (1_000_000, 0, 10, "all 0 allowed rows are answers"),
        (1_000_000, int(1_000_000 * GRAPH_SHARE_MIN) - 1, 10, "only 2.00% of the rows are allowed"),
        (100_000, 10_000, 10, "a scan reads 10000 rows, the graph about 10240 scattered ones"),
        (3000, 3000, 10, "a scan reads 3000 rows, the graph about 1024 scattered ones"),
    ],
)
def test_the_graph_is_not_asked_when_a_scan_is_cheaper(row_count: int, allowed_count: int, k: int, reason: str) -> None:
    plan = plan_graph_search(row_count=row_count, allowed_count=allowed_count, k=k, ef=64, degree=16)
    assert plan.exact
    assert plan.reason == reason


WHOLE = ListCosts(read=0.1, compare=1.0)
CODED = ListCosts(read=0.05, compare=0.2)


@pytest.mark.parametrize(("allowed_count", "breadth"), [(100_000, 8), (25_000, 21), (11_111, 35)])
def test_a_filter_reads_more_lists_the_fewer_rows_it_allows(allowed_count: int, breadth: int) -> None:
    plan = plan_list_search(row_count=100_000, allowed_count=allowed_count, k=10, nprobe=8, list_count=512, costs=WHOLE)
    assert (plan.exact, plan.breadth) == (False, breadth)
    assert plan.reason == f"reads {breadth} of 512 lists"


def test_lists_are_not_read_when_a_scan_costs_less() -> None:
    plan = plan_list_search(row_count=100_000, allowed_count=2000, k=10, nprobe=8, list_count=128, costs=WHOLE)
    assert plan.exact
    assert plan.reason == "a scan reads 2000 rows, 109 of 128 lists hold about 85156"


def test_every_list_is_a_scan_unless_codes_are_cheaper() -> None:
    given = {"row_count": 100_000, "allowed_count": 100_000, "k": 10, "nprobe": 128, "list_count": 128}
    assert plan_list_search(**given, costs=WHOLE).exact
    assert not plan_list_search(**given, costs=CODED).exact


def test_few_allowed_rows_are_always_scanned() -> None:
    costs = ListCosts(read=0.0, compare=0.01)
    plan = plan_list_search(
        row_count=10**6, allowed_count=EXACT_ROW_COUNT, k=10, nprobe=1, list_count=4096, costs=costs
    )
    assert plan.exact


def test_a_large_k_reads_lists_that_can_hold_twice_as_many() -> None:
    plan = plan_list_search(
        row_count=1_000_000, allowed_count=1_000_000, k=16_384, nprobe=8, list_count=1024, costs=WHOLE
    )
    assert not plan.exact
    assert plan.breadth * 1_000_000 // 1024 >= 2 * 16_384


def test_a_graph_with_more_links_costs_no_more_than_one_with_sixteen() -> None:
    dense = plan_graph_search(row_count=10_000, allowed_count=10_000, k=10, ef=64, degree=2048)
    assert not dense.exact
    sparse = plan_graph_search(row_count=2000, allowed_count=2000, k=10, ef=64, degree=4)
    assert not sparse.exact
