"""Metrics as text, read back with the library that Prometheus users have."""

from prometheus_client.parser import text_string_to_metric_families

from elanus.runtime.metrics import Metrics
from elanus.server.metrics_text import render_metrics


def _read(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_counters_and_awkward_labels() -> None:
    metrics = Metrics()
    metrics.counter("calls_total", "Calls\nof all kinds \\ ", method='a"b\\c\nd').add(3)
    metrics.counter("calls_total", "Calls", method="plain").add(0.5)
    read = _read(render_metrics(metrics.samples(), {}))
    assert read["calls_total", (("method", 'a"b\\c\nd'),)] == 3
    assert read["calls_total", (("method", "plain"),)] == 0.5


def test_histograms_are_cumulative() -> None:
    metrics = Metrics()
    histogram = metrics.histogram("wait_seconds", "Waits.", kind="x")
    for seconds in (0.00001, 0.0002, 0.0002, 3.0, 100.0):
        histogram.observe(seconds)
    read = _read(render_metrics(metrics.samples(), {}))
    assert read["wait_seconds_bucket", (("kind", "x"), ("le", "5e-05"))] == 1
    assert read["wait_seconds_bucket", (("kind", "x"), ("le", "0.00025"))] == 3
    assert read["wait_seconds_bucket", (("kind", "x"), ("le", "5"))] == 4
    assert read["wait_seconds_bucket", (("kind", "x"), ("le", "+Inf"))] == 5
    assert read["wait_seconds_count", (("kind", "x"),)] == 5
    assert abs(read["wait_seconds_sum", (("kind", "x"),)] - 103.00041) < 1e-9


def test_gauges_come_last() -> None:
    text = render_metrics((), {"open": ("Open now.", 4)})
    assert text == "# HELP open Open now.\n# TYPE open gauge\nopen 4\n"
