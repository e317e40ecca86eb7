"""The rows of the database that is kept for every released format: every data type, null and not, some deleted."""

from typing import Any, Final

import numpy as np

from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType

__all__ = ["COLLECTIONS", "DIM", "kept_rows", "nearest_ids", "plain", "rows"]

DIM: Final = 16
_ROWS: Final = 48
_ELEMENTS: Final = [
    DataType.BOOL,
    DataType.INT8,
    DataType.INT16,
    DataType.INT32,
    DataType.INT64,
    DataType.FLOAT,
    DataType.DOUBLE,
    DataType.VARCHAR,
]

COLLECTIONS: Final = {
    "scalars": Schema(
        (
            Field("id", DataType.INT64, is_primary=True),
            Field("vector", DataType.FLOAT_VECTOR, dim=DIM),
            *(Field(f"f_{item.name.lower()}", item, nullable=True) for item in (*_ELEMENTS, DataType.JSON)),
            *(
                Field(f"a_{item.name.lower()}", DataType.ARRAY, element_type=item, max_capacity=8, nullable=True)
                for item in _ELEMENTS
            ),
            Field("d_int32", DataType.INT32, default_value=-7),
        ),
        enable_dynamic_field=True,
        description="every scalar",
    ),
    "vectors": Schema((
        Field("id", DataType.VARCHAR, is_primary=True, max_length=64),
        Field("tenant", DataType.VARCHAR, max_length=16, is_partition_key=True),
        Field("half", DataType.FLOAT16_VECTOR, dim=DIM, nullable=True),
        Field("brain", DataType.BFLOAT16_VECTOR, dim=DIM, nullable=True),
        Field("bits", DataType.BINARY_VECTOR, dim=DIM, nullable=True),
        Field("sparse", DataType.SPARSE_FLOAT_VECTOR, nullable=True),
    )),
    "bytes": Schema((
        Field("id", DataType.INT64, is_primary=True),
        Field("vector", DataType.INT8_VECTOR, dim=DIM),
    )),
}  # fmt: skip


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a collection in the order they are written; the same on every machine."""
    rng = np.random.default_rng(20_000 + len(name))
    return [_row(field_row, COLLECTIONS[name], rng) for field_row in range(_ROWS)]


def kept_rows(name: str) -> list[dict[str, Any]]:
    """What must be found at last: all but every seventh, and every fifth as its second version says."""
    kept = []
    for number, row in enumerate(rows(name)):
        if number % 7 == 3:
            continue
        kept.append(second_version(row) if number % 5 == 0 else row)
    return kept


def second_version(row: dict[str, Any]) -> dict[str, Any]:
    """What an upsert makes of a row."""
    changed = dict(row)
    for key in ("f_varchar", "sparse"):
        if key in row:
            changed[key] = "second" if key == "f_varchar" else {1: 2.0}
    if "f_varchar" in row:
        changed["version"] = 2
    return changed


def nearest_ids(name: str, limit: int) -> list[Any]:
    """The nearest rows to the origin plus one in squared distance, by hand."""
    ranked = sorted(kept_rows(name), key=lambda row: sum((value - 1.0) ** 2 for value in row["vector"]))
    return [row["id"] for row in ranked[:limit]]


def plain(value: Any) -> Any:
    """A value as JSON can hold it: bytes as hexadecimal text, keys as text."""
    match value:
        case bytes():
            return value.hex()
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
    return value


def _row(number: int, schema: Schema, rng: np.random.Generator) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for field in schema.user_fields:
        value = _value(field, number, rng)
        is_null = field.nullable and rng.random() < 0.2
        row[field.name] = None if is_null else value
    if schema.enable_dynamic_field:
        row["extra"] = {"number": number, "é": [None, True]} if number % 3 else "text"
    return row


def _value(field: Field, number: int, rng: np.random.Generator) -> Any:
    match field.data_type:
        case DataType.ARRAY:
            assert field.element_type is not None
            return [_scalar(field.element_type, rng) for _ in range(number % 4)]
        case DataType.JSON:
            return {"n": number, "list": [1.5, None, "🙂"], "deep": {"empty": {}}} if number % 4 else [number]
        case DataType.BINARY_VECTOR:
            return rng.bytes(DIM // 8)
        case DataType.SPARSE_FLOAT_VECTOR:
            return {int(index): float(rng.integers(1, 64)) / 8 for index in sorted(rng.choice(500, 4, replace=False))}
        case DataType.INT8_VECTOR:
            return rng.integers(-128, 128, DIM).tolist()
        case item if item.is_vector:
            return (rng.integers(-64, 64, DIM) / 8).tolist()
        case DataType.INT64 if field.is_primary:
            return number * 3 - 20
        case DataType.VARCHAR if field.is_primary:
            return f"key-{number:03d}-é"
        case DataType.VARCHAR if field.is_partition_key:
            return f"tenant-{number % 2}"
        case item:
            return _scalar(item, rng)


def _scalar(data_type: DataType, rng: np.random.Generator) -> Any:
    match data_type:
        case DataType.BOOL:
            return bool(rng.integers(2))
        case DataType.VARCHAR:
            return "".join(rng.choice(list("abcé字🙂"), rng.integers(0, 8)))
        case DataType.FLOAT | DataType.DOUBLE:
            return float(rng.integers(-1000, 1000)) / 8
    bits = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32}.get(data_type, 64)
    return int(rng.integers(-(1 << (bits - 1)), 1 << (bits - 1)))
