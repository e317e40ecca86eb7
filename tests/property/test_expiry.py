"""Rows that expire, by when they were written or by a field, against a list of dicts and a clock that is set."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import elanus
from elanus.app.compose import service_on_disk
from elanus.errors import InvalidInput
from elanus.objectstore.disk import LocalDisk
from elanus.runtime.clock import ManualClock
from elanus.settings import Settings

_SETTINGS = Settings(durability="none", background_maintenance=False, index_rows_min=2)
_START_MS = 1_800_000_000_000
_FIELDS = (
    elanus.Field("id", elanus.DataType.INT64, is_primary=True),
    elanus.Field("until", elanus.DataType.TIMESTAMPTZ, nullable=True),
    elanus.Field("vector", elanus.DataType.FLOAT_VECTOR, dim=2),
)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(-5, 30)),
        st.tuples(st.just("wait"), st.integers(1, 12)),
        st.tuples(st.sampled_from(["flush", "compact", "forever", "upsert"]), st.just(0)),
    ),
    min_size=3,
    max_size=20,
)


class _World:
    """A collection with a clock of its own, and the rows it should have."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(_START_MS)
        self.database = elanus.Database(service_on_disk(LocalDisk(folder), _SETTINGS, clock=self.clock), "")
        self.second = 0
        self.next_key = 0
        self.written: dict[int, int] = {}
        self.until: dict[int, int | None] = {}

    def make(self, properties: dict[str, str]) -> elanus.Collection:
        self.rows = self.database.create_collection("rows", schema=elanus.Schema(_FIELDS))
        self.rows.alter_properties(properties)
        return self.rows

    def write(self, key: int, until: int | None) -> None:
        time = None if until is None else elanus_time(until)
        self.rows.upsert([{"id": key, "until": time, "vector": [float(key), 0.0]}])
        self.written[key], self.until[key] = self.second, until

    def step(self, action: str, amount: int) -> None:
        if action == "insert":
            self.write(self.next_key, None if amount % 4 == 0 else self.second + amount)
            self.next_key += 1
        elif action == "wait":
            self.second += amount
            self.clock.advance(1000 * amount)
        elif action == "upsert" and self.next_key:
            self.write(self.next_key - 1, self.second + 9)
        elif action == "forever" and self.next_key:
            self.write(self.next_key - 1, None)
        elif action == "flush":
            self.rows.flush()
        elif action == "compact":
            self.rows.compact()

    def check(self, alive: list[int]) -> None:
        assert [row["id"] for row in self.rows.query("id >= 0")] == alive
        assert sorted(self.rows.search([0.0, 0.0], metric="L2", limit=100).ids) == alive
        assert [row["id"] for row in self.rows.get(list(range(self.next_key)))] == alive
        assert self.rows.count() == len(self.rows) == len(alive)


def elanus_time(second: int) -> str:
    """A moment of the test as text; negative ones are before its start."""
    import datetime as dt

    return (dt.datetime.fromtimestamp(_START_MS // 1000, dt.UTC) + dt.timedelta(seconds=second)).isoformat()


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[Any]:
    made: list[_World] = []

    def make() -> _World:
        made.append(_World(tmp_path / str(len(made))))
        return made[-1]

    yield make
    for world in made:
        world.database.close()


_PROFILE = settings(
    max_examples=max(10, settings().max_examples // 6), suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_PROFILE
@given(_STEPS, st.integers(1, 20))
def test_rows_are_seen_for_so_many_seconds(worlds: Any, steps: list[tuple[str, int]], ttl: int) -> None:
    world = worlds()
    world.make({"collection.ttl.seconds": str(ttl)})
    for action, amount in steps:
        world.step(action, amount)
        world.check([key for key, second in sorted(world.written.items()) if second + ttl > world.second])


@_PROFILE
@given(_STEPS)
def test_rows_are_seen_until_their_time(worlds: Any, steps: list[tuple[str, int]]) -> None:
    world = worlds()
    world.make({"ttl_field": "until"})
    for action, amount in steps:
        world.step(action, amount)
        world.check([key for key, until in sorted(world.until.items()) if until is None or until > world.second])


def test_expired_rows_leave_the_files(worlds: Any) -> None:
    world = worlds()
    rows = world.make({"collection.ttl.seconds": "5"})
    for _ in range(3):
        world.step("insert", 1)
    world.step("flush", 0)
    world.step("wait", 5)
    world.step("compact", 0)
    rows.alter_properties({}, removed=["collection.ttl.seconds"])
    world.check([])


def test_taking_the_property_away_shows_what_is_there(worlds: Any) -> None:
    world = worlds()
    rows = world.make({"collection.ttl.seconds": "5"})
    world.step("insert", 1)
    world.step("wait", 5)
    world.check([])
    rows.alter_properties({"collection.ttl.seconds": "0"})
    world.check([0])


@pytest.mark.parametrize(
    ("before", "properties", "told"),
    [
        ({}, {"collection.ttl.seconds": "soon"}, "whole number of seconds"),
        ({}, {"collection.ttl.seconds": "-7"}, "whole number of seconds"),
        ({}, {"ttl_field": "id"}, "it is a Int64"),
        ({}, {"ttl_field": "no"}, "there is no such field"),
        ({"collection.ttl.seconds": "5"}, {"ttl_field": "until"}, "already set, cannot be set ttl field"),
        ({"ttl_field": "until"}, {"collection.ttl.seconds": "5"}, "already set, cannot be set ttl field"),
    ],
)
def test_what_is_refused(worlds: Any, before: dict[str, str], properties: dict[str, str], told: str) -> None:
    rows = worlds().make(before)
    with pytest.raises(InvalidInput, match=told):
        rows.alter_properties(properties)
    assert rows.describe().properties == before


def test_the_field_that_says_so_cannot_be_dropped(worlds: Any) -> None:
    rows = worlds().make({"ttl_field": "until"})
    with pytest.raises(InvalidInput, match="drop the property ttl_field first"):
        rows.drop_field("until")
    rows.alter_properties({}, removed=["ttl_field"])
    rows.drop_field("until")
