"""Times and durations in a filter: their literals, and times moved by a duration."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.expr.bound import Column, Constant, ConstantValue, Instant, Shifted
from elanus.schema.instants import INSTANT_MAX, INSTANT_MIN, Duration, TimeZone, instant_from_text

__all__ = ["instant_constant", "moved_constant", "moved_instants", "moved_operand", "without_fixed_moves"]

_MONTHS_MAX: Final = 12 * 10_000
_MICROSECONDS_MAX: Final = 366 * 10_000 * 86_400_000_000


def instant_constant(value: ConstantValue, zone: TimeZone) -> int | None:
    """The microseconds of a constant beside a time: a time, or a text of one; None for another kind.

    Raises:
        ValueError: a text that is no time.
    """
    if isinstance(value, Instant):
        return value.microseconds
    return instant_from_text(value, zone) if isinstance(value, str) else None


def moved_operand(operand: Column | Shifted, duration: Duration) -> Shifted:
    """The operand, so much later.

    Raises:
        ValueError: its durations together are longer than 10,000 years, which would not fit 64 bits.
    """
    months, microseconds = abs(duration.months), abs(duration.microseconds)
    inner = operand
    while isinstance(inner, Shifted):
        months += abs(inner.duration.months)
        microseconds += abs(inner.duration.microseconds)
        inner = inner.operand
    if months > _MONTHS_MAX or microseconds > _MICROSECONDS_MAX:
        raise ValueError("the intervals together are longer than 10000 years")
    return Shifted(operand, duration)


def moved_constant(instant: Instant, duration: Duration) -> Constant:
    """A constant time, so much later.

    Raises:
        ValueError: it leaves the years 1 to 9999.
    """
    moved = int(moved_instants(np.array([instant.microseconds], np.int64), duration)[0])
    if not INSTANT_MIN <= moved <= INSTANT_MAX:
        raise ValueError("the time is outside the years 1 to 9999")
    return Constant(Instant(moved))


def without_fixed_moves(operand: Column | Shifted, constant: int) -> tuple[Column | Shifted, int]:
    """A comparison with durations of a fixed length brought to the side of the constant, where statistics see it."""
    while isinstance(operand, Shifted) and operand.duration.months == 0:
        constant -= operand.duration.microseconds
        operand = operand.operand
    return operand, constant


def moved_instants(instants: npt.NDArray[np.int64], duration: Duration) -> npt.NDArray[np.int64]:
    """The instants, so much later, by the calendar of UTC.

    Months come first; where the month that is reached has no such day, its last one is taken. Nothing overflows for
    instants within 100,000 years of 1970.
    """
    if duration.months:
        days = instants.view("M8[us]").astype("M8[D]")
        months = days.astype("M8[M]")
        reached = months + np.timedelta64(duration.months, "M")
        first: Any = reached.astype("M8[D]")
        day_count = (reached + np.timedelta64(1, "M")).astype("M8[D]") - first
        day = np.minimum(days - months.astype("M8[D]"), day_count - np.timedelta64(1, "D"))
        of_day = instants - days.astype("M8[us]").view(np.int64)
        instants = (first + day).astype("M8[us]").view(np.int64) + of_day
    return instants + duration.microseconds
