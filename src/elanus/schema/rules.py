"""What makes a schema valid. Checked once, when a collection is made or altered."""

from dataclasses import replace
from typing import Any, Final

from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import DYNAMIC_FIELD_NAME, VARCHAR_LENGTH_MAX, Field
from elanus.schema.instants import UTC, instant_from_text
from elanus.schema.names import check_name
from elanus.schema.types import DENSE_FLOAT_VECTORS, DataType
from elanus.settings import Settings

__all__ = ["check_schema"]

DIM_MIN: Final = 2
DIM_MAX: Final = 32_768
CAPACITY_MAX: Final = 4_096

_NOT_STORED_YET: Final = {DataType.TEXT}
_ELEMENT_TYPES: Final = {
    DataType.BOOL,
    DataType.INT8,
    DataType.INT16,
    DataType.INT32,
    DataType.INT64,
    DataType.FLOAT,
    DataType.DOUBLE,
    DataType.VARCHAR,
}
_STRUCT_TYPES: Final = _ELEMENT_TYPES | DENSE_FLOAT_VECTORS | {DataType.BINARY_VECTOR}
_KEY_TYPES: Final = {DataType.INT64, DataType.VARCHAR}
_CLUSTERING_TYPES: Final = {
    DataType.INT8,
    DataType.INT16,
    DataType.INT32,
    DataType.INT64,
    DataType.FLOAT,
    DataType.DOUBLE,
    DataType.VARCHAR,
}
_NO_DEFAULT: Final = {DataType.JSON, DataType.ARRAY, DataType.TEXT}
_INTEGER_BITS: Final = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}
# Largest finite value, and the whole numbers up to which every one is exact.
_FLOAT_MAX: Final = {DataType.FLOAT: 3.4028234663852886e38, DataType.DOUBLE: 1.7976931348623157e308}
_EXACT_INTEGER_MAX: Final = {DataType.FLOAT: 1 << 24, DataType.DOUBLE: 1 << 53}


def check_schema(schema: Schema, settings: Settings) -> None:
    """Refuses a schema that breaks a rule.

    Raises:
        InvalidInput: the first rule broken, with the field it is about.
    """
    names: set[str] = set()
    for field in schema.fields:
        if field.is_dynamic:
            _check_dynamic(field, schema)
            continue
        check_name("field", field.name)
        if field.name in names:
            raise _wrong(field, "is declared twice")
        names.add(field.name)
        _check_type(field)
        _check_default(field)
        _check_keys(field)
    _check_counts(schema, settings)


def _check_counts(schema: Schema, settings: Settings) -> None:
    fields = schema.user_fields
    if len(fields) > settings.field_count_max:
        raise InvalidInput(
            "invalid_schema", f"{len(fields)} fields are too many, expected at most {settings.field_count_max}"
        )
    primary = [field.name for field in fields if field.is_primary]
    if len(primary) != 1:
        named = f"got {', '.join(primary)}" if primary else "got none"
        raise InvalidInput("invalid_schema", f"a schema must have exactly one primary key field, {named}")
    vectors = [*schema.vector_fields, *(inner for item in fields for inner in item.struct_fields if inner.is_vector)]
    if not vectors:
        raise InvalidInput("invalid_schema", "a schema must have at least one vector field")
    if len(vectors) > settings.vector_field_count_max:
        raise InvalidInput(
            "invalid_schema",
            f"{len(vectors)} vector fields are too many, expected at most {settings.vector_field_count_max}"
            " (setting vector_field_count_max)",
        )
    for what, chosen in (
        ("partition key", [field.name for field in fields if field.is_partition_key]),
        ("clustering key", [field.name for field in fields if field.is_clustering_key]),
    ):
        if len(chosen) > 1:
            raise InvalidInput("invalid_schema", f"expected only one {what} field, got {', '.join(chosen)}")


def _check_dynamic(field: Field, schema: Schema) -> None:
    made_by_schema = field.name == DYNAMIC_FIELD_NAME and field.data_type is DataType.JSON
    if not (made_by_schema and schema.enable_dynamic_field and field is schema.dynamic_field):
        raise _wrong(field, "is marked dynamic; set enable_dynamic_field on the schema instead")


