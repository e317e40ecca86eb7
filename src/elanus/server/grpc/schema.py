"""Collection schemas: from the protocol, and to it."""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.message import DecodeError

from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.server.grpc.key_values import key_values, texts_of
from elanus.server.grpc.struct_arrays import ARRAY_OF_VECTOR
from elanus.server.grpc.stubs import schema_pb2
from elanus.server.option_values import option_flag, option_integer
from elanus.server.refusals import not_supported

__all__ = [
    "data_type_of",
    "decode_schema",
    "field_from_message",
    "schema_from_message",
    "schema_to_message",
    "struct_array_from_message",
]

_DEFAULT_SLOTS: Final[dict[DataType, str]] = {
    DataType.BOOL: "bool_data",
    DataType.INT8: "int_data",
    DataType.INT16: "int_data",
    DataType.INT32: "int_data",
    DataType.INT64: "long_data",
    DataType.FLOAT: "float_data",
    DataType.DOUBLE: "double_data",
    DataType.VARCHAR: "string_data",
    DataType.TIMESTAMPTZ: "string_data",
    DataType.GEOMETRY: "string_data",
}
# Clients choose the slot by the Python value, so that an Int8 default comes as a long and a Double default may as well.
_INTEGER_SLOTS: Final = frozenset({"int_data", "long_data"})
_NUMBER_SLOTS: Final = _INTEGER_SLOTS | {"float_data", "double_data"}
_SIZES: Final = ("dim", "max_length", "max_capacity")
_TEXT_OPTIONS: Final = ("enable_analyzer", "enable_match")


def decode_schema(blob: bytes) -> Schema:
    """The schema in a create request.

    Raises:
        InvalidInput: bytes that are no schema, or a schema with parts that are not supported.
    """
    message = schema_pb2.CollectionSchema()
    try:
        message.ParseFromString(blob)
    except DecodeError as error:
        raise InvalidInput("malformed_request", f"the schema cannot be decoded: {error}") from None
    return schema_from_message(message)


def schema_from_message(message: schema_pb2.CollectionSchema) -> Schema:
    """The schema of a message; ids are left to be assigned.

    Raises:
        InvalidInput: a part that is not supported, or an option of the wrong form.
    """
    for present, what in (
        (message.functions, "a function in a schema"),
        (message.external_source or message.external_spec, "an external collection"),
        (message.enable_namespace, "a schema with namespaces"),
        (message.do_physical_backfill, "physical backfill"),
        (message.file_resource_ids, "a file resource in a schema"),
    ):
        if present:
            raise not_supported(what)
    fields = (
        *(field_from_message(item, collection_auto_id=message.autoID) for item in message.fields),
        *(struct_array_from_message(item) for item in message.struct_array_fields),
    )
    return Schema(fields, enable_dynamic_field=message.enable_dynamic_field, description=message.description)


def field_from_message(message: schema_pb2.FieldSchema, *, collection_auto_id: bool) -> Field:
    """One field; with `collection_auto_id` a primary key is generated.

    Raises:
        InvalidInput: a part that is not supported, or an option of the wrong form.
    """
    name = message.name
    if message.is_function_output:
        raise not_supported(f"field {name!r}: a function output")
    if message.external_field:
        raise not_supported(f"field {name!r}: an external field")
    if message.is_dynamic:
        raise InvalidInput(
            "invalid_schema",
            f"field {name!r} is marked dynamic; set enable_dynamic_field on the schema instead",
            field=name,
        )
    params = texts_of(message.type_params, what=f"field {name!r}")
    for option in _TEXT_OPTIONS:
        if option_flag(option, params.pop(option, "")):
            raise not_supported(f"field {name!r}: {option}")
    sizes = {key: option_integer(f"field {name!r}: {key}", params.pop(key)) for key in _SIZES if key in params}
    data_type = data_type_of(message.data_type, name)
    element_type = data_type_of(message.element_type, name) if data_type is DataType.ARRAY else None
    return Field(
        name,
        data_type,
        is_primary=message.is_primary_key,
        auto_id=message.autoID or (collection_auto_id and message.is_primary_key),
        nullable=message.nullable,
        default_value=_default_from_message(message),
        dim=sizes.get("dim"),
        max_length=sizes.get("max_length"),
        max_capacity=sizes.get("max_capacity"),
        element_type=element_type,
        is_partition_key=message.is_partition_key,
        is_clustering_key=message.is_clustering_key,
        description=message.description,
        params=params,
    )


