"""Counters and timings of what the engine does, kept without any dependency; the server renders them."""

import threading
from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

__all__ = ["Counter", "Histogram", "MetricSample", "Metrics"]

_LATENCY_BOUNDS_S: Final = (
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip


class Counter:
    """A number that only grows."""

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()
        self._value = 0.0

    def add(self, amount: float = 1.0) -> None:
        with self._lock:
            self._value += amount

    def value(self) -> float:
        return self._value


class Histogram:
    """Durations in seconds, counted in fixed buckets."""

    bounds: Final = _LATENCY_BOUNDS_S

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()
        self._counts = [0] * (len(_LATENCY_BOUNDS_S) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        slot = bisect_left(_LATENCY_BOUNDS_S, seconds)
        with self._lock:
            self._counts[slot] += 1
            self._sum += seconds

    def snapshot(self) -> tuple[tuple[int, ...], float]:
        """Counts a bucket (the last is above every bound) and the sum of all durations."""
        with self._lock:
            return tuple(self._counts), self._sum


@dataclass(frozen=True, slots=True)
class MetricSample:
    """One metric with one set of labels, at the time of reading."""

    name: str
    help: str
    labels: tuple[tuple[str, str], ...]
    metric: Counter | Histogram


class Metrics:
    """All metrics of one engine. Asking again for the same name and labels gives the same object."""

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()
        self._samples: dict[tuple[str, tuple[tuple[str, str], ...]], MetricSample] = {}

    def counter(self, name: str, help_text: str, **labels: str) -> Counter:
        metric = self._get(name, help_text, labels, Counter).metric
        assert isinstance(metric, Counter)
        return metric

    def histogram(self, name: str, help_text: str, **labels: str) -> Histogram:
        metric = self._get(name, help_text, labels, Histogram).metric
        assert isinstance(metric, Histogram)
        return metric

    def samples(self) -> tuple[MetricSample, ...]:
        """Every metric made so far, in the order they were made."""
        with self._lock:
            return tuple(self._samples.values())

    def _get(
        self, name: str, help_text: str, labels: dict[str, str], kind: type[Counter] | type[Histogram]
    ) -> MetricSample:
        key = (name, tuple(sorted(labels.items())))
        with self._lock:
            sample = self._samples.get(key)
            if sample is None:
                sample = MetricSample(name, help_text, key[1], kind())
                self._samples[key] = sample
            return sample
