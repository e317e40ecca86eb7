"""Growing rows that are indexed: what is found stays right whatever happens to them, before, while and after."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from elanus.app.compose import service_on_disk
from elanus.embedded.collection import Collection
from elanus.embedded.database import Database
from elanus.engine import joining
from elanus.engine.flush import flush
from elanus.engine.interim import InterimIndexes
from elanus.engine.joining import join_rows
from elanus.errors import Unavailable
from elanus.query.explanation import SearchReport
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.settings import Settings
from tests.simulation.disk import SimulatedDisk
from tests.unit.engine.conftest import Bench, bench_on

DIM = 16
WAIT_S = 30.0
MIN = 100


@pytest.fixture
def grown() -> Iterator[Bench]:
    """An empty collection without background work, whose rows are indexed a hundred at a time when a test says so."""
    made = bench_on(SimulatedDisk(), growing_index_rows_min=MIN)
    made.database.create_collection("c", dimension=DIM, metric="L2")
    yield made
    made.service.close()


def vectors(first: int, count: int, version: int = 0) -> npt.NDArray[np.float32]:
    return np.stack(
        [
            np.random.default_rng([key, version]).normal(size=DIM).astype(np.float32)
            for key in range(first, first + count)
        ]
    )


def rows(first: int, count: int, version: int = 0) -> list[dict[str, Any]]:
    made = vectors(first, count, version)
    return [{"id": first + place, "vector": vector, "version": version} for place, vector in enumerate(made)]


def join_all(bench: Bench) -> int:
    """How many runs were made."""
    return sum(1 for _ in itertools.takewhile(bool, (join_rows(bench.inner) for _ in itertools.count())))


def indexed_counts(bench: Bench) -> list[int]:
    """Rows of each run, in order; those that are not indexed are left out."""
    (segment,) = bench.inner.state.growing.values()
    return [chunk.rows.row_count for chunk in segment.chunks if isinstance(chunk.index, InterimIndexes)]


def nearest(collection: Collection, query: npt.NDArray[np.float32], limit: int = 10) -> list[int]:
    """With so many candidates that a graph of some hundred rows finds all."""
    found = collection.search(query, limit=limit, params={"ef": 2000})
    return [int(key) for key in found.ids]


def true_nearest(present: dict[int, npt.NDArray[np.float32]], query: npt.NDArray[np.float32]) -> list[int]:
    keys = np.array(sorted(present))
    distances = ((np.stack([present[key] for key in keys.tolist()]) - query) ** 2).sum(axis=1)
    return [int(key) for key in keys[np.argsort(distances, kind="stable")[:10]]]


def check(collection: Collection, present: dict[int, npt.NDArray[np.float32]]) -> None:
    for query in vectors(1_000_000, 5):
        assert nearest(collection, query) == true_nearest(present, query)
    assert collection.count() == len(present)


def report(collection: Collection) -> SearchReport:
    explained = collection.explain_search(np.zeros(DIM, np.float32), limit=5)
    found = explained.segments[-1].search
    assert found is not None
    return found


def test_rows_join_in_runs_and_the_newest_are_scanned(grown: Bench) -> None:
    docs = grown.docs
    for first in range(0, 260, 20):
        docs.insert(rows(first, 20))
        join_all(grown)
    docs.insert(rows(260, 30))
    assert indexed_counts(grown) == [100, 100]
    told = report(docs)
    assert told.index == "interim graph"
    assert told.reason.startswith("200 rows by 2 graphs (")
    assert told.reason.endswith("), 90 rows scanned")
    check(docs, dict(enumerate(vectors(0, 290))))


def test_hardly_more_rows_than_enough_stay_unnoticed(grown: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """However they come: writes report that rows have grown, and not each one does."""
    seen: list[int] = []
    monkeypatch.setattr(grown.inner, "_on_change", lambda _collection_id: seen.append(1))
    for first, count in ((0, 50), (50, 45), (95, 7)):
        grown.docs.insert(rows(first, count))
    assert len(seen) == 3
    for key in range(102, 172):
        grown.docs.insert(rows(key, 1))
    assert len(seen) == 3 + 70 // 7


def test_small_runs_become_larger_ones(grown: Bench) -> None:
    for first in range(0, 1600, 100):
        grown.docs.insert(rows(first, 100))
        assert join_all(grown) == 1
    assert indexed_counts(grown) == [800, 800]
    check(grown.docs, dict(enumerate(vectors(0, 1600))))


def test_deletes_and_upserts_of_rows_that_joined(grown: Bench) -> None:
    docs = grown.docs
    present = dict(enumerate(vectors(0, 300)))
    docs.insert(rows(0, 300))
    assert join_all(grown) == 1
    docs.delete(list(range(0, 300, 3)))
    docs.upsert(rows(100, 50, version=1))
    present = {key: vector for key, vector in present.items() if key % 3}
    present |= dict(zip(range(100, 150), vectors(100, 50, version=1), strict=True))
    check(docs, present)
    docs.insert(rows(300, 60))
    assert join_all(grown) == 1
    present |= dict(zip(range(300, 360), vectors(300, 60), strict=True))
    check(docs, present)
    flush(grown.inner)
    check(docs, present)


@pytest.fixture
def while_joining(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Has something done after the next index is built and before it is published."""
    build = joining.build_interim

    def disturb(action: Callable[[], None]) -> None:
        def build_then_disturb(*arguments: Any) -> Any:
            built = build(*arguments)
            monkeypatch.setattr(joining, "build_interim", build)
            action()
            return built

        monkeypatch.setattr(joining, "build_interim", build_then_disturb)

    return disturb


