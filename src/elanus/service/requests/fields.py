"""Changes of a collection's fields."""

from dataclasses import dataclass, field

from elanus.schema.field import Field
from elanus.service.requests.base import DEFAULT_DATABASE, Request

__all__ = ["AddField", "AlterField", "DropField"]


@dataclass(frozen=True, slots=True)
class AddField(Request[None]):
    """A new nullable field, null or its default in the rows there are."""

    collection: str
    field: Field
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class AlterField(Request[None]):
    """Sets `max_length`, `max_capacity`, `mmap.enabled` or `warmup` of a field or of a member as `array[member]`.

    Attributes:
        settings: by name, as text.
        removed: settings to remove; not the sizes.
    """

    collection: str
    name: str
    settings: dict[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    database: str = DEFAULT_DATABASE


@dataclass(frozen=True, slots=True)
class DropField(Request[None]):
    """Removes a field by its name, or by its id when that is given, and the indexes on it."""

    collection: str
    name: str = ""
    field_id: int = 0
    database: str = DEFAULT_DATABASE
