"""A search by one vector field as a value, which hybrid and grouping searches take."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from elanus.schema.collapse import Collapse
from elanus.schema.rescoring import Rescoring

__all__ = ["AnnSearch"]


@dataclass(frozen=True, slots=True)
class AnnSearch:
    """A search by one vector field.

    Attributes:
        vectors: one vector, or a list of them; all searches of a hybrid search have equally many.
        field_name: the vector field; may be left out when there is one.
        limit: hits that go into the common list of a hybrid search, or groups of a grouping one.
        filter: only rows that pass this expression.
        params: search parameters of the index.
        filter_params: values for `{name}` in the filter.
        rescoring: changes the scores of the hits by other fields.
        collapse: how hits that are elements become rows beside searches of other fields; by their best if None.
    """

    vectors: Any
    field_name: str = ""
    limit: int = 10
    filter: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    filter_params: Mapping[str, Any] = field(default_factory=dict)
    rescoring: Rescoring | None = None
    collapse: Collapse | None = None