def _check_type(field: Field) -> None:
    data_type = field.data_type
    if data_type in _NOT_STORED_YET:
        raise InvalidInput(
            "not_supported", f"field {field.name!r}: type {data_type.label} is not supported yet", field=field.name
        )
    if data_type is DataType.VARCHAR or (
        data_type is DataType.ARRAY and field.element_type is DataType.VARCHAR and field.max_length is not None
    ):
        _check_range(field, "max_length", field.length_max, 1, VARCHAR_LENGTH_MAX)
    if data_type is DataType.STRUCT:
        raise _wrong(field, "is a Struct, which stands only in an array: element_type STRUCT")
    if field.struct_fields and not field.is_struct_array:
        raise _wrong(field, f"has fields of a struct, but is a {field.type_label()}")
    if field.is_struct_array:
        _check_range(field, "max_capacity", field.max_capacity, 1, CAPACITY_MAX)
        _check_struct(field)
    elif data_type is DataType.ARRAY:
        if field.element_type not in _ELEMENT_TYPES:
            got = "none" if field.element_type is None else field.element_type.label
            raise _wrong(field, f"has element type {got}, expected Bool, an integer, Float, Double or VarChar")
        _check_range(field, "max_capacity", field.max_capacity, 1, CAPACITY_MAX)
    if data_type is DataType.BINARY_VECTOR:
        _check_range(field, "dim", field.dim, 8, 8 * DIM_MAX)
        if (field.dim or 0) % 8:
            raise _wrong(field, f"has dim {field.dim}, expected a multiple of 8")
    elif data_type.is_vector and data_type is not DataType.SPARSE_FLOAT_VECTOR:
        _check_range(field, "dim", field.dim, DIM_MIN, DIM_MAX)
    elif field.dim is not None:
        raise _wrong(field, f"has a dim, but a {data_type.label} has none")


def _check_struct(field: Field) -> None:
    if not field.struct_fields:
        raise _wrong(field, "is an array of structs without fields, expected at least one")
    names: set[str] = set()
    for inner in field.struct_fields:
        check_name("field", inner.name)
        if inner.name in names:
            raise _wrong(field, f"has {inner.name!r} twice in its structs")
        names.add(inner.name)
        named = replace(inner, name=f"{field.name}[{inner.name}]")
        if inner.data_type not in _STRUCT_TYPES:
            raise _wrong(named, f"is a {inner.type_label()}; structs hold Bool, numbers, VarChar and dense vectors")
        if inner.is_primary or inner.auto_id or inner.is_partition_key or inner.is_clustering_key:
            raise _wrong(named, "is in a struct and cannot be a key")
        if inner.nullable or inner.default_value is not None:
            raise _wrong(
                named, "is in a struct and can be neither nullable nor have a default; make the array nullable"
            )
        _check_type(named)


def _check_keys(field: Field) -> None:
    if field.is_primary:
        if field.data_type not in _KEY_TYPES:
            raise _wrong(field, f"is the primary key and a {field.data_type.label}, expected Int64 or VarChar")
        if field.nullable:
            raise _wrong(field, "is the primary key and cannot be nullable")
    if field.auto_id and not field.is_primary:
        raise _wrong(field, "has auto_id but is not the primary key")
    if field.is_partition_key:
        if field.data_type not in _KEY_TYPES:
            raise _wrong(field, f"is the partition key and a {field.data_type.label}, expected Int64 or VarChar")
        if field.is_primary:
            raise _wrong(field, "is the primary key and cannot be the partition key as well")
        if field.nullable:
            raise _wrong(field, "is the partition key and cannot be nullable")
    if field.is_clustering_key and field.data_type not in _CLUSTERING_TYPES:
        raise _wrong(field, f"is the clustering key and a {field.data_type.label}, expected a number or VarChar")


def _check_default(field: Field) -> None:
    value = field.default_value
    if value is None:
        return
    if field.is_primary:
        raise _wrong(field, "is the primary key and cannot have a default value")
    if field.data_type in _NO_DEFAULT or field.is_vector:
        raise _wrong(field, f"has a default value, but a {field.data_type.label} cannot have one")
    if not _default_fits(field, value):
        raise _wrong(field, f"has default value {value!r}, expected a {field.type_label()}")


def _default_fits(field: Field, value: Any) -> bool:
    """Exact types: a default is kept as JSON, which has no form for NumPy's numbers and texts."""
    data_type = field.data_type
    if data_type is DataType.BOOL:
        return type(value) is bool
    if data_type in _INTEGER_BITS:
        half = 1 << (_INTEGER_BITS[data_type] - 1)
        return type(value) is int and -half <= value < half
    if data_type is DataType.VARCHAR:
        return type(value) is str and _is_unicode(value) and len(value.encode()) <= field.length_max
    if data_type is DataType.GEOMETRY:
        return type(value) is str
    if data_type is DataType.TIMESTAMPTZ:
        return type(value) is str and _is_time(value)
    if type(value) is int:
        return abs(value) <= _EXACT_INTEGER_MAX[data_type]
    return type(value) is float and abs(value) <= _FLOAT_MAX[data_type]


def _is_time(text: str) -> bool:
    try:
        instant_from_text(text, UTC)
    except ValueError:
        return False
    return True


def _is_unicode(text: str) -> bool:
    """Whether text has no lone surrogate, which no encoding can write."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _check_range(field: Field, what: str, value: int | None, low: int, high: int) -> None:
    if value is None:
        raise _wrong(field, f"needs {what}")
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _wrong(field, f"has {what} {value!r}, expected {low} to {high}")


def _wrong(field: Field, what: str) -> InvalidInput:
    return InvalidInput("invalid_schema", f"field {field.name!r} {what}", field=field.name)
