"""Scalar indexes in a living collection: built, used, damaged, built again, gone; and what else keeps filters short."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np
import pytest

from elanus.app.compose import service_on_disk
from elanus.embedded.database import Database
from elanus.engine.collection import Collection
from elanus.expr import access
from elanus.expr.access import AccessPath
from elanus.query.parts import allowed_rows
from elanus.query.plan import Scope, plan_scope
from elanus.runtime.clock import ManualClock
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.settings import Settings
from tests.simulation.disk import SimulatedDisk

_ROW_COUNT = 30_000
_SETTINGS = Settings(background_maintenance=False, search_thread_count=1, compaction_enabled=False)
_SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True),
        Field("vector", DataType.FLOAT_VECTOR, dim=2),
        Field("n", DataType.INT32, nullable=True, is_clustering_key=True),
        Field("s", DataType.VARCHAR),
        Field("doc", DataType.JSON),
    )
)


@dataclass
class Living:
    """A collection `c`, and the disk it lies on."""

    disk: SimulatedDisk
    database: Database

    @property
    def collection(self) -> Collection:
        service: Any = self.database.service
        found: Collection = service.engine.collection("default", "c")
        return found

    def reopened(self) -> "Living":
        self.database.close()
        return opened(self.disk)

    def scope(self, text: str) -> Scope:
        view = self.collection.view()
        return plan_scope(view, filter_text=text, filter_params={}, partitions=(), ignore_growing=False)

    def paths(self, text: str) -> list[AccessPath]:
        """How the filter is evaluated, over all segments."""
        record: list[AccessPath] = []
        scope = self.scope(text)
        for segment in scope.segments:
            allowed_rows(segment, scope.filter, record)
        return record

    def index_names(self, text: str) -> list[str | None]:
        return [path.index_name for path in self.paths(text)]

    def found(self, text: str) -> list[int]:
        return [row["id"] for row in self.database["c"].query(text, output_fields=["id"]).to_list()]


def opened(disk: SimulatedDisk) -> Living:
    return Living(disk, Database(service_on_disk(disk, _SETTINGS, clock=ManualClock()), "simulated"))


def rows(start: int, count: int) -> dict[str, Any]:
    numbers = np.arange(start, start + count)
    return {
        "id": numbers,
        "vector": np.zeros((count, 2), np.float32),
        "n": [None if number % 50 == 49 else number for number in numbers.tolist()],
        "s": [f"s{number % 7000}" for number in numbers.tolist()],
        "doc": [{"k": number % 1000} for number in numbers.tolist()],
    }


@pytest.fixture(autouse=True)
def _indexes_answer_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan of so few rows takes less time than asking anything; these segments stand for larger ones."""
    monkeypatch.setattr(access, "_ASKING_NS", 0)


@pytest.fixture
def living() -> Iterator[Living]:
    made = opened(SimulatedDisk())
    made.database.create_collection("c", _SCHEMA)
    made.database["c"].insert(rows(0, _ROW_COUNT))
    made.database["c"].flush()
    yield made
    made.database.close()


def test_an_index_is_pending_then_built_then_used(living: Living) -> None:
    docs = living.database["c"]
    assert living.index_names("n == 77") == [None]
    docs.create_index("n", "STL_SORT", wait=False)
    assert living.index_names("n == 77") == [None]
    docs.wait_for_indexes()
    (path,) = living.paths("n == 77")
    assert (path.index_name, path.row_count, path.row_count_estimate, path.true_count) == ("n", _ROW_COUNT, 1, 1)
    assert living.found("n == 77") == [77]
    assert living.reopened().index_names("n == 77") == ["n"]


def test_what_most_rows_have_is_scanned(living: Living) -> None:
    living.database["c"].create_index("n", "INVERTED")
    assert living.index_names("n < 25000") == [None]
    (path,) = living.paths("n < 25000")
    assert path.row_count_estimate == path.true_count == 24_500
    assert living.index_names("n < 300") == ["n"]


def test_an_index_narrows_down_what_else_is_looked_at(living: Living) -> None:
    """Written last, the predicate with the index is asked first, and the others see its few rows only."""
    living.database["c"].create_index("n", "INVERTED")
    scanned, by_index = sorted(living.paths("s like '%1' and n in [1, 2, 11]"), key=lambda path: path.row_count)
    assert (scanned.index_name, scanned.row_count, scanned.true_count) == (None, 3, 2)
    assert (by_index.index_name, by_index.true_count) == ("n", 3)
    assert living.found("s like '%1' and n in [1, 2, 11]") == [1, 11]


