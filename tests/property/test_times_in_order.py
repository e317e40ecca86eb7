"""Times in order, in groups and at their extremes, with and without an index, against Python's own datetimes."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elanus

_ROW_COUNT = 240
_FAR = dt.datetime(2025, 3, 30, tzinfo=dt.UTC)
"""Around the hour that Berlin skips."""


def _moment(key: int) -> dt.datetime | None:
    if key % 11 == 3:
        return None
    return _FAR + dt.timedelta(minutes=10 * (key * 53 % 97) - 300, microseconds=key % 2)


@pytest.fixture(scope="module", params=["none", "STL_SORT", "INVERTED", "AUTOINDEX"])
def filled(request: pytest.FixtureRequest) -> Iterator[elanus.Collection]:
    """Rows in two segments and growing ones; with an index on the times, or none."""
    database = elanus.connect(":memory:", durability="none", index_rows_min=10, background_maintenance=False)
    fields = (
        elanus.Field("id", elanus.DataType.INT64, is_primary=True),
        elanus.Field("when", elanus.DataType.TIMESTAMPTZ, nullable=True),
        elanus.Field("kind", elanus.DataType.INT8),
        elanus.Field("vector", elanus.DataType.FLOAT_VECTOR, dim=2),
    )
    rows = database.create_collection("rows", schema=elanus.Schema(fields))
    for start in (0, 100, 200):
        stop = min(_ROW_COUNT, start + 100)
        rows.insert(
            [
                {
                    "id": key,
                    "when": None if (moment := _moment(key)) is None else moment.isoformat(),
                    "kind": key % 3,
                    "vector": [float(key), 0.0],
                }
                for key in range(start, stop)
            ]
        )
        if start < 200:
            rows.flush()
    rows.delete([key for key in range(_ROW_COUNT) if key % 17 == 0])
    if request.param != "none":
        rows.create_index("when", request.param)
    yield rows
    database.close()


_LIVE = [key for key in range(_ROW_COUNT) if key % 17]
_LATEST = dt.datetime.max.replace(tzinfo=dt.UTC)


def _parsed(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


@settings(max_examples=max(10, settings().max_examples // 6))
@given(st.booleans(), st.integers(1, 80), st.integers(0, 30), st.sampled_from(["", "Europe/Berlin", "Asia/Kolkata"]))
def test_order(filled: elanus.Collection, falling: bool, limit: int, offset: int, zone: str) -> None:
    """NULL is after every time; ties come by key."""
    found = filled.query(
        "id >= 0", order_by=[f"when:{'desc' if falling else 'asc'}"], limit=limit, offset=offset, timezone=zone,
        output_fields=["when"],
    )  # fmt: skip
    by_key = sorted(_LIVE, key=lambda key: _moment(key) or _LATEST, reverse=falling)
    if falling:
        # Python keeps ties in the order of their keys also where it goes backwards.
        by_key = sorted(_LIVE, key=lambda key: -(_moment(key) or _LATEST).timestamp())
    assert [row["id"] for row in found] == by_key[offset : offset + limit]
    for row in found:
        moment = _moment(row["id"])
        assert _parsed(row["when"]) == moment
        if moment is not None and zone:
            assert dt.datetime.fromisoformat(row["when"]).utcoffset() == moment.astimezone(ZoneInfo(zone)).utcoffset()


@settings(max_examples=max(10, settings().max_examples // 6))
@given(st.integers(-320, 700), st.integers(-320, 700), st.sampled_from(["", "Europe/Berlin", "America/New_York"]))
def test_extremes_and_counts_of_a_range(filled: elanus.Collection, first: int, second: int, zone: str) -> None:
    low, high = (_FAR + dt.timedelta(minutes=minutes) for minutes in sorted((first, second)))
    local = ZoneInfo(zone) if zone else dt.UTC
    text = f"when >= ISO '{low.astimezone(local).isoformat()}' and when < ISO '{high.isoformat()}'"
    inside = {key: moment for key in _LIVE if (moment := _moment(key)) is not None and low <= moment < high}
    assert [row["id"] for row in filled.query(text)] == sorted(inside)
    [row] = filled.aggregate(["min(when)", "max(when)", "count(when)", "count(*)"], filter=text)
    assert _parsed(row["min(when)"]) == min(inside.values(), default=None)
    assert _parsed(row["max(when)"]) == max(inside.values(), default=None)
    assert row["count(when)"] == row["count(*)"] == len(inside)


def test_groups(filled: elanus.Collection) -> None:
    rows = filled.aggregate(["when", "count(*)"], group_by=["when"])
    assert {_parsed(row["when"]): row["count(*)"] for row in rows} == Counter(map(_moment, _LIVE))
    by_kind = filled.aggregate(["kind", "min(when)"], group_by=["kind"])
    for row in by_kind:
        times = [moment for key in _LIVE if key % 3 == row["kind"] and (moment := _moment(key)) is not None]
        assert _parsed(row["min(when)"]) == min(times)


def test_groups_of_hits(filled: elanus.Collection) -> None:
    hits = filled.grouped_search(
        elanus.AnnSearch([0.0, 0.0], limit=300), group_by=["when"], group_size=1, output_fields=["when"]
    )
    best: dict[Any, int] = {}
    for key in _LIVE:
        best.setdefault(_moment(key), key)
    assert sorted(hits.ids) == sorted(best.values())
