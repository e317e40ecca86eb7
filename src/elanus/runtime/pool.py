"""Threads. Native kernels release the GIL, so a pool of Python threads uses every processor."""

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar, cast

__all__ = ["WorkerPool", "processor_count", "start_thread"]

_T = TypeVar("_T")


def processor_count() -> int:
    """Processors this process may use, at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start_thread(target: Callable[[], None], *, name: str, niceness: int = 0) -> threading.Thread:
    """A daemon thread that runs `target`; by so much nicer to others, where threads can be (on Linux)."""

    def run_nicely() -> None:
        own = threading.get_native_id()
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, own, os.getpriority(os.PRIO_PROCESS, own) + niceness)
        target()

    is_nice = niceness > 0 and sys.platform == "linux"
    thread = threading.Thread(target=run_nicely if is_nice else target, name=name, daemon=True)
    thread.start()
    return thread


class WorkerPool:
    """A fixed number of threads, started at first use and again in a forked child."""

    def __init__(self, *, thread_count: int, name: str) -> None:
        self.thread_count: Final = thread_count or processor_count()
        self._name: Final = name
        self._lock: Final = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._process_id = os.getpid()
        self._closed = False

    def submit(self, task: Callable[[], _T]) -> Future[_T]:
        """Runs `task` on a pool thread."""
        return self._running().submit(task)

    def map(self, tasks: Sequence[Callable[[], _T]], *, alone_s: float = 0.0) -> list[_T]:
        """Results in order of the tasks, which the caller and the threads of the pool take one by one.

        One task needs no pool at all. The caller goes alone for `alone_s`, as it takes a while to wake a thread.

        Raises whatever a task raises; those that nobody has begun are left out then.
        """
        pending = deque(enumerate(tasks))
        results: list[_T | None] = [None] * len(pending)
        helper_count_max = self.thread_count - 1
        if alone_s and helper_count_max:
            until = time.perf_counter() + alone_s
            while pending and time.perf_counter() < until:
                number, task = pending.popleft()
                results[number] = task()
        helpers: list[Future[None]] = []
        if len(pending) > 1 and helper_count_max:
            executor = self._running()
            share = partial(_take_turns, pending, results)
            helpers = [executor.submit(share) for _ in range(min(helper_count_max, len(pending) - 1))]
        _take_turns(pending, results)
        for helper in helpers:
            # One that has not begun will find nothing left, and the threads may have other work before it.
            if not helper.cancel():
                helper.result()
        return cast("list[_T]", results)

    def close(self) -> None:
        """Waits for running tasks; queued ones are dropped."""
        with self._lock:
            self._closed = True
            executor, self._executor = self._executor, None
        if executor is not None and self._process_id == os.getpid():
            executor.shutdown(wait=True, cancel_futures=True)

    def _running(self) -> ThreadPoolExecutor:
        executor = self._executor
        if executor is not None and self._process_id == os.getpid():
            return executor
        with self._lock:
            assert not self._closed, f"pool {self._name} is closed"
            if self._executor is None or self._process_id != os.getpid():
                self._executor = ThreadPoolExecutor(self.thread_count, thread_name_prefix=self._name)
                self._process_id = os.getpid()
            return self._executor


def _take_turns(pending: deque[tuple[int, Callable[[], _T]]], results: list[_T | None]) -> None:
    """Does what is pending until nothing is left; after an error nobody takes more."""
    while True:
        try:
            number, task = pending.popleft()
        except IndexError:
            return
        try:
            results[number] = task()
        except BaseException:
            pending.clear()
            raise
