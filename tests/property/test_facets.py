"""Facets against plain Python: where every combination of values is looked for, they are those of its nearest hits."""

from functools import cmp_to_key
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from elanus.app.compose import service_on_disk
from elanus.embedded.database import Database
from elanus.schema.collection import Schema
from elanus.schema.facets import Bucket, Facet, FacetMetric, FacetOrder, TopHits
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.service.requests.facets import FacetedSearch
from elanus.service.requests.query import Search
from elanus.settings import Settings
from tests.reference.aggregation import compare, measured, same_value
from tests.reference.engine import Row
from tests.simulation.disk import SimulatedDisk

SCHEMA = Schema(
    (
        Field("id", DataType.INT64, is_primary=True),
        Field("vector", DataType.FLOAT_VECTOR, dim=2),
        Field("brand", DataType.VARCHAR, nullable=True),
        Field("size", DataType.INT8, nullable=True),
        Field("hot", DataType.BOOL),
        Field("price", DataType.DOUBLE, nullable=True),
    )
)
NAMES = ["brand", "size", "hot", "price", "_score"]
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "brand": st.none() | st.sampled_from(["a", "b", "é"]),
            "size": st.none() | st.integers(0, 2),
            "hot": st.booleans(),
            "price": st.none() | st.sampled_from([0.5, 1.25, 9.0]),
        }
    ),
    min_size=1,
    max_size=25,
)
METRICS = [
    FacetMetric("rows", "count", "*"),
    FacetMetric("prices", "count", "price"),
    FacetMetric("total", "sum", "size"),
    FacetMetric("mean", "avg", "price"),
    FacetMetric("least", "min", "brand"),
    FacetMetric("most", "max", "price"),
    FacetMetric("best", "max", "_score"),
]
FLAGS = st.tuples(st.booleans(), st.booleans())


@st.composite
def facets(draw: st.DrawFn) -> Facet:
    """One to three levels, of fields that do not repeat."""
    fields = draw(st.permutations(["brand", "size", "hot"]))
    cuts = sorted(draw(st.lists(st.integers(1, 2), max_size=2, unique=True)))
    facet = None
    for start, stop in reversed(list(pairwise([0, *cuts, 3]))):
        metrics = tuple(draw(st.lists(st.sampled_from(METRICS), max_size=3, unique=True)))
        orderable = ["_count", "_key", *(metric.alias for metric in metrics if metric.alias != "mean")]
        order = draw(st.lists(st.sampled_from(orderable), max_size=2, unique=True))
        sort = draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True))
        top_hits = draw(st.none() | st.integers(1, 4))
        facet = Facet(
            fields=tuple(fields[start:stop]),
            size=draw(st.integers(1, 6)),
            search_size=40,
            metrics=metrics,
            order=tuple(FacetOrder(name, *draw(FLAGS)) for name in order),
            top_hits=None if top_hits is None else TopHits(top_hits, tuple(FacetOrder(n, *draw(FLAGS)) for n in sort)),
            inner=facet,
        )
    assert facet is not None
    return facet


def _sorted(items: list[Any], value_of: Any, item: FacetOrder) -> list[Any]:
    """Stable; None last unless it is to be first."""
    absent = [one for one in items if value_of(one) is None]
    present = [one for one in items if value_of(one) is not None]
    sign = -1 if item.descending else 1
    present.sort(key=cmp_to_key(lambda a, b: sign * compare(value_of(a), value_of(b))))
    return [*absent, *present] if item.null_first else [*present, *absent]


def _by_key(buckets: list[Bucket], item: FacetOrder) -> list[Bucket]:
    sign = -1 if item.descending else 1

    def of(left: Bucket, right: Bucket) -> int:
        return next((sign * s for s in map(compare, left.key, right.key) if s), 0)

    return sorted(buckets, key=cmp_to_key(of))


def expected(facet: Facet, rows: list[Row]) -> list[Bucket]:
    """The buckets of rows that come best first."""
    members: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        members.setdefault(tuple(row[name] for name in facet.fields), []).append(row)
    buckets = []
    for key, inside in members.items():
        hits = inside
        for item in reversed(facet.top_hits.order if facet.top_hits else ()):
            hits = _sorted(hits, lambda row, item=item: row[item.name], item)
        shown = hits[: facet.top_hits.size] if facet.top_hits else []
        metrics = tuple(measured(inside, metric.function, metric.source) for metric in facet.metrics)
        inner = expected(facet.inner, inside) if facet.inner else []
        buckets.append(Bucket(key, len(inside), metrics, tuple(row["id"] for row in shown), tuple(inner)))
    aliases = [metric.alias for metric in facet.metrics]
    for item in reversed(facet.order):
        if item.name == "_key":
            buckets = _by_key(buckets, item)
        elif item.name == "_count":
            buckets = _sorted(buckets, lambda bucket: bucket.count, item)
        else:
            place = aliases.index(item.name)
            buckets = _sorted(buckets, lambda bucket, place=place: bucket.metrics[place], item)
    return buckets[: facet.size]


def assert_same(found: tuple[Bucket, ...], wanted: list[Bucket] | tuple[Bucket, ...]) -> None:
    assert [bucket.key for bucket in found] == [bucket.key for bucket in wanted]
    for left, right in zip(found, wanted, strict=True):
        assert left.count == right.count
        assert all(same_value(a, b) for a, b in zip(left.metrics, right.metrics, strict=True))
        assert tuple(hit.key for hit in left.hits) == right.hits
        assert_same(left.inner, right.inner)


@given(ROWS, facets(), st.integers(0, 25), st.integers(0, 25))
def test_buckets_are_those_of_the_nearest_hits(rows: list[Row], facet: Facet, place: int, flushed: int) -> None:
    rows = [{**row, "id": number} for number, row in enumerate(rows)]
    service = service_on_disk(SimulatedDisk(), Settings(background_maintenance=False, search_thread_count=1,
                                                        facet_entry_count_max=0))  # fmt: skip
    with Database(service, "simulated") as database:
        collection = database.create_collection("rows", SCHEMA)
        # No two rows are equally far from a query off the middle between them.
        stored = [{**row, "vector": [row["id"], 0]} for row in rows]
        for part in (stored[:flushed], stored[flushed:]):
            if part:
                collection.insert(part)
                collection.flush()
        queries = np.array([[place + 0.25, 0], [0, 0]], np.float32)
        search = Search("rows", queries, 1, metric="L2", output_fields=("brand", "price"))
        reply = service.execute(FacetedSearch(search, facet))
    kept_count = max(level.top_hits.size if level.top_hits else 1 for level in facet.levels())
    by_id = {row["id"]: row for row in rows}
    for query, buckets in zip(queries.tolist(), reply.buckets, strict=True):
        scored = [{**row, "_score": float((row["id"] - query[0]) ** 2)} for row in rows]
        kept: list[Row] = []
        for row in sorted(scored, key=lambda row: row["_score"]):
            alike = [one for one in kept if all(one[name] == row[name] for name in ("brand", "size", "hot"))]
            if len(alike) < kept_count:
                kept.append(row)
        assert_same(buckets, expected(facet, kept))
        for bucket in buckets:
            for hit in bucket.hits:
                assert hit.values == (by_id[hit.key]["brand"], by_id[hit.key]["price"])