def test_deleted_and_new_rows_are_seen_through_an_index(living: Living) -> None:
    docs = living.database["c"]
    docs.create_index("n", "STL_SORT")
    docs.delete([10, 11])
    docs.upsert({**rows(12, 1), "n": [500_000]})
    docs.insert(rows(_ROW_COUNT, 20))
    assert living.found("10 <= n <= 14") == [13, 14]
    assert living.found("n >= 29998") == [12, 29998, *range(_ROW_COUNT, _ROW_COUNT + 20)]
    assert living.found("n is null and id < 149") == [49, 99]


@pytest.mark.parametrize("harm", ["flipped", "removed"])
@pytest.mark.parametrize("name", ["keys", "rows", "index.json", "rows_absent"])
def test_a_damaged_index_is_set_aside_and_built_again(living: Living, name: str, harm: str) -> None:
    living.database["c"].create_index("n", "STL_SORT")
    living.database.close()
    (path,) = [path for path in living.disk.paths() if "/index/" in path and path.endswith(f"/{name}")]
    if harm == "flipped":
        living.disk.corrupted(path, lambda data: bytes([data[0] ^ 1]) + data[1:])
    else:
        living.disk.unlink(path)
    harmed = opened(living.disk)
    assert harmed.index_names("n == 77") == [None]
    assert harmed.found("n == 77") == [77]
    (info,) = harmed.database["c"].indexes()
    assert (info.state.value, info.indexed_row_count) == ("InProgress", 0)
    harmed.database["c"].wait_for_indexes()
    assert harmed.index_names("n == 77") == ["n"]
    assert harmed.found("n == 77") == [77]


def test_a_dropped_index_is_used_no_more(living: Living) -> None:
    docs = living.database["c"]
    docs.create_index("doc", "STL_SORT", json_path='doc["k"]', json_cast_type="DOUBLE")
    before = living.found('doc["k"] == 5')
    assert living.index_names('doc["k"] == 5') == ["doc"]
    docs.drop_index("doc")
    assert living.index_names('doc["k"] == 5') == [None]
    assert living.found('doc["k"] == 5') == before


def test_indexes_on_several_paths_get_names_of_their_own(living: Living) -> None:
    docs = living.database["c"]
    for path in ('doc["k"]', 'doc["other"]', 'doc["k"]'):
        docs.create_index("doc", "INVERTED", json_path=path, json_cast_type="DOUBLE")
    assert [info.definition.index_name for info in docs.indexes()] == ["doc", "doc_2"]


def test_answers_are_right_while_indexes_come_and_go(living: Living) -> None:
    docs = living.database["c"]
    stop = Event()

    def ask() -> int:
        count = 0
        while not stop.is_set():
            assert living.found("n in [5, 6, 29990]") == [5, 6, 29990]
            assert docs.count("s == 's12' or n < 20") == 24
            count += 1
        return count

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(ask) for _ in range(2)]
        for index_type in ("STL_SORT", "BITMAP", "INVERTED", "AUTOINDEX"):
            docs.create_index("n", index_type)
            docs.create_index("s", "INVERTED")
            docs.delete([100])
            docs.drop_index("n")
            docs.drop_index("s")
        stop.set()
        assert all(work.result() > 0 for work in asked)


def test_compaction_brings_the_index_along(living: Living) -> None:
    docs = living.database["c"]
    docs.create_index("n", "BITMAP")
    docs.delete(list(range(0, _ROW_COUNT, 2)))
    docs.flush()
    again = opened(living.disk.after_power_loss(seed=1))
    assert again.found("n in [3, 4, 5]") == [3, 5]


def test_primary_keys_are_looked_up_once_their_order_is_known(living: Living) -> None:
    assert living.index_names("id in [5, 6]") == [None]
    living.database["c"].get([5])
    assert living.index_names("id in [5, 6]") == ["primary key"]
    assert living.index_names("id == 6") == ["primary key"]
    assert living.index_names("id > 6") == [None]
    assert living.found("id in [5, 6, 99999]") == [5, 6]
    living.database["c"].delete(filter="id == 6")
    assert living.found("id in [5, 6]") == [5]


def test_segments_out_of_a_filters_bounds_are_left_out(living: Living) -> None:
    docs = living.database["c"]
    for start in (_ROW_COUNT, 2 * _ROW_COUNT):
        docs.insert(rows(start, 2000))
        docs.flush()
    assert len(living.scope("").segments) == 3
    assert [segment.row_count for segment in living.scope(f"n >= {2 * _ROW_COUNT}").segments] == [2000]
    assert [segment.row_count for segment in living.scope("10 < n < 12 or n == 40000").segments] == [_ROW_COUNT]
    assert living.scope("n < 0").segments == ()
    assert living.found(f"n == {2 * _ROW_COUNT}") == [2 * _ROW_COUNT]
