"""Maintenance by itself: it wakes, holds writers back and lets go, tries again after a failing disk, and stops."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from elanus.app.compose import service_on_disk
from elanus.embedded.collection import Collection
from elanus.embedded.database import Database
from elanus.engine import flush, maintenance
from elanus.engine.collection import Collection as EngineCollection
from elanus.errors import Unavailable
from elanus.service.local import LocalService
from elanus.settings import Settings
from tests.simulation.disk import SimulatedDisk

WAIT_S = 30.0
Open = Callable[..., tuple[LocalService, Collection]]


@pytest.fixture
def opened() -> Iterator[Open]:
    """A collection `c` with background work and a clock that runs; closed at the end of the test."""
    services: list[LocalService] = []

    def make(disk: SimulatedDisk | None = None, **settings: Any) -> tuple[LocalService, Collection]:
        chosen = Settings(**{"search_thread_count": 1, "index_rows_min": 1, "durability": "none", **settings})
        service = service_on_disk(disk or SimulatedDisk(), chosen)
        services.append(service)
        database = Database(service, "simulated")
        return service, database["c"] if "c" in database else database.create_collection("c", dimension=2, metric="L2")

    yield make
    for service in services:
        service.close()


def inner(service: LocalService) -> EngineCollection:
    return service.engine.collection("default", "c")


def eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.005)


def rows(first: int, count: int) -> list[dict[str, Any]]:
    return [{"id": key, "vector": [key, 1], "text": "x" * 50} for key in range(first, first + count)]


def test_much_is_flushed_merged_and_indexed_without_being_asked(opened: Open) -> None:
    service, docs = opened(flush_rows=100)
    for first in range(0, 1000, 50):
        docs.insert(rows(first, 50))

    def is_settled() -> bool:
        (index,) = docs.indexes()
        is_built = index.state == "Finished" and index.indexed_row_count == index.total_row_count >= 900
        return is_built and len(inner(service).state.sealed) < 10

    eventually(is_settled)
    assert docs.wait_for_indexes(WAIT_S)
    assert docs.count() == 1000
    assert docs.search([500, 1], limit=1).ids == [500]


def test_old_rows_are_flushed(opened: Open) -> None:
    service, docs = opened(flush_interval_ms=50)
    docs.insert(rows(0, 1))
    eventually(lambda: len(inner(service).state.sealed) == 1)
    assert docs.get(0, output_fields=[]).to_list() == [{"id": 0}]


def test_deleted_rows_are_removed(opened: Open) -> None:
    service, docs = opened()
    docs.insert(rows(0, 100))
    docs.flush()
    docs.delete(filter="id < 50")
    eventually(lambda: [unit.entry.row_count for unit in inner(service).state.sealed] == [50])
    assert docs.count() == 50


@pytest.mark.parametrize("background", [True, False])
def test_writers_that_are_held_back_go_on(opened: Open, monkeypatch: pytest.MonkeyPatch, background: bool) -> None:
    """Unflushed rows never pass the limit by more than the batches under way; every row arrives."""
    limit = 20_000
    service, docs = opened(unflushed_bytes_max=limit, flush_bytes=limit, background_maintenance=background)
    publish = flush._publish

    def slowly(*arguments: Any) -> None:
        time.sleep(0.02)
        publish(*arguments)

    monkeypatch.setattr(flush, "_publish", slowly)
    peaks: list[int] = []
    errors: list[Exception] = []

    def write(number: int) -> None:
        try:
            for step in range(20):
                docs.insert(rows(number * 10_000 + step * 20, 20))
                peaks.append(inner(service).state.unflushed_bytes)
        except Unavailable as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    assert errors == []
    assert docs.count() == 4 * 20 * 20
    batch_bytes = 20 * 150
    assert max(peaks) <= limit + 4 * batch_bytes
    assert len(inner(service).state.sealed) > 0


def test_writers_that_wait_when_the_database_closes_get_an_error(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    service, docs = opened(unflushed_bytes_max=1000, flush_bytes=1000)
    monkeypatch.setattr(maintenance, "flush", lambda _collection: (_ for _ in ()).throw(Unavailable("busy", "slow")))
    ended: list[Exception] = []

    def write() -> None:
        try:
            for step in range(100):
                docs.insert(rows(step * 20, 20))
        except Unavailable as error:
            ended.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    eventually(lambda: inner(service).state.unflushed_bytes >= 1000)
    time.sleep(0.05)
    service.close()
    thread.join(WAIT_S)
    assert not thread.is_alive()
    (error,) = ended
    assert isinstance(error, Unavailable)
    assert error.kind == "closed"


def test_a_failing_disk_is_tried_again(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flush fails three times; rows stay readable, further writes are taken, and then they are flushed."""
    monkeypatch.setattr(maintenance, "_RETRY_S", 0.02)
    real, failures = flush._write_rows, [3]

    def failing(*arguments: Any) -> Any:
        if failures[0]:
            failures[0] -= 1
            raise Unavailable("storage_failed", "simulated")
        return real(*arguments)

    monkeypatch.setattr(flush, "_write_rows", failing)
    service, docs = opened(flush_rows=10)
    docs.insert(rows(0, 20))
    docs.insert(rows(20, 5))
    assert docs.count() == 25
    eventually(lambda: not inner(service).state.sealing and len(inner(service).state.sealed) > 0)
    assert failures == [0]
    assert [row["id"] for row in docs.query("id >= 0", output_fields=["id"])] == list(range(25))


