"""Metrics as Prometheus reads them: its text format, version 0.0.4."""

from collections.abc import Iterable, Mapping

from elanus.runtime.metrics import Counter, Histogram, MetricSample

__all__ = ["CONTENT_TYPE", "render_metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render_metrics(samples: Iterable[MetricSample], gauges: Mapping[str, tuple[str, float]]) -> str:
    """The samples, grouped by name, then `gauges`: values of the moment with their help texts."""
    by_name: dict[str, list[MetricSample]] = {}
    for sample in samples:
        by_name.setdefault(sample.name, []).append(sample)
    lines: list[str] = []
    for name, group in by_name.items():
        kind = "counter" if isinstance(group[0].metric, Counter) else "histogram"
        lines += _heading(name, group[0].help, kind)
        for sample in group:
            if isinstance(sample.metric, Histogram):
                lines += _histogram_lines(name, sample.labels, sample.metric)
            else:
                lines.append(f"{name}{_labels(sample.labels)} {_number(sample.metric.value())}")
    for name, (help_text, value) in gauges.items():
        lines += [*_heading(name, help_text, "gauge"), f"{name} {_number(value)}"]
    return "".join(line + "\n" for line in lines)


def _heading(name: str, help_text: str, kind: str) -> list[str]:
    escaped = help_text.replace("\\", "\\\\").replace("\n", "\\n")
    return [f"# HELP {name} {escaped}", f"# TYPE {name} {kind}"]


def _histogram_lines(name: str, labels: tuple[tuple[str, str], ...], histogram: Histogram) -> list[str]:
    counts, total = histogram.snapshot()
    lines = []
    below = 0
    for bound, count in zip((*map(_number, histogram.bounds), "+Inf"), counts, strict=True):
        below += count
        lines.append(f"{name}_bucket{_labels((*labels, ('le', bound)))} {below}")
    return [*lines, f"{name}_sum{_labels(labels)} {_number(total)}", f"{name}_count{_labels(labels)} {below}"]


def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
