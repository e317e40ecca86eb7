"""Iterators among writes, flushes and compactions: the state of their first batch to the end, or a refusal."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elanus.app.compose import service_on_disk
from elanus.embedded.database import Database
from elanus.errors import Conflict
from elanus.runtime.clock import ManualClock
from elanus.settings import Settings
from tests.simulation.disk import SimulatedDisk

_SETTINGS = Settings(background_maintenance=False, search_thread_count=1, compaction_deleted_ratio=0.01)
_KEYS = 24

_ACTIONS = st.one_of(
    st.tuples(st.just("upsert"), st.sets(st.integers(0, _KEYS - 1), min_size=1, max_size=8)),
    st.tuples(st.just("delete"), st.sets(st.integers(0, _KEYS - 1), min_size=1, max_size=8)),
    st.sampled_from([("flush", None), ("compact", None), ("truncate", None), ("drop", None), ("side", None)]),
    st.sampled_from([("begin", "query"), ("begin", "search")]),
    st.tuples(st.just("next"), st.integers(0, 5)),
    st.sampled_from([("forget", None), ("reopen", None)]),
)


class _Iteration:
    """An iterator, what it has given, and what it should give in all.

    It may be refused only when its state was lost, and rows have been removed for good since it began.
    """

    def __init__(self, collection: Any, kind: str, rows: dict[int, int]) -> None:
        self.expected = dict(rows)
        self.found: dict[int, int] = {}
        self.lost = False
        self.removed_since = False
        if kind == "query":
            self._iterator = collection.query_iterator(batch_size=3, output_fields=["version"])
        else:
            self._iterator = collection.search_iterator([0.0, 0.0], batch_size=3, output_fields=["version"])
        self.advance()

    def advance(self) -> bool:
        batch = next(self._iterator, None)
        if batch is None:
            assert self.found == self.expected
            return False
        for row in batch.to_list():
            assert row["id"] not in self.found
            assert self.expected.get(row["id"]) == row["version"]
            self.found[row["id"]] = row["version"]
        return True


class _Model:
    """A collection with a partition `side`, its rows by key, and the iterations that are open."""

    def __init__(self) -> None:
        self._disk = SimulatedDisk()
        self._open()
        self.database.create_collection("c", dimension=2, metric="L2")
        self.rows: dict[int, int] = {}
        self.on_side: set[int] = set()
        self.iterations: list[_Iteration] = []
        self.version = 0

    def _open(self) -> None:
        self.service = service_on_disk(self._disk, _SETTINGS, clock=ManualClock())
        self.database = Database(self.service, "simulated")

    def do(self, action: str, argument: Any) -> None:
        collection = self.database["c"]
        match action:
            case "upsert":
                self.version += 1
                collection.upsert([{"id": key, "vector": [key, 1], "version": self.version} for key in argument])
                self.rows |= dict.fromkeys(argument, self.version)
                self.on_side -= argument
            case "side":
                if "side" not in collection.partitions():
                    collection.create_partition("side")
                self.version += 1
                keys = range(1000 + 10 * self.version, 1003 + 10 * self.version)
                rows = [{"id": key, "vector": [key, 1], "version": self.version} for key in keys]
                collection.insert(rows, partition="side")
                self.rows |= dict.fromkeys(keys, self.version)
                self.on_side |= set(keys)
            case "drop":
                if "side" in collection.partitions():
                    collection.drop_partition("side")
                    self._note_removal()
                    self.rows = {key: version for key, version in self.rows.items() if key not in self.on_side}
                    self.on_side.clear()
            case "delete":
                collection.delete(list(argument))
                self.rows = {key: version for key, version in self.rows.items() if key not in argument}
            case "flush":
                collection.flush()
            case "compact":
                collection.compact()
                self._note_removal()
            case "truncate":
                collection.truncate()
                self._note_removal()
                self.rows, self.on_side = {}, set()
            case "begin":
                self.iterations.append(_Iteration(collection, argument, self.rows))
            case "next":
                self._advance(argument)
            case "forget":
                collection_id = self.service.engine.collection("default", "c").collection_id
                self.service.engine.held_views.forget(collection_id)
                self.service.engine.cursors._sessions.clear()
                self._note_loss()
            case "reopen":
                self.service.close()
                self._note_loss()
                self._open()
                for iteration in self.iterations:
                    iteration._iterator._service = self.service

    def _note_loss(self) -> None:
        for iteration in self.iterations:
            iteration.lost = True

    def _note_removal(self) -> None:
        for iteration in self.iterations:
            iteration.removed_since = True

    def _advance(self, place: int) -> None:
        if place < len(self.iterations):
            iteration = self.iterations[place]
            try:
                if not iteration.advance():
                    self.iterations.remove(iteration)
            except Conflict as error:
                if error.kind != "snapshot_gone" or not (iteration.lost and iteration.removed_since):
                    raise
                self.iterations.remove(iteration)

    def finish(self) -> None:
        self.do("begin", "query")
        self.do("begin", "search")
        fresh = self.iterations[-2:]
        while self.iterations:
            for iteration in list(self.iterations):
                if iteration in fresh:
                    self.iterations[:] = [item for item in self.iterations if item is not iteration]
                    while iteration.advance():
                        pass
                else:
                    self._advance(self.iterations.index(iteration))
        self.service.close()


@settings(max_examples=max(30, settings().max_examples // 2))
@given(st.lists(_ACTIONS, min_size=5, max_size=40))
def test_an_iterator_gives_the_state_it_began_on_or_says_that_it_is_gone(actions: list[tuple[str, Any]]) -> None:
    model = _Model()
    model.do("upsert", set(range(0, _KEYS, 2)))
    for action, argument in actions:
        model.do(action, argument)
    model.finish()


@pytest.mark.parametrize("kind", ["query", "search"])
@pytest.mark.parametrize("removal", ["compact", "truncate", "drop"])
@pytest.mark.parametrize("loss", [None, "reopen", "forget"])
def test_rows_that_were_removed_for_good_are_still_given_or_refused(kind: str, removal: str, loss: str | None) -> None:
    model = _Model()
    model.do("upsert", set(range(12)))
    model.do("side", None)
    model.do("flush", None)
    model.do("begin", kind)
    if removal == "compact":
        model.do("delete", set(range(12)))
    model.do(removal, None)
    iteration = model.iterations[0]
    if loss:
        model.do(loss, None)
        with pytest.raises(Conflict, match="begin the iteration anew"):
            iteration.advance()
    else:
        while iteration.advance():
            pass
    model.iterations.clear()
    model.finish()


@pytest.mark.parametrize("kind", ["query", "search"])
@pytest.mark.parametrize("removal", ["compact", "truncate", "drop"])
@pytest.mark.parametrize("before", ["forget", "reopen"])
@pytest.mark.parametrize("after", ["forget", "reopen"])
def test_what_begins_after_a_removal_is_complete(kind: str, removal: str, before: str, after: str) -> None:
    """Also when nothing was written between the two, and whatever is lost and written then."""
    model = _Model()
    model.do("upsert", set(range(12)))
    model.do("side", None)
    model.do("delete", {0, 1})
    model.do(removal, None)
    model.do(before, None)
    model.do("begin", kind)
    model.do(after, None)
    model.do("upsert", {0, 2, 40})
    while model.iterations[0].advance():
        pass
    model.iterations.clear()
    model.finish()
