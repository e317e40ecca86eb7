"""Rows of large inserts are views of the log: found like all others, counted like all others, and only when synced."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import elanus
from elanus.app.compose import service_on_disk
from elanus.embedded.database import Database
from elanus.errors import InvalidInput
from elanus.objectstore.disk import LocalDisk
from elanus.objectstore.mapped_file import file_behind
from elanus.runtime.clock import ManualClock
from elanus.service.local import LocalService
from elanus.settings import Settings
from tests.simulation.disk import SimulatedDisk, SimulatedFile

_SETTINGS = Settings(background_maintenance=False, search_thread_count=1, wal_view_bytes_min=4096)
_DIM = 32
_VECTORS = np.random.default_rng(3).random((400, _DIM), np.float32)


def _columns(first: int, row_count: int) -> dict[str, npt.NDArray[np.generic]]:
    return {"id": np.arange(first, first + row_count), "vector": _VECTORS[:row_count]}


def _growing(service: LocalService) -> list[npt.NDArray[np.float32]]:
    """The vectors of every chunk of unflushed rows of the only collection."""
    state = service.engine.collection("default", "c").state
    chunks = [chunk for segment in state.growing.values() for chunk in segment.chunks]
    return [chunk.rows.column("vector").flatten().to_numpy() for chunk in chunks]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LocalService]:
    opened = service_on_disk(LocalDisk(tmp_path), _SETTINGS)
    yield opened
    opened.close()


def test_rows_of_a_large_insert_are_a_view_of_the_log(service: LocalService, tmp_path: Path) -> None:
    collection = Database(service, "a test").create_collection("c", dimension=_DIM)
    collection.insert(_columns(0, 400))
    (vectors,) = _growing(service)
    assert file_behind(vectors) is not None
    np.testing.assert_array_equal(vectors.reshape(-1, _DIM), _VECTORS)
    assert not np.shares_memory(vectors, _VECTORS)
    assert list(tmp_path.rglob("*.wal"))


def test_rows_of_a_small_insert_are_in_memory(service: LocalService) -> None:
    Database(service, "a test").create_collection("c", dimension=_DIM).insert(_columns(0, 10))
    (vectors,) = _growing(service)
    assert file_behind(vectors) is None


def test_what_is_not_synced_is_not_looked_at(tmp_path: Path) -> None:
    """The system may lose what it did not write, and would then show something else."""
    service = service_on_disk(LocalDisk(tmp_path), _SETTINGS.with_changes(durability="none"))
    Database(service, "a test").create_collection("c", dimension=_DIM).insert(_columns(0, 400))
    (vectors,) = _growing(service)
    assert file_behind(vectors) is None
    service.close()


def test_views_take_as_much_of_the_unflushed_bytes_as_copies(tmp_path: Path) -> None:
    sizes = []
    for number, view_bytes_min in enumerate((1, 1 << 40)):
        settings = _SETTINGS.with_changes(wal_view_bytes_min=view_bytes_min)
        folder = tmp_path / str(number)
        folder.mkdir()
        service = service_on_disk(LocalDisk(folder), settings)
        Database(service, "a test").create_collection("c", dimension=_DIM).insert(_columns(0, 400))
        sizes.append(service.engine.collection("default", "c").state.unflushed_bytes)
        service.close()
    assert sizes[0] == sizes[1] >= _VECTORS.nbytes


def test_a_reader_keeps_rows_whose_log_is_gone(service: LocalService, tmp_path: Path) -> None:
    collection = Database(service, "a test").create_collection("c", dimension=_DIM)
    collection.insert(_columns(0, 400))
    batches = collection.search_iterator(_VECTORS[0], batch_size=50)
    found = next(batches).ids
    views = _growing(service)
    collection.flush()
    collection.delete(list(range(400)))
    collection.flush()
    assert list(tmp_path.rglob("*.wal")) == []
    np.testing.assert_array_equal(views[0].reshape(-1, _DIM), _VECTORS)
    for batch in batches:
        found = [*found, *batch.ids]
    assert sorted(found) == list(range(400))


def test_rows_that_change_during_the_call_are_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SimulatedDisk()
    service = service_on_disk(disk, _SETTINGS, clock=ManualClock())
    collection = Database(service, "simulated").create_collection("c", dimension=_DIM)
    vectors = _VECTORS.copy()
    whole = SimulatedFile.write

    def write(file: SimulatedFile, parts: list[memoryview]) -> None:
        vectors[3] = np.nan
        whole(file, parts)

    monkeypatch.setattr(SimulatedFile, "write", write)
    with pytest.raises(InvalidInput, match="changed while they were written") as caught:
        collection.insert({"id": np.arange(400), "vector": vectors})
    monkeypatch.undo()
    assert caught.value.kind == "data_changed"
    assert len(collection) == 0
    collection.insert(_columns(0, 400))
    again = Database(service_on_disk(disk.after_power_loss(1), _SETTINGS, clock=ManualClock()), "simulated")
    assert len(again["c"]) == 400


def test_the_callers_arrays_are_free_after_the_call(tmp_path: Path) -> None:
    vectors = _VECTORS.copy()
    with elanus.connect(tmp_path, wal_view_bytes_min=1) as database:
        collection = database.create_collection("c", dimension=_DIM)
        collection.insert({"id": np.arange(400), "vector": vectors})
        vectors[:] = 7
        (row,) = collection.get([5], output_fields=["vector"])
        np.testing.assert_array_equal(row["vector"], _VECTORS[5])
