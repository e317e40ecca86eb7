"""Facets in the native API."""

import pytest

from elanus.embedded.collection import Collection
from elanus.embedded.hybrid import AnnSearch
from elanus.errors import InvalidInput
from elanus.schema.facets import Bucket, BucketHit, Facet, FacetMetric, FacetOrder, TopHits


def test_buckets(books: Collection) -> None:
    """The larger the key, the nearer; of each title and year one hit is kept."""
    books.insert(
        [{"id": key, "vector": [key, 12], "title": "ab"[key % 2], "year": 1900 + key // 4} for key in range(12)]
    )
    facet = Facet(
        ("title",),
        2,
        metrics=(FacetMetric("last", "max", "year"),),
        order=(FacetOrder("_key", descending=True),),
        top_hits=TopHits(1, (FacetOrder("year"),)),
        inner=Facet(("year",), 2, search_size=3),
    )
    [buckets] = books.faceted_search(AnnSearch([1, 0], filter="id != 11"), facet, output_fields=["year"])
    scores = {hit["id"]: hit["distance"] for hit in books.search([1, 0], limit=12)}
    inner = tuple(Bucket((year,), 1, (), (), ()) for year in (1902, 1901))
    assert buckets == (
        Bucket(("b",), 3, (1902,), (BucketHit(3, scores[3], (1900,)),), inner),
        Bucket(("a",), 3, (1902,), (BucketHit(2, scores[2], (1900,)),), inner),
    )


@pytest.mark.parametrize(
    ("facet", "told"),
    [
        (Facet((), 1), "names no field"),
        (Facet(("title",), 0), "below 1"),
        (Facet(("title",), 3, search_size=2), "search_size is 2, expected at least size"),
        (Facet(("title",), 1, order=(FacetOrder("_score"),)), "ordered by _count, _key or a metric"),
        (Facet(("title",), 1, metrics=(FacetMetric("m", "median", "year"),)), "metric 'm' is 'median'"),
        (Facet(("title",), 1, metrics=(FacetMetric("m", "count", "_score"),)), "count cannot be of _score"),
        (Facet(("title",), 1, metrics=(FacetMetric("m", "sum", "*"),)), "sum cannot be of"),
        (Facet(("vector",), 1), "not 'vector'"),
    ],
)
def test_what_is_refused(books: Collection, facet: Facet, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        books.faceted_search(AnnSearch([5, 0]), facet)