def struct_array_from_message(message: schema_pb2.StructArrayFieldSchema) -> Field:
    """An array of structs, whose members come as arrays that repeat its capacity and whether it may be null.

    Raises:
        InvalidInput: as `field_from_message`, or members that contradict each other.
    """
    name = message.name
    params = texts_of(message.type_params, what=f"field {name!r}")
    capacities = {params.pop("max_capacity", "")} - {""}
    members = []
    for item in message.fields:
        own = texts_of(item.type_params, what=f"field {name!r}: {item.name!r}")
        capacities |= {own.pop("max_capacity", "")} - {""}
        if item.data_type not in {int(DataType.ARRAY), ARRAY_OF_VECTOR}:
            raise InvalidInput("invalid_schema", f"field {name!r}: {item.name!r} did not come as an array", field=name)
        bare = schema_pb2.FieldSchema()
        bare.CopyFrom(item)
        bare.name = item.name.removeprefix(f"{name}[").removesuffix("]")
        bare.data_type, bare.element_type, bare.nullable = item.element_type, 0, False
        del bare.type_params[:]
        bare.type_params.extend(key_values(own))
        members.append(field_from_message(bare, collection_auto_id=False))
    if len(capacities) > 1:
        told = " and ".join(sorted(capacities))
        raise InvalidInput("invalid_schema", f"field {name!r} has max_capacity {told}, expected one", field=name)
    return Field(
        name,
        DataType.ARRAY,
        nullable=message.nullable,
        element_type=DataType.STRUCT,
        max_capacity=option_integer(f"field {name!r}: max_capacity", capacities.pop()) if capacities else None,
        description=message.description,
        params=params,
        struct_fields=tuple(members),
    )


def data_type_of(number: int, field_name: str) -> DataType:
    """The data type with a protocol number.

    Raises:
        InvalidInput: there is none, or it is one this version does not know.
    """
    try:
        return DataType(number)
    except ValueError:
        pass
    if number in schema_pb2.DataType.values():
        label = schema_pb2.DataType.Name(number)
        if label != "None":
            raise not_supported(f"field {field_name!r}: type {label}")
    raise InvalidInput(
        "invalid_schema", f"field {field_name!r} has data type {number}, which does not exist", field=field_name
    )


def _default_from_message(message: schema_pb2.FieldSchema) -> Any:
    slot = message.default_value.WhichOneof("data") if message.HasField("default_value") else None
    if slot is None:
        return None
    value = getattr(message.default_value, slot)
    data_type = data_type_of(message.data_type, message.name)
    if data_type.is_integer:
        fits = slot in _INTEGER_SLOTS
    elif data_type.is_number:
        fits = slot in _NUMBER_SLOTS
    else:
        # Types that have no slot keep the value: the schema check refuses it by name.
        fits = slot == _DEFAULT_SLOTS.get(data_type, slot)
    if not fits:
        raise InvalidInput(
            "invalid_schema",
            f"field {message.name!r} has default value {value!r}, expected a {data_type.label}",
            field=message.name,
        )
    return float(value) if data_type in {DataType.FLOAT, DataType.DOUBLE} else value


def schema_to_message(schema: Schema, *, name: str, version: int = 0) -> schema_pb2.CollectionSchema:
    """A schema for a describe reply; the hidden field of dynamic keys is left out."""
    message = schema_pb2.CollectionSchema(
        name=name,
        description=schema.description,
        enable_dynamic_field=schema.enable_dynamic_field,
        version=version,
    )
    for field in schema.user_fields:
        if field.is_struct_array:
            message.struct_array_fields.append(_struct_array_to_message(field))
        else:
            message.fields.append(_field_to_message(field))
    return message


def _struct_array_to_message(field: Field) -> schema_pb2.StructArrayFieldSchema:
    message = schema_pb2.StructArrayFieldSchema(
        fieldID=field.field_id,
        name=field.name,
        description=field.description,
        nullable=field.nullable,
        type_params=key_values(field.params),
    )
    for inner in field.struct_fields:
        part = _field_to_message(inner)
        part.element_type = part.data_type
        part.data_type = ARRAY_OF_VECTOR if inner.is_vector else int(DataType.ARRAY)
        part.nullable = field.nullable
        part.type_params.extend(key_values({"max_capacity": field.max_capacity}))
        message.fields.append(part)
    return message


def _field_to_message(field: Field) -> schema_pb2.FieldSchema:
    sizes: Mapping[str, int | None] = {
        "dim": field.dim,
        "max_length": field.max_length,
        "max_capacity": field.max_capacity,
    }
    params = {key: value for key, value in sizes.items() if value is not None}
    message = schema_pb2.FieldSchema(
        fieldID=field.field_id,
        name=field.name,
        is_primary_key=field.is_primary,
        description=field.description,
        data_type=int(field.data_type),
        type_params=key_values({**params, **field.params}),
        autoID=field.auto_id,
        element_type=int(field.element_type or 0),
        is_partition_key=field.is_partition_key,
        is_clustering_key=field.is_clustering_key,
        nullable=field.nullable,
    )
    if field.default_value is not None:
        setattr(message.default_value, _DEFAULT_SLOTS[field.data_type], field.default_value)
    return message
