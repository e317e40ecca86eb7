"""Reading rows."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.vectors import SparseRows, VectorLists
from elanus.schema.collapse import Collapse
from elanus.schema.field import Field
from elanus.schema.rankers import Ranker
from elanus.schema.rescoring import DecayRanker, Rescoring
from elanus.service.requests.base import DEFAULT_DATABASE, Request

__all__ = [
    "NO_VECTORS",
    "Aggregate",
    "HybridSearch",
    "Query",
    "QueryReply",
    "Search",
    "SearchBatch",
    "SearchBatchReply",
    "SearchReply",
]

NO_VECTORS: Final[npt.NDArray[Any]] = np.empty((0, 0), np.float32)
"""In the place of the vectors of a search that goes by primary keys."""


@dataclass(frozen=True, slots=True)
class Search(Request["SearchReply"]):
    """The nearest rows of one or many vectors.

    Attributes:
        vectors: (query_count, elements) in the field's element dtype, or sparse rows. For a vector member of an array
            of structs these find elements, each a hit of its own, and lists of vectors find rows.
        ids: primary keys of rows whose vectors are searched with, in the place of `vectors`; None for `vectors`.
        field_name: empty when the collection has one vector field.
        metric: empty for that of the index; anything else must agree with it.
        params: search parameters of the index type, flat (`ef`, `nprobe`, ...); `radius` and `range_filter` make it a
            range search.
        filter: an expression of the filter language; empty for none.
        output_fields: names of fields or dynamic keys; `*` for everything.
        partitions: names; empty for all.
        round_decimals: -1 leaves scores as they are.
        guarantee_timestamp: 0 reads the newest state; another one reads the state as it was then.
        ignore_growing: only rows in sealed segments.
        require_loaded: refuse when the collection is not loaded, as the Milvus protocol wants.
        timezone: IANA name of the zone of times that come out, and of those in the filter that name none; empty for
            that of the collection.
        time_parts: give times as arrays of these parts (`year`, `month`, ...) instead of texts.
        group_by: fields whose values make groups; `limit` and `offset` then count groups.
        group_size: hits of a group at most.
        strict_group_size: go on searching until every group has that many, as far as there are so many rows.
        order_by: as in `Query`, the order of the hits that were found; equal ones stay in the order of their scores.
            With `group_by`, groups are ordered by their best hits.
        rescoring: changes the scores of the hits by other fields; None leaves them.
        collapse: in a hybrid search, how hits that are elements become rows; None for the best element's score.
    """

    collection: str
    vectors: npt.NDArray[Any] | SparseRows | VectorLists
    limit: int
    field_name: str = ""
    offset: int = 0
    metric: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    filter: str = ""
    filter_params: dict[str, Any] = field(default_factory=dict)
    output_fields: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    round_decimals: int = -1
    guarantee_timestamp: int = 0
    ignore_growing: bool = False
    require_loaded: bool = False
    timezone: str = ""
    time_parts: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    group_size: int = 1
    strict_group_size: bool = False
    order_by: tuple[str, ...] = ()
    rescoring: Rescoring | None = None
    collapse: Collapse | None = None
    ids: pa.Array | None = None
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class SearchReply:
    """Hits of all queries end to end, each query's best first.

    Attributes:
        counts: hits of each query (int64).
        ids: primary keys of all hits.
        scores: float32, in the metric's own direction.
        columns: the output fields of all hits, in the order asked for; `$meta` when dynamic keys were asked for.
        fields: what the columns are.
        dynamic_keys: the keys of `$meta` that were asked for; None for all.
        metric: name of the metric of the scores.
        larger_is_nearer: its direction.
        timestamp: of the state that was read.
        groups: the values that make the group of each hit, a column a field of `group_by`; None without grouping.
        group_fields: what those columns are.
        elements: where in the row's array of structs each hit is, from 0; None when hits are rows.
    """

    counts: npt.NDArray[np.int64]
    ids: pa.Array
    scores: npt.NDArray[np.float32]
    columns: pa.RecordBatch
    fields: tuple[Field, ...]
    dynamic_keys: tuple[str, ...] | None
    primary_field: str
    metric: str
    larger_is_nearer: bool
    timestamp: int
    groups: pa.RecordBatch | None = None
    group_fields: tuple[Field, ...] = ()
    elements: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class SearchBatch(Request["SearchBatchReply"]):
    """One batch of a search that goes on: every hit comes in exactly one batch, nearest first.

    All batches are asked for with the same search, whose `guarantee_timestamp` after the first batch is the timestamp
    of the first reply. A batch may be asked for again, as after a lost reply; the one before it may not.

    Attributes:
        search: one vector, no offset; its limit is the size of a batch.
        batch_number: from 0.
        token: of the reply to an earlier batch; empty for the first. State that was lost is computed anew.
    """

    search: Search
    batch_number: int = 0
    token: str = ""


@dataclass(frozen=True, slots=True)
class SearchBatchReply:
    """The hits of a batch, fewer than its size only in the last one, and the token for the next."""

    hits: SearchReply
    token: str


@dataclass(frozen=True, slots=True)
class HybridSearch(Request["SearchReply"]):
    """Several searches of one collection, whose hits become one list of rows.

    Attributes:
        searches: what each finds with its own vectors, filter, parameters and limit; their collection, database, output
            and time are those of this request.
        ranker: how hits become one list.
        limit: rows of the list, or groups.
        offset: rows of the list, or groups, to skip.
        partitions: of every search; each search has them too.
        group_scorer: what orders groups: the `max`, `sum` or `avg` of the scores of their hits.
        Others: as in `Search`.
    """

    collection: str
    searches: tuple[Search, ...]
    ranker: Ranker | DecayRanker
    limit: int
    offset: int = 0
    output_fields: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    round_decimals: int = -1
    guarantee_timestamp: int = 0
    require_loaded: bool = False
    group_by: tuple[str, ...] = ()
    group_size: int = 1
    strict_group_size: bool = False
    group_scorer: str = "max"
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class Query(Request["QueryReply"]):
    """Rows by filter or primary keys, in order of their primary keys or of other fields.

    Attributes:
        ids: int64 or string array; None to select by filter alone.
        limit: 0 for all.
        output_fields: as in `Search`; `count(*)` alone counts.
        order_by: `name`, `name:asc` or `name:desc` of fields; rows equal in all of them come by primary key.
        begins_iteration: more queries of the state of this one will come, with the timestamp of the reply; it is kept
            for them unless the limit was not reached.
        Others: as in `Search`.
    """

    collection: str
    ids: pa.Array | None = None
    filter: str = ""
    filter_params: dict[str, Any] = field(default_factory=dict)
    output_fields: tuple[str, ...] = ()
    order_by: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    limit: int = 0
    offset: int = 0
    guarantee_timestamp: int = 0
    begins_iteration: bool = False
    ignore_growing: bool = False
    require_loaded: bool = False
    timezone: str = ""
    time_parts: tuple[str, ...] = ()
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class Aggregate(Request["QueryReply"]):
    """Counts, sums, averages and extremes of the rows that pass a filter, in all or by groups.

    Rows that share a primary key all count, as in `count(*)`.

    Attributes:
        output_fields: fields of `group_by`, and `count(*)` or `count`, `sum`, `avg`, `min`, `max` of a field, as
            `avg(price)`; they name the columns of the reply. Empty for the fields of `group_by`.
        group_by: names of fields; without, there is one row for all.
        order_by: as in `Query`, of `group_by` or aggregates of `output_fields`; groups equal in them come by key.
        limit: of groups; 0 for all.
        Others: as in `Search`.
    """

    collection: str
    output_fields: tuple[str, ...]
    group_by: tuple[str, ...] = ()
    filter: str = ""
    filter_params: dict[str, Any] = field(default_factory=dict)
    order_by: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    limit: int = 0
    offset: int = 0
    guarantee_timestamp: int = 0
    ignore_growing: bool = False
    require_loaded: bool = False
    timezone: str = ""
    time_parts: tuple[str, ...] = ()
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class QueryReply:
    """Rows found, or one a group. Rows of a collection always have their primary key among the columns.

    Attributes:
        count: set when only a count was asked for.
        Others: as in `SearchReply`.
    """

    columns: pa.RecordBatch
    fields: tuple[Field, ...]
    dynamic_keys: tuple[str, ...] | None
    primary_field: str
    timestamp: int
    count: int | None = None
