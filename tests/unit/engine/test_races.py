"""Flush, compaction and index builds meet deletes, drops and truncation at the worst moment, made to happen in order.

After each, the rows are those that were acknowledged, in memory and after a power cut, and no file is left over.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from elanus.engine import compaction, flush, indexing
from elanus.errors import Unavailable
from tests.unit.engine.conftest import Bench

Disturb = Callable[[Bench], None]


def compact_all(bench: Bench) -> None:
    """Rewrites every segment as one, whether that is due or not."""
    if sealed := bench.inner.state.sealed:
        compaction.compact(bench.inner, [unit.entry.segment_id for unit in sealed])


MOMENTS = [
    (flush, "_write_rows", lambda bench: bench.docs.flush()),
    (compaction, "_write", compact_all),
    (indexing, "_build_files", lambda bench: bench.docs.wait_for_indexes()),
]


def filled(bench: Bench) -> None:
    """Keys 0 to 9 in two segments, 10 to 12 growing, and an index to build."""
    for first in (0, 5):
        bench.docs.insert([{"id": key, "vector": [key, 0], "version": 1} for key in range(first, first + 5)])
        bench.docs.flush()
    bench.docs.insert([{"id": key, "vector": [key, 0], "version": 1} for key in range(10, 13)])
    bench.docs.drop_index("vector")
    bench.docs.create_index("vector", "HNSW", metric="L2", wait=False)


def delete_some(bench: Bench) -> None:
    assert bench.docs.delete([0, 7, 11]) == 3


def delete_all(bench: Bench) -> None:
    assert bench.docs.delete(filter="id >= 0") == 13


def replace_some(bench: Bench) -> None:
    bench.docs.upsert([{"id": key, "vector": [key, 1], "version": 2} for key in (1, 8, 12, 20)])


def flush_meanwhile(bench: Bench) -> None:
    delete_some(bench)
    bench.docs.flush()


def compact_meanwhile(bench: Bench) -> None:
    delete_some(bench)
    compact_all(bench)


def drop_index(bench: Bench) -> None:
    bench.docs.drop_index("vector")


def another_index(bench: Bench) -> None:
    bench.docs.drop_index("vector")
    bench.docs.create_index("vector", "FLAT", metric="L2", wait=False)


EXPECTED: dict[Disturb, dict[int, int]] = {
    delete_some: {key: 1 for key in range(13) if key not in {0, 7, 11}},
    delete_all: {},
    replace_some: {**dict.fromkeys(range(13), 1), 1: 2, 8: 2, 12: 2, 20: 2},
    flush_meanwhile: {key: 1 for key in range(13) if key not in {0, 7, 11}},
    compact_meanwhile: {key: 1 for key in range(13) if key not in {0, 7, 11}},
    drop_index: dict.fromkeys(range(13), 1),
    another_index: dict.fromkeys(range(13), 1),
}


def disturbed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, moment: tuple[Any, str, Callable[[Bench], Any]], disturb: Disturb
) -> int:
    """Runs a piece of background work and disturbs it once, after its files are written; how often that happened."""
    module, name, work = moment
    write = getattr(module, name)
    calls: list[int] = []

    def write_then_disturb(*arguments: Any, **options: Any) -> Any:
        written = write(*arguments, **options)
        if not calls:
            calls.append(1)
            disturb(bench)
        return written

    monkeypatch.setattr(module, name, write_then_disturb)
    work(bench)
    monkeypatch.undo()
    return len(calls)


def check(bench: Bench, expected: dict[int, int]) -> None:
    """Rows by every way of reading, now, after all further work, and after a power cut."""
    for place in (bench, bench.after_power_loss()):
        for _ in range(2):
            rows = place.docs.query("id >= 0", output_fields=["version"]).to_list()
            assert {row["id"]: row["version"] for row in rows} == expected
            assert len(place.docs) == len(rows) == len(expected)
            hits = place.docs.search([0, 0], limit=100, output_fields=["version"])
            assert {hit["id"]: hit["version"] for hit in hits} == expected
            place.docs.flush()
            place.docs.compact()
            place.docs.wait_for_indexes()
            compact_all(place)


# A flush waits for the one that runs, and cannot come between.
@pytest.mark.parametrize(
    ("moment", "disturb"),
    [pair for pair in product(MOMENTS, EXPECTED) if pair != (MOMENTS[0], flush_meanwhile)],
    ids=lambda part: getattr(part, "__name__", part[1] if isinstance(part, tuple) else None),
)
def test_nothing_is_lost_and_nothing_comes_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, moment: Any, disturb: Disturb
) -> None:
    filled(bench)
    assert disturbed(bench, monkeypatch, moment, disturb) == 1
    check(bench, EXPECTED[disturb])


@pytest.mark.parametrize("moment", MOMENTS[1:], ids=lambda moment: moment[1])
def test_a_truncation_wins(bench: Bench, monkeypatch: pytest.MonkeyPatch, moment: Any) -> None:
    filled(bench)

    def truncate(place: Bench) -> None:
        place.docs.truncate()
        place.docs.insert([{"id": 3, "vector": [0, 0], "version": 9}])

    assert disturbed(bench, monkeypatch, moment, truncate) == 1
    check(bench, {3: 9})


@pytest.mark.parametrize("moment", MOMENTS[1:], ids=lambda moment: moment[1])
def test_a_partition_that_is_dropped_stays_dropped(bench: Bench, monkeypatch: pytest.MonkeyPatch, moment: Any) -> None:
    bench.docs.create_partition("p")
    for partition, keys in (("p", range(5)), ("_default", range(5, 10))):
        bench.docs.insert([{"id": key, "vector": [key, 0], "version": 1} for key in keys], partition=partition)
    bench.docs.flush()
    bench.docs.drop_index("vector")
    bench.docs.create_index("vector", "HNSW", metric="L2", wait=False)
    name = moment[1]
    in_p = bench.inner.view().partitions["p"]
    work = moment[2]
    if name == "_write":
        members = [unit.entry.segment_id for unit in bench.inner.state.sealed if unit.entry.partition_id == in_p]

        def work(place: Bench) -> None:
            assert not compaction.compact(place.inner, members)

    assert disturbed(bench, monkeypatch, (moment[0], name, work), lambda place: place.docs.drop_partition("p")) == 1
    for place in (bench, bench.after_power_loss()):
        assert place.keys() == [5, 6, 7, 8, 9]
        assert place.docs.partitions() == ["_default"]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment[1])
def test_a_collection_dropped_under_its_work_is_gone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, moment: Any
) -> None:
    """The work ends with an error that says so; nothing of the collection is left after the next opening."""
    filled(bench)
    with pytest.raises(Unavailable, match="the collection was dropped"):
        disturbed(bench, monkeypatch, moment, lambda place: place.database.drop_collection("c"))
    monkeypatch.undo()
    assert bench.database.list_collections() == []
    again = bench.after_power_loss()
    assert again.database.list_collections() == []
    assert [path for path in again.disk.paths() if path.startswith("collections/")] == []
    again.database.create_collection("c", dimension=2)
    assert again.keys() == []


def test_an_insert_into_a_partition_dropped_meanwhile_is_as_if_before(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows went where they were sent, and left with their partition; none turns up elsewhere."""
    bench.docs.create_partition("p")
    inner = bench.inner
    write = inner.write

    def drop_then_write(record: Any) -> Any:
        monkeypatch.undo()
        bench.docs.drop_partition("p")
        return write(record)

    monkeypatch.setattr(type(inner), "write", lambda _self, record: drop_then_write(record))
    bench.docs.insert([{"id": 1, "vector": [1, 0]}], partition="p")
    bench.docs.insert([{"id": 2, "vector": [1, 0]}])
    assert bench.keys() == bench.after_power_loss().keys() == [2]
    bench.docs.flush()
    assert bench.keys() == bench.after_power_loss().keys() == [2]


