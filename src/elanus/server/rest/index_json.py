"""Indexes as the REST interface writes them."""

from dataclasses import dataclass, field
from typing import Any

from elanus.errors import InvalidInput
from elanus.schema.collection import IndexDefinition, Schema
from elanus.schema.types import Metric
from elanus.server.index_settings import split_settings
from elanus.server.option_values import option_text
from elanus.server.rest.body import Body
from elanus.service.requests.indexes import IndexInfo

__all__ = ["IndexOptions", "index_definition", "index_from_json", "index_to_json"]


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """One element of `indexParams`; an empty metric is the field type's default."""

    field_name: str
    index_name: str = ""
    index_type: str = "AUTOINDEX"
    metric: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)


def index_from_json(part: Body) -> IndexOptions:
    """The options of one index; type and metric may stand beside the parameters or among them.

    Raises:
        InvalidInput: a part of the wrong form.
    """
    options = dict(part.mapping("params", "indexConfig"))
    index_type = part.text("indexType", "index_type", default="") or str(options.pop("index_type", ""))
    metric = part.text("metricType", "metric_type", default="") or str(options.pop("metric_type", ""))
    for repeated in ("index_type", "metric_type"):
        options.pop(repeated, None)
    params, settings = split_settings(options)
    return IndexOptions(
        part.text("fieldName"),
        part.text("indexName", default=""),
        index_type or "AUTOINDEX",
        metric,
        params,
        {name: option_text(value) for name, value in settings.items()},
    )


def index_definition(options: IndexOptions, schema: Schema) -> IndexDefinition:
    """The definition of an index of a new collection.

    Raises:
        InvalidInput: there is no such metric.
        NotFound: there is no such field.
    """
    metric = None
    field = schema.struct_member(options.field_name) or schema.field(options.field_name)
    if options.metric and field.is_vector:
        try:
            metric = Metric(options.metric.upper())
        except ValueError:
            raise InvalidInput(
                "metric_mismatch", f"metric is {options.metric!r}, expected one of {', '.join(Metric)}"
            ) from None
    return IndexDefinition(
        options.index_name, options.field_name, options.index_type, metric, options.params, options.settings
    )


def index_to_json(info: IndexInfo) -> dict[str, Any]:
    """An index as a describe reply has it."""
    definition = info.definition
    metric = "" if definition.metric is None else definition.metric.value
    named = {"index_type": definition.index_type, **({"metric_type": metric} if metric else {})}
    params = [{"key": key, "value": option_text(value)} for key, value in {**named, **definition.params}.items()]
    return {
        "indexName": definition.index_name,
        "fieldName": definition.field_name,
        "indexType": definition.index_type,
        "metricType": metric,
        "totalRows": info.total_row_count,
        "indexedRows": info.indexed_row_count,
        "pendingRows": info.total_row_count - info.indexed_row_count,
        "indexState": info.state.value,
        "failReason": info.failure,
        "indexParams": params,
        **definition.settings,
    }
