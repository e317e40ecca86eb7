"""One folder and several services: who owns it, who asks whom, and what is said when that does not work.

A lock is held by an open file, not by a process, so that a second holder can be played here. Processes of their own
are in `tests/crash/test_sharing.py`.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from elanus.app import shared
from elanus.app.shared import SharedService
from elanus.embedded.collection import Collection
from elanus.embedded.database import Database
from elanus.embedded.sharing.client import OwnerLostError, ShareClient
from elanus.embedded.sharing.lock import RootLock
from elanus.errors import Conflict, InvalidInput, Unavailable
from elanus.runtime.clock import ManualClock
from elanus.service.requests.data import Delete
from elanus.settings import Settings

SETTINGS = Settings(durability="none", background_maintenance=False, search_thread_count=1)


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[SharedService]:
    service = SharedService(tmp_path, SETTINGS)
    yield service
    service.close()


def collection(service: SharedService) -> Collection:
    database = Database(service, "shared")
    return database["c"] if "c" in database else database.create_collection("c", dimension=2)


def test_the_second_asks_the_first(owner: SharedService, tmp_path: Path) -> None:
    other = SharedService(tmp_path, SETTINGS)
    assert owner.is_owner
    assert owner.local is not None
    assert (other.is_owner, other.local) == (False, None)
    collection(other).insert([{"id": 1, "vector": [1, 0]}])
    assert collection(owner).count() == 1
    other.close()
    with pytest.raises(Unavailable, match="the database is closed"):
        collection(other).count()
    assert collection(owner).count() == 1


def test_an_owner_that_closes_in_order_hands_over_and_no_write_is_lost_or_doubled(tmp_path: Path) -> None:
    """Others write all the while; each service is the owner in its turn."""
    services = [SharedService(tmp_path, SETTINGS) for _ in range(3)]
    collection(services[0])
    written: list[int] = []
    stop = threading.Event()
    errors: list[Exception] = []

    def write() -> None:
        docs = collection(services[2])
        try:
            while not stop.is_set():
                docs.insert([{"id": len(written), "vector": [1, 0]}])
                written.append(len(written))
        except Unavailable as error:
            errors.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    for service in services[:2]:
        before = len(written)
        while len(written) < before + 20 and not errors:
            time.sleep(0.001)
        service.close()
    stop.set()
    thread.join(60)
    assert errors == []
    docs = collection(services[2])
    assert docs.count() == len(written) >= 40
    assert [row["id"] for row in docs.query("id >= 0", output_fields=[])] == written
    assert services[2].is_owner
    services[2].close()


def test_a_write_that_is_asked_again_says_since_when(
    owner: SharedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner is lost twice; the third time it answers. Reads are asked again as they are."""
    docs = collection(owner)
    other = SharedService(tmp_path, SETTINGS, clock=ManualClock(777))
    asked: list[Any] = []
    execute = ShareClient.execute

    def lost_twice(client: ShareClient, request: Any) -> Any:
        asked.append(request)
        if len(asked) % 3:
            raise OwnerLostError
        return execute(client, request)

    monkeypatch.setattr(ShareClient, "execute", lost_twice)
    other.execute(Delete("c", ids=pa.array([1])))
    assert [request.repeated_since_ms for request in asked] == [0, 777, 777]
    assert len({request.request_id for request in asked}) == 1
    assert asked[0].request_id
    assert Database(other, "shared").list_collections() == ["c"]
    monkeypatch.undo()
    assert docs.count() == 0
    other.close()


def test_an_owner_of_another_version_is_named(
    owner: SharedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "VERSION", "0.0.1")
    with pytest.raises(Conflict, match=r"this one is 0\.0\.1; use the same version in every process"):
        SharedService(tmp_path, SETTINGS)
    assert collection(owner).count() == 0


@pytest.mark.parametrize("note", [None, b"", b"{", b"[]", b'{"process_id": 1}', b"\xff\xfe"])
def test_an_owner_that_does_not_answer_is_told_after_a_while(tmp_path: Path, note: bytes | None) -> None:
    """Also when its note cannot be read. The clock is played, so that nobody waits."""
    lock = RootLock(tmp_path)
    assert lock.acquire(ManualClock(), str(tmp_path / "nobody.sock"))
    if note is not None:
        (tmp_path / "LOCK").write_bytes(note)
    with pytest.raises(Unavailable) as refused:
        SharedService(tmp_path, SETTINGS, clock=ManualClock())
    assert refused.value.kind == "busy"
    assert str(tmp_path) in refused.value.message
    assert ("unknown" in refused.value.message) == (note is not None)
    lock.release()
    service = SharedService(tmp_path, SETTINGS, clock=ManualClock())
    assert service.is_owner
    service.close()


def test_a_long_path_is_shared_all_the_same(tmp_path: Path) -> None:
    """A socket's path may have about a hundred bytes; the folder's may have more."""
    folder = tmp_path / ("x" * 100) / ("é" * 50)
    services = [SharedService(folder, SETTINGS) for _ in range(2)]
    collection(services[1]).insert([{"id": 1, "vector": [1, 0]}])
    assert collection(services[0]).count() == 1
    assert not services[1].is_owner
    for service in reversed(services):
        service.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InvalidInput):
            SharedService(place, SETTINGS)


def test_the_lock_says_who_holds_it(tmp_path: Path) -> None:
    lock, other = RootLock(tmp_path), RootLock(tmp_path)
    assert other.holder() is None
    assert lock.acquire(ManualClock(5), "socket")
    assert not other.acquire(ManualClock(), "other")
    holder = other.holder()
    assert holder is not None
    assert (holder.since_ms, holder.socket_path) == (5, "socket")
    lock.release()
    assert other.holder() is None
    assert other.acquire(ManualClock(), "other")
    other.release()
