"""A field of every data type, the values it holds, and columns of them: what storage and column tests run over."""

import datetime as dt
from typing import Any, Final

import ml_dtypes
import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from elanus.columns.instants import timestamps_from_instants
from elanus.columns.values import column_from_values
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType

__all__ = [
    "DENSE",
    "FIELDS",
    "FIELD_OF",
    "SCHEMA",
    "as_in_a_table",
    "column",
    "rows_of",
    "sample_values",
    "values_of",
    "wide_schema",
]

_SCALARS: Final = [
    DataType.BOOL,
    DataType.INT8,
    DataType.INT16,
    DataType.INT32,
    DataType.INT64,
    DataType.FLOAT,
    DataType.DOUBLE,
    DataType.VARCHAR,
]
_BITS: Final = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}
_DIM: Final = 16

DENSE: Final = [
    DataType.FLOAT_VECTOR,
    DataType.FLOAT16_VECTOR,
    DataType.BFLOAT16_VECTOR,
    DataType.INT8_VECTOR,
    DataType.BINARY_VECTOR,
]


def _fields() -> list[Field]:
    fields = [Field(f"f_{item.name.lower()}", item, nullable=True) for item in (*_SCALARS, DataType.JSON)]
    fields += [
        Field(f"f_array_{item.name.lower()}", DataType.ARRAY, nullable=True, element_type=item, max_capacity=8)
        for item in _SCALARS
    ]
    fields += [Field(f"f_{item.name.lower()}", item, nullable=True, dim=_DIM) for item in DENSE]
    fields.append(Field("f_sparse", DataType.SPARSE_FLOAT_VECTOR, nullable=True))
    fields.append(Field("f_timestamptz", DataType.TIMESTAMPTZ, nullable=True))
    return [field.with_id(101 + number) for number, field in enumerate(fields)]


FIELDS: Final = _fields()
"""One nullable field a data type, and an array of every element type; ids from 101."""

FIELD_OF: Final = {field.data_type: field for field in FIELDS}

SCHEMA: Final = Schema((Field("id", DataType.INT64, is_primary=True, field_id=100), *FIELDS))
"""A primary key and every field. (More vector fields than a collection may have.)"""


def wide_schema() -> Schema:
    """As `SCHEMA`, with a dynamic field."""
    return Schema(SCHEMA.fields, enable_dynamic_field=True).with_ids(200)


def values_of(field: Field) -> st.SearchStrategy[Any]:
    """Values the field holds, as reading gives them back exactly."""
    match field.data_type:
        case DataType.ARRAY:
            assert field.element_type is not None
            return st.lists(_scalars(field.element_type), max_size=5)
        case DataType.JSON:
            return _json().filter(lambda value: value is not None)
        case DataType.TIMESTAMPTZ:
            return st.datetimes().map(_time_text)
        case DataType.BINARY_VECTOR:
            return st.binary(min_size=_DIM // 8, max_size=_DIM // 8)
        case DataType.SPARSE_FLOAT_VECTOR:
            return st.dictionaries(st.integers(0, 2**32 - 2), _floats(32), max_size=6)
        case DataType.INT8_VECTOR:
            return st.lists(st.integers(-128, 127), min_size=_DIM, max_size=_DIM)
        case DataType.FLOAT16_VECTOR:
            return st.lists(_floats(16), min_size=_DIM, max_size=_DIM)
        case DataType.BFLOAT16_VECTOR:
            return st.lists(_bfloats(), min_size=_DIM, max_size=_DIM)
        case DataType.FLOAT_VECTOR:
            return st.lists(_floats(32), min_size=_DIM, max_size=_DIM)
        case _:
            return _scalars(field.data_type)


def _scalars(data_type: DataType) -> st.SearchStrategy[Any]:
    if data_type in _BITS:
        half = 1 << (_BITS[data_type] - 1)
        return st.sampled_from([-half, -1, 0, half - 1]) | st.integers(-half, half - 1)
    if data_type is DataType.BOOL:
        return st.booleans()
    if data_type is DataType.VARCHAR:
        return st.text(max_size=6)
    return _floats(32 if data_type is DataType.FLOAT else 64)


def _floats(width: Any) -> st.SearchStrategy[float]:
    return st.floats(width=width, allow_nan=False, allow_infinity=False)


def _time_text(moment: dt.datetime) -> str:
    text = moment.isoformat()
    return f"{text.rstrip('0') if '.' in text else text}Z"


def _bfloats() -> st.SearchStrategy[float]:
    bits = st.integers(0, 0xFFFF).filter(lambda value: value & 0x7F80 != 0x7F80)
    return bits.map(lambda value: float(np.array([value], np.uint16).view(ml_dtypes.bfloat16)[0]))


def _json() -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | _floats(64) | st.text(max_size=4)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=6,
    )


@st.composite
def rows_of(draw: st.DrawFn, fields: list[Field], row_count: int) -> list[list[Any]]:
    """One list of values a field, nulls among them, of the same length."""
    return [draw(st.lists(st.none() | values_of(field), min_size=row_count, max_size=row_count)) for field in fields]


def sample_values(field: Field, row_count: int, *, seed: int = 0) -> list[Any]:
    """Plain values of any number, some null, the same for the same seed."""
    rng = np.random.default_rng([seed, field.field_id & 0xFFFF])
    return [None if rng.random() < 0.2 else _sample(field, rng) for _ in range(row_count)]


def _sample(field: Field, rng: np.random.Generator) -> Any:
    match field.data_type:
        case DataType.ARRAY:
            assert field.element_type is not None
            return [_sample_scalar(field.element_type, rng) for _ in range(rng.integers(0, 5))]
        case DataType.JSON:
            return {"n": int(rng.integers(100)), "list": [1.5, None, "é"], "deep": {"x": [{}]}}
        case DataType.TIMESTAMPTZ:
            return _time_text(dt.datetime(2000, 1, 1) + dt.timedelta(milliseconds=int(rng.integers(10**12))))  # noqa: DTZ001
        case DataType.BINARY_VECTOR:
            return rng.bytes(_DIM // 8)
        case DataType.SPARSE_FLOAT_VECTOR:
            places = rng.choice(1000, rng.integers(0, 6), replace=False)
            return {int(place): float(rng.integers(1, 64)) / 8 for place in sorted(places)}
        case DataType.INT8_VECTOR:
            return rng.integers(-128, 128, _DIM).tolist()
        case item if item.is_vector:
            return (rng.integers(-64, 64, _DIM) / 4).tolist()
        case item:
            return _sample_scalar(item, rng)


def _sample_scalar(data_type: DataType, rng: np.random.Generator) -> Any:
    if data_type is DataType.BOOL:
        return bool(rng.integers(2))
    if data_type in _BITS:
        half = 1 << (_BITS[data_type] - 1)
        return int(rng.integers(-half, half))
    if data_type is DataType.VARCHAR:
        return "".join(rng.choice(list("abcé字🙂"), rng.integers(0, 6)))
    return float(rng.integers(-1000, 1000)) / 8


def column(field: Field, values: list[Any], *, offset: int = 0) -> pa.Array:
    """A column of the values; with an offset, a slice of a longer one with other values around."""
    if offset == 0:
        return column_from_values(field, values)
    around = sample_values(field, offset + 3, seed=99)
    return column_from_values(field, [*around[:offset], *values, *around[offset:]]).slice(offset, len(values))


def as_in_a_table(field: Field, stored: pa.Array) -> pa.Array:
    """A column in our layout with the types of a table that other libraries make: times are timestamps there."""
    return timestamps_from_instants(stored, field) if field.data_type is DataType.TIMESTAMPTZ else stored
