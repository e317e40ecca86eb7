"""Indexes: create requests from the protocol, descriptions to it."""

from typing import Any

from elanus.errors import InvalidInput
from elanus.server.grpc.key_values import json_object, key_values, texts_of
from elanus.server.grpc.stubs import common_pb2, milvus_pb2
from elanus.server.index_settings import split_settings
from elanus.server.option_values import folded_text
from elanus.service.requests.indexes import CreateIndex, IndexInfo

__all__ = ["create_index_from_message", "index_description"]


def create_index_from_message(request: milvus_pb2.CreateIndexRequest, *, database: str) -> CreateIndex:
    """The index to create, and its settings if any are given.

    Build parameters come flat or, from older clients, as a JSON object under `params`.

    Raises:
        InvalidInput: a parameter given twice with different values, or invalid JSON.
    """
    options: dict[str, Any] = dict(texts_of(request.extra_params, what="extra_params"))
    for name, value in json_object("params", options.pop("params", "")).items():
        if folded_text(options.setdefault(name, value)) != folded_text(value):
            raise InvalidInput(
                "invalid_argument", f"ambiguous index parameter {name}: {options[name]!r} and {value!r}; give it once"
            )
    index_type = str(options.pop("index_type", "")) or "AUTOINDEX"
    metric = str(options.pop("metric_type", ""))
    # A repetition of the field's dimension, which the field knows better.
    options.pop("dim", None)
    params, settings = split_settings(options)
    return CreateIndex(
        collection=request.collection_name,
        field_name=request.field_name,
        index_type=index_type,
        metric=metric,
        params=params,
        index_name=request.index_name,
        settings=settings,
        database=database,
    )


def index_description(info: IndexInfo) -> milvus_pb2.IndexDescription:
    """An index in the protocol's form, parameters flat."""
    definition = info.definition
    options: dict[str, Any] = {"index_type": definition.index_type}
    if definition.metric is not None:
        options["metric_type"] = definition.metric.value
    return milvus_pb2.IndexDescription(
        index_name=definition.index_name,
        indexID=definition.index_id,
        field_name=definition.field_name,
        params=key_values({**options, **definition.params, **definition.settings}),
        state=common_pb2.IndexState.Value(info.state.value),
        index_state_fail_reason=info.failure,
        total_rows=info.total_row_count,
        indexed_rows=info.indexed_row_count,
        pending_index_rows=info.total_row_count - info.indexed_row_count,
    )
