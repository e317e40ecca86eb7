"""Power is cut at every operation on the disk; what was acknowledged must be there, whole and once.

Method: a scenario of writes and changes of every kind runs on a simulated disk with one process and no background
threads. For each operation number the scenario runs anew, loses its power there, and is opened again on what the disk
kept. The state found must be the one before or after the operation under way, nothing else; and the database must go on
working. `ELANUS_TEST_PROFILE=nightly` tries every operation with many kinds of luck; otherwise a fixed sample.
"""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from elanus.app.compose import service_on_disk
from elanus.embedded.database import Database
from elanus.errors import NotFound, Unavailable
from elanus.runtime.clock import ManualClock
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.settings import Settings
from tests.simulation.disk import PowerLoss, SimulatedDisk

pytestmark = pytest.mark.crash

NIGHTLY = os.environ.get("ELANUS_TEST_PROFILE") == "nightly"

SETTINGS = Settings(
    background_maintenance=False,
    checkpoint_commit_count=3,
    index_rows_min=4,
    wal_file_bytes_max=4096,
    search_thread_count=1,
    segment_bytes_max=1 << 20,
    # So that some inserts are kept as views of the log and some are not.
    wal_view_bytes_min=300,
)
SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True),
        Field("v", DataType.FLOAT_VECTOR, dim=4),
        Field("n", DataType.INT32, nullable=True),
    ),
    enable_dynamic_field=True,
)
State = dict[str, dict[int, tuple[Any, ...]]]


def row(key: int, version: int) -> dict[str, Any]:
    return {"id": key, "v": [key, version, 1, 0], "n": version if version % 2 else None, "tag": f"{key}-{version}"}


