"""`Collection.hybrid_search` against its searches done one by one."""

from collections.abc import Iterator

import numpy as np
import pytest

import elanus
from elanus.errors import InvalidInput


@pytest.fixture
def shelf() -> Iterator[elanus.Collection]:
    database = elanus.connect(":memory:", durability="none")
    shelf = database.create_collection(
        "shelf",
        schema=elanus.Schema(
            (
                elanus.Field("id", elanus.DataType.VARCHAR, is_primary=True),
                elanus.Field("size", elanus.DataType.INT64),
                elanus.Field("left", elanus.DataType.FLOAT_VECTOR, dim=2),
                elanus.Field("right", elanus.DataType.FLOAT_VECTOR, dim=2),
            )
        ),
    )
    shelf.insert(
        [
            {"id": f"k{key}", "size": key, "left": [float(key), 1.0], "right": [1.0, float(20 - key)]}
            for key in range(20)
        ]
    )
    yield shelf
    database.close()


def test_rows_found_by_both_searches_come_first(shelf: elanus.Collection) -> None:
    searches = [
        elanus.AnnSearch([1.0, 0.0], "left", limit=8),
        elanus.AnnSearch([1.0, 0.0], "right", limit=8, filter="size > {least}", filter_params={"least": 14}),
    ]
    lists = [
        shelf.search(search.vectors, field=search.field_name, limit=8, filter="" if number == 0 else "size > 14").ids
        for number, search in enumerate(searches)
    ]
    totals: dict[str, float] = {}
    for keys in lists:
        for rank, key in enumerate(keys, start=1):
            totals[key] = totals.get(key, 0.0) + 1 / (60 + rank)
    hits = shelf.hybrid_search(searches, limit=5, output_fields=["size"])
    np.testing.assert_allclose(hits.distances, sorted(totals.values(), reverse=True)[:5], rtol=1e-6)
    assert [hit["id"] for hit in hits] == [f"k{hit['size']}" for hit in hits]
    assert hits.metric == "RRF"
    first = shelf.hybrid_search(searches, ranker=elanus.WeightedRanker((1.0, 0.0), norm_score=False), limit=3)
    assert first.ids == lists[0][:3]


def test_searches_that_find_nothing(shelf: elanus.Collection) -> None:
    nothing = elanus.AnnSearch([1.0, 0.0], "left", filter="size > 100")
    assert shelf.hybrid_search([nothing, nothing]).ids == []
    assert len(shelf.hybrid_search([nothing, elanus.AnnSearch([1.0, 0.0], "right", limit=4)])) == 4


def test_many_queries_at_once(shelf: elanus.Collection) -> None:
    vectors = [[1.0, 0.0], [0.0, 1.0]]
    hits = shelf.hybrid_search([elanus.AnnSearch(vectors, "left"), elanus.AnnSearch(vectors, "right")], limit=4)
    assert len(hits) == 2
    for number, vector in enumerate(vectors):
        alone = shelf.hybrid_search([elanus.AnnSearch(vector, "left"), elanus.AnnSearch(vector, "right")], limit=4)
        assert hits[number].ids == alone.ids


def test_what_is_refused(shelf: elanus.Collection) -> None:
    one = elanus.AnnSearch([1.0, 0.0], "left")
    with pytest.raises(InvalidInput, match="no searches"):
        shelf.hybrid_search([])
    with pytest.raises(InvalidInput, match=r"\[1, 2\] query vectors"):
        shelf.hybrid_search([one, elanus.AnnSearch([[1.0, 0.0]] * 2, "right")])
    with pytest.raises(InvalidInput, match="'middle' is no vector field"):
        shelf.hybrid_search([one, elanus.AnnSearch([1.0, 0.0], "middle")])
    with pytest.raises(InvalidInput, match="limit is 0"):
        shelf.hybrid_search([one], limit=0)


def test_scores_may_fall_with_a_number(shelf: elanus.Collection) -> None:
    """A factor of one half a size away from the origin."""
    decay = elanus.DecayRanker("size", "exp", origin=10, scale=1)
    search = elanus.AnnSearch([1.0, 0.0], "left", limit=20, params={}, rescoring=decay)
    hits = shelf.ann_search(search, output_fields=["size"])
    assert hits.ids[:2] == ["k10", "k11"]
    plain = shelf.search([1.0, 0.0], field="left", limit=20)
    before = dict(zip(plain.ids, plain.distances.tolist(), strict=True))
    for hit in hits:
        assert hit["distance"] == pytest.approx(before[hit["id"]] * 0.5 ** abs(hit["size"] - 10), rel=1e-5)
    together = shelf.hybrid_search(
        [elanus.AnnSearch([1.0, 0.0], "left", limit=20), elanus.AnnSearch([1.0, 0.0], "right", limit=20)],
        ranker=elanus.DecayRanker("size", "exp", origin=10, scale=1, score_mode="sum"),
        limit=3,
    )
    assert together.ids[0] == "k10"


def test_boosts_bring_up_rows(shelf: elanus.Collection) -> None:
    boost = elanus.BoostRanker((elanus.Boost(5.0, "size == 3"),))
    search = elanus.AnnSearch([1.0, 0.0], "left", limit=20, rescoring=boost)
    assert shelf.ann_search(search).ids[0] == "k3"
