"""Hypothesis strategies for schemas over every type and rows of them, and what storage makes of a value.

Rounding is written out once more here: nothing of the package is used but the words for types.
"""

import json
import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from hypothesis import strategies as st

from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType

__all__ = ["ABSENT", "as_stored", "json_values", "rows_of", "schemas", "values_of"]

ABSENT: Final = object()
"""A field that a row leaves out."""

_BITS: Final = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}
_VECTORS: Final = [
    DataType.FLOAT_VECTOR,
    DataType.FLOAT16_VECTOR,
    DataType.BFLOAT16_VECTOR,
    DataType.INT8_VECTOR,
    DataType.BINARY_VECTOR,
    DataType.SPARSE_FLOAT_VECTOR,
]
_SCALARS: Final = [*_BITS, DataType.BOOL, DataType.FLOAT, DataType.DOUBLE, DataType.VARCHAR]
_OTHERS: Final = [*_SCALARS, DataType.ARRAY, DataType.JSON]
_TEXT_BYTES_MAX: Final = 24
_CAPACITY: Final = 3


def json_values() -> st.SearchStrategy[Any]:
    """What JSON can say, numbers within 64 bits."""
    scalars = (
        st.none()
        | st.booleans()
        | st.integers(-(1 << 63), (1 << 63) - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=6)
    )
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=6,
    )  # fmt: skip


def _numbers() -> st.SearchStrategy[float]:
    """Numbers a float16 holds at least roughly; none so small that it would be subnormal in a shorter type."""
    return st.floats(-1000, 1000, width=32).map(lambda number: number if abs(number) > 1e-4 else 0.0)


