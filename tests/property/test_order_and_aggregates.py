"""`order_by` and `aggregate` against plain Python, over rows that were inserted, replaced, deleted, flushed and merged.

Keys repeat, values are often equal or NULL, and some strings share their first eight bytes: what ties can do wrong.
(NaN and infinity are refused when they are written; their order is a matter of `columns.order_codes`.)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from elanus.app.compose import service_on_disk
from elanus.embedded.collection import Collection
from elanus.embedded.database import Database
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.service.requests.query import Search
from elanus.settings import Settings
from tests.reference.aggregation import aggregated, ordered, same_value
from tests.reference.engine import ReferenceCollection, Row
from tests.simulation.disk import SimulatedDisk

SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True),
        Field("vector", DataType.FLOAT_VECTOR, dim=2),
        Field("tiny", DataType.INT8, nullable=True),
        Field("whole", DataType.INT64, nullable=True),
        Field("single", DataType.FLOAT, nullable=True),
        Field("double", DataType.DOUBLE),
        Field("word", DataType.VARCHAR, nullable=True),
        Field("flag", DataType.BOOL, nullable=True),
    )
)
NAMES = ["id", "tiny", "whole", "single", "double", "word", "flag"]
FLOATS = st.sampled_from([0.0, -0.0, 1.5, -2.25, 3.0, 1e-30])
WORDS = st.sampled_from(
    ["", "a", "a\0", "b", "é", "same start", "same start, longer", "same start, other", "\U0001f600"]
)
ROWS = st.fixed_dictionaries(
    {
        "id": st.integers(0, 25),
        "tiny": st.none() | st.integers(-2, 2),
        "whole": st.none() | st.sampled_from([0, 7, -(1 << 40), (1 << 40) + 1, 12]),
        "single": st.none() | FLOATS,
        "double": FLOATS,
        "word": st.none() | WORDS,
        "flag": st.none() | st.booleans(),
    }
)
STEPS = st.lists(
    st.tuples(st.just("insert"), st.lists(ROWS, min_size=1, max_size=12))
    | st.tuples(st.just("upsert"), st.lists(ROWS, min_size=1, max_size=6, unique_by=lambda row: row["id"]))
    | st.tuples(st.just("delete"), st.lists(st.integers(0, 25), min_size=1, max_size=5))
    | st.tuples(st.sampled_from(["flush", "compact"]), st.none()),
    min_size=1,
    max_size=6,
)
FILTERS: list[tuple[str, Any]] = [
    ("", lambda _row: True),
    ("tiny > -1", lambda row: row["tiny"] is not None and row["tiny"] > -1),
    ("id in [1, 2, 3, 5, 8, 13, 21]", lambda row: row["id"] in {1, 2, 3, 5, 8, 13, 21}),
    ('word == "a"', lambda row: row["word"] == "a"),
]
MEASURES = [
    "count(*)",
    *(f"count({name})" for name in NAMES),
    *(f"{function}({name})" for function in ("sum", "avg") for name in ("tiny", "whole", "single", "double")),
    *(f"{function}({name})" for function in ("min", "max") for name in NAMES if name != "flag"),
]


@contextmanager
def written(steps: list[tuple[str, Any]]) -> Iterator[tuple[Collection, ReferenceCollection]]:
    """A collection and its reference after the same steps."""
    service = service_on_disk(SimulatedDisk(), Settings(background_maintenance=False, search_thread_count=1))
    with Database(service, "simulated") as database:
        collection, reference = database.create_collection("rows", SCHEMA), ReferenceCollection()
        for step, data in steps:
            if step in {"insert", "upsert"}:
                getattr(collection, step)([{**row, "vector": [0, 0]} for row in data])
                getattr(reference, step)(data)
            elif step == "delete":
                collection.delete(data)
                reference.delete(data)
            else:
                getattr(collection, step)()
        yield collection, reference


def assert_same(found: list[Row], expected: list[Row]) -> None:
    assert len(found) == len(expected), (found, expected)
    for left, right in zip(found, expected, strict=True):
        assert left.keys() == right.keys()
        assert all(same_value(left[name], right[name]) for name in left), (left, right)


@given(
    steps=STEPS,
    keys=st.lists(st.sampled_from(NAMES), max_size=3, unique=True),
    directions=st.lists(st.sampled_from(["", ":asc", ":desc"]), min_size=3, max_size=3),
    which=st.sampled_from(FILTERS),
    page=st.tuples(st.integers(0, 5), st.none() | st.integers(1, 8)),
)
def test_order_by_is_a_sort_of_the_newest_rows(
    steps: list[tuple[str, Any]],
    keys: list[str],
    directions: list[str],
    which: tuple[str, Any],
    page: tuple[int, int | None],
) -> None:
    text, predicate = which
    order_by = [name + direction for name, direction in zip(keys, directions, strict=False)]
    offset, limit = page
    with written(steps) as (collection, reference):
        whole = ordered(reference.query(predicate), order_by, primary="id")
        expected = whole[offset : None if limit is None else offset + limit]
        limit = limit or (None if text else 1000)
        found = collection.query(text, order_by=order_by, offset=offset, limit=limit, output_fields=NAMES)
        assert_same(found.to_list(), expected)


@given(
    steps=STEPS,
    keys=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
    directions=st.lists(st.sampled_from(["", ":asc", ":desc"]), min_size=3, max_size=3),
    group_by=st.sampled_from([(), ("tiny",), ("word", "flag")]),
)
def test_hits_are_sorted_and_none_is_lost(
    steps: list[tuple[str, Any]], keys: list[str], directions: list[str], group_by: tuple[str, ...]
) -> None:
    order_by = tuple(name + direction for name, direction in zip(keys, directions, strict=False))
    with written(steps) as (collection, _):
        queries = np.array([[0, 0], [3, 1]], np.float32)
        plain = Search("rows", queries, 9, output_fields=tuple(NAMES), metric="L2", group_by=group_by, group_size=3)
        before = collection._service.execute(plain)
        after = collection._service.execute(replace(plain, order_by=order_by))
        assert after.counts.tolist() == before.counts.tolist()
        start = 0
        for count in before.counts.tolist():
            rows = before.columns.slice(start, count).to_pylist()
            runs = [list(run) for _, run in groupby(rows, key=lambda row: [row[name] for name in group_by])]
            groups = runs if group_by else [[row] for row in rows]
            leaders = [{**group[0], "place": place} for place, group in enumerate(groups)]
            expected = [row for one in ordered(leaders, order_by, primary="place") for row in groups[one["place"]]]
            assert after.columns.slice(start, count).to_pylist() == expected
            start += count


@given(
    steps=STEPS,
    group_by=st.lists(st.sampled_from(["tiny", "whole", "word", "flag", "id"]), max_size=3, unique=True),
    measures=st.lists(st.sampled_from(MEASURES), min_size=1, max_size=4, unique=True),
    order=st.lists(st.sampled_from(["", ":asc", ":desc"]), min_size=1, max_size=1),
    which=st.sampled_from(FILTERS),
    page=st.tuples(st.integers(0, 3), st.none() | st.integers(1, 4)),
)
def test_aggregates_are_those_of_every_row(
    steps: list[tuple[str, Any]],
    group_by: list[str],
    measures: list[str],
    order: list[str],
    which: tuple[str, Any],
    page: tuple[int, int | None],
) -> None:
    text, predicate = which
    # Which float sums are equal depends on rounding, so only exact aggregates are sorted by.
    exact = [name for name in measures if not name.startswith(("sum(", "avg("))]
    order_by = [exact[0] + order[0]] if group_by and exact else []
    output = [*group_by, *measures]
    offset, limit = page
    with written(steps) as (collection, reference):
        rows = [row for row in reference.rows if predicate(row)]
        whole = aggregated(rows, output, group_by, order_by)
        expected = whole[offset : None if limit is None else offset + limit]
        found = collection.aggregate(
            output, group_by=group_by, filter=text, order_by=order_by, offset=offset, limit=limit
        )
        assert_same(found.to_list(), expected)
        if not text and group_by:
            counts = collection.aggregate(["count(*)"], group_by=group_by).to_list()
            assert sum(row["count(*)"] for row in counts) == collection.count()
