"""A collection, as Python code holds it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from elanus.embedded.arguments import check_limit, check_same_fields, name_list, primary_keys
from elanus.embedded.hybrid import AnnSearch
from elanus.embedded.iterators import QueryIterator, SearchIterator
from elanus.embedded.results import Hits, Rows
from elanus.embedded.row_input import rows_batch
from elanus.embedded.vectors import query_vectors
from elanus.errors import Conflict, ElanusError, InvalidInput
from elanus.query.explanation import Explanation
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.rankers import Ranker, RrfRanker
from elanus.service.requests.base import Service
from elanus.service.requests.collections import (
    CollectionInfo,
    CreatePartition,
    DescribeCollection,
    DropPartition,
    GetRowCount,
    ListPartitions,
    TruncateCollection,
)
from elanus.service.requests.data import Compact, Delete, Flush, Insert, Upsert
from elanus.service.requests.explain import Explain
from elanus.service.requests.indexes import CreateIndex, DescribeIndexes, DropIndex, IndexInfo, WaitForIndexes
from elanus.service.requests.query import Aggregate, HybridSearch, Query, Search

if TYPE_CHECKING:
    from elanus.embedded.row_input import RowInput

__all__ = ["Collection"]


class Collection:
    """Rows with vectors. Every method may be called from any thread, and every write is durable when it returns."""

    def __init__(self, service: Service, info: CollectionInfo) -> None:
        self._service: Final = service
        self._database: Final = info.database
        self._name: Final = info.name
        self._info = info
        self._vector_fields = info.schema.vector_fields

    @property
    def name(self) -> str:
        return self._name

    @property
    def schema(self) -> Schema:
        """Fields and types, as last seen."""
        return self._info.schema

    def describe(self) -> CollectionInfo:
        """Everything about the collection, as it is now."""
        self._info = self._service.execute(DescribeCollection(self._name, self._database))
        self._vector_fields = self._info.schema.vector_fields
        return self._info

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

    def get(self, ids: Iterable[Any] | Any, *, output_fields: Sequence[str] | None = None) -> Rows:
        """The rows of some primary keys, in order of their keys; keys without a row are left out."""
        return Rows(
            self._service.execute(
                Query(
                    self._name,
                    ids=primary_keys(self.schema.primary_field, ids),
                    output_fields=self._output(output_fields),
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
            group_by: integer, Bool or VarChar fields.
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
    ) -> Hits:
        """The nearest rows to one vector or to each of many.

        Args:
            vectors: one vector (a list or array of numbers, a dict for sparse fields) or a list or matrix of them.
            limit: hits a query.
            field: the vector field; may be left out when there is one.
            filter: only rows that pass this expression.
            output_fields: fields and dynamic keys to return with each hit; `*` for all.
            metric: must agree with the index; may be left out.
            offset: hits to skip.
            params: search parameters of the index (`ef`, `nprobe`, ...); `radius`, `range_filter` for a range search.
            filter_params: values for `{name}` in the filter.
            partitions: only these partitions.
        """
        target = self._vector_field(field)
        queries, single = query_vectors(target, vectors)
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
        search = AnnSearch(vectors, field, limit, filter, params or {}, filter_params or {})
        request, _ = self._ann_request(search, name_list("partitions", partitions))
        return self._service.execute(Explain(replace(request, metric=metric)))

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
            group_by: integer, Bool or VarChar fields.
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

    def hybrid_search(
        self,
        searches: Sequence[AnnSearch],
        *,
        ranker: Ranker | None = None,
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

    def create_index(
        self,
        field: str = "",
        index_type: str = "AUTOINDEX",
        *,
        metric: str = "",
        name: str = "",
        wait: bool = True,
        **params: Any,
    ) -> None:
        """Defines an index on a field (the vector field, if there is one) and waits until it is built.

        Searches are right at every moment; the index makes them faster.
        """
        target = field or self._vector_field("").name
        self._service.execute(
            CreateIndex(
                self._name,
                target,
                index_type=index_type,
                metric=metric,
                params=params,
                index_name=name,
                database=self._database,
            )
        )
        if wait:
            self.wait_for_indexes()

    def drop_index(self, name: str) -> None:
        """Removes an index, by its name or its field's."""
        self._service.execute(DropIndex(self._name, name, while_loaded=True, database=self._database))

    def indexes(self) -> list[IndexInfo]:
        """Every index and how far it is built."""
        return self._service.execute(DescribeIndexes(self._name, database=self._database))

    def wait_for_indexes(self, timeout_s: float | None = None) -> bool:
        """Waits until every sealed segment has its indexes. False when the time is over first."""
        return self._service.execute(WaitForIndexes(self._name, timeout_s, database=self._database))

    def flush(self) -> None:
        """Writes growing rows into segment files: not needed for durability, it frees memory and lets indexes build."""
        self._service.execute(Flush(self._name, database=self._database))

    def compact(self) -> None:
        """Merges small segments and removes deleted rows now, as the background would in time."""
        self._service.execute(Compact(self._name, database=self._database))

    def truncate(self) -> None:
        """Removes every row."""
        self._service.execute(TruncateCollection(self._name, database=self._database))

    def create_partition(self, name: str) -> None:
        self._service.execute(CreatePartition(self._name, name, database=self._database))

    def drop_partition(self, name: str) -> None:
        """Removes a partition and its rows."""
        self._service.execute(DropPartition(self._name, name, database=self._database))

    def partitions(self) -> list[str]:
        """The names of the partitions."""
        listed = self._service.execute(ListPartitions(self._name, database=self._database))
        return [partition.name for partition in listed]

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
            return self._service.execute(request(rows_batch(data, self.schema), seen))
        except Conflict as error:
            if error.kind != "schema_mismatch":
                raise
            self.describe()
        except InvalidInput:
            # Rows that do not fit the schema last seen may fit the present one.
            if self.describe().schema_timestamp == seen:
                raise
        return self._service.execute(request(rows_batch(data, self.schema), self._info.schema_timestamp))

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
            database=self._database,
        )
        return request, single

    def _output(self, names: Sequence[str] | None) -> tuple[str, ...]:
        if names is not None:
            return name_list("output_fields", names)
        return tuple(field.name for field in self.schema.fields if not field.is_vector)

    def _vector_field(self, name: str) -> Field:
        vectors = self._vector_fields
        found = vectors[0] if not name and len(vectors) == 1 else self.schema.find(name) if name else None
        if found is None or not found.is_vector:
            names = ", ".join(field.name for field in vectors)
            raise InvalidInput("invalid_argument", f"{name!r} is no vector field; say one of {names}", field=name)
        return found
