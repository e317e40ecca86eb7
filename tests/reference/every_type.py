"""One collection with a field of every type, and a few rows whose values survive storage unchanged."""

from typing import Any, Final

from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType

__all__ = ["ROWS", "SCHEMA"]

SCHEMA: Final = Schema(
    (
        Field("id", DataType.INT64, is_primary=True),
        Field("flag", DataType.BOOL, nullable=True),
        Field("tiny", DataType.INT8, default_value=7),
        Field("small", DataType.INT16, nullable=True),
        Field("medium", DataType.INT32, nullable=True),
        Field("large", DataType.INT64, nullable=True),
        Field("single", DataType.FLOAT, nullable=True),
        Field("double", DataType.DOUBLE, nullable=True),
        Field("text", DataType.VARCHAR, max_length=32, nullable=True),
        Field("tags", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=4, max_length=8, nullable=True),
        Field("document", DataType.JSON, nullable=True),
        Field("float32", DataType.FLOAT_VECTOR, dim=3),
        Field("float16", DataType.FLOAT16_VECTOR, dim=3, nullable=True),
        Field("bits", DataType.BINARY_VECTOR, dim=16, nullable=True),
        Field("sparse", DataType.SPARSE_FLOAT_VECTOR, nullable=True),
    ),
    enable_dynamic_field=True,
)

ROWS: Final[list[dict[str, Any]]] = [
    {
        "id": 1,
        "flag": True,
        "tiny": -128,
        "small": 32_767,
        "medium": -(1 << 31),
        "large": (1 << 63) - 1,
        "single": 0.5,
        "double": 0.1,
        "text": "née\n\x00",
        "tags": ["a", ""],
        "document": {"k": [1, 2.5, None], "é": {}},
        "float32": [1.0, -2.0, 0.25],
        "float16": [0.5, -0.25, 2048.0],
        "bits": b"\x01\xff",
        "sparse": {3: 0.5, 4_294_967_294: 2.0},
        "mood": "long",
    },
    {
        "id": 2,
        "flag": None,
        "tiny": 0,
        "small": None,
        "medium": None,
        "large": None,
        "single": None,
        "double": None,
        "text": None,
        "tags": None,
        "document": None,
        "float32": [0.0, 0.0, 0.0],
        "float16": None,
        "bits": None,
        "sparse": None,
    },
    {
        "id": 3,
        "flag": False,
        "tiny": 127,
        "small": -32_768,
        "medium": 0,
        "large": -(1 << 63),
        "single": -1.5,
        "double": 1e308,
        "text": "",
        "tags": [],
        "document": [],
        "float32": [3.0, 4.0, 0.0],
        "float16": [0.0, 0.0, 0.0],
        "bits": b"\x00\x00",
        "sparse": {},
        "mood": {"deep": [True]},
        "pages": 9,
    },
]
