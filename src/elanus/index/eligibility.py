"""Whether an index type may be built on a field with a metric."""

from elanus.errors import InvalidInput
from elanus.schema.field import Field
from elanus.schema.types import METRICS_OF, DataType, Metric

__all__ = ["check_eligible"]


def check_eligible(
    index_name: str,
    field: Field,
    metric: Metric,
    data_types: frozenset[DataType],
    *,
    metrics: frozenset[Metric] | None = None,
) -> None:
    """Refuses a field type the index does not take, or a metric the field type (or the index) does not allow.

    Args:
        index_name: for the message.
        field: what is to be indexed.
        metric: how rows are to be scored.
        data_types: what the index takes.
        metrics: those of the index when it does not take all of the field type's.

    Raises:
        InvalidInput: with what would be accepted.
    """
    if field.data_type not in data_types:
        accepted = ", ".join(sorted(data_type.label for data_type in data_types))
        raise InvalidInput(
            "invalid_index",
            f"index {index_name} cannot be built on field {field.name!r} of type {field.type_label()}, "
            f"it takes: {accepted}",
            field=field.name,
        )
    allowed = METRICS_OF[field.data_type]
    if metric not in allowed:
        raise InvalidInput(
            "metric_mismatch",
            f"metric {metric.value} does not apply to field {field.name!r} of type {field.type_label()}, "
            f"expected one of {', '.join(allowed)}",
            field=field.name,
        )
    if metrics is not None and metric not in metrics:
        expected = ", ".join(sorted(metrics))
        raise InvalidInput(
            "metric_mismatch",
            f"index {index_name} does not take metric {metric.value}, expected one of {expected}",
            field=field.name,
        )
