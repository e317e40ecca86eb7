"""Searches with many queries, shared between threads, against the same queries one by one."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elanus

ROW_COUNT, DIM = 3000, 8
INDEXES: dict[str, dict[str, Any]] = {
    "HNSW": {"M": 8, "efConstruction": 40},
    "IVF_FLAT": {"nlist": 32},
    "IVF_RABITQ": {"nlist": 32, "refine": True},
}


@pytest.fixture(scope="module", params=INDEXES)
def filled(request: pytest.FixtureRequest) -> Iterator[elanus.Collection]:
    """Rows in two indexed segments and a growing chunk, searched by three threads."""
    database = elanus.connect(
        ":memory:", durability="none", index_rows_min=100, background_maintenance=False, search_thread_count=3
    )
    fields = (
        elanus.Field("id", elanus.DataType.INT64, is_primary=True),
        elanus.Field("vector", elanus.DataType.FLOAT_VECTOR, dim=DIM, nullable=True),
    )
    rows = database.create_collection("rows", schema=elanus.Schema(fields))
    vectors = np.random.default_rng(1).normal(size=(ROW_COUNT, DIM)).astype(np.float32)
    for start in (0, 1200, 2900):
        stop = {0: 1200, 1200: 2900, 2900: ROW_COUNT}[start]
        rows.insert([{"id": key, "vector": None if key % 9 == 4 else vectors[key]} for key in range(start, stop)])
        if start < 2900:
            rows.flush()
    rows.create_index("vector", request.param, metric="L2", **INDEXES[request.param])
    yield rows
    database.close()


@settings(max_examples=12)
@given(
    count=st.sampled_from([1, 7, 15, 16, 17, 40]),
    seed=st.integers(0, 1000),
    limit=st.integers(1, 20),
    text=st.sampled_from(["", "id % 3 == 0", "id > 2990"]),
    ranged=st.booleans(),
)
def test_each_query_of_a_batch_finds_what_it_finds_alone(
    filled: elanus.Collection, count: int, seed: int, limit: int, text: str, ranged: bool
) -> None:
    queries = np.random.default_rng(seed).normal(size=(count, DIM)).astype(np.float32)
    given_params = {"radius": 4.0} if ranged else {}
    together = filled.search(queries, limit=limit, filter=text, params=given_params)
    assert together.query_count == count
    for query, hits in zip(queries, together, strict=True):
        alone = filled.search(query, limit=limit, filter=text, params=given_params)
        assert hits.ids == alone.ids
        np.testing.assert_array_equal(hits.distances, alone.distances)
