"""Indexes on scalar fields: their names, which fields and JSON casts take them, and their parameters.

Names, ranges and defaults are those of Milvus.
"""

import difflib
from collections.abc import Mapping
from typing import Any, Final

from elanus.errors import InvalidInput
from elanus.index.params import IntParam
from elanus.schema.field import Field
from elanus.schema.types import INTEGERS, NUMBERS, DataType

__all__ = ["CARDINALITY_LIMIT_DEFAULT", "JSON_CASTS", "SCALAR_INDEX_NAMES", "check_scalar_index"]

JSON_CASTS: Final = ("BOOL", "DOUBLE", "VARCHAR", "ARRAY_BOOL", "ARRAY_DOUBLE", "ARRAY_VARCHAR", "JSON")
"""What the values at a JSON path may be indexed as; JSON is the whole value, whatever it is."""

CARDINALITY_LIMIT_DEFAULT: Final = 100
"""Up to so many distinct values AUTOINDEX makes bitmaps."""

# Each length of gram costs two bytes a character; longer ones find hardly fewer rows.
_GRAM_LENGTH_MAX: Final = 64

_EVERY: Final = {*NUMBERS, DataType.BOOL, DataType.VARCHAR, DataType.TIMESTAMPTZ, DataType.ARRAY, DataType.JSON}
_FIELD_TYPES: Final[dict[str, set[DataType]]] = {
    "AUTOINDEX": {*_EVERY, DataType.GEOMETRY},
    "INVERTED": _EVERY,
    "BITMAP": {*INTEGERS, DataType.BOOL, DataType.VARCHAR, DataType.ARRAY, DataType.JSON},
    "STL_SORT": {*NUMBERS, DataType.VARCHAR, DataType.TIMESTAMPTZ, DataType.JSON},
    "TRIE": {DataType.VARCHAR},
    "NGRAM": {DataType.VARCHAR, DataType.JSON},
    "RTREE": {DataType.GEOMETRY},
}
_ELEMENT_TYPES: Final[dict[str, set[DataType]]] = {
    "AUTOINDEX": _EVERY,
    "INVERTED": _EVERY,
    "BITMAP": {*INTEGERS, DataType.BOOL, DataType.VARCHAR},
}
_CASTS_OF: Final[dict[str, tuple[str, ...]]] = {
    "AUTOINDEX": JSON_CASTS,
    "INVERTED": JSON_CASTS,
    "BITMAP": ("BOOL", "VARCHAR"),
    "STL_SORT": ("DOUBLE", "VARCHAR"),
    "NGRAM": ("VARCHAR",),
}
_CAST_FUNCTIONS: Final = {"STRING_TO_DOUBLE": "DOUBLE"}
_JSON_PARAMS: Final = ("json_path", "json_cast_type", "json_cast_function")
_OWN_PARAMS: Final[dict[str, tuple[str, ...]]] = {
    "AUTOINDEX": ("bitmap_cardinality_limit",),
    "BITMAP": ("bitmap_cardinality_limit",),
    "NGRAM": ("min_gram", "max_gram"),
}

SCALAR_INDEX_NAMES: Final = tuple(_FIELD_TYPES)
"""Every scalar index type by name."""


def check_scalar_index(field: Field, index_type: str, params: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The type's name in upper case (an empty one is AUTOINDEX), and the parameters in their types.

    The JSON path is not looked into, only that it is text.

    Raises:
        InvalidInput: there is no such type, the field does not take it, or a parameter is unknown, missing, of the
            wrong type or out of range.
    """
    name = index_type.strip().upper() or "AUTOINDEX"
    if name not in _FIELD_TYPES:
        near = difflib.get_close_matches(name, _FIELD_TYPES, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        expected = ", ".join(_FIELD_TYPES)
        raise _wrong(field, f"there is no scalar index type {index_type!r}, expected one of {expected}{hint}")
    _check_field(field, name)
    return name, _checked_params(field, name, params)


def _check_field(field: Field, name: str) -> None:
    if field.data_type not in _FIELD_TYPES[name]:
        raise _wrong(field, f"a {name} index does not take fields of type {field.data_type.label}{_accepted(name)}")
    if field.data_type is DataType.ARRAY and field.element_type not in _ELEMENT_TYPES.get(name, set()):
        raise _wrong(field, f"a {name} index does not take fields of type {field.type_label()}")
    if name == "BITMAP" and field.is_primary:
        raise _wrong(field, "a BITMAP index does not take the primary key, whose values are all different")


def _accepted(name: str) -> str:
    return f", it takes: {', '.join(data_type.label for data_type in sorted(_FIELD_TYPES[name]))}"


def _checked_params(field: Field, name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    is_json = field.data_type is DataType.JSON
    known = (*_OWN_PARAMS.get(name, ()), *(_JSON_PARAMS if is_json else ()))
    for param in params:
        if param not in known:
            takes = ", ".join(known) or "none"
            raise _wrong(field, f"a {name} index on a {field.data_type.label} field has no parameter {param!r}, "
                                f"it takes: {takes}")  # fmt: skip
    checked: dict[str, Any] = {}
    if is_json:
        checked.update(_json_params(field, name, params))
    if name == "NGRAM":
        checked.update(_gram_lengths(field, params))
    if params.get("bitmap_cardinality_limit") is not None:
        limit = IntParam("bitmap_cardinality_limit", 1, 1000)
        checked[limit.name] = limit.checked(params[limit.name], name)
    return checked


def _json_params(field: Field, name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    casts = _CASTS_OF[name]
    cast = params.get("json_cast_type")
    if not isinstance(cast, str) or not cast.strip():
        raise _wrong(field, f"an index on a JSON field needs json_cast_type, one of {', '.join(casts)}")
    spelled = cast.strip().upper()
    if spelled not in JSON_CASTS:
        raise _wrong(field, f"json_cast_type is {cast!r}, expected one of {', '.join(JSON_CASTS)}")
    if spelled not in casts:
        raise _wrong(
            field, f"a {name} index does not take json_cast_type {spelled}, expected one of {', '.join(casts)}"
        )
    path = params.get("json_path", field.name)
    if not isinstance(path, str):
        raise _wrong(field, f"json_path is {path!r}, expected text such as '{field.name}[\"key\"]'")
    checked = {"json_path": path, "json_cast_type": spelled}
    function = params.get("json_cast_function")
    if function is not None:
        result = _CAST_FUNCTIONS.get(str(function).strip().upper())
        if result is None:
            expected = ", ".join(_CAST_FUNCTIONS)
            raise _wrong(field, f"json_cast_function is {function!r}, expected one of {expected}")
        if spelled != result:
            raise _wrong(field, f"json_cast_function {function} gives {result}, but json_cast_type is {spelled}")
        checked["json_cast_function"] = str(function).strip().upper()
    return checked


def _gram_lengths(field: Field, params: Mapping[str, Any]) -> dict[str, int]:
    for param in ("min_gram", "max_gram"):
        if params.get(param) is None:
            raise _wrong(field, f"an NGRAM index needs {param}, the length of its grams in characters (min_gram 2 and "
                                "max_gram 3 are a good start)")  # fmt: skip
    low = IntParam("min_gram", 1, _GRAM_LENGTH_MAX).checked(params["min_gram"], "NGRAM")
    high = IntParam("max_gram", low, _GRAM_LENGTH_MAX, high_name="from min_gram on").checked(
        params["max_gram"], "NGRAM"
    )
    return {"min_gram": low, "max_gram": high}


def _wrong(field: Field, reason: str) -> InvalidInput:
    return InvalidInput("invalid_index", f"field {field.name!r}: {reason}", field=field.name)
