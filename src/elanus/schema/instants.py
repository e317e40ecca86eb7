"""Points in time: ISO 8601 text to microseconds since 1970 in UTC, and back; and durations between them.

A Timestamptz field holds such a number. Text without a zone is read in a zone the caller names; where its clocks are
set back, the earlier of the two instants is meant, and a time they skip counts as if they had not been moved yet.
"""

import datetime as dt
import re
import zoneinfo
from dataclasses import dataclass
from typing import Final

__all__ = [
    "INSTANT_MAX",
    "INSTANT_MIN",
    "UTC",
    "Duration",
    "TimeZone",
    "duration_from_text",
    "instant_from_datetime",
    "instant_from_text",
    "instant_text",
    "local_time",
    "time_zone",
]

TimeZone = dt.tzinfo

UTC: Final[TimeZone] = dt.UTC

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)

INSTANT_MIN: Final = (dt.datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The first microsecond of the year 1."""

INSTANT_MAX: Final = (dt.datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The last microsecond of the year 9999."""

_INSTANT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}:[0-9]{2})(:[0-9]{2}(?:[.,][0-9]{1,9})?)?)?"
    r"([Zz]|[+-][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2})?)?)?\Z"
)
_DURATION: Final = re.compile(
    r"P(?=[0-9T])(?:([0-9]{1,9})Y)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})W)?(?:([0-9]{1,9})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})(?:[.,]([0-9]{1,6}))?S)?)?\Z"
)
_DAY: Final = 86_400_000_000
_YEARS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Duration:
    """A stretch of time by the calendar of UTC; either part may be negative, and months are added first.

    Attributes:
        months: years and months; where the month that is reached has no such day, its last one is meant.
        microseconds: weeks, days, hours, minutes and seconds.
    """

    months: int
    microseconds: int

    def __neg__(self) -> "Duration":
        return Duration(-self.months, -self.microseconds)


def time_zone(name: str) -> TimeZone:
    """The zone with an IANA name, `Europe/Paris`; an empty name is UTC.

    Raises:
        ValueError: there is none.
    """
    if name in {"", "UTC"}:
        return UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of zones
        raise ValueError(f"there is no time zone {name!r}, expected an IANA name like Europe/Paris") from None


def instant_from_text(text: str, zone: TimeZone) -> int:
    """The instant an ISO 8601 text names: `2025-01-31`, `2025-01-31 10:20`, `2025-01-31T10:20:30.5+08:00`.

    Digits below a microsecond are cut off.

    Raises:
        ValueError: the text is none, its date or time does not exist, or it is outside the years 1 to 9999.
    """
    match = _INSTANT.match(text)
    if match is None:
        raise ValueError(f"{_shown(text)} is no ISO 8601 time, expected for example 2025-01-31T10:20:30+08:00")
    date, time, seconds, offset = match.groups()
    if seconds is not None:
        seconds = seconds[:10].replace(",", ".")
    try:
        moment = dt.datetime.fromisoformat(f"{date}T{time or '00:00'}{seconds or ':00'}{_offset(offset)}")
        if (time or "").startswith("24"):  # which later versions of Python take for the next day
            raise ValueError("hour must be in 0..23")
        return instant_from_datetime(moment, zone)
    except ValueError as error:
        raise ValueError(f"{_shown(text)} is no time that exists: {error}") from None


def instant_from_datetime(moment: dt.datetime, zone: TimeZone) -> int:
    """The instant of a date and time; one without a zone is in `zone`.

    Raises:
        ValueError: it is outside the years 1 to 9999 of UTC.
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    instant = (moment - _EPOCH) // _MICROSECOND
    if not INSTANT_MIN <= instant <= INSTANT_MAX:
        raise ValueError("it is outside the years 1 to 9999 of UTC")
    return instant


def local_time(instant: int, zone: TimeZone) -> dt.datetime:
    """The date and time in `zone`; in UTC where the zone would leave the years 1 to 9999."""
    moment = _EPOCH + dt.timedelta(microseconds=instant)
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


def instant_text(instant: int, zone: TimeZone) -> str:
    """ISO 8601 as RFC 3339 has it: `Z` for UTC, the fraction only as long as it must be."""
    text = local_time(instant, zone).isoformat()
    head, tail = text[:19], text[19:]
    fraction = ""
    if tail.startswith("."):
        fraction, tail = tail[:7].rstrip("0"), tail[7:]
    return f"{head}{fraction}{'Z' if tail == '+00:00' else tail}"


def duration_from_text(text: str) -> Duration:
    """The duration an ISO 8601 text names: `P1Y2M3DT4H5M6.5S`, `P2W`.

    Raises:
        ValueError: the text is none, or more than 10,000 years.
    """
    match = _DURATION.match(text)
    if match is None:
        raise ValueError(f"{_shown(text)} is no ISO 8601 duration, expected for example P1D or P1Y2M3DT4H5M6S")
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[:7])
    fraction = int((match[8] or "").ljust(6, "0"))
    duration = Duration(
        years * 12 + months,
        (weeks * 7 + days) * _DAY + ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction,
    )
    if duration.months > 12 * _YEARS_MAX or duration.microseconds > 366 * _YEARS_MAX * _DAY:
        raise ValueError(f"{_shown(text)} is longer than {_YEARS_MAX} years")
    return duration


def _offset(text: str | None) -> str:
    """The zone of a text as Python reads it."""
    if text is None:
        return ""
    if text in "Zz":
        return "+00:00"
    return text if len(text) != 3 else f"{text}:00"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
