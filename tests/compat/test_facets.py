"""Search aggregation as the client sends it, and its refusals."""

from collections.abc import Callable
from typing import Any

import pytest
from pymilvus import DataType, MilvusClient, MilvusException, SearchAggregation, TopHits

_BRANDS = ["acme", "bolt", None]


@pytest.fixture
def shop(client: MilvusClient, name: str) -> str:
    """Thirty rows on a line: the row `id` lies at `id`."""
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    schema.add_field("brand", DataType.VARCHAR, max_length=8, nullable=True)
    schema.add_field("color", DataType.INT16)
    schema.add_field("price", DataType.FLOAT)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_collection(name, schema=schema, index_params=index)
    client.insert(
        name,
        [{"id": n, "vector": [n, 0], "brand": _BRANDS[n % 3], "color": n % 2, "price": n / 4} for n in range(30)],
    )
    return name


def _search(client: MilvusClient, name: str, aggregation: SearchAggregation, **options: Any) -> Any:
    return client.search(name, data=[[0.0, 0.0]], anns_field="vector", search_aggregation=aggregation, **options)


def test_buckets(client: MilvusClient, shop: str) -> None:
    aggregation = SearchAggregation(
        fields=["brand"],
        size=3,
        metrics={"found": {"count": "*"}, "mean": {"avg": "price"}, "near": {"min": "_score"}, "last": {"max": "id"}},
        order=[{"last": "desc"}],
        top_hits=TopHits(size=2, sort=[{"price": "desc"}]),
    )
    result = _search(client, shop, aggregation, output_fields=["brand", "color", "price"])
    assert [list(hits) for hits in result] == [[]]
    buckets = result.agg_buckets[0]
    assert [[part["value"] for part in bucket.key] for bucket in buckets] == [[None], ["bolt"], ["acme"]]
    assert [bucket.key[0]["field_name"] for bucket in buckets] == ["brand"] * 3
    assert [bucket.count for bucket in buckets] == [2, 2, 2]
    assert buckets[2].metrics == {"found": 2, "mean": 0.375, "near": 0.0, "last": 3}
    hits = buckets[1].hits
    assert [(hit.pk, hit.score) for hit in hits] == [(4, 16.0), (1, 1.0)]
    assert hits[0].fields == {"brand": "bolt", "color": 0, "price": 1.0}
    assert buckets[0].hits[0].fields == {"color": 1, "price": 1.25}


def test_levels(client: MilvusClient, shop: str) -> None:
    aggregation = SearchAggregation(
        fields=["color"],
        size=2,
        order=[{"_key": "desc"}],
        sub_aggregation=SearchAggregation(fields=["brand"], size=2, metrics={"s": {"sum": "color"}}),
    )
    buckets = _search(client, shop, aggregation, filter="brand is not null").agg_buckets[0]
    assert [bucket.key[0]["value"] for bucket in buckets] == [1, 0]
    assert [[sub.key[0]["value"] for sub in bucket.sub_groups] for bucket in buckets] == [
        ["bolt", "acme"],
        ["acme", "bolt"],
    ]
    assert [sub.metrics for sub in buckets[0].sub_groups] == [{"s": 1}, {"s": 1}]
    assert [bucket.hits for bucket in buckets] == [[], []]


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda c, n: _search(c, n, SearchAggregation(["price"], 2)), "not 'price' .Float."),
        (lambda c, n: _search(c, n, SearchAggregation(["weight"], 2)), "there is no field 'weight'"),
        (lambda c, n: _search(c, n, SearchAggregation(["brand"], 10_001)), "10001 entries"),
        (lambda c, n: _search(c, n, SearchAggregation(["brand"], 2), offset=1), "takes no offset"),
        (lambda c, n: _search(c, n, SearchAggregation(["brand"], 2), output_fields=["vector"]), "not 'vector'"),
        (lambda c, n: _search(c, n, SearchAggregation(["brand"], 2, metrics={"m": {"sum": "brand"}})), "sum is of num"),
        (
            lambda c, n: _search(c, n, SearchAggregation(["brand"], 2, top_hits=TopHits(1, [{"vector": "asc"}]))),
            "hits are sorted by numbers",
        ),
        (
            lambda c, n: _search(
                c, n, SearchAggregation(["brand"], 2, sub_aggregation=SearchAggregation(["brand"], 2))
            ),
            "'brand' makes buckets twice",
        ),
    ],
)
def test_refusals(client: MilvusClient, shop: str, ask: Callable[[MilvusClient, str], Any], told: str) -> None:
    with pytest.raises(MilvusException, match=told):
        ask(client, shop)


def test_levels_have_an_end(client: MilvusClient, shop: str) -> None:
    aggregation = None
    for field in ("id", "price", "brand", "color", "vector"):
        aggregation = SearchAggregation([field], 1, sub_aggregation=aggregation)
    assert aggregation is not None
    with pytest.raises(MilvusException, match="5 levels, expected at most 4"):
        _search(client, shop, aggregation)