@pytest.mark.parametrize("reopen", [False, True])
def test_a_disk_that_fails_at_any_step_of_a_flush_loses_nothing(opened: Open, reopen: bool) -> None:
    """A flush that is asked for says that it failed. The next one does it or, after a failed sync, the next opening."""
    disk = SimulatedDisk()
    service, docs = opened(disk, background_maintenance=False)
    docs.insert(rows(0, 10))
    failed = 0
    for step in range(40):
        docs.upsert(rows(step % 10, 1))
        docs.delete([(step + 5) % 10])
        docs.insert(rows((step + 5) % 10, 1))
        disk.failure_at = len(disk.steps) + step % 20
        try:
            docs.flush()
        except Unavailable:
            failed += 1
        disk.failure_at = None
        assert docs.count() == 10
        if reopen or inner(service).log._poison is not None:
            service.close()
            service, docs = opened(disk, background_maintenance=False)
    assert failed > 10
    docs.flush()
    for place in (disk, disk.after_power_loss(seed=2)):
        service.close()
        service, docs = opened(place, background_maintenance=False)
        assert [row["id"] for row in docs.query("id >= 0", output_fields=["id"])] == list(range(10))
        assert docs.count() == 10


def test_closing_does_not_wait_for_an_index_build(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that runs is told to stop; whoever waits for it is told that the database was closed."""
    building = threading.Event()
    waited: list[Exception] = []

    def build_until_cancelled(*_arguments: Any, cancelled: Callable[[], bool], **_options: Any) -> bool:
        building.set()
        while not cancelled():
            time.sleep(0.002)
        raise Unavailable("cancelled", "simulated")

    monkeypatch.setattr(maintenance, "build_index", build_until_cancelled)
    service, docs = opened()
    docs.insert(rows(0, 10))
    docs.flush()

    def wait() -> None:
        try:
            docs.wait_for_indexes()
        except Unavailable as error:
            waited.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    assert building.wait(WAIT_S)
    started = time.monotonic()
    service.close()
    thread.join(WAIT_S)
    assert time.monotonic() - started < 5
    assert [type(error) for error in waited] == [Unavailable]


def test_a_wait_for_indexes_ends_when_its_time_is_over(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    hold = threading.Event()
    monkeypatch.setattr(maintenance, "build_index", lambda *_arguments, **_options: hold.wait(WAIT_S))
    _, docs = opened()
    docs.insert(rows(0, 10))
    docs.flush()
    assert docs.wait_for_indexes(0.05) is False
    monkeypatch.undo()
    hold.set()
    assert docs.wait_for_indexes(WAIT_S)


def test_one_collections_mishap_does_not_end_the_care_for_others(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    service, docs = opened(flush_rows=10)
    other = Database(service, "simulated").create_collection("other", dimension=2)
    mishap_of = inner(service).collection_id
    plan = maintenance.planned_action
    met = threading.Event()

    def failing(collection: EngineCollection) -> Any:
        if collection.collection_id == mishap_of:
            met.set()
            raise ZeroDivisionError
        return plan(collection)

    monkeypatch.setattr(maintenance, "planned_action", failing)
    docs.insert(rows(0, 20))
    assert met.wait(WAIT_S)
    other.insert(rows(0, 20))
    eventually(lambda: len(service.engine.collection("default", "other").state.sealed) == 1)
