"""Changes of a collection's fields."""

from elanus.columns.geometries import check_geometry_defaults
from elanus.engine.engine import Engine
from elanus.engine.expiring import TTL_FIELD
from elanus.engine.schema_changes import add_field as add
from elanus.engine.schema_changes import alter_field as alter
from elanus.engine.schema_changes import drop_field as drop
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.service.requests.fields import AddField, AlterField, DropField
from elanus.service.timezones import effective_timezone, with_exact_defaults

__all__ = ["add_field", "alter_field", "drop_field"]


def add_field(engine: Engine, request: AddField) -> None:
    collection = engine.collection(request.database, request.collection)
    alone = Schema((request.field,))
    timezone = effective_timezone(engine, alone, request.database, properties=collection.manifest.properties)
    exact = with_exact_defaults(alone, timezone)
    check_geometry_defaults(exact)
    add(collection, exact.fields[0])


def alter_field(engine: Engine, request: AlterField) -> None:
    collection = engine.collection(request.database, request.collection)
    alter(collection, request.name, dict(request.settings), request.removed)


def drop_field(engine: Engine, request: DropField) -> None:
    collection = engine.collection(request.database, request.collection)
    field = next((one for one in collection.manifest.schema.fields if one.field_id == request.field_id), None)
    name = request.name if field is None else field.name
    if name and collection.manifest.properties.get(TTL_FIELD) == name:
        raise InvalidInput(
            "invalid_argument", f"field {name!r} says when rows expire; drop the property ttl_field first", field=name
        )
    drop(collection, name, field_id=request.field_id)
