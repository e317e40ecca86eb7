"""Order by and aggregation as the client sends them, with growing rows, sealed ones and deleted ones."""

from collections.abc import Callable
from typing import Any

import pytest
from pymilvus import DataType, MilvusClient, MilvusException

_ROWS: list[dict[str, Any]] = [
    {
        "id": number,
        "vector": [float(number), 1.0],
        "brand": ["acme", "bolt", "cord"][number % 3],
        "stock": number % 5,
        "price": None if number % 7 == 0 else number / 4,
    }
    for number in range(60)
]


@pytest.fixture
def shop(client: MilvusClient, name: str) -> str:
    """Sixty rows, forty of them sealed; every tenth is deleted."""
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    schema.add_field("brand", DataType.VARCHAR, max_length=8)
    schema.add_field("stock", DataType.INT8)
    schema.add_field("price", DataType.DOUBLE, nullable=True)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_collection(name, schema=schema, index_params=index)
    client.insert(name, _ROWS[:40])
    client.flush(name)
    client.insert(name, _ROWS[40:])
    client.delete(name, filter="id in [0, 10, 20, 30, 40, 50]")
    return name


def _living() -> list[dict[str, Any]]:
    return [row for row in _ROWS if row["id"] % 10]


def test_order_by(client: MilvusClient, shop: str) -> None:
    found = client.query(shop, order_by=["stock:desc", "id:asc"], limit=7, offset=3, output_fields=["stock"])
    expected = sorted(_living(), key=lambda row: (-row["stock"], row["id"]))[3:10]
    assert [dict(row) for row in found] == [{"id": row["id"], "stock": row["stock"]} for row in expected]
    last = client.query(shop, filter="id < 20", order_by=["price"], limit=20, output_fields=["price"])
    assert [row["price"] for row in last][-2:] == [None, None]
    first = client.query(shop, filter="id < 20", order_by_fields=[{"field": "price", "order": "desc"}], limit=3)
    assert [row["id"] for row in first] == [7, 14, 19]


def test_hits_in_an_order(client: MilvusClient, shop: str) -> None:
    """The hits stay those that are nearest; ties stay in the order of their scores, groups by their best hits."""
    options: dict[str, Any] = {"data": [[30.0, 1.0], [5.0, 1.0]], "output_fields": ["stock", "brand"]}
    plain = client.search(shop, limit=12, **options)
    found = client.search(
        shop, limit=12, order_by_fields=[{"field": "stock", "order": "desc"}, {"field": "brand"}], **options
    )
    for hits, before in zip(found, plain, strict=True):
        expected = sorted(before, key=lambda hit: (-hit["entity"]["stock"], hit["entity"]["brand"]))
        assert [(hit["id"], hit["distance"]) for hit in hits] == [(hit["id"], hit["distance"]) for hit in expected]
    grouped = client.search(
        shop,
        limit=3,
        group_by_field="brand",
        group_size=2,
        order_by_fields=[{"field": "brand", "order": "desc"}],
        **options,
    )
    for hits in grouped:
        assert [hit["entity"]["brand"] for hit in hits] == ["cord", "cord", "bolt", "bolt", "acme", "acme"]
    with pytest.raises(MilvusException, match="'vector' is a FloatVector"):
        client.search(shop, limit=3, order_by_fields=[{"field": "vector"}], **options)


def test_group_by(client: MilvusClient, shop: str) -> None:
    output = ["brand", "count(*)", "count(price)", "sum(stock)", "avg(price)", "min(id)", "max(price)"]
    found = client.query(shop, group_by_fields=["brand"], output_fields=output)
    expected = []
    for brand in ("acme", "bolt", "cord"):
        rows = [row for row in _living() if row["brand"] == brand]
        prices = [row["price"] for row in rows if row["price"] is not None]
        expected.append(
            {
                "brand": brand,
                "count(*)": len(rows),
                "count(price)": len(prices),
                "sum(stock)": sum(row["stock"] for row in rows),
                "avg(price)": pytest.approx(sum(prices) / len(prices)),
                "min(id)": min(row["id"] for row in rows),
                "max(price)": max(prices),
            }
        )
    assert [dict(row) for row in found] == expected


def test_groups_are_ordered_and_limited(client: MilvusClient, shop: str) -> None:
    found = client.query(
        shop,
        filter="stock != 2",
        group_by_fields=["brand", "stock"],
        output_fields=["stock", "brand", "count(*)"],
        order_by=["count(*):desc", "stock"],
        limit=4,
    )
    counts: dict[tuple[int, str], int] = {}
    for row in _living():
        if row["stock"] != 2:
            counts[row["stock"], row["brand"]] = counts.get((row["stock"], row["brand"]), 0) + 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:4]
    assert [(row["count(*)"], row["stock"], row["brand"]) for row in found] == [(n, *key) for key, n in ranked]


def test_without_groups(client: MilvusClient, shop: str) -> None:
    found = client.query(shop, filter="id > 1000", output_fields=["count(*)", "sum(stock)", "max(brand)"])
    assert [dict(row) for row in found] == [{"count(*)": 0, "sum(stock)": None, "max(brand)": None}]
    assert client.query(shop, output_fields=["max(brand)"])[0]["max(brand)"] == "cord"


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda c, n: c.query(n, filter="id > 0", order_by=["price"]), "order_by needs a limit"),
        (lambda c, n: c.query(n, order_by=["vector"], limit=1), "'vector' is a FloatVector"),
        (lambda c, n: c.query(n, order_by=["price:DESC"], limit=1), "expected asc or desc in lower case"),
        (lambda c, n: c.query(n, order_by=["weight"], limit=1), "'weight' does not exist"),
        (lambda c, n: c.query(n, group_by_fields=["brand"], output_fields=["stock"]), "'stock' is neither in group_by"),
        (lambda c, n: c.query(n, group_by_fields=["price"], output_fields=["count(*)"]), "'price' is a Double"),
        (lambda c, n: c.query(n, output_fields=["sum(brand)"]), "'brand' is a VarChar.8., expected a number"),
        (lambda c, n: c.query(n, output_fields=["avg(*)"]), "only count takes"),
        (lambda c, n: c.query(n, output_fields=["count(*)", "stock"]), "'stock' is neither in group_by"),
    ],
)
def test_refusals(client: MilvusClient, shop: str, ask: Callable[[MilvusClient, str], Any], told: str) -> None:
    with pytest.raises(MilvusException, match=told) as raised:
        ask(client, shop)
    assert raised.value.code == 1100
