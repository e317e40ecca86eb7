"""Iterators over collections with growing rows, several segments, deletes and repeated keys."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elanus
from elanus.engine.cursors import CursorSessions
from elanus.errors import InvalidInput

DIM = 4
INDEXES: dict[str, dict[str, Any]] = {
    "FLAT": {},
    "IVF_FLAT": {"nlist": 8},
    "IVF_PQ": {"nlist": 8, "m": 2, "nbits": 4},
    "HNSW": {"M": 6, "efConstruction": 20},
}
ROW_COUNT = 2600


def vector(key: int) -> list[float]:
    """Few distinct values, so that many rows have equal scores."""
    return [float(key * 7 % 5), float(key % 3), float(key * 5 % 4), 1.0]


@pytest.fixture(scope="module", params=INDEXES)
def filled(request: pytest.FixtureRequest) -> Iterator[tuple[elanus.Database, elanus.Collection]]:
    """Rows 0 to 2,599 in two segments and a growing chunk; every tenth deleted, some inserted twice."""
    database = elanus.connect(":memory:", durability="none", index_rows_min=100, background_maintenance=False)
    fields = [
        elanus.Field("id", elanus.DataType.INT64, is_primary=True),
        elanus.Field("group", elanus.DataType.INT64),
        elanus.Field("vector", elanus.DataType.FLOAT_VECTOR, dim=DIM),
    ]
    rows = database.create_collection("rows", schema=elanus.Schema(tuple(fields)))
    for start in (0, 1200, 2400):
        keys = range(start, min(ROW_COUNT, start + 1200))
        rows.insert([{"id": key, "group": key % 4, "vector": vector(key)} for key in keys])
        if start < 2400:
            rows.flush()
    rows.insert([{"id": key, "group": key % 4, "vector": vector(key)} for key in range(5, 60, 11)])
    rows.delete(list(range(0, ROW_COUNT, 10)))
    rows.create_index("vector", request.param, metric="L2", **INDEXES[request.param])
    yield database, rows
    database.close()


ALIVE = [key for key in range(ROW_COUNT) if key % 10]


def distance(key: int, query: list[float]) -> float:
    return float(sum((a - b) ** 2 for a, b in zip(vector(key), query, strict=True)))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    batch_size=st.sampled_from([1, 13, 300, 1000, 5000]),
    limit=st.none() | st.integers(0, 3000),
    group=st.none() | st.integers(0, 3),
    radius=st.none() | st.sampled_from([1.5, 3.0, 9.5]),
)
def test_a_search_iterator_gives_every_row_in_range_once(
    filled: Any, batch_size: int, limit: int | None, group: int | None, radius: float | None
) -> None:
    if batch_size == 1 and (limit is None or limit > 60):
        limit = 60
    _, rows = filled
    query = [1.0, 2.0, 0.0, 1.0]
    iterator = rows.search_iterator(
        query,
        batch_size=batch_size,
        limit=limit,
        filter="" if group is None else f"group == {group}",
        params={} if radius is None else {"radius": radius, "range_filter": 1.0},
        output_fields=["group"],
    )
    hits: list[dict[str, Any]] = []
    for batch in iterator:
        assert 0 < len(batch) <= batch_size
        distances = batch.distances.tolist()
        assert distances == sorted(distances)
        hits.extend(batch.to_list())
    expected = [key for key in ALIVE if group in {None, key % 4}]
    if radius is not None:
        expected = [key for key in expected if 1.0 <= distance(key, query) < radius]
    found = [hit["id"] for hit in hits]
    assert len(found) == len(set(found)) == min(len(expected), len(expected) if limit is None else limit)
    assert set(found) <= set(expected)
    assert all(hit["distance"] == distance(hit["id"], query) and hit["group"] == hit["id"] % 4 for hit in hits)


@pytest.mark.parametrize("batch_size", [7, 400])
def test_rows_written_meanwhile_are_not_seen(filled: Any, batch_size: int) -> None:
    _, rows = filled
    query = [1.0, 2.0, 0.0, 1.0]
    searched = rows.search_iterator(query, batch_size=batch_size, filter="group == 1")
    queried = rows.query_iterator("group == 1", batch_size=batch_size, output_fields=["id"])
    seen = [next(searched).ids, [row["id"] for row in next(queried)]]
    added = list(range(100_001, 100_041, 4))
    rows.insert([{"id": key, "group": 1, "vector": query} for key in added])
    rows.delete([11, 21, 31, 2501, 2401])
    for hits, batch in zip(searched, queried, strict=True):
        seen[0] += hits.ids
        seen[1] += [row["id"] for row in batch]
    rows.delete(added)
    rows.upsert([{"id": key, "group": key % 4, "vector": vector(key)} for key in (11, 21, 31, 2501, 2401)])
    expected = [key for key in ALIVE if key % 4 == 1]
    assert sorted(seen[0]) == expected
    assert seen[1] == expected


def test_state_that_was_lost_is_computed_anew(filled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after another process took over: batches go on without a gap or a repetition."""
    _, rows = filled
    monkeypatch.setattr(CursorSessions, "take", lambda _self, _token, _number: None)
    found = [key for batch in rows.search_iterator([0.0, 0.0, 0.0, 1.0], batch_size=500) for key in batch.ids]
    assert sorted(found) == ALIVE


def test_a_query_iterator_gives_rows_in_order(filled: Any) -> None:
    _, rows = filled
    for batch_size, limit in ((1, 9), (100, None), (999, 1000), (5000, None), (10, 0)):
        batches = list(rows.query_iterator(batch_size=batch_size, limit=limit, output_fields=["group"]))
        found = [row["id"] for batch in batches for row in batch]
        assert found == ALIVE[:limit]
        assert all(len(batch) == batch_size for batch in batches[:-1])


def test_what_iterators_refuse(filled: Any) -> None:
    _, rows = filled
    query = [0.0, 0.0, 0.0, 1.0]
    with pytest.raises(InvalidInput, match="one"):
        next(rows.search_iterator([query, query]))
    with pytest.raises(InvalidInput, match="limit is -1, expected 0 or more"):
        rows.search_iterator(query, limit=-1)
    with pytest.raises(InvalidInput, match="limit 20000 and offset 0 together"):
        next(rows.search_iterator(query, batch_size=20_000))
    with pytest.raises(InvalidInput, match="batch_size is 0"):
        rows.query_iterator(batch_size=0)
    iterator = rows.search_iterator(query, batch_size=5)
    next(iterator)
    iterator.close()
    assert list(iterator) == []
