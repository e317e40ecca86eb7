"""Background work meets writes at the worst moment, made to happen one after the other."""

from collections.abc import Callable
from typing import Any

import pytest

from elanus.app.compose import service_on_disk
from elanus.embedded.database import Database
from elanus.engine import compaction, flush
from elanus.engine.collection import Collection
from elanus.runtime.clock import ManualClock
from elanus.settings import Settings
from tests.simulation.disk import SimulatedDisk

SETTINGS = Settings(background_maintenance=False, search_thread_count=1)


def opened(disk: SimulatedDisk) -> tuple[Database, Callable[[], Collection]]:
    service = service_on_disk(disk, SETTINGS, clock=ManualClock())
    return Database(service, "simulated"), lambda: service.engine.collection("default", "c")


def rows(*keys: int, version: int) -> list[dict[str, Any]]:
    return [{"id": key, "vector": [key, version], "version": version} for key in keys]


def test_a_delete_that_comes_between_a_compaction_and_a_flush_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compaction has chosen its rows; one is replaced; a flush takes its cut; the compaction is published first."""
    disk = SimulatedDisk()
    database, collection = opened(disk)
    docs = database.create_collection("c", dimension=2)
    docs.insert(rows(1, 2, 3, version=1))
    docs.flush()
    deferred: list[Callable[[], None]] = []
    publish_flush, write_compaction = flush._publish, compaction._write

    def later(*arguments: Any) -> None:
        deferred.append(lambda: publish_flush(*arguments))

    def write_then_disturb(*arguments: Any) -> Any:
        written = write_compaction(*arguments)
        docs.upsert(rows(2, version=2))
        flush.flush(collection())
        return written

    monkeypatch.setattr(flush, "_publish", later)
    monkeypatch.setattr(
        flush.Log if hasattr(flush, "Log") else type(collection().log), "remove_through", lambda *_: None
    )
    monkeypatch.setattr(compaction, "_write", write_then_disturb)
    assert compaction.compact(collection(), [collection().state.sealed[0].entry.segment_id])
    deferred[0]()
    monkeypatch.undo()
    collection().log.remove_through(collection().manifest.flushed_timestamp)

    reopened, _ = opened(disk.after_power_loss(seed=1))
    found = reopened["c"].query("id > 0", output_fields=["version"]).to_list()
    assert found == [{"id": 1, "version": 1}, {"id": 2, "version": 2}, {"id": 3, "version": 1}]
    assert reopened["c"].count() == 3
