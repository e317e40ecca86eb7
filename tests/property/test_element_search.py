"""Searches for elements of arrays of structs against a loop over every element of every row."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elanus
from elanus.errors import InvalidInput

_DIM = 4
_ROW_COUNT = 420
_DELETED = frozenset(range(7, _ROW_COUNT, 11))


@dataclass(frozen=True)
class _Filter:
    """A filter and what it says of an element: the row's key and the element's number."""

    text: str
    of_row: Any = None
    of_element: Any = None
    either: bool = False

    def passes(self, key: int, number: int) -> bool:
        row = self.of_row is None or self.of_row(key)
        element = self.of_element is None or self.of_element(number)
        return (row or element) if self.either else (row and element)


_FILTERS = [
    _Filter(""),
    _Filter("id < 300", lambda key: key < 300),
    _Filter("element_filter(chunks, $[n] > 40)", None, lambda n: n > 40),
    _Filter("id >= 100 and element_filter(chunks, $[n] > 40 and $[n] < 90)", lambda k: k >= 100, lambda n: 40 < n < 90),
    _Filter("not element_filter(chunks, $[n] % 2 == 0) && id < 50", lambda key: key < 50, lambda n: n % 2 == 1),
    _Filter("id < 30 or element_filter(chunks, $[n] == 7)", lambda key: key < 30, lambda n: n == 7, either=True),
    _Filter("match_any(chunks, $[n] == 7)", lambda key: any(chunk["n"] == 7 for chunk in _chunks(key) or [])),
    _Filter("element_filter(chunks, $[n] > 1000)", None, lambda n: n > 1000),
    _Filter("id == 12", lambda key: key == 12),
]


def _chunks(key: int) -> list[dict[str, Any]] | None:
    """Null and empty arrays among the rows; small whole numbers, so that scores are exact and tie."""
    if key % 13 == 5:
        return None
    rng = np.random.default_rng(key)
    return [
        {"n": int(rng.integers(0, 100)), "emb": rng.integers(-3, 4, _DIM).astype(np.float32).tolist()}
        for _ in range(key * 5 % 7)
    ]


@pytest.fixture(scope="module", params=["lists", "FLAT", "HNSW", "IVF_FLAT"])
def filled(request: pytest.FixtureRequest) -> Iterator[elanus.Collection]:
    """Two segments with an index on the member or none that helps, growing rows, rows deleted from all of them."""
    database = elanus.connect(":memory:", durability="none", index_rows_min=10, background_maintenance=False)
    chunk = (elanus.Field("n", elanus.DataType.INT32), elanus.Field("emb", elanus.DataType.FLOAT_VECTOR, dim=_DIM))
    fields = (
        elanus.Field("id", elanus.DataType.INT64, is_primary=True),
        elanus.Field(
            "chunks", elanus.DataType.ARRAY, element_type=elanus.DataType.STRUCT, struct_fields=chunk, max_capacity=9,
            nullable=True,
        ),
    )  # fmt: skip
    rows = database.create_collection("rows", schema=elanus.Schema(fields))
    for start in (0, 150, 300):
        rows.insert([{"id": key, "chunks": _chunks(key)} for key in range(start, min(_ROW_COUNT, start + 150))])
        if start < 300:
            rows.flush()
    rows.delete(sorted(_DELETED))
    if request.param == "lists":
        # This one is not used for elements, but it says how they are compared.
        rows.create_index("chunks[emb]", "FLAT", metric="MAX_SIM_L2")
    else:
        params = {"HNSW": {"M": 16, "efConstruction": 200}, "IVF_FLAT": {"nlist": 4}}.get(request.param, {})
        rows.create_index("chunks[emb]", request.param, metric="L2", **params)
    yield rows
    database.close()


def _params(collection: elanus.Collection) -> dict[str, Any]:
    """Parameters with which the index looks at everything."""
    kinds = [info.definition.index_type for info in collection.indexes()]
    return {"HNSW": {"ef": 2000}, "IVF_FLAT": {"nprobe": 4}}.get(kinds[0], {})


def _expected(query: list[float], chosen: _Filter) -> dict[tuple[int, int], float]:
    """The distance of every element that may be found, by key and place."""
    return {
        (key, place): float(((np.array(chunk["emb"]) - np.array(query)) ** 2).sum())
        for key in range(_ROW_COUNT)
        if key not in _DELETED
        for place, chunk in enumerate(_chunks(key) or [])
        if chosen.passes(key, chunk["n"])
    }


def _found(hits: elanus.Hits) -> list[tuple[int, int]]:
    assert hits.offsets is not None
    return list(zip(hits.ids, hits.offsets.tolist(), strict=True))


_QUERIES = st.lists(st.integers(-3, 3).map(float), min_size=_DIM, max_size=_DIM)


@settings(max_examples=max(10, settings().max_examples // 4))
@given(query=_QUERIES, chosen=st.sampled_from(_FILTERS), limit=st.integers(1, 60), offset=st.integers(0, 20))
def test_hits_are_the_nearest_elements(
    filled: elanus.Collection, query: list[float], chosen: _Filter, limit: int, offset: int
) -> None:
    hits = filled.search(
        query, field="chunks[emb]", limit=limit, offset=offset, filter=chosen.text, params=_params(filled)
    )
    expected = _expected(query, chosen)
    ranked = sorted(expected.values())
    found = _found(hits)
    assert hits.distances.tolist() == ranked[offset : offset + limit]
    assert [expected[hit] for hit in found] == hits.distances.tolist()
    assert len(set(found)) == len(found)


@settings(max_examples=max(5, settings().max_examples // 10))
@given(query=_QUERIES, chosen=st.sampled_from(_FILTERS), radius=st.integers(1, 40), inner=st.integers(0, 10))
def test_a_range_holds_every_element_within_it(
    filled: elanus.Collection, query: list[float], chosen: _Filter, radius: int, inner: int
) -> None:
    bounds = {"radius": radius, "range_filter": min(inner, radius - 1)}
    hits = filled.search(
        query, field="chunks[emb]", limit=5000, filter=chosen.text, params={**_params(filled), **bounds}
    )
    expected = _expected(query, chosen)
    inside = {hit for hit, score in expected.items() if bounds["range_filter"] <= score < radius}
    assert sorted(_found(hits)) == sorted(inside)


@settings(max_examples=max(5, settings().max_examples // 10))
@given(
    query=_QUERIES, chosen=st.sampled_from(_FILTERS), limit=st.integers(1, 30), size=st.integers(1, 3),
    offset=st.integers(0, 3),
)  # fmt: skip
def test_groups_are_rows_with_their_nearest_elements(
    filled: elanus.Collection, query: list[float], chosen: _Filter, limit: int, size: int, offset: int
) -> None:
    search = elanus.AnnSearch(query, "chunks[emb]", limit=limit, filter=chosen.text, params=_params(filled))
    hits = filled.grouped_search(search, group_by=["id"], group_size=size, strict=True, offset=offset)
    expected = _expected(query, chosen)
    rows: dict[int, list[float]] = {}
    for (key, _), score in expected.items():
        rows.setdefault(key, []).append(score)
    best = sorted(sorted(scores)[:size] for scores in rows.values())
    found: dict[int, list[float]] = {}
    for hit, score in zip(_found(hits), hits.distances.tolist(), strict=True):
        assert expected[hit] == score
        found.setdefault(hit[0], []).append(score)
    assert all(scores == sorted(rows[key])[:size] for key, scores in found.items())
    assert [scores[0] for scores in found.values()] == [scores[0] for scores in best[offset : offset + limit]]


@pytest.mark.parametrize("batch_size", [1, 17, 5000])
def test_an_iterator_gives_every_element_once(filled: elanus.Collection, batch_size: int) -> None:
    query = [1.0, 0.0, -1.0, 2.0]
    limit = 60 if batch_size == 1 else None
    found: list[tuple[int, int]] = []
    scores: list[float] = []
    for batch in filled.search_iterator(
        query, field="chunks[emb]", batch_size=batch_size, limit=limit, filter="id > 5"
    ):
        found += _found(batch)
        scores += batch.distances.tolist()
    expected = {hit: score for hit, score in _expected(query, _FILTERS[0]).items() if hit[0] > 5}
    assert [expected[hit] for hit in found] == scores
    assert len(set(found)) == len(found) == len(expected if limit is None else scores)
    if batch_size == 5000:
        assert scores == sorted(expected.values())


def test_many_queries_answer_as_each_alone(filled: elanus.Collection) -> None:
    queries = [[1.0, 0.0, -1.0, 2.0], [0.0, 0.0, 0.0, 0.0]]
    together = filled.ann_search(elanus.AnnSearch(queries, "chunks[emb]", limit=8, params=_params(filled)))
    for number, query in enumerate(queries):
        alone = filled.search(query, field="chunks[emb]", limit=8, params=_params(filled))
        assert together[number].to_list() == alone.to_list()
        assert alone.to_list()[0].keys() == {"id", "distance", "offset"}


def test_lists_of_vectors_still_find_rows(filled: elanus.Collection) -> None:
    """Whatever metric the index has, rows are then scored by the sum over the query's vectors."""
    query = [[1.0, 0.0, -1.0, 2.0], [0.0, 0.0, 0.0, 1.0]]
    hits = filled.search(query, field="chunks[emb]", metric="MAX_SIM_L2", limit=5)
    scores = {
        key: sum(
            min(sum((a - b) ** 2 for a, b in zip(chunk["emb"], one, strict=True)) for chunk in chunks) for one in query
        )
        for key in range(_ROW_COUNT)
        if key not in _DELETED and (chunks := _chunks(key))
    }
    assert hits.offsets is None
    assert hits.distances.tolist() == sorted(scores.values())[:5]


