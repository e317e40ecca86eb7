"""A collection, as Python code holds it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from elanus.embedded.arguments import check_limit, check_same_fields, name_list, primary_keys
from elanus.embedded.hybrid import AnnSearch
from elanus.embedded.iterators import QueryIterator, SearchIterator
from elanus.embedded.results import Hits, Rows
from elanus.embedded.row_input import rows_batch
from elanus.embedded.upkeep import CollectionUpkeep
from elanus.embedded.vectors import member_queries, query_vectors
from elanus.errors import Conflict, ElanusError, InvalidInput
from elanus.query.explanation import Explanation
from elanus.schema.facets import Bucket, Facet
from elanus.schema.rankers import Ranker, RrfRanker
from elanus.schema.rescoring import DecayRanker
from elanus.service.requests.collections import (
    GetRowCount,
)
from elanus.service.requests.data import Delete, Insert, Upsert
from elanus.service.requests.explain import Explain
from elanus.service.requests.facets import FacetedSearch
from elanus.service.requests.query import Aggregate, HybridSearch, Query, Search

if TYPE_CHECKING:
    import pyarrow as pa

    from elanus.embedded.row_input import RowInput

__all__ = ["Collection"]


class Collection(CollectionUpkeep):
    """Rows with vectors. Every method may be called from any thread, and every write is durable when it returns."""

    def insert(
        self,
        data: "RowInput",
        *,
        partition: str = "",
    ) -> list[Any]:
        """Adds rows and returns their primary keys; durable and searchable when this returns.

        Args:
            data: a list of dicts, a mapping of columns (NumPy arrays or lists), or a pyarrow, pandas or polars table.
            partition: where to put them; the default partition if empty.

        Raises:
            InvalidInput: something does not fit; nothing was written.
        """
        reply = self._write(
            lambda batch, seen: Insert(
                self._name, batch, partition=partition, database=self._database, schema_timestamp=seen
            ),
            data,
        )
        return list(reply.ids.to_pylist())

    def upsert(
        self,
        data: "RowInput",
        *,
        partition: str = "",
        partial: bool = False,
    ) -> list[Any]:
        """Adds rows, replacing those with the same primary keys, at once. Arguments as `insert`.

        Args:
            data: as `insert`.
            partition: as `insert`.
            partial: change only the fields given and keep the others of existing rows. Every row names the same
                fields; dynamic keys may differ, and are merged.
        """
        if partial:
            check_same_fields(data, self.schema)
        reply = self._write(
            lambda batch, seen: Upsert(
                self._name,
                batch,
                partition=partition,
                database=self._database,
                schema_timestamp=seen,
                partial=partial,
            ),
            data,
        )
        return list(reply.ids.to_pylist())

    def delete(
        self,
        ids: Iterable[Any] | Any | None = None,
        *,
        filter: str = "",  # noqa: A002 (the Milvus user's word)
        params: Mapping[str, Any] | None = None,
        partition: str = "",
    ) -> int:
        """Deletes rows by primary keys or by filter. Returns how many there were."""
        if (ids is None) == (not filter):
            raise InvalidInput("invalid_argument", "give either primary keys or a filter to delete by")
        request = Delete(
            self._name,
            ids=None if ids is None else primary_keys(self.schema.primary_field, ids),
            filter=filter,
            filter_params=dict(params or {}),
            partition=partition,
            database=self._database,
        )
        return self._service.execute(request).deleted_count

    def get(self, ids: Iterable[Any] | Any, *, output_fields: Sequence[str] | None = None, timezone: str = "") -> Rows:
        """The rows of some primary keys, in order of their keys; keys without a row are left out.

        Times come in `timezone`, an IANA name, or in the collection's.
        """
        return Rows(
            self._service.execute(
                Query(
                    self._name,
                    ids=primary_keys(self.schema.primary_field, ids),
                    output_fields=self._output(output_fields),
                    timezone=timezone,
                    database=self._database,
                )
            )
        )

    def query(
        self,
        filter: str = "",  # noqa: A002 (the Milvus user's word)
        *,
        output_fields: Sequence[str] | None = None,
        limit: int | None = None,
        offset: int = 0,
        order_by: Sequence[str] = (),
        params: Mapping[str, Any] | None = None,
        partitions: Sequence[str] = (),
        timezone: str = "",
    ) -> Rows:
        """The rows that pass a filter, in order of their primary keys or of other fields.

        Args:
            filter: an expression of the filter language; empty selects all, and then needs a limit.
            output_fields: fields and dynamic keys to return; every field but vectors if None.
            limit: rows at most; None for all.
            offset: rows to skip.
            order_by: fields as `name`, `name:asc` or `name:desc`: numbers, Bool or VarChar. NULL comes after every
                value, so it is first where descending; NaN is above all numbers. Ties come by primary key.
            params: values for `{name}` in the filter.
            partitions: only these partitions.
            timezone: IANA name of the zone of times, in the filter and in what is returned; the collection's if empty.
        """
        check_limit(limit)
        return Rows(
            self._service.execute(
                Query(
                    self._name,
                    filter=filter,
                    filter_params=dict(params or {}),
                    output_fields=self._output(output_fields),
                    order_by=name_list("order_by", order_by),
                    partitions=name_list("partitions", partitions),
                    limit=limit or 0,
                    offset=offset,
                    timezone=timezone,
                    database=self._database,
                )
            )
        )

    def aggregate(
        self,
        output: Sequence[str],
        *,
        group_by: Sequence[str] = (),
        filter: str = "",  # noqa: A002 (the Milvus user's word)
        order_by: Sequence[str] = (),
        limit: int | None = None,
        offset: int = 0,
        params: Mapping[str, Any] | None = None,
        partitions: Sequence[str] = (),
    ) -> Rows:
        """Counts, sums, averages and extremes of the rows that pass a filter: one row for all, or one a group.

        NULL is left out of every aggregate but `count(*)`, and is a group of its own. Sums of integers are exact.

        Args:
            output: `count(*)`, `count`, `sum`, `avg`, `min` or `max` of a field as `avg(price)`, fields of `group_by`.
            group_by: integer, Bool, VarChar or Timestamptz fields.
            filter: an expression of the filter language; empty takes all rows.
            order_by: as `query`, of `group_by` or of aggregates in `output`; groups come by their keys otherwise.
            limit: groups at most; None for all.
            offset: groups to skip.
            params: values for `{name}` in the filter.
            partitions: only these partitions.
        """
        check_limit(limit)
        request = Aggregate(
            self._name,
            name_list("output", output),
            group_by=name_list("group_by", group_by),
            filter=filter,
            filter_params=dict(params or {}),
            order_by=name_list("order_by", order_by),
            partitions=name_list("partitions", partitions),
            limit=limit or 0,
            offset=offset,
            database=self._database,
        )
        return Rows(self._service.execute(request))

    def query_iterator(
        self,
        filter: str = "",  # noqa: A002 (the Milvus user's word)
        *,
        batch_size: int = 1000,
        limit: int | None = None,
        output_fields: Sequence[str] | None = None,
        params: Mapping[str, Any] | None = None,
        partitions: Sequence[str] = (),
    ) -> QueryIterator:
        """Batches of the rows that pass a filter, in order of their primary keys, over the state at the first batch.

        Args:
            filter: as `query`; empty for every row.
            batch_size: rows a batch, at most 16,384.
            limit: rows in all batches together; None for all.
            output_fields: as `query`.
            params: as `query`.
            partitions: as `query`.
        """
        if batch_size < 1:
            raise InvalidInput("out_of_range", f"batch_size is {batch_size}, expected 1 or more")
        request = Query(
            self._name,
            filter=filter,
            filter_params=dict(params or {}),
            output_fields=self._output(output_fields),
            partitions=name_list("partitions", partitions),
            database=self._database,
        )
        primary_field = self.schema.primary_field.name
        return QueryIterator(self._service, request, primary_field=primary_field, batch_size=batch_size, limit=limit)

    def count(
        self,
        filter: str = "",  # noqa: A002 (the Milvus user's word)
        *,
        params: Mapping[str, Any] | None = None,
    ) -> int:
        """How many rows pass a filter, or how many there are."""
        request = Query(
            self._name,
            filter=filter,
            filter_params=dict(params or {}),
            output_fields=("count(*)",),
            database=self._database,
        )
        counted = self._service.execute(request).count
        assert counted is not None
        return counted

    def search(
        self,
        vectors: Any,
        *,
        limit: int = 10,
        field: str = "",
        filter: str = "",  # noqa: A002 (the Milvus user's word)
        output_fields: Sequence[str] = (),
        metric: str = "",
        offset: int = 0,
        params: Mapping[str, Any] | None = None,
        filter_params: Mapping[str, Any] | None = None,
        partitions: Sequence[str] = (),
        timezone: str = "",
    ) -> Hits:
        """The nearest rows to one vector or to each of many.

        Args:
            vectors: one vector (a list or array of numbers, a dict for sparse fields) or a list or matrix of them; for
                a vector member of an array of structs, `chunks[emb]`, one list of vectors or many find rows, and one
                vector finds elements, as `ann_search`.
            limit: hits a query.
            field: the vector field; may be left out when there is one.
            filter: only rows that pass this expression.
            output_fields: fields and dynamic keys to return with each hit; `*` for all.
            metric: must agree with the index; may be left out.
            offset: hits to skip.
            params: search parameters of the index (`ef`, `nprobe`, ...); `radius`, `range_filter` for a range search.
            filter_params: values for `{name}` in the filter.
            partitions: only these partitions.
            timezone: as for `query`.
        """
        target = self._vector_field(field)
        queries, single = (member_queries if "[" in target.name else query_vectors)(target, vectors)
        request = Search(
            self._name,
            queries,
            limit,
            field_name=target.name,
            offset=offset,
            metric=metric,
            params=dict(params) if params else {},
            filter=filter,
            filter_params=dict(filter_params) if filter_params else {},
            output_fields=name_list("output_fields", output_fields),
            partitions=name_list("partitions", partitions),
            timezone=timezone,
            database=self._database,
        )
        return Hits(self._service.execute(request), single=single)

    def explain(
        self,
        filter: str = "",  # noqa: A002 (the Milvus user's word)
        *,
        params: Mapping[str, Any] | None = None,
        partitions: Sequence[str] = (),
    ) -> Explanation:
        """What a filter means, and how its rows are found in each segment; `print` it. Arguments as `query`."""
        request = Query(
            self._name,
            filter=filter,
            filter_params=dict(params or {}),
            partitions=name_list("partitions", partitions),
            database=self._database,
        )
        return self._service.execute(Explain(request))

    def explain_search(
        self,
        vectors: Any,
        *,
        limit: int = 10,
        field: str = "",
        filter: str = "",  # noqa: A002 (the Milvus user's word)
        metric: str = "",
        params: Mapping[str, Any] | None = None,
        filter_params: Mapping[str, Any] | None = None,
        partitions: Sequence[str] = (),
    ) -> Explanation:
        """What a search does in each segment, and why; `print` it. Arguments as `search`."""
        target = self._vector_field(field)
        queries, _ = (member_queries if "[" in target.name else query_vectors)(target, vectors)
        request = Search(
            self._name,
            queries,
            limit,
            field_name=target.name,
            metric=metric,
            params=dict(params or {}),
            filter=filter,
            filter_params=dict(filter_params or {}),
            partitions=name_list("partitions", partitions),
            database=self._database,
        )
        return self._service.execute(Explain(request))

    def ann_search(
        self,
        search: AnnSearch,
        *,
        offset: int = 0,
        output_fields: Sequence[str] = (),
        partitions: Sequence[str] = (),
    ) -> Hits:
        """The hits of a search given as a value, by the scores of its ranker if it has one.

        Over a vector member of an array of structs, as `chunks[emb]`, hits are elements: its limit counts them, each
        has its place in its row's array as `offset`, and `element_filter` over the array says which may be found.

        Args:
            search: what is searched.
            offset: hits to skip.
            output_fields: fields and dynamic keys to return with each hit; `*` for all.
            partitions: only these partitions.
        """
        request, single = self._ann_request(search, name_list("partitions", partitions))
        request = replace(request, offset=offset, output_fields=name_list("output_fields", output_fields))
        return Hits(self._service.execute(request), single=single)

    def grouped_search(
        self,
        search: AnnSearch,
        *,
        group_by: Sequence[str],
        group_size: int = 1,
        strict: bool = False,
        offset: int = 0,
        output_fields: Sequence[str] = (),
        partitions: Sequence[str] = (),
    ) -> Hits:
        """The best hits of each group, where a group is the rows with one value of some fields.

        Groups come in the order of their best hits, and the hits of a group stand together, best first.

        Args:
            search: what is searched; its limit counts groups.
            group_by: integer, Bool, VarChar or Timestamptz fields.
            group_size: hits of a group, at most 10.
            strict: go on until every group has so many hits, as far as there are so many rows.
            offset: groups to skip.
            output_fields: fields and dynamic keys to return with each hit; `*` for all.
            partitions: only these partitions.
        """
        names = name_list("group_by", group_by)
        if not names:
            raise InvalidInput("invalid_argument", "group_by names no field, expected at least one")
        request, single = self._ann_request(search, name_list("partitions", partitions))
        request = replace(
            request,
            offset=offset,
            output_fields=name_list("output_fields", output_fields),
            group_by=names,
            group_size=group_size,
            strict_group_size=strict,
        )
        return Hits(self._service.execute(request), single=single)

    def faceted_search(
        self,
        search: AnnSearch,
        facet: Facet,
        *,
        output_fields: Sequence[str] = (),
        partitions: Sequence[str] = (),
    ) -> tuple[tuple[Bucket, ...], ...]:
        """The nearest hits in buckets by their values: for each query vector the buckets of the outermost level.

        Counted are the hits nearest to the query, of each combination of values as many as the largest `TopHits` asks
        for, or one; `aggregate` counts every row.

        Args:
            search: what is searched; its limit is not used.
            facet: which fields make buckets, how many, and what is measured of them.
            output_fields: numbers, Bool and VarChar fields to return with each hit of a bucket.
            partitions: only these partitions.
        """
        request, _ = self._ann_request(search, name_list("partitions", partitions))
        request = replace(request, output_fields=name_list("output_fields", output_fields))
        return self._service.execute(FacetedSearch(request, facet)).buckets

    def hybrid_search(
        self,
        searches: Sequence[AnnSearch],
        *,
        ranker: Ranker | DecayRanker | None = None,
        limit: int = 10,
        offset: int = 0,
        output_fields: Sequence[str] = (),
        partitions: Sequence[str] = (),
    ) -> Hits:
        """The rows that several searches find, in one list.

        Args:
            searches: each with its own vectors, field, filter and limit.
            ranker: how their hits become one list; reciprocal rank fusion if None.
            limit: rows of the list.
            offset: rows of the list to skip.
            output_fields: fields and dynamic keys to return with each hit; `*` for all.
            partitions: only these partitions.
        """
        chosen = name_list("partitions", partitions)
        parts = [self._ann_request(search, chosen) for search in searches]
        request = HybridSearch(
            self._name,
            tuple(search for search, _ in parts),
            RrfRanker() if ranker is None else ranker,
            limit,
            offset=offset,
            output_fields=name_list("output_fields", output_fields),
            partitions=chosen,
            database=self._database,
        )
        return Hits(self._service.execute(request), single=all(single for _, single in parts))

    def search_iterator(
        self,
        vector: Any,
        *,
        batch_size: int = 1000,
        limit: int | None = None,
        field: str = "",
        filter: str = "",  # noqa: A002 (the Milvus user's word)
        output_fields: Sequence[str] = (),
        params: Mapping[str, Any] | None = None,
        filter_params: Mapping[str, Any] | None = None,
    ) -> SearchIterator:
        """Batches of hits of one vector, nearest first, for as many hits as there are.

        Every matching row comes exactly once, over the state at the first batch.

        Args:
            vector: one vector.
            batch_size: hits a batch, at most 16,384.
            limit: hits in all batches together; None for every row.
            field: as `search`, like all that follow.
            filter: only rows that pass this expression.
            output_fields: fields and dynamic keys to return with each hit.
            params: search parameters of the index; `radius`, `range_filter` for the rows within a range.
            filter_params: values for `{name}` in the filter.
        """
        target = self._vector_field(field)
        queries, _ = query_vectors(target, vector)
        request = Search(
            self._name,
            queries,
            batch_size,
            field_name=target.name,
            params=dict(params) if params else {},
            filter=filter,
            filter_params=dict(filter_params) if filter_params else {},
            output_fields=name_list("output_fields", output_fields),
            database=self._database,
        )
        return SearchIterator(self._service, request, limit=limit)

    def __len__(self) -> int:
        """How many rows there are."""
        return self._service.execute(GetRowCount(self._name, database=self._database))

    def __repr__(self) -> str:
        fields = ", ".join(f"{field.name}: {field.type_label()}" for field in self.schema.user_fields)
        more = ", ..." if self.schema.enable_dynamic_field else ""
        try:
            rows = f"{len(self)} rows"
        except ElanusError as error:
            # A description is asked for by debuggers and logs too, which an error would disturb.
            rows = error.kind
        return f"Collection({self._name!r}, {rows}, {fields}{more})"

    def _write(self, request: Any, data: Any) -> Any:
        """Sends rows; when the schema changed since it was last seen, converts and sends them once more."""
        seen = self._info.schema_timestamp
        try:
            return self._service.execute(request(self._batch(data), seen))
        except Conflict as error:
            if error.kind != "schema_mismatch":
                raise
            self.describe()
        except InvalidInput:
            # Rows that do not fit the schema last seen may fit the present one.
            if self.describe().schema_timestamp == seen:
                raise
        return self._service.execute(request(self._batch(data), self._info.schema_timestamp))

    def _batch(self, data: Any) -> "pa.RecordBatch":
        if self.schema.has_timestamps:
            self.describe()  # The zone of times that name none may have changed.
        return rows_batch(data, self.schema)

    def _ann_request(self, search: AnnSearch, partitions: tuple[str, ...]) -> tuple[Search, bool]:
        """The request of a search, and whether it has a single vector."""
        target = self._vector_field(search.field_name)
        queries, single = query_vectors(target, search.vectors)
        request = Search(
            self._name,
            queries,
            search.limit,
            field_name=target.name,
            params=dict(search.params),
            filter=search.filter,
            filter_params=dict(search.filter_params),
            partitions=partitions,
            rescoring=search.rescoring,
            collapse=search.collapse,
            database=self._database,
        )
        return request, single

    def _output(self, names: Sequence[str] | None) -> tuple[str, ...]:
        if names is not None:
            return name_list("output_fields", names)
        return tuple(field.name for field in self.schema.fields if not field.is_vector)
