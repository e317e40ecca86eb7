"""Indexes on scalar fields: their names, which fields take them, and their parameters.

They are accepted, kept and described, and filters on their fields are answered by scanning the columns.
"""

from collections.abc import Mapping
from typing import Any, Final

from elanus.errors import InvalidInput
from elanus.schema.field import Field
from elanus.schema.types import DataType

__all__ = ["check_scalar_index"]

_INTEGERS: Final = {DataType.INT8, DataType.INT16, DataType.INT32, DataType.INT64}
_FLOATS: Final = {DataType.FLOAT, DataType.DOUBLE}

_FIELD_TYPES: Final[dict[str, set[DataType]]] = {
    "AUTOINDEX": {*_INTEGERS, *_FLOATS, DataType.BOOL, DataType.VARCHAR, DataType.ARRAY, DataType.JSON},
    "INVERTED": {*_INTEGERS, *_FLOATS, DataType.BOOL, DataType.VARCHAR, DataType.ARRAY, DataType.JSON},
    "BITMAP": {*_INTEGERS, DataType.BOOL, DataType.VARCHAR, DataType.ARRAY, DataType.JSON},
    "STL_SORT": {*_INTEGERS, *_FLOATS, DataType.VARCHAR, DataType.JSON},
    "TRIE": {DataType.VARCHAR},
    "NGRAM": {DataType.VARCHAR, DataType.JSON},
}
_PARAMS: Final = frozenset(
    {"json_path", "json_cast_type", "json_cast_function", "min_gram", "max_gram", "bitmap_cardinality_limit"}
)


def check_scalar_index(field: Field, index_type: str, params: Mapping[str, Any]) -> str:
    """The type's name in upper case, if the field takes it; an empty one is AUTOINDEX.

    Raises:
        InvalidInput: there is no such type, the field does not take it, or a parameter is unknown.
    """
    name = index_type.strip().upper() or "AUTOINDEX"
    taken = _FIELD_TYPES.get(name)
    if taken is None:
        raise InvalidInput(
            "invalid_index",
            f"there is no scalar index type {index_type!r}, expected one of {', '.join(_FIELD_TYPES)}",
            field=field.name,
        )
    if field.data_type not in taken:
        raise InvalidInput(
            "invalid_index", f"a {name} index does not take a {field.data_type.label} field", field=field.name
        )
    if name == "BITMAP" and field.is_primary:
        raise InvalidInput("invalid_index", "a BITMAP index does not take the primary key", field=field.name)
    unknown = sorted(set(params) - _PARAMS)
    if unknown:
        raise InvalidInput("invalid_index", f"a {name} index has no parameter {unknown[0]!r}", field=field.name)
    return name
