"""Clocks: the machine's, and the one tests move."""

from concurrent.futures import ThreadPoolExecutor

from elanus.runtime.clock import ManualClock, SystemClock


def test_the_machine_has_a_wall_time_after_this_was_written_and_a_time_that_never_goes_back() -> None:
    clock = SystemClock()
    assert clock.now_ms() > 1_700_000_000_000
    before = clock.monotonic_s()
    clock.sleep(0.001)
    assert clock.monotonic_s() - before >= 0.001


def test_a_manual_clock_stands_until_it_is_moved_also_back() -> None:
    clock = ManualClock(1000)
    assert (clock.now_ms(), clock.monotonic_s()) == (1000, 1.0)
    clock.advance(500)
    assert clock.now_ms() == 1500
    clock.advance(-1500)
    assert clock.now_ms() == 0


def test_sleeping_moves_a_manual_clock() -> None:
    clock = ManualClock(0)
    clock.sleep(2.5)
    assert clock.now_ms() == 2500


def test_moves_from_many_threads_all_count() -> None:
    clock = ManualClock(0)

    def move(_: int) -> None:
        for _step in range(500):
            clock.advance(1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(move, range(8)))
    assert clock.now_ms() == 4000
