"""Replies of searches and queries: from the service's values to the protocol."""

from elanus.schema.field import Field
from elanus.server.grpc.field_data_writer import count_field_data, field_data_from_column, ids_from_column
from elanus.server.grpc.status import success
from elanus.server.grpc.stubs import milvus_pb2, schema_pb2
from elanus.service.requests.query import (
    Aggregate,
    HybridSearch,
    Query,
    QueryReply,
    Search,
    SearchBatch,
    SearchBatchReply,
    SearchReply,
)

__all__ = ["batch_results", "query_results", "search_results"]


def search_results(reply: SearchReply, request: Search | HybridSearch) -> milvus_pb2.SearchResults:
    """The hits of all queries end to end, `topks` of each."""
    counts = reply.counts.tolist()
    data = schema_pb2.SearchResultData(
        num_queries=len(counts),
        top_k=request.limit,
        scores=reply.scores.tolist(),
        ids=ids_from_column(reply.ids),
        topks=counts,
        output_fields=_output_names(reply.fields, reply.dynamic_keys),
        primary_field_name=reply.primary_field,
        all_search_count=sum(counts),
    )
    data.fields_data.extend(
        field_data_from_column(column, field) for column, field in zip(reply.columns.columns, reply.fields, strict=True)
    )
    if reply.elements is not None:
        data.element_indices.data.extend(reply.elements.tolist())
    if reply.groups is not None:
        values = [
            field_data_from_column(column, field)
            for column, field in zip(reply.groups.columns, reply.group_fields, strict=True)
        ]
        data.group_by_field_value.CopyFrom(values[0])
        data.group_by_field_values.extend(values)
    return milvus_pb2.SearchResults(
        status=success(), results=data, collection_name=request.collection, session_ts=reply.timestamp
    )


def batch_results(reply: SearchBatchReply, request: SearchBatch) -> milvus_pb2.SearchResults:
    """The hits of a batch, with what the client sends along when it asks for the next."""
    results = search_results(reply.hits, request.search)
    results.results.search_iterator_v2_results.token = reply.token
    results.results.search_iterator_v2_results.last_bound = request.batch_number + 1
    return results


def query_results(reply: QueryReply, request: Query | Aggregate) -> milvus_pb2.QueryResults:
    """The rows or groups, a column a field or aggregate; or the one number asked for."""
    results = milvus_pb2.QueryResults(
        status=success(),
        collection_name=request.collection,
        session_ts=reply.timestamp,
        primary_field_name=reply.primary_field,
    )
    if reply.count is not None:
        results.fields_data.append(count_field_data(reply.count))
        results.output_fields.append("count(*)")
        return results
    results.fields_data.extend(
        field_data_from_column(column, field) for column, field in zip(reply.columns.columns, reply.fields, strict=True)
    )
    results.output_fields.extend(_output_names(reply.fields, reply.dynamic_keys))
    return results


def _output_names(fields: tuple[Field, ...], dynamic_keys: tuple[str, ...] | None) -> list[str]:
    """Names as clients want them: they take every key of a dynamic column unless single keys are named beside it."""
    if dynamic_keys is None:
        return [field.name for field in fields]
    return [*(field.name for field in fields if not field.is_dynamic), *dynamic_keys]
