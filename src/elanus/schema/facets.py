"""Facets of a search: what is to be counted and measured of the hits that were found, and the answer."""

from dataclasses import dataclass

__all__ = ["SCORE", "Bucket", "BucketHit", "Facet", "FacetMetric", "FacetOrder", "TopHits"]

SCORE = "_score"
"""As the source of a metric or the name in an order: the score of a hit."""

Value = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class FacetMetric:
    """One number a bucket.

    Attributes:
        alias: what it is called in the answer.
        function: `count`, `sum`, `avg`, `min` or `max`.
        source: a field, `_score`, or `*` for `count`.
    """

    alias: str
    function: str
    source: str


@dataclass(frozen=True, slots=True)
class FacetOrder:
    """What is sorted by.

    Attributes:
        name: for buckets `_count`, `_key` or the alias of a metric; for hits a field or `_score`.
        descending: values from large to small.
        null_first: what has no value comes first; it comes last otherwise, in both directions.
    """

    name: str
    descending: bool = False
    null_first: bool = False


@dataclass(frozen=True, slots=True)
class TopHits:
    """Hits to return with each bucket: `size` of them, by `order`, or the best ones."""

    size: int
    order: tuple[FacetOrder, ...] = ()


@dataclass(frozen=True, slots=True)
class Facet:
    """A level of buckets.

    Attributes:
        fields: rows with the same values of all of them are one bucket.
        size: buckets to return, in each bucket of the level above.
        metrics: what to measure of each.
        order: of the buckets; without, the one with the best hit comes first.
        top_hits: None returns no hits.
        inner: buckets inside each.
        search_size: buckets that are looked for; 0 for `size`.
    """

    fields: tuple[str, ...]
    size: int
    metrics: tuple[FacetMetric, ...] = ()
    order: tuple[FacetOrder, ...] = ()
    top_hits: TopHits | None = None
    inner: "Facet | None" = None
    search_size: int = 0

    def levels(self) -> tuple["Facet", ...]:
        """This level and those inside it."""
        return (self,) if self.inner is None else (self, *self.inner.levels())


@dataclass(frozen=True, slots=True)
class BucketHit:
    """A row in a bucket: its primary key, its score, and its values of the output fields."""

    key: int | str
    score: float
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Bucket:
    """Hits with the same values of the fields of a facet.

    Attributes:
        key: the values of the facet's fields.
        count: hits that were found of it.
        metrics: in the order of the facet's.
        hits: those asked for.
        inner: buckets of the level below.
    """

    key: tuple[Value, ...]
    count: int
    metrics: tuple[Value, ...]
    hits: tuple[BucketHit, ...]
    inner: "tuple[Bucket, ...]"
