"""The schema of a collection and the definitions of its indexes."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from elanus.errors import NotFound
from elanus.schema.field import DYNAMIC_FIELD_NAME, UNASSIGNED_ID, Field
from elanus.schema.types import DataType, Metric

__all__ = ["FIRST_FIELD_ID", "IndexDefinition", "Schema"]

# Below are the numbers Milvus keeps for its row id and timestamp columns.
FIRST_FIELD_ID: Final = 100


@dataclass(frozen=True, slots=True)
class Schema:
    """Fields in order, and what holds for the whole collection.

    With `enable_dynamic_field` the hidden JSON field `$meta` is the last of `fields`; it is added on construction.
    """

    fields: tuple[Field, ...]
    enable_dynamic_field: bool = False
    description: str = ""

    def __post_init__(self) -> None:
        fields = tuple(self.fields)
        if self.enable_dynamic_field and not any(item.is_dynamic for item in fields):
            fields = (*fields, Field(DYNAMIC_FIELD_NAME, DataType.JSON, is_dynamic=True))
        object.__setattr__(self, "fields", fields)

    @property
    def primary_field(self) -> Field:
        return next(item for item in self.fields if item.is_primary)

    @property
    def dynamic_field(self) -> Field | None:
        return next((item for item in self.fields if item.is_dynamic), None)

    @property
    def partition_key_field(self) -> Field | None:
        return next((item for item in self.fields if item.is_partition_key), None)

    @property
    def clustering_key_field(self) -> Field | None:
        return next((item for item in self.fields if item.is_clustering_key), None)

    @property
    def user_fields(self) -> tuple[Field, ...]:
        """The fields the user declared, without `$meta`."""
        return tuple(item for item in self.fields if not item.is_dynamic)

    @property
    def vector_fields(self) -> tuple[Field, ...]:
        return tuple(item for item in self.fields if item.is_vector)

    @property
    def has_timestamps(self) -> bool:
        """Whether some field is a Timestamptz, so that a time zone matters."""
        return any(item.data_type is DataType.TIMESTAMPTZ for item in self.fields)

    def find(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return next((item for item in self.fields if item.name == name), None)

    def vector_member(self, name: str) -> Field | None:
        """The vector member of an array of structs that is called `array[member]`, under that name; else None."""
        found = self.struct_member(name)
        return found if found is not None and found.is_vector else None

    def struct_member(self, name: str) -> Field | None:
        """The member of an array of structs that is called `array[member]`, under that name; else None."""
        if not name.endswith("]"):
            return None
        array, _, member = name[:-1].partition("[")
        field = self.find(array)
        inner = None if field is None else field.struct_field(member)
        return None if inner is None else replace(inner, name=name)

    def field(self, name: str) -> Field:
        """The field of that name.

        Raises:
            NotFound: there is none; the message lists the names.
        """
        found = self.find(name)
        if found is None:
            names = ", ".join(item.name for item in self.user_fields)
            raise NotFound("field_not_found", f"no field {name!r}; the fields are {names}", field=name)
        return found

    def find_indexed(self, name: str) -> Field | None:
        """The field an index on `name` is on: the one of that name, else `$meta`, whose keys have no fields.

        `array[member]` is the member of an array of structs.
        """
        return self.find(name) or self.struct_member(name) or self.dynamic_field

    def with_ids(self, first_free: int = FIRST_FIELD_ID) -> "Schema":
        """The same schema with each field, also in structs, that has no id yet given the next one from `first_free`."""
        free = itertools.count(first_free)

        def assigned(item: Field) -> Field:
            if item.field_id == UNASSIGNED_ID:
                item = item.with_id(next(free))
            return replace(item, struct_fields=tuple(map(assigned, item.struct_fields))) if item.struct_fields else item

        return replace(self, fields=tuple(map(assigned, self.fields)))

    def without_ids(self) -> "Schema":
        """The same schema with no field id assigned."""

        def bare(item: Field) -> Field:
            return replace(item, field_id=UNASSIGNED_ID, struct_fields=tuple(map(bare, item.struct_fields)))

        return replace(self, fields=tuple(map(bare, self.fields)))

    @property
    def field_id_max(self) -> int:
        """The largest id of a field, or of a field in an array of structs."""
        return max(inner.field_id for item in self.fields for inner in (item, *item.struct_fields))

    def in_timezone(self, name: str) -> "Schema":
        """The same schema whose Timestamptz fields read and write times in a zone."""
        return self.with_fields(item.in_timezone(name) for item in self.fields) if self.has_timestamps else self

    def with_fields(self, fields: Iterable[Field]) -> "Schema":
        """The same schema with other fields."""
        return replace(self, fields=tuple(fields))


@dataclass(frozen=True, slots=True)
class IndexDefinition:
    """An index the user asked for.

    Attributes:
        index_name: unique in the collection.
        field_name: the field it is on.
        index_type: as the user wrote it (`HNSW`, `AUTOINDEX`, ...).
        metric: for vector fields.
        params: build parameters, complete and of the right types.
        settings: further settings that do not change how it is built (`mmap.enabled`, ...).
        index_id: identity; artefact folders are named after it.
    """

    index_name: str
    field_name: str
    index_type: str
    metric: Metric | None = None
    params: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    index_id: int = UNASSIGNED_ID
