"""The thread pool: order of results, errors, closing, and a forked child."""

import os
import sys
import threading
from collections.abc import Callable

import pytest

from elanus.runtime.pool import WorkerPool, processor_count, start_thread

# Python 3.12 warns of every fork beside threads; that is what is tested here.
_FORK_IS_MEANT = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def _task(number: int) -> Callable[[], tuple[int, int]]:
    return lambda: (number, threading.get_ident())


def test_results_come_in_the_order_of_the_tasks() -> None:
    pool = WorkerPool(thread_count=2, name="test")
    assert [number for number, _ in pool.map([_task(number) for number in range(20)])] == list(range(20))
    pool.close()


def test_the_caller_and_a_thread_of_the_pool_work_together() -> None:
    pool = WorkerPool(thread_count=2, name="test")
    meeting = threading.Barrier(2, timeout=10)

    def meet() -> int:
        meeting.wait()
        return threading.get_ident()

    first, second = pool.map([meet, meet])
    assert threading.get_ident() in {first, second}
    assert first != second
    pool.close()


def test_a_caller_that_has_done_everything_does_not_wait_for_busy_threads() -> None:
    pool = WorkerPool(thread_count=2, name="test")
    may_end = threading.Event()
    busy = [pool.submit(lambda: may_end.wait(10)) for _ in range(2)]
    results = pool.map([_task(number) for number in range(5)])
    assert [number for number, _ in results] == list(range(5))
    assert not any(future.done() for future in busy)
    may_end.set()
    pool.close()


def test_short_tasks_are_done_by_the_caller_alone() -> None:
    pool = WorkerPool(thread_count=2, name="test")
    results = pool.map([_task(number) for number in range(20)], alone_s=60.0)
    assert results == [(number, threading.get_ident()) for number in range(20)]
    assert pool._executor is None


def test_a_caller_whose_tasks_take_long_gets_help() -> None:
    pool = WorkerPool(thread_count=2, name="test")
    meeting = threading.Barrier(2, timeout=10)

    def meet() -> int:
        meeting.wait()
        return threading.get_ident()

    # The first uses up what the caller may take for itself, the others end only when two threads are at work.
    threads = pool.map([threading.get_ident, meet, meet], alone_s=1e-9)
    assert len(set(threads[1:])) == 2
    pool.close()


@pytest.mark.parametrize(("thread_count", "task_count"), [(1, 5), (4, 1)])
def test_one_thread_or_one_task_needs_no_pool(thread_count: int, task_count: int) -> None:
    pool = WorkerPool(thread_count=thread_count, name="test")
    results = pool.map([_task(number) for number in range(task_count)])
    assert {thread for _, thread in results} == {threading.get_ident()}
    assert pool._executor is None


@pytest.mark.parametrize("thread_count", [1, 3])
def test_no_tasks_give_no_results(thread_count: int) -> None:
    empty: list[Callable[[], int]] = []
    pool = WorkerPool(thread_count=thread_count, name="test")
    assert pool.map(empty) == []
    pool.close()


def test_an_error_of_any_task_reaches_the_caller() -> None:
    pool = WorkerPool(thread_count=2, name="test")

    def fail() -> tuple[int, int]:
        raise ZeroDivisionError

    for tasks in ([fail, _task(1)], [_task(0), _task(1), fail]):
        for alone_s in (0.0, 60.0):
            with pytest.raises(ZeroDivisionError):
                pool.map(tasks, alone_s=alone_s)
    assert pool.submit(_task(3)).result()[0] == 3
    pool.close()


def test_closing_waits_for_what_runs_and_refuses_more() -> None:
    pool = WorkerPool(thread_count=1, name="test")
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        may_end.wait(10)
        ended.set()

    pool.submit(work)
    begun.wait(10)
    threading.Timer(0.05, may_end.set).start()
    pool.close()
    assert ended.is_set()
    with pytest.raises(AssertionError, match="pool test is closed"):
        pool.submit(work)
    pool.close()


@_FORK_IS_MEANT
def test_a_forked_child_gets_threads_of_its_own() -> None:
    pool = WorkerPool(thread_count=2, name="test")
    assert pool.submit(_task(1)).result()[0] == 1
    child = os.fork()
    if child == 0:
        status = 1
        try:
            results = pool.map([_task(number) for number in range(4)])
            pool.close()
            status = 0 if [number for number, _ in results] == [0, 1, 2, 3] else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert pool.submit(_task(2)).result()[0] == 2
    pool.close()


@_FORK_IS_MEANT
def test_a_child_that_never_used_the_pool_may_close_it() -> None:
    pool = WorkerPool(thread_count=2, name="test")
    pool.submit(_task(1)).result()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            pool.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert pool.submit(_task(2)).result()[0] == 2
    pool.close()


def test_zero_threads_mean_one_a_processor() -> None:
    assert WorkerPool(thread_count=0, name="test").thread_count == processor_count() >= 1


def test_started_threads_do_not_keep_the_process_alive() -> None:
    done = threading.Event()
    thread = start_thread(done.set, name="elanus-test")
    thread.join(10)
    assert done.is_set()
    assert thread.daemon
    assert thread.name == "elanus-test"


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no niceness of their own")
def test_a_thread_can_be_nicer_than_the_rest() -> None:
    found: list[int] = []
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    thread = start_thread(
        lambda: found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())), name="nice", niceness=3
    )
    thread.join()
    assert found == [min(19, own + 3)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own
