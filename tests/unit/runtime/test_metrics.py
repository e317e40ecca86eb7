"""Counters and histograms: nothing is lost between threads, and a name with labels is one metric."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from elanus.runtime.metrics import Counter, Histogram, Metrics


def test_a_counter_counts_from_every_thread() -> None:
    counter = Counter()

    def count(_: int) -> None:
        for _step in range(1000):
            counter.add()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))
    counter.add(0.5)
    assert counter.value() == 8000.5


def test_a_duration_falls_into_the_first_bucket_that_is_not_below_it() -> None:
    histogram = Histogram()
    for seconds in (0.0, Histogram.bounds[0], Histogram.bounds[0] * 1.001, Histogram.bounds[-1], 11.0):
        histogram.observe(seconds)
    counts, total = histogram.snapshot()
    assert len(counts) == len(Histogram.bounds) + 1
    assert (counts[0], counts[1], counts[-2], counts[-1]) == (2, 1, 1, 1)
    assert sum(counts) == 5
    assert total == pytest.approx(Histogram.bounds[0] * 2.001 + 21.0)


def test_bucket_bounds_ascend() -> None:
    assert list(Histogram.bounds) == sorted(set(Histogram.bounds))


def test_the_same_name_and_labels_are_one_metric_in_any_order() -> None:
    metrics = Metrics()
    first = metrics.counter("writes", "help", kind="insert", shard="0")
    assert metrics.counter("writes", "help", shard="0", kind="insert") is first
    assert metrics.counter("writes", "help", kind="delete", shard="0") is not first
    assert metrics.counter("writes", "help") is not first


def test_samples_come_in_the_order_of_their_making_with_labels() -> None:
    metrics = Metrics()
    metrics.histogram("b", "what b is", z="1", a="2")
    metrics.counter("a", "what a is")
    told = [(sample.name, sample.help, sample.labels) for sample in metrics.samples()]
    assert told == [("b", "what b is", (("a", "2"), ("z", "1"))), ("a", "what a is", ())]


def test_threads_that_ask_at_once_get_one_metric() -> None:
    metrics = Metrics()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: metrics.counter("x", "help"), range(64)))
    assert len({id(counter) for counter in found}) == 1


def test_a_name_of_another_kind_is_our_mistake() -> None:
    metrics = Metrics()
    metrics.counter("x", "help")
    with pytest.raises(AssertionError):
        metrics.histogram("x", "help")