def values_of(field: Field) -> st.SearchStrategy[Any]:
    """Values that are no null, as a user writes them in a dict."""
    kind = field.data_type
    if kind is DataType.ARRAY:
        assert field.element_type is not None
        return st.lists(_plain(field.element_type), max_size=_CAPACITY)
    if kind is DataType.JSON:
        return st.dictionaries(st.text(max_size=4), json_values(), max_size=3) | st.lists(json_values(), max_size=3)
    if kind is DataType.SPARSE_FLOAT_VECTOR:
        return st.dictionaries(st.integers(0, (1 << 32) - 2), _numbers(), max_size=4)
    if not kind.is_vector:
        return _plain(kind)
    assert field.dim is not None
    if kind is DataType.BINARY_VECTOR:
        return st.binary(min_size=field.dim // 8, max_size=field.dim // 8)
    element: st.SearchStrategy[Any] = st.integers(-128, 127) if kind is DataType.INT8_VECTOR else _numbers()
    return st.lists(element, min_size=field.dim, max_size=field.dim)


def _plain(kind: DataType) -> st.SearchStrategy[Any]:
    if kind in _BITS:
        half = 1 << (_BITS[kind] - 1)
        return st.integers(-half, half - 1)
    if kind is DataType.BOOL:
        return st.booleans()
    if kind is DataType.VARCHAR:
        return st.text(max_size=_TEXT_BYTES_MAX // 4)
    if kind is DataType.FLOAT:
        return st.floats(-3e38, 3e38)
    return st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """A key, one to three vector fields, up to five others; nullable, with defaults, dynamic, keyed, generated keys."""
    key_type = draw(st.sampled_from([DataType.INT64, DataType.VARCHAR]))
    fields = [Field("key", key_type, is_primary=True, auto_id=draw(st.booleans()), max_length=_length(key_type))]
    for number, kind in enumerate(draw(st.lists(st.sampled_from(_VECTORS), min_size=1, max_size=3))):
        dim = None if kind is DataType.SPARSE_FLOAT_VECTOR else 8 * draw(st.integers(1, 2))
        if kind in {DataType.FLOAT_VECTOR, DataType.BFLOAT16_VECTOR}:
            dim = draw(st.integers(2, 19))
        fields.append(Field(f"vector_{number}", kind, dim=dim, nullable=draw(st.booleans())))
    for number, kind in enumerate(draw(st.lists(st.sampled_from(_OTHERS), max_size=5))):
        fields.append(draw(_other(f"field_{number}", kind)))
    if draw(st.booleans()):
        kind = draw(st.sampled_from([DataType.INT64, DataType.VARCHAR]))
        fields.append(Field("tenant", kind, is_partition_key=True, max_length=_length(kind)))
    return Schema(tuple(draw(st.permutations(fields))), enable_dynamic_field=draw(st.booleans()))


@st.composite
def _other(draw: st.DrawFn, name: str, kind: DataType) -> Field:
    element = draw(st.sampled_from(_SCALARS)) if kind is DataType.ARRAY else None
    default = None
    if kind in _SCALARS and draw(st.booleans()):
        default = draw(_plain(kind))
    return Field(
        name,
        kind,
        nullable=draw(st.booleans()),
        default_value=default,
        element_type=element,
        max_capacity=_CAPACITY if element is not None else None,
        max_length=_length(element or kind),
    )


def _length(kind: DataType) -> int | None:
    return _TEXT_BYTES_MAX if kind is DataType.VARCHAR else None


@st.composite
def rows_of(draw: st.DrawFn, schema: Schema, *, rows_max: int) -> list[dict[str, Any]]:
    """Rows with distinct keys (none, where they are generated); fields may be left out or None where that is allowed.

    Dynamic keys stand together under `$meta`.
    """
    rows = []
    key = schema.primary_field
    count = draw(st.integers(1, rows_max))
    keys = draw(st.lists(values_of(key), min_size=count, max_size=count, unique=True))
    for number in range(count):
        row: dict[str, Any] = {} if key.auto_id else {key.name: keys[number]}
        for field in schema.user_fields:
            if field.is_primary:
                continue
            choices = [values_of(field)]
            if field.may_be_omitted:
                choices += [st.none(), st.just(ABSENT)]
            row[field.name] = draw(st.one_of(choices))
        if schema.enable_dynamic_field and draw(st.booleans()):
            names = st.sampled_from(["x", "y", "é", "a b", ""])
            row["$meta"] = draw(st.dictionaries(names, json_values(), max_size=3))
        rows.append({name: value for name, value in row.items() if value is not ABSENT})
    return rows


def as_stored(row: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """The row as a read with every output field gives it."""
    stored = {}
    for field in schema.user_fields:
        value = row.get(field.name)
        if value is None:
            value = field.default_value
        stored[field.name] = None if value is None else _ROUNDED.get(field.data_type, _same)(value, field)
    return {**stored, **_as_json(row.get("$meta", {}))}


def _same(value: Any, _field: Field) -> Any:
    return value


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _array(value: Any, field: Field) -> Any:
    return [_float32(item) for item in value] if field.element_type is DataType.FLOAT else value


def _float32(number: float) -> float:
    return float(np.float32(number))


def _bfloat16(number: float) -> float:
    """The nearest number of eight significant bits; of two as near, the one whose last bit is even."""
    mantissa, exponent = math.frexp(number)
    return math.ldexp(round(mantissa * 256) / 256, exponent)


_ROUNDED: Final[dict[DataType, Callable[[Any, Field], Any]]] = {
    DataType.FLOAT: lambda value, _: _float32(value),
    DataType.ARRAY: _array,
    DataType.JSON: lambda value, _: _as_json(value),
    DataType.FLOAT_VECTOR: lambda value, _: [_float32(item) for item in value],
    DataType.FLOAT16_VECTOR: lambda value, _: [float(np.float16(item)) for item in value],
    DataType.BFLOAT16_VECTOR: lambda value, _: [_bfloat16(item) for item in value],
    DataType.SPARSE_FLOAT_VECTOR: lambda value, _: {key: _float32(item) for key, item in sorted(value.items())},
}