def test_a_key_written_twice_has_each_of_its_elements_once(filled: elanus.Collection) -> None:
    twice = [{"id": 5000, "chunks": [{"n": 500, "emb": [9.0] * _DIM}, {"n": 501, "emb": [9.0] * _DIM}]}]
    for _ in range(2):
        filled.insert(twice)
    hits = filled.search([9.0] * _DIM, field="chunks[emb]", limit=4, filter="element_filter(chunks, $[n] >= 500)")
    filled.delete([5000])
    assert _found(hits) == [(5000, 0), (5000, 1)]


@pytest.mark.parametrize(
    ("search", "told"),
    [
        (lambda rows: rows.search([1.0, 2.0], field="chunks[emb]"), "element"),
        (lambda rows: rows.search([1.0] * _DIM, field="chunks[emb]", metric="MAX_SIM_L2"), "MAX_SIM_L2"),
        (lambda rows: rows.search([[1.0] * _DIM], field="chunks[emb]", metric="L2"), "'L2'"),
        (
            lambda rows: rows.grouped_search(elanus.AnnSearch([1.0] * _DIM, "chunks[emb]"), group_by=["chunks"]),
            "grouped by the primary key",
        ),
    ],
)
def test_what_is_refused(filled: elanus.Collection, search: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        search(filled)


def test_the_index_on_the_member_is_what_answers(filled: elanus.Collection) -> None:
    definition = filled.indexes()[0].definition
    report = filled.explain_search([1.0] * _DIM, field="chunks[emb]", limit=3, params=_params(filled))
    used = {segment.search.index for segment in report.segments if segment.search and segment.segment_id}
    assert used == {"" if definition.metric == "MAX_SIM_L2" else definition.index_type}
