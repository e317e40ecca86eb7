"""Grouping searches against sorting every row."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import elanus
from elanus.errors import InvalidInput

ROW_COUNT = 900


@pytest.fixture(scope="module")
def filled() -> Iterator[elanus.Collection]:
    """Rows in two segments and a growing chunk, with a group of its own for most rows, few groups, and NULLs."""
    database = elanus.connect(":memory:", durability="none", index_rows_min=100, background_maintenance=False)
    fields = (
        elanus.Field("id", elanus.DataType.INT64, is_primary=True),
        elanus.Field("many", elanus.DataType.INT32),
        elanus.Field("few", elanus.DataType.VARCHAR, nullable=True),
        elanus.Field("flag", elanus.DataType.BOOL),
        elanus.Field("weight", elanus.DataType.FLOAT),
        elanus.Field("vector", elanus.DataType.FLOAT_VECTOR, dim=2),
    )
    rows = database.create_collection("rows", schema=elanus.Schema(fields))
    for start in (0, 400, 800):
        rows.insert([row_of(key) for key in range(start, min(ROW_COUNT, start + 400))])
        if start < 800:
            rows.flush()
    rows.create_index("vector", "HNSW", metric="L2", M=8, efConstruction=40)
    yield rows
    database.close()


def row_of(key: int) -> dict[str, Any]:
    few = [None, "a", "b", "c"][key * 7 % 4]
    vector = [float(key * 37 % 901), float(key % 5)]
    return {"id": key, "many": key // 3, "few": few, "flag": key % 2 == 0, "weight": 1.0, "vector": vector}


def expected_groups(query: list[float], names: list[str], least: int) -> list[list[int]]:
    """The keys of every group, best first, groups by their best; distances never tie across different rows here."""
    distances = {
        key: sum((a - b) ** 2 for a, b in zip(row_of(key)["vector"], query, strict=True))
        for key in range(ROW_COUNT)
        if key >= least
    }
    groups: dict[tuple[Any, ...], list[int]] = {}
    for key in sorted(distances, key=lambda key: (distances[key], key)):
        groups.setdefault(tuple(row_of(key)[name] for name in names), []).append(key)
    return list(groups.values())


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    names=st.sampled_from([["many"], ["few"], ["flag"], ["few", "flag"], ["many", "few"]]),
    size=st.integers(1, 10),
    limit=st.integers(1, 40),
    offset=st.integers(0, 5),
    least=st.sampled_from([0, 300, 880, 2000]),
    query=st.integers(0, 900),
)
def test_strict_groups_are_those_of_sorting_every_row(
    filled: elanus.Collection, names: list[str], size: int, limit: int, offset: int, least: int, query: int
) -> None:
    vector = [query + 0.25, 0.3]
    search = elanus.AnnSearch(vector, limit=limit, filter=f"id >= {least}", params={"ef": 200})
    hits = filled.grouped_search(search, group_by=names, group_size=size, strict=True, offset=offset)
    groups = expected_groups(vector, names, least)[offset : offset + limit]
    assert hits.ids == [key for group in groups for key in group[:size]]


@pytest.mark.parametrize("limit", [1, 3, 25])
def test_groups_without_strictness_have_the_right_best_hit(filled: elanus.Collection, limit: int) -> None:
    vector = [400.25, 0.3]
    hits = filled.grouped_search(elanus.AnnSearch(vector, limit=limit), group_by=["many"], group_size=3)
    groups = expected_groups(vector, ["many"], 0)[:limit]
    found: dict[int, list[int]] = {}
    for key in hits.ids:
        found.setdefault(key // 3, []).append(key)
    assert [keys[0] for keys in found.values()] == [group[0] for group in groups]
    assert all(keys == group[: len(keys)] for keys, group in zip(found.values(), groups, strict=True))


def test_many_queries_are_grouped_each_by_itself(filled: elanus.Collection) -> None:
    vectors = [[1.25, 0.3], [700.25, 0.3]]
    hits = filled.grouped_search(elanus.AnnSearch(vectors, limit=4), group_by=["few"], output_fields=["few"])
    for number, vector in enumerate(vectors):
        alone = filled.grouped_search(elanus.AnnSearch(vector, limit=4), group_by=["few"], output_fields=["few"])
        assert hits[number].to_list() == alone.to_list()
        assert {hit["few"] for hit in alone} == {None, "a", "b", "c"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"group_by": ["weight"]}, "cannot group by 'weight': it is a Float"),
        ({"group_by": ["nothing"]}, "there is no such field"),
        ({"group_by": []}, "names no field"),
        ({"group_by": ["many"], "group_size": 0}, "group_size is 0, expected 1 to 10"),
    ],
)
def test_what_is_refused(filled: elanus.Collection, options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        filled.grouped_search(elanus.AnnSearch([0.0, 0.0]), **options)
