"""What is known of the values in a set of rows, for skipping the set whole."""

from collections.abc import Mapping
from dataclasses import dataclass

from elanus.expr.syntax import Scalar

__all__ = ["FieldStats", "SegmentStats"]


@dataclass(frozen=True, slots=True)
class FieldStats:
    """Bounds of one field in the rows.

    Attributes:
        null_count: rows where the field is NULL.
        minimum: no value is below it (inclusive; strings in the order of UTF-8 bytes); None when nothing is known.
        maximum: no value is above it (inclusive); None when nothing is known. A float field with a NaN among its
            values has no bounds.
    """

    null_count: int
    minimum: Scalar | None = None
    maximum: Scalar | None = None


@dataclass(frozen=True, slots=True)
class SegmentStats:
    """The rows and the fields something is known of, by name.

    Attributes:
        row_count: rows in the set.
        fields: a field that is absent may hold anything.
    """

    row_count: int
    fields: Mapping[str, FieldStats]