def test_writes_while_rows_join(grown: Bench, while_joining: Callable[[Callable[[], None]], None]) -> None:
    docs = grown.docs
    docs.insert(rows(0, 120))

    def write() -> None:
        docs.delete([5, 6])
        docs.upsert(rows(10, 5, version=1))
        docs.insert(rows(120, 7))

    while_joining(write)
    assert join_all(grown) == 1
    assert indexed_counts(grown) == [120]
    present = dict(enumerate(vectors(0, 127))) | dict(zip(range(10, 15), vectors(10, 5, version=1), strict=True))
    check(docs, {key: vector for key, vector in present.items() if key not in {5, 6}})


def test_a_flush_while_rows_join_makes_the_work_void(
    grown: Bench, while_joining: Callable[[Callable[[], None]], None]
) -> None:
    docs = grown.docs
    docs.insert(rows(0, 150))
    while_joining(lambda: flush(grown.inner))
    assert join_rows(grown.inner)
    assert not join_rows(grown.inner)
    assert grown.inner.state.growing_row_count == 0
    check(docs, dict(enumerate(vectors(0, 150))))


def test_a_build_whose_rows_were_sealed_is_given_up(grown: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks between batches whether it should go on."""

    def build(_column: object, _metric: object, _params: object, context: Any) -> Any:
        assert not context.cancelled()
        flush(grown.inner)
        context.check_cancelled()
        raise AssertionError

    monkeypatch.setattr(joining, "build_interim", build)
    grown.docs.insert(rows(0, 150))
    assert join_rows(grown.inner)
    assert not join_rows(grown.inner)


def test_rows_are_searched_by_their_graphs_while_a_flush_writes_them(
    grown: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown.docs.insert(rows(0, 150))
    join_all(grown)
    seen: list[str] = []

    def fail(*_arguments: Any) -> Any:
        seen.append(report(grown.docs).index)
        check(grown.docs, dict(enumerate(vectors(0, 150))))
        raise Unavailable("storage_failed", "simulated")

    monkeypatch.setattr("elanus.engine.flush._write_rows", fail)
    with pytest.raises(Unavailable):
        flush(grown.inner)
    assert seen == ["interim graph"]
    monkeypatch.undo()
    flush(grown.inner)
    check(grown.docs, dict(enumerate(vectors(0, 150))))


def test_a_segment_keeps_the_graphs_of_its_rows_until_it_has_an_index(grown: Bench) -> None:
    """With the rows between them and the newest scanned, and deletes as they are by then."""
    docs = grown.docs
    docs.insert(rows(0, 130))
    join_all(grown)
    docs.insert(rows(130, 90))
    docs.insert(rows(220, 150))
    join_all(grown)
    docs.insert(rows(370, 20))
    docs.delete([3, 140, 300, 380])
    present = {key: vector for key, vector in enumerate(vectors(0, 390)) if key not in {3, 140, 300, 380, 5, 150}}
    flush(grown.inner)
    docs.delete([5, 150])
    told = report(docs)
    assert told.index == "interim graph"
    assert told.reason.startswith("370 rows by 2 graphs (")
    assert told.reason.endswith("), 20 rows scanned")
    check(docs, present)
    query = vectors(2_000_000, 1)[0]
    for params in ({"radius": 30.0}, {"radius": 30.0, "range_filter": 20.0}):
        found = docs.search(query, limit=500, params=params)
        distances = {key: float(((vector - query) ** 2).sum()) for key, vector in present.items()}
        low = params.get("range_filter", 0.0)
        assert set(found.ids) == {key for key, distance in distances.items() if low <= distance < 30.0}
    batches = docs.search_iterator(query, batch_size=50)
    assert [key for batch in batches for key in batch.ids][:10] == true_nearest(present, query)
    assert docs.wait_for_indexes()
    assert report(docs).index == "AUTOINDEX"
    assert [unit.interim for unit in grown.inner.state.sealed] == [None]
    check(docs, present)


def test_a_segment_is_not_answered_by_graphs_for_another_definition(grown: Bench) -> None:
    docs = grown.docs
    docs.insert(rows(0, 150))
    join_all(grown)
    flush(grown.inner)
    assert report(docs).index == "interim graph"
    docs.drop_index("vector")
    assert report(docs).index == ""
    docs.create_index("vector", "HNSW", metric="IP", wait=False)
    query = vectors(7, 1)[0]
    hits = docs.search(query, limit=10, params={"ef": 500})
    np.testing.assert_allclose(hits.distances, np.sort(vectors(0, 150) @ query)[::-1][:10], rtol=1e-5)


def test_a_new_definition_is_not_answered_by_graphs_for_another(grown: Bench) -> None:
    """Dropped and made again with another metric, the index is another one; its graphs come in time."""
    docs = grown.docs
    docs.insert(rows(0, 150))
    join_all(grown)
    docs.drop_index("vector")
    assert report(docs).index == ""
    docs.create_index("vector", "HNSW", metric="IP", wait=False)
    query = vectors(7, 1)[0]
    products = vectors(0, 150) @ query
    for index in ("", "interim graph"):
        assert report(docs).index == index
        hits = docs.search(query, limit=10, params={"ef": 500})
        np.testing.assert_allclose(hits.distances, np.sort(products)[::-1][:10], rtol=1e-5)
        join_all(grown)


def test_rows_are_indexed_again_after_a_field_is_added(grown: Bench) -> None:
    docs = grown.docs
    docs.insert(rows(0, 150))
    join_all(grown)
    docs.add_field(Field("n", DataType.INT64, nullable=True))
    check(docs, dict(enumerate(vectors(0, 150))))
    assert join_all(grown) == 1
    check(docs, dict(enumerate(vectors(0, 150))))


def test_a_restart_loses_no_row_and_needs_no_file(grown: Bench) -> None:
    grown.docs.insert(rows(0, 150))
    step_count = len(grown.disk.steps)
    join_all(grown)
    assert len(grown.disk.steps) == step_count
    reopened = bench_on(grown.disk.after_power_loss(1), growing_index_rows_min=MIN)
    check(reopened.docs, dict(enumerate(vectors(0, 150))))
    assert indexed_counts(reopened) == []
    assert join_all(reopened) == 1
    check(reopened.docs, dict(enumerate(vectors(0, 150))))
    reopened.service.close()


def test_what_graphs_take_in_memory_counts_as_growing_bytes(grown: Bench) -> None:
    grown.docs.insert(rows(0, 150))
    before = grown.inner.state.growing_bytes
    join_all(grown)
    (segment,) = grown.inner.state.growing.values()
    (chunk,) = segment.chunks
    assert chunk.index is not None
    assert chunk.index.memory_bytes > 150 * 128
    assert grown.inner.state.growing_bytes == before + chunk.index.memory_bytes


def test_each_partition_and_each_field_has_its_own(grown: Bench) -> None:
    schema = Schema((
        Field("id", DataType.INT64, is_primary=True),
        Field("a", DataType.FLOAT_VECTOR, dim=DIM),
        Field("b", DataType.FLOAT16_VECTOR, dim=2 * DIM, nullable=True),
        Field("flat", DataType.FLOAT_VECTOR, dim=DIM),
    ))  # fmt: skip
    docs = grown.database.create_collection("two", schema=schema)
    docs.create_index("a", "IVF_FLAT", metric="L2", nlist=8, wait=False)
    docs.create_index("b", "HNSW", metric="COSINE", wait=False)
    docs.create_index("flat", "FLAT", metric="L2", wait=False)
    docs.create_partition("p")
    for partition, first in (("_default", 0), ("p", 500)):
        made = vectors(first, 120)
        docs.insert(
            [
                {
                    "id": first + n,
                    "a": one,
                    "b": None if n % 5 == 0 else np.tile(one, 2).astype(np.float16),
                    "flat": one,
                }
                for n, one in enumerate(made)
            ],
            partition=partition,
        )
    inner = grown.service.engine.collection("default", "two")
    assert join_rows(inner)
    assert join_rows(inner)
    assert not join_rows(inner)
    for segment in inner.state.growing.values():
        (chunk,) = segment.chunks
        assert isinstance(chunk.index, InterimIndexes)
        assert len(chunk.index.built) == 2
    query = vectors(33, 1)[0]
    assert [hit["id"] for hit in docs.search(query, field="a", limit=1, params={"nprobe": 8})] == [33]
    hits = docs.search(np.tile(vectors(503, 1)[0], 2).astype(np.float16), field="b", limit=30, params={"ef": 300})
    assert hits.ids[0] == 503
    assert all(key % 5 for key in hits.ids)


def test_vectors_in_arrays_of_structs_join_too(grown: Bench) -> None:
    """Their elements are found by graphs while they grow; a segment scans them until it has an index."""
    chunk = (Field("n", DataType.INT32), Field("emb", DataType.FLOAT_VECTOR, dim=DIM))
    schema = Schema((
        Field("id", DataType.INT64, is_primary=True),
        Field("chunks", DataType.ARRAY, element_type=DataType.STRUCT, max_capacity=4, struct_fields=chunk),
    ))  # fmt: skip
    docs = grown.database.create_collection("elements", schema=schema)
    docs.create_index("chunks[emb]", "HNSW", metric="L2", wait=False)
    inner = grown.service.engine.collection("default", "elements")
    made = vectors(0, 600)
    for start, count in ((0, 130), (130, 70), (200, 100), (300, 10)):
        docs.insert([
            {"id": key, "chunks": [{"n": n, "emb": made[2 * key + n]} for n in range(key % 3)] if 2 * key < 600 else []}
            for key in range(start, start + count)
        ])  # fmt: skip
        join_rows(inner)
    docs.delete([4, 5, 250])
    live = [(key, n) for key in range(310) for n in range(key % 3) if 2 * key < 600 and key not in {4, 5, 250}]
    stored = np.stack([made[2 * key + n] for key, n in live])
    for is_sealed in (False, True):
        for query in vectors(1_000_000, 5):
            hits = docs.search(query, field="chunks[emb]", limit=10, params={"ef": 2000})
            true = np.sort(((stored - query) ** 2).sum(axis=1))[:10]
            np.testing.assert_allclose(hits.distances, true, rtol=1e-4)
        told = docs.explain_search(vectors(5, 1)[0], field="chunks[emb]", params={"ef": 2000}).segments[-1].search
        assert told is not None
        assert told.index == ("" if is_sealed else "interim graph")
        flush(inner)


def opened(disk: SimulatedDisk, **settings: Any) -> tuple[Any, Collection]:
    chosen = Settings(**{"search_thread_count": 1, "durability": "none", "growing_index_rows_min": MIN, **settings})
    service = service_on_disk(disk, chosen)
    database = Database(service, "simulated")
    return service, database["c"] if "c" in database else database.create_collection("c", dimension=DIM, metric="L2")


def eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.005)


def test_rows_join_without_being_asked_and_again_after_a_restart() -> None:
    disk = SimulatedDisk()
    service, docs = opened(disk)
    for first in range(0, 400, 50):
        docs.insert(rows(first, 50))
    eventually(lambda: report(docs).index == "interim graph")
    check(docs, dict(enumerate(vectors(0, 400))))
    service.close()
    service, docs = opened(disk)
    eventually(lambda: report(docs).index == "interim graph")
    check(docs, dict(enumerate(vectors(0, 400))))
    service.close()


@pytest.mark.parametrize("off", [{"growing_index_enabled": False}, {"background_maintenance": False}])
def test_no_row_joins_where_that_is_switched_off(off: dict[str, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "start_thread", lambda *_arguments, **_options: pytest.fail("a thread was started"))
    service, docs = opened(SimulatedDisk(), **off)
    docs.insert(rows(0, 300))
    assert report(docs).reason == "scan of 300 allowed rows"
    service.close()


@pytest.mark.parametrize("drop", [False, True])
def test_closing_and_dropping_do_not_wait_for_rows_that_join(monkeypatch: pytest.MonkeyPatch, drop: bool) -> None:
    building, ended = threading.Event(), threading.Event()

    def build_until_cancelled(_column: object, _metric: object, _params: object, context: Any) -> Any:
        building.set()
        try:
            while True:
                context.check_cancelled()
                time.sleep(0.002)
        finally:
            ended.set()

    monkeypatch.setattr(joining, "build_interim", build_until_cancelled)
    service, docs = opened(SimulatedDisk())
    docs.insert(rows(0, 150))
    assert building.wait(WAIT_S)
    started = time.monotonic()
    if drop:
        Database(service, "simulated").drop_collection("c")
    else:
        service.close()
    assert time.monotonic() - started < 5
    assert ended.wait(WAIT_S)
    service.close()


def test_one_collections_mishap_does_not_end_the_care_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    service, docs = opened(SimulatedDisk())
    mishap_of, met = service.engine.collection("default", "c").collection_id, threading.Event()
    join = joining.join_rows

    def failing(collection: Any, **options: Any) -> bool:
        if collection.collection_id == mishap_of:
            met.set()
            raise ZeroDivisionError
        return join(collection, **options)

    monkeypatch.setattr(joining, "join_rows", failing)
    docs.insert(rows(0, 150))
    assert met.wait(WAIT_S)
    other = Database(service, "simulated").create_collection("other", dimension=DIM, metric="L2")
    other.insert(rows(0, 150))
    eventually(lambda: report(other).index == "interim graph")
    service.close()
