"""Threads. Native kernels release the GIL, so a pool of Python threads uses every processor."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

__all__ = ["WorkerPool", "processor_count", "start_thread"]

_T = TypeVar("_T")


def processor_count() -> int:
    """Processors this process may use, at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start_thread(target: Callable[[], None], *, name: str) -> threading.Thread:
    """A daemon thread that runs `target`."""
    thread = threading.Thread(target=target, name=name, daemon=True)
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

    def map(self, tasks: Sequence[Callable[[], _T]]) -> list[_T]:
        """Results in order of the tasks; the first runs on the caller's thread, and one task needs no pool at all."""
        if len(tasks) <= 1 or self.thread_count == 1:
            return [task() for task in tasks]
        executor = self._running()
        futures = [executor.submit(task) for task in tasks[1:]]
        first = tasks[0]()
        return [first, *(future.result() for future in futures)]

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
