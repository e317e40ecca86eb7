"""Hybrid timestamps: strictly increasing whatever the clock does, in Milvus's layout."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.runtime.clock import ManualClock
from elanus.runtime.timestamps import LOGICAL_BITS, MAX_TIMESTAMP, TimestampOracle, compose, physical_ms


def test_the_layout_is_that_of_milvus() -> None:
    assert LOGICAL_BITS == 18
    assert compose(1, 5) == (1 << 18) + 5
    assert physical_ms(compose(1_700_000_000_000, 77)) == 1_700_000_000_000
    assert MAX_TIMESTAMP == 2**63 - 1


def test_a_timestamp_carries_the_wall_time() -> None:
    assert TimestampOracle(ManualClock(123_456)).allocate() == compose(123_456)


def test_within_one_millisecond_the_logical_part_counts() -> None:
    oracle = TimestampOracle(ManualClock(5))
    assert [oracle.allocate() for _ in range(3)] == [compose(5), compose(5, 1), compose(5, 2)]


def test_timestamps_increase_when_the_clock_is_set_back() -> None:
    clock = ManualClock(10_000)
    oracle = TimestampOracle(clock)
    before = oracle.allocate()
    clock.advance(-9_000)
    assert oracle.allocate() == before + 1
    clock.advance(20_000)
    assert oracle.allocate() == compose(21_000)


def test_more_than_a_milliseconds_worth_borrow_from_the_next() -> None:
    oracle = TimestampOracle(ManualClock(5))
    first = oracle.allocate_range(1 << LOGICAL_BITS)
    assert first == compose(5)
    assert oracle.allocate() == compose(6)


def test_a_range_is_the_callers_alone() -> None:
    oracle = TimestampOracle(ManualClock(5))
    first = oracle.allocate_range(10)
    assert oracle.last() == first + 9
    assert oracle.allocate() == first + 10


def test_what_is_found_on_disk_is_never_given_out_again() -> None:
    oracle = TimestampOracle(ManualClock(5), floor=compose(100))
    assert oracle.allocate() == compose(100) + 1
    oracle.advance(compose(7))
    assert oracle.allocate() == compose(100) + 2
    oracle.advance(compose(200))
    assert oracle.last() == compose(200)
    assert oracle.allocate() == compose(200) + 1


def test_a_range_of_nothing_is_our_mistake() -> None:
    with pytest.raises(AssertionError):
        TimestampOracle(ManualClock()).allocate_range(0)


def test_many_threads_and_an_unsteady_clock_never_share_a_timestamp() -> None:
    clock = ManualClock(1000)
    oracle = TimestampOracle(clock)

    def take(number: int) -> list[int]:
        taken = []
        for step in range(400):
            clock.advance(-3 if (step + number) % 3 else 5)
            taken.append(oracle.allocate())
        return taken

    with ThreadPoolExecutor(8) as pool:
        threads = list(pool.map(take, range(8)))
    assert all(taken == sorted(set(taken)) for taken in threads)
    together = [timestamp for taken in threads for timestamp in taken]
    assert len(set(together)) == len(together) == 3200


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 300_000)), min_size=1, max_size=30))
def test_ranges_never_overlap_nor_go_back(steps: list[tuple[int, int]]) -> None:
    clock = ManualClock(1_000_000)
    oracle = TimestampOracle(clock)
    end = 0
    for move, count in steps:
        clock.advance(move)
        first = oracle.allocate_range(count)
        assert first >= end
        assert first >= compose(clock.now_ms())
        end = first + count
