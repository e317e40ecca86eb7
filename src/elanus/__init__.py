"""Elanus: a vector database in a Python process, as a server, or as a cluster, from one engine and one file format.

    import elanus

    db = elanus.connect("./data")
    docs = db.create_collection("docs", dimension=384)
    docs.insert([{"id": 1, "vector": [...], "title": "first"}])
    print(docs.search([...], limit=3, filter='title like "f%"', output_fields=["title"]))

Names are loaded when they are first used, so that `import elanus` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from elanus.version import VERSION

if TYPE_CHECKING:
    from elanus.app.connection import connect
    from elanus.app.milvus import MilvusClient
    from elanus.embedded.collection import Collection
    from elanus.embedded.database import Database
    from elanus.embedded.hybrid import AnnSearch
    from elanus.embedded.iterators import QueryIterator, SearchIterator
    from elanus.embedded.results import Hits, Rows
    from elanus.errors import (
        AlreadyExists,
        Conflict,
        DataCorrupt,
        Denied,
        ElanusError,
        Internal,
        InvalidInput,
        NotFound,
        Unavailable,
    )
    from elanus.schema.collapse import Collapse
    from elanus.schema.collection import Schema
    from elanus.schema.facets import Bucket, BucketHit, Facet, FacetMetric, FacetOrder, TopHits
    from elanus.schema.field import Field
    from elanus.schema.rankers import RrfRanker, WeightedRanker
    from elanus.schema.rescoring import Boost, BoostRanker, DecayRanker, RandomScore
    from elanus.schema.types import DataType, Metric
    from elanus.settings import Settings

__version__: Final = VERSION

_HOMES: Final = {
    "AlreadyExists": "elanus.errors",
    "AnnSearch": "elanus.embedded.hybrid",
    "Boost": "elanus.schema.rescoring",
    "BoostRanker": "elanus.schema.rescoring",
    "Bucket": "elanus.schema.facets",
    "BucketHit": "elanus.schema.facets",
    "Collapse": "elanus.schema.collapse",
    "Collection": "elanus.embedded.collection",
    "Conflict": "elanus.errors",
    "DataCorrupt": "elanus.errors",
    "DataType": "elanus.schema.types",
    "Database": "elanus.embedded.database",
    "DecayRanker": "elanus.schema.rescoring",
    "Denied": "elanus.errors",
    "ElanusError": "elanus.errors",
    "Facet": "elanus.schema.facets",
    "FacetMetric": "elanus.schema.facets",
    "FacetOrder": "elanus.schema.facets",
    "Field": "elanus.schema.field",
    "Hits": "elanus.embedded.results",
    "Internal": "elanus.errors",
    "InvalidInput": "elanus.errors",
    "Metric": "elanus.schema.types",
    "MilvusClient": "elanus.app.milvus",
    "NotFound": "elanus.errors",
    "QueryIterator": "elanus.embedded.iterators",
    "RandomScore": "elanus.schema.rescoring",
    "Rows": "elanus.embedded.results",
    "RrfRanker": "elanus.schema.rankers",
    "Schema": "elanus.schema.collection",
    "SearchIterator": "elanus.embedded.iterators",
    "Settings": "elanus.settings",
    "TopHits": "elanus.schema.facets",
    "Unavailable": "elanus.errors",
    "WeightedRanker": "elanus.schema.rankers",
    "connect": "elanus.app.connection",
}

__all__ = [
    "AlreadyExists",
    "AnnSearch",
    "Boost",
    "BoostRanker",
    "Bucket",
    "BucketHit",
    "Collapse",
    "Collection",
    "Conflict",
    "DataCorrupt",
    "DataType",
    "Database",
    "DecayRanker",
    "Denied",
    "ElanusError",
    "Facet",
    "FacetMetric",
    "FacetOrder",
    "Field",
    "Hits",
    "Internal",
    "InvalidInput",
    "Metric",
    "MilvusClient",
    "NotFound",
    "QueryIterator",
    "RandomScore",
    "Rows",
    "RrfRanker",
    "Schema",
    "SearchIterator",
    "Settings",
    "TopHits",
    "Unavailable",
    "WeightedRanker",
    "__version__",
    "connect",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'elanus' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
