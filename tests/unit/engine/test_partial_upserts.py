"""Partial upserts of one key from many threads: every change is kept, whatever runs beside them."""

import threading
from collections.abc import Callable

import pytest

from elanus.errors import ElanusError, InvalidInput
from tests.unit.engine.conftest import Bench

THREADS = 8
STEPS = 25


def run_together(tasks: list[Callable[[], None]]) -> None:
    """Each in a thread of its own; the first error is raised here."""
    errors: list[Exception] = []

    def guarded(task: Callable[[], None]) -> None:
        try:
            task()
        except (AssertionError, ElanusError) as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_concurrent_changes_of_one_row_lose_none(bench: Bench) -> None:
    """Eight threads each set keys of their own in the same two rows, while others flush, compact and build indexes."""
    docs = bench.docs
    docs.insert([{"id": key, "vector": [key, 0], "kept": "yes"} for key in (1, 2)])
    running = threading.Event()
    running.set()

    def change(number: int) -> None:
        for step in range(STEPS):
            docs.upsert([{"id": key, f"t{number}": step} for key in (1, 2)], partial=True)
            seen = docs.get([1, 2], output_fields=[f"t{number}"]).to_list()
            assert [row[f"t{number}"] for row in seen] == [step, step]

    def disturb() -> None:
        while running.is_set():
            docs.flush()
            docs.compact()
            docs.wait_for_indexes()

    disturber = threading.Thread(target=disturb)
    disturber.start()
    try:
        run_together([lambda number=number: change(number) for number in range(THREADS)])  # type: ignore[misc]
    finally:
        running.clear()
        disturber.join()
    expected = {"kept": "yes", **{f"t{number}": STEPS - 1 for number in range(THREADS)}}
    for place in (bench, bench.after_power_loss()):
        rows = place.docs.query("id > 0", output_fields=["*"]).to_list()
        assert rows == [{"id": key, "vector": [float(key), 0.0], **expected} for key in (1, 2)]
        assert len(place.docs) == 2


def test_whole_and_partial_upserts_of_one_row_are_one_after_the_other(bench: Bench) -> None:
    """A partial upsert never brings back values that a whole one replaced: vector and marks are of one version."""
    docs = bench.docs
    docs.insert([{"id": 1, "vector": [0, 0], "version": 0}])

    def replace(number: int) -> None:
        for step in range(STEPS):
            version = number * 1000 + step
            docs.upsert([{"id": 1, "vector": [version, 0], "version": version}])

    def touch() -> None:
        for step in range(STEPS):
            docs.upsert([{"id": 1, "touched": step}], partial=True)
            (row,) = docs.get(1, output_fields=["vector", "version"])
            assert row["vector"][0] == row["version"]

    run_together([*[lambda number=number: replace(number) for number in range(4)], touch, touch])  # type: ignore[misc]
    (row,) = docs.get(1, output_fields=["*"])
    assert row["vector"][0] == row["version"]


def test_a_partial_upsert_meets_a_delete(bench: Bench) -> None:
    """A row that is deleted first is new, and lacks its vector; nothing half-made is stored."""
    bench.docs.insert([{"id": 1, "vector": [1, 0]}])
    bench.docs.delete(1)
    with pytest.raises(InvalidInput, match="row 0 is new and has no value for field 'vector'"):
        bench.docs.upsert([{"id": 1, "x": 1}], partial=True)
    assert bench.keys() == []


def test_a_partial_upsert_of_a_key_inserted_twice_continues_the_newest(bench: Bench) -> None:
    bench.docs.insert([{"id": 1, "vector": [1, 0], "x": "old", "only": 1}])
    bench.docs.flush()
    bench.docs.insert([{"id": 1, "vector": [2, 0], "x": "new"}])
    bench.docs.upsert([{"id": 1, "y": 1}], partial=True)
    assert bench.docs.get(1, output_fields=["*"]).to_list() == [{"id": 1, "vector": [2.0, 0.0], "x": "new", "y": 1}]
    assert len(bench.docs) == 1


def test_a_batch_that_names_a_key_twice_keeps_the_last(bench: Bench) -> None:
    bench.docs.insert([{"id": 1, "vector": [1, 0], "x": 0}])
    bench.docs.upsert([{"id": 1, "a": 1}, {"id": 1, "b": 2}], partial=True)
    (row,) = bench.docs.get(1, output_fields=["*"])
    assert (row["x"], row["b"]) == (0, 2)
    assert len(bench.docs) == 1
