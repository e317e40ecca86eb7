"""Two processes and more on one folder: all read and write, and when the owner dies another takes over.

Method: real processes that obey orders over pipes, one of them killed.
"""

import multiprocessing
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import elanus
from tests.crash.peer import obey

pytestmark = pytest.mark.crash


class Peer:
    """A process under orders."""

    def __init__(self, root: Path) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.crash.peer", "elanus.app.connection"])
        self._orders, other = context.Pipe()
        self.process = context.Process(target=obey, args=(str(root), other))
        self.process.start()
        other.close()

    def order(self, verb: str, argument: Any = None) -> Any:
        self._orders.send((verb, argument))
        outcome, value = self._orders.recv()
        if outcome == "error":
            raise AssertionError(value)
        return value

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def end(self) -> None:
        if self.process.is_alive():
            self.order("close")
            self.process.join()
        self._orders.close()


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[list[Peer]]:
    started = [Peer(tmp_path) for _ in range(3)]
    yield started
    for peer in started:
        peer.end()


def test_every_process_sees_what_the_others_wrote(peers: list[Peer]) -> None:
    peers[0].order("create")
    for number, peer in enumerate(peers):
        assert peer.order("insert", [number * 10, number * 10 + 1]) == [number * 10, number * 10 + 1]
    for peer in peers:
        assert peer.order("keys") == [0, 1, 10, 11, 20, 21]
        assert {hit["by"] for hit in peer.order("search", 10)} == {peer.process.pid for peer in peers}
    assert sum(peer.order("owner") for peer in peers) == 1


def test_errors_cross_the_process_border_as_they_are(peers: list[Peer]) -> None:
    peers[0].order("create")
    for peer in peers:
        with pytest.raises(AssertionError, match="dimension_mismatch"):
            peer.order("bad")


def test_when_the_owner_is_killed_another_takes_over(peers: list[Peer]) -> None:
    peers[0].order("create")
    expected = []
    for round_number in range(2):
        for number, peer in enumerate(living(peers)):
            keys = [round_number * 100 + number * 10 + step for step in range(5)]
            peer.order("insert", keys)
            expected += keys
        owner = next(peer for peer in living(peers) if peer.order("owner"))
        owner.kill()
        for peer in living(peers):
            assert peer.order("keys") == sorted(expected)
        assert sum(peer.order("owner") for peer in living(peers)) == 1


def test_a_write_under_way_when_the_owner_dies_is_done_once(tmp_path: Path) -> None:
    """Many inserts from the second process while the first, the owner, is killed: each row is there exactly once."""
    owner = Peer(tmp_path)
    owner.order("create")
    with elanus.connect(tmp_path) as database:
        collection = database["c"]
        written: list[int] = []

        def write() -> None:
            for key in range(400):
                written.extend(collection.insert([{"id": key, "vector": [key, 1]}]))

        writer = threading.Thread(target=write)
        writer.start()
        while len(written) < 50:
            writer.join(0.01)
        owner.kill()
        writer.join()
        assert written == list(range(400))
        assert collection.count() == 400
        assert [row["id"] for row in collection.query("id >= 0", output_fields=["id"]).to_list()] == written
    owner.end()


def test_a_forked_child_uses_the_database_of_its_parent(tmp_path: Path) -> None:
    with elanus.connect(tmp_path) as database:
        collection = database.create_collection("c", dimension=2)
        collection.insert([{"id": 1, "vector": [1, 1]}])
        child = os.fork()
        if child == 0:
            status = 1
            try:
                collection.insert([{"id": 2, "vector": [2, 1]}])
                status = 0 if collection.count() == 2 else 2
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert sorted(collection.search([1.0, 1.0]).ids) == [1, 2]


def test_two_handles_in_one_process_are_one_database(tmp_path: Path) -> None:
    first, second = elanus.connect(tmp_path), elanus.connect(tmp_path)
    first.create_collection("c", dimension=2).insert([{"id": 1, "vector": [1, 1]}])
    assert len(second["c"]) == 1
    first.close()
    assert second["c"].search([1.0, 0.0]).ids == [1]
    second.close()
    with pytest.raises(elanus.Unavailable):
        second["c"]


def living(peers: list[Peer]) -> list[Peer]:
    return [peer for peer in peers if peer.process.is_alive()]
