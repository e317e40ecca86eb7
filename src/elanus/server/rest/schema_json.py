"""Schemas as the REST interface writes them."""

from typing import Any, Final

from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.server.option_values import option_flag, option_integer
from elanus.server.refusals import not_supported
from elanus.server.rest.body import Body

__all__ = ["field_from_json", "field_to_json", "quick_schema", "schema_from_json"]

_SIZES: Final = ("dim", "max_length", "max_capacity")
_QUICK_LENGTH_MAX: Final = 65_535
_TYPES: Final = {data_type.label.lower(): data_type for data_type in DataType}
_LATER_TYPES: Final = frozenset({"arrayofstruct", "arrayofvector", "mol", "date", "time", "decimal"})
_LATER_SCHEMA_PARTS: Final = {
    "functions": "a function in a schema",
    "externalSource": "an external collection",
    "externalSpec": "an external collection",
    "structFields": "a StructArray field",
    "enableNamespace": "a schema with namespaces",
}


def quick_schema(body: Body) -> Schema:
    """The schema of a collection made from a dimension: a key, a vector, and dynamic keys.

    Raises:
        InvalidInput: an option of the wrong form.
    """
    params = body.part("params")
    id_type = body.text("idType", default="Int64")
    if id_type.lower() not in {"int64", "varchar"}:
        raise InvalidInput("invalid_argument", f"idType is {id_type!r}, expected Int64 or VarChar")
    key_type = _TYPES[id_type.lower()]
    length = params.integer("max_length", default=_QUICK_LENGTH_MAX) if key_type is DataType.VARCHAR else None
    key = Field(
        body.text("primaryFieldName", default="") or "id",
        key_type,
        is_primary=True,
        auto_id=body.flag("autoID", "autoId"),
        max_length=length,
    )
    vector = Field(
        body.text("vectorFieldName", default="") or "vector", DataType.FLOAT_VECTOR, dim=body.integer("dimension")
    )
    dynamic = params.flag("enableDynamicField", default=body.flag("enableDynamicField", default=True))
    return Schema((key, vector), enable_dynamic_field=dynamic, description=body.text("description", default=""))


def schema_from_json(schema: Body, *, description: str) -> Schema:
    """The schema of a `schema` object.

    Raises:
        InvalidInput: a part that is not supported, or of the wrong form.
    """
    schema.refuse(_LATER_SCHEMA_PARTS)
    auto_id = schema.flag("autoID", "autoId")
    fields = (
        *(field_from_json(part, auto_id=auto_id) for part in schema.parts("fields")),
        *(_struct_array_from_json(part) for part in schema.parts("structArrayFields")),
    )
    return Schema(
        fields,
        enable_dynamic_field=schema.flag("enableDynamicField"),
        description=schema.text("description", default=description),
    )


def field_from_json(part: Body, *, auto_id: bool) -> Field:
    """One field; with `auto_id` a primary key is generated.

    Raises:
        InvalidInput: a part that is not supported, or of the wrong form.
    """
    name = part.text("fieldName")
    part.refuse({"externalField": f"field {name!r}: an external field"})
    data_type = _type_of(part.text("dataType"), name)
    element = part.text("elementDataType", default="")
    options = dict(part.mapping("elementTypeParams"))
    for option in ("enable_analyzer", "enable_match"):
        if option_flag(option, options.pop(option, False)):
            raise not_supported(f"field {name!r}: {option}")
    sizes = {size: option_integer(f"field {name!r}: {size}", options.pop(size)) for size in _SIZES if size in options}
    is_primary = part.flag("isPrimary")
    return Field(
        name,
        data_type,
        is_primary=is_primary,
        auto_id=part.flag("autoID", "autoId", default=auto_id and is_primary),
        nullable=part.flag("nullable"),
        default_value=_default_value(part.value("defaultValue"), data_type, name),
        dim=sizes.get("dim"),
        max_length=sizes.get("max_length"),
        max_capacity=sizes.get("max_capacity"),
        element_type=_type_of(element, name) if data_type is DataType.ARRAY and element else None,
        is_partition_key=part.flag("isPartitionKey"),
        is_clustering_key=part.flag("isClusteringKey"),
        description=part.text("description", default=""),
        params={key: str(value) for key, value in options.items()},
    )


def _struct_array_from_json(part: Body) -> Field:
    """An array of structs, whose members stand in `fields`."""
    options = dict(part.mapping("elementTypeParams"))
    name = part.text("name", "fieldName")
    capacity = options.pop("max_capacity", None)
    return Field(
        name,
        DataType.ARRAY,
        element_type=DataType.STRUCT,
        nullable=part.flag("nullable"),
        max_capacity=None if capacity is None else option_integer(f"field {name!r}: max_capacity", capacity),
        description=part.text("description", default=""),
        params={key: str(value) for key, value in options.items()},
        struct_fields=tuple(field_from_json(inner, auto_id=False) for inner in part.parts("fields")),
    )


def _type_of(text: str, field_name: str) -> DataType:
    """The type called `text`: `FloatVector`, `FLOAT_VECTOR` or `DataType.FLOAT_VECTOR`."""
    folded = text.rpartition(".")[2].replace("_", "").lower()
    found = _TYPES.get(folded)
    if found is not None:
        return found
    if folded in _LATER_TYPES:
        raise not_supported(f"field {field_name!r}: type {text}")
    names = ", ".join(data_type.label for data_type in DataType)
    raise InvalidInput(
        "invalid_schema", f"field {field_name!r} has data type {text!r}, expected one of {names}", field=field_name
    )


def _default_value(value: Any, data_type: DataType, field_name: str) -> Any:
    """Default values may come as text, whatever their type."""
    if data_type.is_integer and isinstance(value, str):
        return option_integer(f"field {field_name!r}: defaultValue", value)
    if data_type in {DataType.FLOAT, DataType.DOUBLE} and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise InvalidInput(
                "invalid_schema",
                f"field {field_name!r} has default value {value!r}, expected a {data_type.label}",
                field=field_name,
            ) from None
    if data_type is DataType.BOOL and isinstance(value, str):
        return option_flag(f"field {field_name!r}: defaultValue", value)
    return value


def field_to_json(field: Field) -> dict[str, Any]:
    """A field as a describe reply has it."""
    described: dict[str, Any] = {
        "name": field.name,
        "id": field.field_id,
        "type": field.data_type.label,
        "primaryKey": field.is_primary,
        "partitionKey": field.is_partition_key,
        "clusteringKey": field.is_clustering_key,
        "autoId": field.auto_id,
        "nullable": field.nullable,
        "description": field.description,
    }
    if field.element_type is not None:
        described["elementType"] = field.element_type.label
    if field.struct_fields:
        described["fields"] = [field_to_json(inner) for inner in field.struct_fields]
    if field.default_value is not None:
        described["defaultValue"] = field.default_value
    sizes = {"dim": field.dim, "max_length": field.max_length, "max_capacity": field.max_capacity}
    params = {**{key: value for key, value in sizes.items() if value is not None}, **field.params}
    if params:
        described["params"] = [{"key": key, "value": str(value)} for key, value in params.items()]
    return described
