"""Times for `tests.reference`: values to try, what moving them means, and ways to write them.

A time is a whole number of microseconds since 1970 in UTC, in rows and in trees:

("moment", microseconds)   ("moments", (microseconds, ...))   ("moved", operand, sign, months, microseconds)
"""

import calendar
import datetime as dt
import random
from collections.abc import Callable
from typing import Any, Final

__all__ = ["TimeCases", "duration_text", "instant_text", "moved"]

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DAY: Final = 86_400_000_000
_EPOCH_ORDINAL: Final = dt.date(1970, 1, 1).toordinal()
_CYCLE_DAYS: Final = 146_097  # 400 years, after which the calendar repeats
_CYCLE_MONTHS: Final = 4_800


def _at(text: str, more: int = 0) -> int:
    moment = dt.datetime.fromisoformat(text + "+00:00")
    return (moment - _EPOCH) // dt.timedelta(microseconds=1) + more


_TIMES: Final = [
    0, 1, -1, 2**53 + 1, _DAY, -_DAY,
    *(_at(text) for text in (
        "2024-01-31T00:00:00", "2024-02-29T12:30:00", "2025-01-31T23:59:59", "2025-02-28T00:00:00",
        "1900-02-28T06:00:00", "2000-02-29T00:00:00", "2025-03-30T01:00:00", "1969-12-31T23:59:59",
        "0001-01-01T00:00:00", "9999-12-31T23:59:59",
    )),
    _at("2024-12-31T23:59:59", 999_999),
]  # fmt: skip

_DURATIONS: Final = [
    (0, 0), (1, 0), (12, 0), (14, 0), (-1, 0), (0, _DAY), (0, 7 * _DAY), (0, 1), (1, _DAY), (13, 3_661_000_000),
    (25, 500_000), (0, 36 * 3_600_000_000), (11, 30 * _DAY),
]  # fmt: skip


def moved(instant: int, months: int, microseconds: int) -> int:
    """Months first, to the last day of a month that is too short, then the rest; by the calendar for ever both ways."""
    days, of_day = divmod(instant, _DAY)
    cycle, day = divmod(days + _EPOCH_ORDINAL - 1, _CYCLE_DAYS)
    date = dt.date.fromordinal(day + 1)
    more, month = divmod((date.year - 1) * 12 + date.month - 1 + months, _CYCLE_MONTHS)
    year, month = month // 12 + 1, month % 12 + 1
    last = calendar.monthrange(year, month)[1]
    reached = dt.date(year, month, min(date.day, last)).toordinal() + (cycle + more) * _CYCLE_DAYS
    return (reached - _EPOCH_ORDINAL) * _DAY + of_day + microseconds


class TimeCases:
    """Conditions about the Timestamptz fields `seen` and `made`."""

    def __init__(self, choose: random.Random) -> None:
        self._random: Final = choose
        self.pool: Final = choose.sample(_TIMES, 5)

    def condition(self) -> Any:
        choose = self._random
        kind = choose.random()
        if kind < 0.15:
            moments = tuple(self._instant() for _ in range(choose.choice([0, 1, 2, 3])))
            return ("in", self._operand(), ("moments", moments), choose.random() < 0.4)
        if kind < 0.3:
            way = choose.choice([["<", "<="], [">", ">="]])
            low, high = ("moment", self._instant()), ("moment", self._instant())
            return ("range", low, choose.choice(way), self._operand(), choose.choice(way), high)
        if kind < 0.4:
            return ("isnull", ("field", choose.choice(["seen", "made"])), choose.random() < 0.5)
        sides: list[Callable[[], Any]] = [self._operand, lambda: ("moment", self._instant())]
        left, right = self._operand(), choose.choice(sides)()
        if choose.random() < 0.3:
            left, right = right, left
        return ("cmp", choose.choice(["==", "!=", "<", "<=", ">", ">="]), left, right)

    def _operand(self) -> Any:
        choose = self._random
        node: Any = ("field", choose.choice(["seen", "made"]))
        while choose.random() < 0.35:
            months, microseconds = choose.choice(_DURATIONS)
            node = ("moved", node, choose.choice("+-"), abs(months), abs(microseconds))
        return node

    def _instant(self) -> int:
        """A time of the pool, or one that a duration away from it is."""
        choose = self._random
        instant = choose.choice(self.pool)
        if choose.random() < 0.4:
            months, microseconds = choose.choice(_DURATIONS)
            instant = moved(instant, choose.choice([1, -1]) * months, microseconds)
        return min(max(instant, _at("0001-01-01T00:00:00")), _at("9999-12-31T23:59:59"))


def instant_text(instant: int, style: random.Random) -> str:
    """The time as ISO 8601, in one of the zones and forms it may be written in; without a zone it is UTC."""
    offset_minutes = style.choice([0, 0, 480, -210, 330]) if abs(instant) < 2**55 else 0
    local = _EPOCH + dt.timedelta(microseconds=instant + offset_minutes * 60_000_000)
    text = local.replace(tzinfo=None).isoformat(sep=style.choice("T "))
    if "." in text:
        text = text.rstrip("0") if style.random() < 0.5 else text
    elif text.endswith(":00") and style.random() < 0.3:
        text = text[:-3]
        if text.endswith("00:00") and offset_minutes == 0 and style.random() < 0.5:
            text = text[:10]
    if offset_minutes == 0:
        return text + style.choice(["", "Z", "+00:00", "-00"])
    sign, minutes = "-" if offset_minutes < 0 else "+", abs(offset_minutes)
    return f"{text}{sign}{minutes // 60:02}{style.choice([':', ''])}{minutes % 60:02}"


def duration_text(months: int, microseconds: int, style: random.Random) -> str:
    """The duration as ISO 8601."""
    seconds, fraction = divmod(microseconds, 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    if style.random() < 0.3 and days:
        days, seconds = days - 1, seconds + 86_400
    date = f"{months // 12}Y{months % 12}M" if months >= 12 and style.random() < 0.5 else f"{months}M" if months else ""
    if days and days % 7 == 0 and style.random() < 0.5:
        date += f"{days // 7}W"
    elif days:
        date += f"{days}D"
    time = ""
    if seconds >= 3600 and style.random() < 0.7:
        time, seconds = f"{seconds // 3600}H", seconds % 3600
    if seconds >= 60 and style.random() < 0.7:
        time, seconds = f"{time}{seconds // 60}M", seconds % 60
    if fraction:
        time += f"{seconds}.{fraction:06}".rstrip("0") + "S"
    elif seconds:
        time += f"{seconds}S"
    if not date and not time:
        return style.choice(["P0D", "PT0S", "P0M"])
    return f"P{date}" + (f"T{time}" if time else "")
