"""Eight threads write, read, flush, compact and build indexes at once; nothing is lost and nothing is raised.

Every writer owns a range of keys and knows what it wrote, so each can check its rows at any time. A reader checks that
it never waits for a writer: its slowest search is bounded while a slow flush runs.
"""

import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elanus
from elanus.embedded.collection import Collection
from elanus.engine import flush

pytestmark = pytest.mark.crash

SECONDS = 60.0 if os.environ.get("ELANUS_TEST_PROFILE") == "nightly" else 8.0
SETTINGS: dict[str, Any] = {
    "flush_bytes": 60_000,
    "segment_bytes_max": 1_000_000,
    "index_rows_min": 200,
    "growing_index_rows_min": 50,
    "wal_file_bytes_max": 50_000,
    "checkpoint_commit_count": 8,
    "wal_view_bytes_min": 1_000,
}
KEYS_PER_WRITER = 1000
DIM = 16


def row(key: int, version: int) -> dict[str, Any]:
    return {"id": key, "vector": [key % 977, version % 4096] + [1.0] * (DIM - 2), "version": version}


class Writer:
    """Changes its own keys and keeps account of them."""

    def __init__(self, collection: Collection, number: int) -> None:
        self.collection = collection
        self.first = number * KEYS_PER_WRITER
        self.luck = random.Random(number)
        self.expected: dict[int, int] = {}
        self.version = 0

    def step(self) -> None:
        self.version += 1
        keys = self.luck.sample(range(self.first, self.first + KEYS_PER_WRITER), self.luck.choice([1, 5, 60]))
        if self.luck.random() < 0.75:
            self.collection.upsert([row(key, self.version) for key in keys])
            self.expected.update(dict.fromkeys(keys, self.version))
        else:
            self.collection.delete(keys)
            for key in keys:
                self.expected.pop(key, None)
        if self.version % 20 == 0:
            self.check()

    def check(self) -> None:
        last = self.first + KEYS_PER_WRITER
        rows = self.collection.query(f"{self.first} <= id < {last}", output_fields=["*"]).to_list()
        assert {values["id"]: values["version"] for values in rows} == self.expected
        for values in rows:
            assert values == row(values["id"], values["version"])


