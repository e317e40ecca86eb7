"""Curves of recall against rate as a Markdown table and as an SVG plot."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["markdown", "plot", "rate_at"]

TARGETS = (0.90, 0.95, 0.99)
COLOURS = ("#0b6e4f", "#c1292e", "#235789", "#f1a208", "#6a4c93", "#3a3a3a", "#17a398")
Curves = Mapping[str, Sequence[Any]]


def rate_at(curve: Sequence[Any], recall: float) -> float | None:
    """The rate at a recall, between the measured points on a logarithmic scale; None when it was not reached."""
    points = sorted((point.recall, point.rate) for point in curve)
    frontier = [one for one in points if all(one[1] >= other[1] for other in points if other[0] >= one[0])]
    above = [one for one in frontier if one[0] >= recall]
    if not above:
        return None
    below = [one for one in frontier if one[0] < recall]
    if not below:
        return above[0][1]
    (low, slow), (high, fast) = below[-1], above[0]
    share = (recall - low) / (high - low)
    return math.exp(math.log(slow) * (1 - share) + math.log(fast) * share)


def markdown(
    shape: tuple[int, ...], builds: Mapping[str, float], curves: Curves, filtered: Mapping[str, Curves]
) -> str:
    """The tables: rates at three recalls, then rates at recall 0.95 under each filter."""
    lines = [
        f"{shape[0]:,} x {shape[1]}, recall@10, queries per CPU second, one query a call, one thread.",
        "",
        "| index | build CPU s | " + " | ".join(f"at {target}" for target in TARGETS) + " | highest recall |",
        "|---|--:|" + "--:|" * (len(TARGETS) + 1),
    ]
    for name, curve in curves.items():
        rates = " | ".join(_shown(rate_at(curve, target)) for target in TARGETS)
        lines.append(f"| {name} | {builds[name]:.1f} | {rates} | {max(point.recall for point in curve):.4f} |")
    if filtered:
        names = list(next(iter(filtered.values())))
        lines += [
            "",
            "Under filters, at recall 0.95:",
            "",
            "| index | " + " | ".join(filtered) + " |",
            "|---|" + "--:|" * len(filtered),
        ]
        for name in names:
            rates = " | ".join(_shown(rate_at(of_filter[name], 0.95)) for of_filter in filtered.values())
            lines.append(f"| {name} | {rates} |")
    return "\n".join(lines) + "\n"


def _shown(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:,.0f}"


def plot(curves: Curves, width: int = 760, height: int = 480) -> str:
    """Recall (0.8 to 1) on the x axis, rate on a logarithmic y axis."""
    rates = [point.rate for curve in curves.values() for point in curve if point.recall >= 0.8]
    low, high = math.log10(min(rates)), math.log10(max(rates))

    def place(recall: float, rate: float) -> tuple[float, float]:
        x = 60 + (recall - 0.8) / 0.2 * (width - 260)
        return x, height - 40 - (math.log10(rate) - low) / max(high - low, 1e-9) * (height - 80)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for tick in range(9):
        recall = 0.8 + tick * 0.025
        x, _ = place(recall, 10**low)
        parts.append(f'<line x1="{x:.1f}" y1="40" x2="{x:.1f}" y2="{height - 40}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{height - 22}" text-anchor="middle">{recall:.3f}</text>')
    for decade in range(math.floor(low), math.ceil(high) + 1):
        for factor in (1, 2, 5):
            rate = factor * 10**decade
            if 10**low <= rate <= 10**high:
                _, y = place(0.8, rate)
                parts.append(f'<line x1="60" y1="{y:.1f}" x2="{width - 200}" y2="{y:.1f}" stroke="#ddd"/>')
                parts.append(f'<text x="54" y="{y + 4:.1f}" text-anchor="end">{rate:,.0f}</text>')
    for number, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        shown = [place(point.recall, point.rate) for point in curve if point.recall >= 0.8]
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="'
            + " ".join(f"{x:.1f},{y:.1f}" for x, y in shown)
            + '"/>'
        )
        parts.append(f'<text x="{width - 190}" y="{60 + 18 * number}" fill="{colour}">{name}</text>')
    parts.append('<text x="60" y="26">queries per CPU second against recall@10</text></svg>')
    return "\n".join(parts) + "\n"
