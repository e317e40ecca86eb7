"""A collection against plain lists: random writes, reads, flushes, compactions and reopenings give the same answers.

Vectors are small integers, so that scores are exact and every tie can be told.
"""

import itertools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import elanus
from elanus.embedded.collection import Collection
from elanus.engine.joining import join_rows
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.reference.engine import ReferenceCollection, Row, is_nearer

# Wide enough for growing rows to be indexed, with few numbers to draw.
DIM = 16
KEYS = st.integers(0, 40)
VECTORS = st.lists(st.integers(-4, 4), min_size=4, max_size=4).map(lambda drawn: drawn * (DIM // 4))
METRICS = ("L2", "IP", "COSINE")

Predicate = Callable[[Row], bool]
FILTERS: list[tuple[str, Predicate]] = [
    ("", lambda row: True),
    ("n > 3", lambda row: row["n"] is not None and row["n"] > 3),
    ("n is null", lambda row: row["n"] is None),
    ("not (n > 3)", lambda row: row["n"] is not None and not row["n"] > 3),
    ('s in ["a", "b"]', lambda row: row["s"] in {"a", "b"}),
    ("id < 20 and n != 2", lambda row: row["id"] < 20 and row["n"] is not None and row["n"] != 2),
    ('s == "a" or n == 1', lambda row: row["s"] == "a" or row["n"] == 1),
    ('extra == "x"', lambda row: row.get("extra") == "x"),
    ("id in [1, 2, 3, 30]", lambda row: row["id"] in {1, 2, 3, 30}),
    ('s like "a%"', lambda row: row["s"].startswith("a")),
]


@st.composite
def rows_of(draw: st.DrawFn, *, distinct: bool) -> list[Row]:
    keys = draw(st.lists(KEYS, min_size=1, max_size=12, unique=distinct))
    rows = []
    for key in keys:
        row: Row = {
            "id": key,
            "v": draw(st.none() | VECTORS),
            "n": draw(st.none() | st.integers(0, 6)),
            "s": draw(st.sampled_from(["a", "b", "ab", "", "é"])),
        }
        if draw(st.booleans()):
            row["extra"] = draw(st.sampled_from(["x", "y"]))
        rows.append(row)
    return rows


class CollectionMachine(RuleBasedStateMachine):
    """Drives one collection and its reference."""

    @initialize(
        metric=st.sampled_from(METRICS),
        index=st.sampled_from(["FLAT", "IVF_FLAT", "HNSW", ""]),
        segment_bytes=st.sampled_from([3000, 1 << 20]),
    )
    def open(self, metric: str, index: str, segment_bytes: int) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="elanus-model-"))
        self.metric = metric
        self.reference = ReferenceCollection()
        self.settings = {"index_rows_min": 8, "durability": "none", "background_maintenance": False}
        self.settings["growing_index_rows_min"] = 5
        self.settings["segment_bytes_max"] = segment_bytes
        self.database = elanus.connect(self.root, **self.settings)
        schema = Schema(
            (
                Field("id", DataType.INT64, is_primary=True),
                Field("v", DataType.FLOAT_VECTOR, dim=DIM, nullable=True),
                Field("n", DataType.INT16, nullable=True, is_clustering_key=True),
                Field("s", DataType.VARCHAR, max_length=16),
            ),
            enable_dynamic_field=True,
        )
        self.collection: Collection = self.database.create_collection("c", schema)
        if index:
            params = {"nlist": 2} if index == "IVF_FLAT" else {}
            self.collection.create_index("v", index, metric=metric, wait=False, **params)

    @rule(rows=rows_of(distinct=True))
    def insert(self, rows: list[Row]) -> None:
        self.reference.insert(rows)
        assert self.collection.insert(rows) == [row["id"] for row in rows]

    @rule(rows=rows_of(distinct=False))
    def upsert(self, rows: list[Row]) -> None:
        self.reference.upsert(rows)
        self.collection.upsert(rows)

    @rule(keys=st.lists(KEYS, min_size=1, max_size=8, unique=True), n=st.none() | st.integers(0, 6))
    def merge(self, keys: list[int], n: int | None) -> None:
        present = [key for key in keys if self.reference.get(key) is not None]
        if present:
            self.reference.merge([{"id": key, "n": n} for key in present])
            self.collection.upsert([{"id": key, "n": n} for key in present], partial=True)

    @rule(keys=st.lists(KEYS, min_size=1, max_size=10))
    def delete(self, keys: list[int]) -> None:
        assert self.collection.delete(keys) == self.reference.delete(keys)

    @rule(choice=st.sampled_from(FILTERS[1:]))
    def delete_by_filter(self, choice: tuple[str, Predicate]) -> None:
        assert self.collection.delete(filter=choice[0]) == self.reference.delete_where(choice[1])

    @rule()
    def join(self) -> None:
        """Growing rows are indexed, those of a few inserts at a time and then all of them."""
        service: Any = self.database.service
        collection = service.shared.local.engine.collection("default", "c")
        while join_rows(collection):
            pass

    @rule()
    def flush(self) -> None:
        self.collection.flush()

    @rule()
    def compact(self) -> None:
        self.collection.compact()

    @rule()
    def compact_by_clustering_key(self) -> None:
        """Into several segments, because their size is measured in bytes and these are small."""
        self.collection.compact(by_clustering_key=True)

    @rule()
    def build_indexes(self) -> None:
        assert self.collection.wait_for_indexes()

    @rule()
    def reopen(self) -> None:
        self.database.close()
        self.database = elanus.connect(self.root, **self.settings)
        self.collection = self.database["c"]

    @rule(vector=VECTORS, limit=st.integers(1, 30), choice=st.sampled_from(FILTERS), offset=st.sampled_from([0, 0, 3]))
    def search(self, vector: list[int], limit: int, choice: tuple[str, Predicate], offset: int) -> None:
        text, predicate = choice
        expected = self.reference.best_scores([float(x) for x in vector], self.metric, predicate)
        hits = self.collection.search(
            vector, limit=limit, offset=offset, filter=text, metric=self.metric, output_fields=["n", "s", "extra"]
        ).to_list()
        check_hits(hits, expected, self.metric, limit, offset)
        matching = self.reference.query(lambda row: predicate(row) and row["v"] is not None)
        values = {row["id"]: [(old["n"], old["s"], old.get("extra")) for old in self.reference.rows
                              if old["id"] == row["id"]] for row in matching}  # fmt: skip
        for hit in hits:
            assert (hit["n"], hit["s"], hit.get("extra")) in values[hit["id"]]

    @rule(choice=st.sampled_from(FILTERS[1:]), limit=st.none() | st.integers(1, 10), offset=st.integers(0, 5))
    def query(self, choice: tuple[str, Predicate], limit: int | None, offset: int) -> None:
        text, predicate = choice
        expected = self.reference.query(predicate)
        if limit is not None:
            expected = expected[offset : offset + limit]
        rows = self.collection.query(text, output_fields=["*"], limit=limit, offset=offset if limit else 0).to_list()
        assert [clean(row) for row in rows] == [clean(row) for row in expected]
        assert self.collection.count(text) == self.reference.count(predicate)

    @rule(keys=st.lists(KEYS, min_size=1, max_size=10, unique=True))
    def get(self, keys: list[int]) -> None:
        expected = [self.reference.get(key) for key in sorted(keys)]
        rows = self.collection.get(keys, output_fields=["*"]).to_list()
        assert [clean(row) for row in rows] == [clean(row) for row in expected if row is not None]

    @invariant()
    @precondition(lambda self: hasattr(self, "collection"))
    def counts_agree(self) -> None:
        assert len(self.collection) == len(self.reference.rows)

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            shutil.rmtree(self.root)


def check_hits(hits: list[dict[str, Any]], expected: dict[Any, float], metric: str, limit: int, offset: int) -> None:
    """The hits are the best keys, in order, with exact scores; equal scores may come in any order."""
    ranked = sorted(expected.values(), reverse=metric != "L2")[offset : offset + limit]
    got = [hit["distance"] for hit in hits]
    np.testing.assert_allclose(got, ranked, rtol=1e-5, atol=1e-6)
    keys = [hit["id"] for hit in hits]
    assert len(set(keys)) == len(keys)
    for hit in hits:
        np.testing.assert_allclose(hit["distance"], expected[hit["id"]], rtol=1e-5, atol=1e-6)
    for near, far in itertools.pairwise(got):
        assert not is_nearer(far, near, metric)


def clean(row: Row) -> dict[str, Any]:
    """A row without absent dynamic keys, vectors as floats."""
    vector = row.get("v")
    cleaned = {key: value for key, value in row.items() if key not in {"v", "$meta"}}
    return {**cleaned, "v": None if vector is None else [float(x) for x in vector]}


CollectionMachine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
TestCollectionModel = CollectionMachine.TestCase