def test_a_view_keeps_its_segments_readable(bench: Bench) -> None:
    """Files of merged segments go when the last reader lets go, and then they do go."""
    filled(bench)
    bench.docs.flush()
    view = bench.inner.view()
    old = {f"{bench.inner.segment_prefix(unit.entry.segment_id)}/" for unit in bench.inner.state.sealed}
    bench.docs.delete([3])
    compact_all(bench)
    assert bench.keys() == [key for key in range(13) if key != 3]
    seen = [key for segment in view.segments for key in segment.source.column("id").to_pylist()]
    assert sorted(seen) == list(range(13))
    del view, seen
    bench.keys()
    left = {prefix for prefix in old if any(path.startswith(prefix) for path in bench.disk.paths())}
    assert left == set()


def test_the_next_opening_removes_what_nobody_names(bench: Bench) -> None:
    """Files of a crashed flush go; every file that is named stays, and so do the rows."""
    filled(bench)
    bench.docs.wait_for_indexes()
    before = set(bench.disk.paths())
    stray = bench.inner.segment_prefix(12345)
    bench.inner.components.store.put(f"{stray}/segment.json", [b"{}"])
    bench.inner.components.store.put("collections/999/manifest/junk", [b"{}"])
    again = bench.after_power_loss()
    assert again.keys() == list(range(13))
    paths = set(again.disk.paths())
    assert not any(path.startswith((stray, "collections/999")) for path in paths)
    assert {path for path in before if "/segments/" in path} <= paths