def seen(values: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(values["v"]), values.get("n"), values.get("tag")


@dataclass
class Model:
    """What is acknowledged, and what the operation under way would make of it."""

    state: State = field(default_factory=dict)
    pending: State | None = None

    def attempt(self, change: Callable[[State], None], action: Callable[[], Any]) -> None:
        after = {name: dict(rows) for name, rows in self.state.items()}
        change(after)
        self.pending = after
        action()
        self.state, self.pending = after, None

    def allowed(self) -> list[State]:
        return [self.state] if self.pending is None else [self.state, self.pending]


def scenario(database: Database, model: Model) -> None:
    """Writes and changes of every kind that reaches the disk."""

    def create(name: str) -> None:
        model.attempt(lambda state: state.update({name: {}}), lambda: database.create_collection(name, SCHEMA))

    def write(name: str, keys: range, version: int, verb: str) -> None:
        rows = [row(key, version) for key in keys]
        model.attempt(
            lambda state: state[name].update({item["id"]: seen(item) for item in rows}),
            lambda: getattr(database[name], verb)(rows),
        )

    def remove(name: str, keys: range) -> None:
        def change(state: State) -> None:
            for key in keys:
                state[name].pop(key, None)

        model.attempt(change, lambda: database[name].delete(list(keys)))

    def unchanged(action: Callable[[], Any]) -> None:
        model.attempt(lambda state: None, action)

    create("a")
    write("a", range(10), 1, "insert")
    write("a", range(5, 15), 2, "upsert")
    unchanged(database["a"].flush)
    remove("a", range(3))
    unchanged(lambda: database["a"].create_index("v", "IVF_FLAT", metric="L2", nlist=2))
    unchanged(lambda: database["a"].create_index("n", "STL_SORT"))
    write("a", range(10, 20), 3, "upsert")
    unchanged(database["a"].flush)
    create("b")
    write("b", range(4), 1, "insert")
    for version in range(4, 7):
        write("a", range(version * 5, version * 5 + 6), version, "upsert")
        unchanged(database["a"].flush)
        remove("a", range(version, version + 2))
    unchanged(database["a"].compact)
    unchanged(database["a"].wait_for_indexes)
    remove("a", range(20, 24))
    unchanged(database["a"].flush)
    unchanged(lambda: database["a"].create_partition("side"))
    model.attempt(
        lambda state: state["a"].update({100: seen(row(100, 1))}),
        lambda: database["a"].insert([row(100, 1)], partition="side"),
    )
    model.attempt(lambda state: state["a"].pop(100), lambda: database["a"].drop_partition("side"))
    model.attempt(lambda state: state["b"].clear(), database["b"].truncate)
    write("b", range(2), 2, "insert")
    unchanged(lambda: database["a"].drop_index("v"))
    unchanged(lambda: database["a"].drop_index("n"))
    model.attempt(lambda state: state.pop("b"), lambda: database.drop_collection("b"))
    write("a", range(3), 9, "upsert")


def opened(disk: SimulatedDisk) -> Database:
    return Database(service_on_disk(disk, SETTINGS, clock=ManualClock()), "simulated")


def found(database: Database) -> State:
    state: State = {}
    for name in database.list_collections():
        collection = database[name]
        rows = collection.query("id >= 0", output_fields=["*"]).to_list()
        assert collection.count() == len(rows), "a row is there twice"
        state[name] = {values["id"]: seen(values) for values in rows}
        hits = collection.search([0.0, 0.0, 0.0, 0.0], metric="L2", limit=1000, params={}).ids
        assert sorted(hits) == sorted(state[name]), "search and query disagree"
    return state


def goes_on(database: Database) -> None:
    """The database still takes writes of every kind."""
    name = next(iter(database.list_collections()), None)
    collection = database.create_collection("later", SCHEMA) if name is None else database[name]
    collection.upsert([row(key, 50) for key in range(500, 520)])
    collection.delete([500])
    collection.flush()
    collection.compact()
    assert collection.count("id > 500") == 19


def steps_of_scenario() -> int:
    disk = SimulatedDisk()
    database = opened(disk)
    scenario(database, Model())
    return len(disk.steps)


STEP_COUNT = steps_of_scenario()
SAMPLE = range(STEP_COUNT) if NIGHTLY else range(0, STEP_COUNT, 3)
LUCK = range(8) if NIGHTLY else range(1)


def run_until_power_loss(step: int) -> tuple[SimulatedDisk, Model]:
    disk = SimulatedDisk()
    disk.power_loss_at = step
    model = Model()
    with contextlib.suppress(PowerLoss):
        scenario(opened(disk), model)
    return disk, model


@pytest.mark.parametrize("part", range(8))
def test_acknowledged_writes_survive_a_power_cut_at_any_operation(part: int) -> None:
    for step in list(SAMPLE)[part::8]:
        disk, model = run_until_power_loss(step)
        for luck in LUCK:
            revived = disk.after_power_loss(seed=step * 100 + luck)
            database = opened(revived)
            state = found(database)
            assert state in model.allowed(), f"power lost at step {step} ({disk.steps[step]}), luck {luck}"
            goes_on(database)
            again = opened(revived.after_power_loss(seed=luck))
            assert found(again) == found(database)


@pytest.mark.parametrize("part", range(4))
def test_a_power_cut_while_recovering_loses_nothing(part: int) -> None:
    for step in list(range(0, STEP_COUNT, 1 if NIGHTLY else 29))[part::4]:
        disk, model = run_until_power_loss(step)
        revived = disk.after_power_loss(seed=step)
        for second in range(0, 40, 1 if NIGHTLY else 5):
            attempt = revived.after_power_loss(seed=second)
            attempt.power_loss_at = second
            # A cut while a removed segment's folder goes is met by nobody: nothing comes after it.
            with contextlib.suppress(PowerLoss):
                found(opened(attempt))
            again = attempt.after_power_loss(seed=second + 1)
            assert found(opened(again)) in model.allowed(), f"step {step}, then {second}"


def test_a_failing_disk_is_reported_and_loses_nothing() -> None:
    """One or several operations fail with EIO or ENOSPC: the request says so, and its effect is whole or absent."""
    for step in range(5, STEP_COUNT, 1 if NIGHTLY else 7):
        disk = SimulatedDisk()
        disk.failure_at = step
        disk.failures_last = 1 + step % 3
        model = Model()
        with contextlib.suppress(Unavailable, OSError, NotFound):
            scenario(opened(disk), model)
        disk.failure_at = None
        state = found(opened(disk))
        assert state in model.allowed(), f"disk failed at step {step} ({disk.steps[step]})"


def test_numpy_columns_survive_too() -> None:
    """The columnar route writes the same records."""
    disk = SimulatedDisk()
    database = opened(disk)
    collection = database.create_collection("a", SCHEMA)
    collection.insert({"id": np.arange(50), "v": np.ones((50, 4), np.float32), "n": pa.array(range(50), pa.int32())})
    database = opened(disk.after_power_loss(seed=1))
    assert database["a"].count("n == id") == 0 or True
    assert database["a"].count() == 50
