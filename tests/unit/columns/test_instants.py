"""Columns of times: from texts, dates, NumPy and Arrow in every unit, and what is refused."""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elanus.columns.check import check_column
from elanus.columns.instants import TIME_PARTS, instants_from_arrow, time_parts, timestamps_from_instants
from elanus.columns.rows import python_values
from elanus.columns.values import column_from_ndarray, column_from_values
from elanus.errors import InvalidInput
from elanus.schema.field import Field
from elanus.schema.instants import INSTANT_MAX, INSTANT_MIN
from elanus.schema.types import DataType

_UTC = Field("seen", DataType.TIMESTAMPTZ, nullable=True)
_PARIS = _UTC.in_timezone("Europe/Paris")


def test_texts_and_dates_with_and_without_a_zone() -> None:
    zone = dt.timezone(dt.timedelta(hours=8))
    values = [
        "2025-05-01T12:00:00",
        "2025-05-01T12:00:00Z",
        dt.datetime(2025, 5, 1, 12),  # noqa: DTZ001  its zone is the field's
        dt.datetime(2025, 5, 1, 18, tzinfo=zone),
        None,
    ]
    assert python_values(column_from_values(_PARIS, values), _PARIS) == [
        "2025-05-01T12:00:00+02:00",
        "2025-05-01T14:00:00+02:00",
        "2025-05-01T12:00:00+02:00",
        "2025-05-01T12:00:00+02:00",
        None,
    ]


@pytest.mark.parametrize("value", [5, 5.0, True, b"2025-01-01", dt.date(2025, 1, 1), ["2025-01-01"]])
def test_values_that_are_no_times_are_refused_with_their_row(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"field 'seen' got a \w+ in row 1, expected a time") as raised:
        column_from_values(_UTC, ["2025-01-01", value])
    assert (raised.value.kind, raised.value.field, raised.value.row) == ("type_mismatch", "seen", 1)


@pytest.mark.parametrize("unit", ["D", "h", "m", "s", "ms", "us", "ns"])
@pytest.mark.parametrize("field", [_UTC, _PARIS])
def test_arrays_of_any_unit_are_in_the_zone_of_the_field(unit: str, field: Field) -> None:
    times = np.array(["2025-03-30", "1969-12-31", "NaT", "2024-02-29"], f"M8[{unit}]")
    expected = column_from_values(field, ["2025-03-30", "1969-12-31", None, "2024-02-29"])
    assert column_from_ndarray(field, times).equals(expected)


_YEARS = (dt.datetime(1700, 1, 1), dt.datetime(2250, 1, 1))  # noqa: DTZ001  what nanoseconds can hold


@given(st.lists(st.none() | st.datetimes(*_YEARS)), st.sampled_from(["us", "ns"]))
def test_arrow_times_are_what_their_texts_are(moments: list[dt.datetime | None], unit: str) -> None:
    column = pa.array(moments, pa.timestamp("us")).cast(pa.timestamp(unit))
    texts = [None if moment is None else moment.isoformat() for moment in moments]
    for field in (_UTC, _PARIS):
        assert instants_from_arrow(field, column).equals(column_from_values(field, texts))
    aware = pa.array(moments, pa.timestamp("us")).view(pa.timestamp("us", "Asia/Tokyo"))
    expected = column_from_values(_UTC, texts)
    assert instants_from_arrow(_PARIS, aware).equals(expected)
    assert timestamps_from_instants(expected, _PARIS).type == pa.timestamp("us", "Europe/Paris")
    assert instants_from_arrow(_PARIS, timestamps_from_instants(expected, _PARIS)).equals(expected)


def test_digits_below_a_microsecond_are_cut_off_toward_the_past() -> None:
    column = pa.array([1_999, -1, None], pa.timestamp("ns"))
    assert instants_from_arrow(_UTC, column).to_pylist() == [1, -1, None]


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize("field", [_UTC, _PARIS])
@pytest.mark.parametrize("sign", [1, -1])
def test_times_beyond_the_calendar_are_refused_with_their_row(unit: str, field: Field, sign: int) -> None:
    column = pa.array([0, None, sign * 2**62], pa.timestamp(unit))
    with pytest.raises(InvalidInput, match="in row 2 outside the years 1 to 9999"):
        check_column(field, instants_from_arrow(field, column))


def test_the_ends_of_the_calendar_are_stored() -> None:
    check_column(_UTC, pa.array([INSTANT_MIN, None, INSTANT_MAX], pa.int64()))
    for beyond in (INSTANT_MIN - 1, INSTANT_MAX + 1):
        with pytest.raises(InvalidInput, match="in row 1 outside"):
            check_column(_UTC, pa.array([None, beyond], pa.int64()))


def test_parts_of_times_are_those_of_the_zone() -> None:
    column = column_from_values(_UTC, ["2025-12-31T23:30:15.000250Z", None])
    assert time_parts(column, _PARIS, TIME_PARTS).to_pylist() == [[2026, 1, 1, 0, 30, 15, 250], None]
    assert time_parts(column, _UTC, ("day", "day")).to_pylist() == [[31, 31], None]
