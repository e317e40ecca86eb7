"""Times and durations: what ISO 8601 texts mean, zones with their gaps and folds, and the ends of the calendar."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.schema.instants import (
    INSTANT_MAX,
    INSTANT_MIN,
    UTC,
    Duration,
    duration_from_text,
    instant_from_datetime,
    instant_from_text,
    instant_text,
    time_zone,
)

_PARIS = time_zone("Europe/Paris")
_SHANGHAI = time_zone("Asia/Shanghai")
_NAMES = ["", "UTC", "Europe/Paris", "Asia/Shanghai", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]


def _utc(*parts: int) -> int:
    moment = dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type, misc]
    return round((moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).total_seconds()) * 1_000_000 + moment.microsecond


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2025-05-01T23:59:59+08:00", _utc(2025, 5, 1, 15, 59, 59)),
        ("2025-05-01 23:59:59+0800", _utc(2025, 5, 1, 15, 59, 59)),
        ("2025-05-01t23:59:59-03", _utc(2025, 5, 2, 2, 59, 59)),
        ("2025-05-01T10:20Z", _utc(2025, 5, 1, 10, 20)),
        ("2025-05-01Z", _utc(2025, 5, 1)),
        ("2025-05-01T10:20:30.5z", _utc(2025, 5, 1, 10, 20, 30) + 500_000),
        ("2025-05-01T10:20:30,25Z", _utc(2025, 5, 1, 10, 20, 30) + 250_000),
        ("2025-05-01T10:20:30.123456789Z", _utc(2025, 5, 1, 10, 20, 30) + 123_456),
        ("0001-01-01T00:00:00Z", INSTANT_MIN),
        ("9999-12-31T23:59:59.999999Z", INSTANT_MAX),
        ("2025-05-01T10:20:30", _utc(2025, 5, 1, 2, 20, 30)),
        ("2025-05-01 10:20:30", _utc(2025, 5, 1, 2, 20, 30)),
        ("2025-05-01", _utc(2025, 4, 30, 16)),
    ],
)
def test_a_text_names_an_instant(text: str, expected: int) -> None:
    """Those without a zone are read in Shanghai here."""
    assert instant_from_text(text, _SHANGHAI) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2025", "2025-05", "2025-5-1", "20250501", "2025-W01-1", "2025-13-01", "2025-02-29", "2025-05-01T",
        "2025-05-01T24:00", "2025-05-01T23:60", "2025-05-01T23:59:60Z", "2025-05-01T10", "2025-05-01T10:20:30.",
        "2025-05-01T10:20:30+25:00", " 2025-05-01", "2025-05-01 ", "2025-05-01T10:20:30 Z", "+2025-05-01", "0000-01-01",
        "0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00", "２０２５-05-01", "2025-05-01T10:20:30.1234567890Z",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no (ISO 8601 )?time") as raised:
        instant_from_text(text, UTC)
    assert repr(text) in str(raised.value)


def test_where_clocks_are_set_back_the_earlier_instant_is_meant() -> None:
    assert instant_from_text("2025-10-26T02:30:00", _PARIS) == _utc(2025, 10, 26, 0, 30)


def test_a_time_that_clocks_skip_counts_as_if_they_had_not_been_moved_yet() -> None:
    assert instant_from_text("2025-03-30T02:30:00", _PARIS) == _utc(2025, 3, 30, 1, 30)


@given(st.integers(INSTANT_MIN, INSTANT_MAX), st.sampled_from(_NAMES), st.sampled_from(_NAMES))
def test_what_is_written_is_read_back_whatever_the_zone(instant: int, written_in: str, read_in: str) -> None:
    text = instant_text(instant, time_zone(written_in))
    assert instant_from_text(text, time_zone(read_in)) == instant


@given(st.datetimes(), st.sampled_from(_NAMES[1:]))
def test_dates_agree_with_their_texts_and_with_zoneinfo(moment: dt.datetime, name: str) -> None:
    aware = moment.replace(tzinfo=zoneinfo.ZoneInfo(name))
    microseconds = (aware - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    if not INSTANT_MIN <= microseconds <= INSTANT_MAX:
        with pytest.raises(ValueError, match="outside the years 1 to 9999"):
            instant_from_datetime(moment, time_zone(name))
        return
    assert instant_from_datetime(moment, time_zone(name)) == microseconds
    assert instant_from_text(moment.isoformat(), time_zone(name)) == microseconds
    assert instant_from_datetime(aware, UTC) == microseconds


@pytest.mark.parametrize(
    ("instant", "name", "text"),
    [
        (0, "", "1970-01-01T00:00:00Z"),
        (500_000, "UTC", "1970-01-01T00:00:00.5Z"),
        (1, "Asia/Shanghai", "1970-01-01T08:00:00.000001+08:00"),
        (INSTANT_MAX, "Asia/Shanghai", "9999-12-31T23:59:59.999999Z"),
        (INSTANT_MIN, "America/New_York", "0001-01-01T00:00:00Z"),
    ],
)
def test_texts_are_short_and_never_leave_the_years_that_have_four_digits(instant: int, name: str, text: str) -> None:
    assert instant_text(instant, time_zone(name)) == text


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "America", "../etc/passwd", "\x00", "x" * 300, "utc+8", "Europe/paris "]
)
def test_a_zone_that_does_not_exist_is_refused_with_its_name(name: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone") as raised:
        time_zone(name)
    assert repr(name) in str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P1D", Duration(0, 86_400_000_000)),
        ("P1Y2M", Duration(14, 0)),
        ("P2W", Duration(0, 14 * 86_400_000_000)),
        ("PT36H", Duration(0, 36 * 3_600_000_000)),
        ("P1Y2M3DT4H5M6.5S", Duration(14, 3 * 86_400_000_000 + 14_706_500_000)),
        ("P0D", Duration(0, 0)),
        ("PT1M", Duration(0, 60_000_000)),
        ("P1M", Duration(1, 0)),
        ("PT0,25S", Duration(0, 250_000)),
    ],
)
def test_a_text_names_a_duration(text: str, expected: Duration) -> None:
    assert duration_from_text(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "1D", "P1DT", "P1H", "PT1D", "-P1D", "P-1D", "P1.5D", "p1d", "P1D1Y", "P10001Y", "P4000000D"],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no ISO 8601 duration|is longer than"):
        duration_from_text(text)
