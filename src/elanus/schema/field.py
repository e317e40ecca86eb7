"""One field of a collection."""

from dataclasses import dataclass, field, replace
from typing import Any, Final

from elanus.schema.types import DataType

__all__ = ["DYNAMIC_FIELD_NAME", "UNASSIGNED_ID", "VARCHAR_LENGTH_MAX", "Field"]

DYNAMIC_FIELD_NAME: Final = "$meta"
UNASSIGNED_ID: Final = -1
VARCHAR_LENGTH_MAX: Final = 65_535


@dataclass(frozen=True, slots=True)
class Field:
    """What a field is called and what it may hold.

    Attributes:
        name: unique in the collection.
        data_type: what one row holds.
        is_primary: the one primary key, Int64 or VarChar, never null.
        auto_id: the primary key is generated.
        nullable: rows may leave it out; a missing value is NULL.
        default_value: taken for a missing or NULL value; it wins over NULL.
        dim: dimensions of a dense or binary vector (bits, for binary).
        max_length: bytes of a VarChar value, or of each VarChar element; None means the largest allowed.
        max_capacity: elements of an Array.
        element_type: type of an Array's elements; for STRUCT they are rows of `struct_fields`.
        struct_fields: what every element of an array of structs has.
        is_partition_key: rows are spread over partitions by the hash of this field.
        is_clustering_key: compaction sorts rows by this field.
        is_dynamic: the hidden JSON field that holds keys the schema does not name.
        description: free text.
        params: further settings kept as given (`mmap.enabled`, `warmup`, ...).
        timezone: of a Timestamptz in the hands of a reader or writer, the IANA zone its texts are read and written in;
            empty is UTC. Not part of a stored schema.
        field_id: identity over renames and re-creations; assigned when the collection is made.
    """

    name: str
    data_type: DataType
    is_primary: bool = False
    auto_id: bool = False
    nullable: bool = False
    default_value: Any = None
    dim: int | None = None
    max_length: int | None = None
    max_capacity: int | None = None
    element_type: DataType | None = None
    is_partition_key: bool = False
    is_clustering_key: bool = False
    is_dynamic: bool = False
    description: str = ""
    params: dict[str, str] = field(default_factory=dict)
    field_id: int = UNASSIGNED_ID
    timezone: str = ""
    struct_fields: "tuple[Field, ...]" = ()

    @property
    def is_vector(self) -> bool:
        return self.data_type.is_vector

    @property
    def is_struct_array(self) -> bool:
        return self.element_type is DataType.STRUCT

    def struct_field(self, name: str) -> "Field | None":
        """The field of that name in every element of an array of structs, or None."""
        return next((field for field in self.struct_fields if field.name == name), None)

    @property
    def length_max(self) -> int:
        """Bytes a VarChar value (or element) may have."""
        return VARCHAR_LENGTH_MAX if self.max_length is None else self.max_length

    @property
    def may_be_omitted(self) -> bool:
        """Whether rows may come without a value."""
        return self.nullable or self.default_value is not None or self.is_dynamic

    def with_id(self, field_id: int) -> "Field":
        """The same field with its identity assigned."""
        return replace(self, field_id=field_id)

    def in_timezone(self, name: str) -> "Field":
        """The same field; a Timestamptz reads and writes times in the zone called so."""
        if self.data_type is not DataType.TIMESTAMPTZ or self.timezone == name:
            return self
        return replace(self, timezone=name)

    def type_label(self) -> str:
        """The type with its sizes, for messages: `FloatVector(768)`, `VarChar(64)`, `Array<Int64>`."""
        if self.data_type is DataType.ARRAY and self.element_type is not None:
            inner = ", ".join(f"{field.name} {field.type_label()}" for field in self.struct_fields)
            return f"Array<{self.element_type.label}{f'({inner})' if inner else ''}>"
        if self.data_type is DataType.VARCHAR:
            return f"VarChar({self.length_max})"
        if self.dim is not None:
            return f"{self.data_type.label}({self.dim})"
        return self.data_type.label
