"""Exact search end to end: every vector type and metric against float64, by scan and by index.

One collection holds every vector type, nulls and repeated vectors, in three sealed segments of two partitions, with
deleted and replaced rows and growing ones. Elements are small whole numbers, which every type holds exactly.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from elanus.app.compose import service_on_disk
from elanus.embedded.collection import Collection
from elanus.embedded.database import Database
from elanus.embedded.vectors import query_vectors
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import METRICS_OF, DataType, Metric
from elanus.service.requests.query import Search
from elanus.settings import Settings
from tests.reference.exact_scores import is_larger_nearer, score
from tests.simulation.disk import SimulatedDisk

DIM = 16
ROW_COUNT = 200
FIELDS = {
    "float32": DataType.FLOAT_VECTOR,
    "float16": DataType.FLOAT16_VECTOR,
    "bfloat16": DataType.BFLOAT16_VECTOR,
    "int8": DataType.INT8_VECTOR,
    "bits": DataType.BINARY_VECTOR,
    "sparse": DataType.SPARSE_FLOAT_VECTOR,
}
FLAT_INDEX = {"bits": "BIN_FLAT", "sparse": "SPARSE_INVERTED_INDEX"}
# Metrics that match rather than measure are tested with the index types that have them.
MATCHING = {Metric.MHJACCARD, Metric.SUBSTRUCTURE, Metric.SUPERSTRUCTURE}
CASES = [(name, metric.value) for name, kind in FIELDS.items() for metric in METRICS_OF[kind] if metric not in MATCHING]
FILTERS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "": lambda row: True,
    "id < 0": lambda row: False,
    "id == 17": lambda row: row["id"] == 17,
    "color == 'red' and id > 150": lambda row: row["color"] == "red" and row["id"] > 150,
    "color in ['red', 'green']": lambda row: row["color"] in {"red", "green"},
    "id >= 0": lambda row: True,
}

Row = dict[str, Any]


def schema() -> Schema:
    vectors = [
        Field(name, kind, dim=None if name == "sparse" else DIM, nullable=name != "float32")
        for name, kind in FIELDS.items()
    ]
    key = Field("id", DataType.INT64, is_primary=True)
    return Schema((key, Field("color", DataType.VARCHAR, max_length=8), *vectors))


def random_vector(luck: random.Random, name: str) -> Any:
    if name == "bits":
        return bytes(luck.choices([1, 3, 129, 255], k=DIM // 8))
    if name == "sparse":
        return {index: float(luck.randint(1, 4)) for index in luck.sample(range(40), 6)}
    return [luck.randint(-2, 2) for _ in range(DIM)]


def random_row(luck: random.Random, key: int) -> Row:
    row: Row = {"id": key, "color": luck.choice(["red", "green", "blue"])}
    for name in FIELDS:
        is_null = name != "float32" and luck.random() < 0.1
        row[name] = None if is_null else random_vector(luck, name)
    return row


@dataclass(frozen=True)
class Exact:
    """A collection and the rows it has, by partition and by whether they are sealed."""

    collection: Collection
    rows: dict[int, Row]
    partition_of: dict[int, str]
    growing: frozenset[int]
    middle_timestamp: int
    rows_in_the_middle: dict[int, Row]

    def expected(self, name: str, query: Any, metric: str, keep: Callable[[Row], bool]) -> dict[int, float]:
        """The score of every row that has a vector and is kept; for sparse vectors, that shares an index."""
        found = {}
        for key, row in self.rows.items():
            vector = row[name]
            if vector is None or not keep(row) or (name == "sparse" and not set(vector) & set(query)):
                continue
            found[key] = score(query, vector, metric)
        return found


@pytest.fixture(scope="module")
def exact() -> Iterator[Exact]:
    luck = random.Random(11)
    settings = Settings(
        background_maintenance=False, search_thread_count=2, vector_field_count_max=8, index_rows_min=1,
        compaction_enabled=False, parallel_scan_bytes_min=512,
    )  # fmt: skip
    service = service_on_disk(SimulatedDisk(), settings)
    with Database(service, "simulated") as database:
        collection = database.create_collection("c", schema())
        collection.create_partition("other")
        rows: dict[int, Row] = {}
        partition_of: dict[int, str] = {}
        growing: set[int] = set()

        def write(first: int, stop: int, partition: str) -> None:
            batch = [random_row(luck, key) for key in range(first, stop)]
            collection.upsert(batch, partition=partition)
            for row in batch:
                rows[row["id"]] = row
                partition_of[row["id"]] = partition
                growing.add(row["id"])

        write(0, 60, "_default")
        collection.flush()
        write(60, 120, "other")
        write(120, 150, "_default")
        collection.flush()
        growing.clear()
        middle = service.engine.collection("default", "c").state.applied_timestamp
        in_the_middle = dict(rows)
        write(50, 70, "_default")  # replaces rows of both segments, moving some to another partition
        write(150, ROW_COUNT, "other")
        for key in (3, 77, 160):
            collection.delete(key)
            del rows[key]
            growing.discard(key)
        yield Exact(collection, rows, partition_of, frozenset(growing), middle, in_the_middle)


@pytest.fixture(params=["scan", "index"])
def route(request: pytest.FixtureRequest, exact: Exact) -> Iterator[Callable[[str, str], None]]:
    """Prepares a field to be searched one way or the other."""
    collection = exact.collection

    def prepare(name: str, metric: str) -> None:
        if request.param == "index":
            collection.create_index(name, FLAT_INDEX.get(name, "FLAT"), metric=metric)

    yield prepare
    for index in collection.indexes():
        collection.drop_index(index.definition.index_name)


def searched(exact: Exact, name: str, query: Any, metric: str, **options: Any) -> list[Row]:
    vectors: Any = [query] if name == "bits" else query
    hits = exact.collection.search(vectors, field=name, metric=metric, **options).to_list()
    return list(hits[0]) if name == "bits" else list(hits)


def check(hits: list[Row], expected: dict[int, float], metric: str, limit: int, offset: int = 0) -> None:
    """The best scores, in order, each that of its key; of equal scores any keys."""
    ranked = sorted(expected.values(), reverse=is_larger_nearer(metric))[offset : offset + limit]
    np.testing.assert_allclose([hit["distance"] for hit in hits], ranked, rtol=1e-6, atol=1e-6)
    keys = [hit["id"] for hit in hits]
    assert len(set(keys)) == len(keys)
    np.testing.assert_allclose([hit["distance"] for hit in hits], [expected[key] for key in keys], rtol=1e-6, atol=1e-6)


def queries(name: str) -> list[Any]:
    luck = random.Random(5)
    return [random_vector(luck, name) for _ in range(3)]


@pytest.mark.parametrize(("name", "metric"), CASES)
def test_scores_and_order(exact: Exact, route: Callable[[str, str], None], name: str, metric: str) -> None:
    route(name, metric)
    for query in queries(name):
        for text, keep in FILTERS.items():
            expected = exact.expected(name, query, metric, keep)
            for limit in (1, 7, 1000):
                check(searched(exact, name, query, metric, limit=limit, filter=text), expected, metric, limit)


@pytest.mark.parametrize(("name", "metric"), CASES)
def test_pages_are_parts_of_one_list(exact: Exact, route: Callable[[str, str], None], name: str, metric: str) -> None:
    """Also where scores are equal: no hit is on two pages or on none."""
    route(name, metric)
    query = queries(name)[0]
    whole = searched(exact, name, query, metric, limit=1000)
    pages = [searched(exact, name, query, metric, limit=9, offset=offset) for offset in range(0, len(whole) + 9, 9)]
    assert [hit for page in pages for hit in page] == whole
    assert pages[-1] == []


@pytest.mark.parametrize(("name", "metric"), CASES)
def test_many_queries_are_the_single_ones(
    exact: Exact, route: Callable[[str, str], None], name: str, metric: str
) -> None:
    route(name, metric)
    hits = exact.collection.search(queries(name), field=name, metric=metric, limit=20, filter="color == 'red'")
    alone = [searched(exact, name, query, metric, limit=20, filter="color == 'red'") for query in queries(name)]
    for together, single in zip(hits.to_list(), alone, strict=True):
        assert [hit["id"] for hit in together] == [hit["id"] for hit in single]
        np.testing.assert_allclose([hit["distance"] for hit in together], [hit["distance"] for hit in single])


@pytest.mark.parametrize(("name", "metric"), CASES)
def test_partitions_are_searched_alone(exact: Exact, route: Callable[[str, str], None], name: str, metric: str) -> None:
    route(name, metric)
    query = queries(name)[1]
    for partitions in (["other"], ["_default"], ["_default", "other"]):
        expected = exact.expected(name, query, metric, lambda row: exact.partition_of[row["id"]] in partitions)  # noqa: B023
        check(searched(exact, name, query, metric, limit=1000, partitions=partitions), expected, metric, 1000)


@pytest.mark.parametrize(("name", "metric"), [case for case in CASES if case[1] not in {"COSINE", "JACCARD"}])
def test_range_bounds_are_exact(exact: Exact, route: Callable[[str, str], None], name: str, metric: str) -> None:
    """The radius is left out and the range filter taken in: `range_filter <= d < radius`, or the other way round."""
    route(name, metric)
    query = queries(name)[2]
    expected = exact.expected(name, query, metric, lambda row: True)
    scores = sorted(set(expected.values()))
    low, high = scores[len(scores) // 4], scores[3 * len(scores) // 4]
    radius, inner = (low, high) if is_larger_nearer(metric) else (high, low)
    within = {
        key: value
        for key, value in expected.items()
        if (low < value <= high if is_larger_nearer(metric) else low <= value < high)
    }
    assert 0 < len(within) < len(expected)
    hits = searched(exact, name, query, metric, limit=1000, params={"radius": radius, "range_filter": inner})
    check(hits, within, metric, 1000)
    page = searched(exact, name, query, metric, limit=3, offset=2, params={"radius": radius, "range_filter": inner})
    check(page, within, metric, 3, offset=2)
    beyond = {
        key: value for key, value in expected.items() if (value > low if is_larger_nearer(metric) else value < high)
    }
    check(searched(exact, name, query, metric, limit=1000, params={"radius": radius}), beyond, metric, 1000)


def requested(exact: Exact, name: str, **options: Any) -> list[int]:
    """Keys of a search that the native API has no words for."""
    field = exact.collection.schema.field(name)
    vectors, _ = query_vectors(field, [random_vector(random.Random(1), name)])
    reply = exact.collection._service.execute(Search("c", vectors, 1000, field_name=name, **options))
    return list(reply.ids.to_pylist())


@pytest.mark.parametrize("name", ["float32", "bits"])
def test_growing_rows_can_be_left_out(exact: Exact, name: str) -> None:
    sealed = {key for key, row in exact.rows.items() if key not in exact.growing and row[name] is not None}
    assert set(requested(exact, name, ignore_growing=True)) == sealed


@pytest.mark.parametrize("name", ["float32", "float16", "sparse"])
def test_an_earlier_time_can_be_read(exact: Exact, route: Callable[[str, str], None], name: str) -> None:
    """Rows written later are not there, rows deleted or replaced since are."""
    query = random_vector(random.Random(1), name)
    then = {
        key
        for key, row in exact.rows_in_the_middle.items()
        if row[name] is not None and (name != "sparse" or set(row[name]) & set(query))
    }
    route(name, "IP")
    assert set(requested(exact, name, guarantee_timestamp=exact.middle_timestamp)) == then
    now = set(exact.expected(name, query, "IP", lambda row: True))
    assert set(requested(exact, name)) == now != then


def test_equal_scores_come_in_the_order_of_writing() -> None:
    with Database(service_on_disk(SimulatedDisk(), Settings(background_maintenance=False)), "simulated") as database:
        docs = database.create_collection("c", dimension=2, metric="L2")
        keys = [5, 3, 9, 1, 7, 2]
        for key in keys:
            docs.insert([{"id": key, "vector": [1, 1]}])
            docs.flush()
        assert docs.search([1, 1], limit=10).ids == keys
        assert docs.search([1, 1], limit=2, offset=3).ids == keys[3:5]


def test_a_key_inserted_twice_is_found_once_at_its_best() -> None:
    with Database(service_on_disk(SimulatedDisk(), Settings(background_maintenance=False)), "simulated") as database:
        docs = database.create_collection("c", dimension=2, metric="L2")
        for step in range(40):
            docs.insert([{"id": key, "vector": [key, step]} for key in range(10)])
            if step % 9 == 0:
                docs.flush()
        hits = docs.search([0, 20], limit=10)
        assert [(hit["id"], hit["distance"]) for hit in hits] == [(key, float(key * key)) for key in range(10)]
        assert docs.search([0, 20], limit=3, offset=4).ids == [4, 5, 6]
        assert docs.count() == 400


def test_a_search_while_rows_are_deleted_sees_before_or_after(exact: Exact) -> None:
    """A view is a value: a search that began before a delete may give the row, one after it never does."""
    collection = exact.collection
    before = set(searched_ids(collection))
    view = collection._service.engine.collection("default", "c").view()  # type: ignore[attr-defined]
    key = max(before)
    row = collection.get(key, output_fields=["*"])[0]
    collection.delete(key)
    assert set(searched_ids(collection)) == before - {key}
    seen = sum(segment.row_count if (rows := segment.visible()) is None else rows.count() for segment in view.segments)
    assert seen == len(before)
    collection.insert([row], partition=exact.partition_of[key])
    assert set(searched_ids(collection)) == before


def searched_ids(collection: Collection) -> list[int]:
    return collection.search([0.0] * DIM, field="float32", metric="L2", limit=1000).ids