def run_together(tasks: list[Callable[[], None]], seconds: float) -> None:
    """Repeats each task in a thread of its own until the time is over; the first error ends all and is raised."""
    until = time.monotonic() + seconds
    errors: list[BaseException] = []

    def repeat(task: Callable[[], None]) -> None:
        try:
            while time.monotonic() < until and not errors:
                task()
        except BaseException as error:  # noqa: BLE001 (carried to the main thread)
            errors.append(error)

    threads = [threading.Thread(target=repeat, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_eight_threads_lose_nothing_and_raise_nothing(tmp_path: Path) -> None:
    with elanus.connect(tmp_path, **SETTINGS) as database:
        collection = database.create_collection("c", dimension=DIM, metric="L2")
        writers = [Writer(collection, number) for number in range(3)]
        luck = np.random.default_rng(5)

        def search() -> None:
            hits = collection.search(
                luck.random((2, DIM)).astype(np.float32), limit=20, metric="L2", output_fields=["version"]
            )
            for of_query in hits:
                assert len(set(of_query.ids)) == len(of_query.ids)
                assert list(of_query.distances) == sorted(of_query.distances)

        def count() -> None:
            assert 0 <= collection.count("version > 0") <= 3 * KEYS_PER_WRITER

        def flush_now() -> None:
            collection.flush()
            time.sleep(0.05)

        def compact() -> None:
            collection.compact()
            time.sleep(0.2)

        def rebuild() -> None:
            collection.drop_index("vector")
            collection.create_index("vector", "IVF_FLAT", metric="L2", nlist=4, wait=False)
            time.sleep(0.3)

        run_together([*(writer.step for writer in writers), search, count, flush_now, compact, rebuild], SECONDS)
        for writer in writers:
            writer.check()
    with elanus.connect(tmp_path, **SETTINGS) as database:
        for writer in writers:
            writer.collection = database["c"]
            writer.check()


def test_arrays_that_change_while_they_are_inserted_are_stored_as_read_or_refused(tmp_path: Path) -> None:
    """What is found at once, from views of the log, is what is found after opening again, from the log itself."""
    vectors = np.zeros((500, 64), np.float32)
    done = threading.Event()

    def disturb() -> None:
        luck = np.random.default_rng(1)
        while not done.wait(luck.random() / 1000):
            vectors[luck.integers(500)] = luck.random(64)

    thread = threading.Thread(target=disturb)
    stored, refused = [], 0
    with elanus.connect(tmp_path, **SETTINGS, background_maintenance=False) as database:
        collection = database.create_collection("c", dimension=64)
        thread.start()
        try:
            for first in range(0, 500 * 60, 500):
                keys = range(first, first + 500)
                try:
                    collection.insert({"id": np.array(keys), "vector": vectors})
                except elanus.errors.InvalidInput as error:
                    assert error.kind == "data_changed"  # noqa: PT017 (not being refused is right too)
                    refused += 1
                else:
                    stored.append(first)
        finally:
            done.set()
            thread.join()
        assert len(collection) == 500 * len(stored)
        before = collection.query("id >= 0", output_fields=["*"]).to_list()
    with elanus.connect(tmp_path, **SETTINGS, background_maintenance=False) as database:
        after = database["c"].query("id >= 0", output_fields=["*"]).to_list()
    assert len(stored) + refused == 60
    assert [values["id"] for values in after] == [key for first in stored for key in range(first, first + 500)]
    for left, right in zip(before, after, strict=True):
        np.testing.assert_array_equal(left["vector"], right["vector"])


def test_reads_do_not_wait_for_a_slow_flush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a flush is held up for as long as the readers run, searches and writes go on and see everything."""
    released = threading.Event()
    write_rows = flush._write_rows

    def slow(*arguments: Any) -> Any:
        assert released.wait(30)
        return write_rows(*arguments)

    monkeypatch.setattr(flush, "_write_rows", slow)
    with elanus.connect(tmp_path) as database:
        collection = database.create_collection("c", dimension=DIM)
        collection.insert([row(key, 1) for key in range(100)])
        flusher = threading.Thread(target=collection.flush)
        flusher.start()
        for version in range(2, 20):
            collection.upsert([row(key, version) for key in range(10)])
            assert collection.count("version == 1") == 90
            assert len(collection.search([1.0] * DIM, limit=200)) == 100
        assert flusher.is_alive()
        released.set()
        flusher.join()
        assert collection.count("version == 19") == 10
        assert len(collection) == 100


def test_what_was_written_is_found_at_once_while_rows_are_indexed(tmp_path: Path) -> None:
    """Writers search for what they wrote last, and for what they wrote before, while runs are made and sealed."""
    settings = {**SETTINGS, "flush_bytes": 1 << 20, "growing_index_rows_min": 100}
    with elanus.connect(tmp_path, **settings) as database:
        collection = database.create_collection("c", dimension=DIM, metric="L2")
        found = np.zeros(2, np.int64)

        def writing(number: int) -> Callable[[], None]:
            luck = np.random.default_rng(number)
            written: list[tuple[int, Any]] = []

            def write() -> None:
                first = number * 1_000_000 + len(written)
                vectors = luck.normal(size=(20, DIM)).astype(np.float32)
                collection.insert([{"id": first + place, "vector": one} for place, one in enumerate(vectors)])
                assert collection.search(vectors[7], limit=1, metric="L2", params={"ef": 500}).ids == [first + 7]
                written.extend(enumerate(vectors, first))
                key, vector = written[int(luck.integers(len(written)))]
                found[:] += [1, int(collection.search(vector, limit=1, metric="L2").ids == [key])]

            return write

        def seal() -> None:
            time.sleep(SECONDS / 6)
            collection.flush()

        run_together([writing(1), writing(2), seal], SECONDS / 2)
        assert found[1] >= 0.97 * found[0]
