"""Faceted search."""

from dataclasses import dataclass

from elanus.schema.facets import Bucket, Facet
from elanus.schema.field import Field
from elanus.service.requests.base import Request
from elanus.service.requests.query import Search

__all__ = ["FacetedSearch", "FacetedSearchReply"]


@dataclass(frozen=True, slots=True)
class FacetedSearch(Request["FacetedSearchReply"]):
    """The hits nearest to each vector in buckets by their values.

    Attributes:
        search: its limit is not used: the sizes of the facet say how many buckets are looked for.
        facet: the outermost level.
    """

    search: Search
    facet: Facet


@dataclass(frozen=True, slots=True)
class FacetedSearchReply:
    """The buckets of each query vector.

    Attributes:
        buckets: of the outermost level, query by query.
        key_fields: the fields of all levels, the outermost first.
        fields: what the values of hits are.
        primary_field: name.
        timestamp: of the state that was read.
    """

    buckets: tuple[tuple[Bucket, ...], ...]
    key_fields: tuple[Field, ...]
    fields: tuple[Field, ...]
    primary_field: str
    timestamp: int
