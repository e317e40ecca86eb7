"""Searches of one shape share what was prepared for the first: they answer as a plain list of rows does, whatever is
written between them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elanus
from elanus.errors import ElanusError

DIM = 4
KEYS = st.integers(0, 30)
FILTERS = {
    "": lambda _row: True,
    "number < 5": lambda row: row["number"] is not None and row["number"] < 5,
    'doc["a"] >= 3 or name == "n1"': lambda row: row["doc"]["a"] >= 3 or row["name"] == "n1",
    "number is null": lambda row: row["number"] is None,
}
WRITES = st.one_of(
    st.tuples(st.just("upsert"), st.lists(KEYS, min_size=1, max_size=8, unique=True), st.integers(0, 1000)),
    st.tuples(st.just("delete"), st.lists(KEYS, min_size=1, max_size=4, unique=True), st.just(0)),
    st.tuples(st.just("flush"), st.just([]), st.just(0)),
)
SEARCHES = st.tuples(
    st.sampled_from(sorted(FILTERS)),
    st.integers(1, 6),
    st.integers(0, 3),
    st.sampled_from([(), ("number",), ("name", "number", "doc")]),
    st.integers(0, 1000),
    st.integers(1, 3),
)


def made_row(key: int, seed: int) -> dict[str, Any]:
    numbers = np.random.default_rng([key, seed])
    return {
        "id": key,
        "vector": numbers.standard_normal(DIM).astype(np.float32).tolist(),
        "number": None if key % 5 == 0 else int(numbers.integers(0, 10)),
        "name": f"n{numbers.integers(0, 3)}",
        "doc": {"a": int(numbers.integers(0, 6))},
    }


def expected(rows: dict[int, dict[str, Any]], search: Any, query: list[float]) -> list[tuple[int, dict[str, Any]]]:
    """Keys and output values of the hits, by the squared distance of every row."""
    text, limit, offset, names, _, _ = search
    passing = [row for row in rows.values() if FILTERS[text](row)]
    passing.sort(key=lambda row: sum((a - b) ** 2 for a, b in zip(row["vector"], query, strict=True)))
    return [(row["id"], {name: row[name] for name in names}) for row in passing[offset : offset + limit]]


def collection_of(database: elanus.Database) -> elanus.Collection:
    fields = [
        elanus.Field("id", elanus.DataType.INT64, is_primary=True),
        elanus.Field("vector", elanus.DataType.FLOAT_VECTOR, dim=DIM),
        elanus.Field("number", elanus.DataType.INT32, nullable=True),
        elanus.Field("name", elanus.DataType.VARCHAR),
        elanus.Field("doc", elanus.DataType.JSON),
    ]
    return database.create_collection("rows", schema=elanus.Schema(tuple(fields)))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(steps=st.lists(st.one_of(WRITES, SEARCHES), min_size=5, max_size=25))
def test_repeated_searches_answer_as_a_list_of_rows_does(steps: list[Any]) -> None:
    with elanus.connect(":memory:", durability="none", background_maintenance=False) as database:
        collection, rows, asked = collection_of(database), dict[int, dict[str, Any]](), list[Any]()
        for step in steps:
            if step[0] == "upsert":
                written = [made_row(key, step[2]) for key in step[1]]
                collection.upsert(written)
                rows.update({row["id"]: row for row in written})
            elif step[0] == "delete":
                collection.delete(step[1])
                rows = {key: row for key, row in rows.items() if key not in step[1]}
            elif step[0] == "flush":
                collection.flush()
            else:
                asked.append(step)
            # Every shape asked so far is asked again, so that what was kept meets what was written since; twice, with
            # another vector, so that it also meets what was kept a moment ago.
            for search in asked[-4:]:
                for seed in (search[4], search[4] + 1):
                    check(collection, rows, search, seed)


def check(collection: elanus.Collection, rows: dict[int, dict[str, Any]], search: Any, seed: int) -> None:
    text, limit, offset, names, _, query_count = search
    queries = np.random.default_rng(seed).standard_normal((query_count, DIM)).astype(np.float32)
    found = collection.search(queries, limit=limit, offset=offset, filter=text, output_fields=names, metric="L2")
    for query, hits in zip(queries, found.to_list(), strict=True):
        got = [(hit["id"], {name: hit[name] for name in names}) for hit in hits]
        assert got == expected(rows, search, query.tolist())


def test_parameters_that_are_equal_but_of_another_type_are_judged_for_themselves() -> None:
    with elanus.connect(":memory:", durability="none", background_maintenance=False) as database:
        collection = collection_of(database)
        collection.create_index("vector", "HNSW", metric="L2")
        collection.upsert([made_row(key, 1) for key in range(20)])
        query = made_row(0, 2)["vector"]

        def outcome(value: object) -> object:
            try:
                return collection.search(query, params={"ef": value}).ids
            except ElanusError as error:
                return error.message

        alone = {}
        for value in (1, True, 1.5, [1]):
            collection.delete([1000])  # Another state, in which nothing is prepared.
            alone[repr(value)] = outcome(value)
        assert {repr(value): outcome(value) for value in (1, True, 1.5, [1])} == alone
        assert isinstance(alone["1"], list)
        assert isinstance(alone["True"], str)


def test_a_search_that_was_refused_is_refused_again() -> None:
    with elanus.connect(":memory:", durability="none", background_maintenance=False) as database:
        collection = collection_of(database)
        collection.upsert([made_row(key, 1) for key in range(20)])
        query = made_row(0, 2)["vector"]
        for _ in range(2):
            with pytest.raises(ElanusError, match="limit is 0"):
                collection.search(query, limit=0)
            with pytest.raises(ElanusError, match="nothing"):
                collection.search(query, filter="nothing > 1")
            assert len(collection.search(query, limit=5)) == 5
            with pytest.raises(ElanusError, match="3 elements, expected 4"):
                collection.search(query[:3], limit=5)
