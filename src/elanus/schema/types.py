"""Data types and metrics, with the numbers the Milvus protocol gives them."""

import enum
from typing import Final

__all__ = [
    "DENSE_FLOAT_VECTORS",
    "INTEGERS",
    "LIST_METRICS_OF",
    "METRICS_OF",
    "NUMBERS",
    "VECTORS",
    "DataType",
    "Metric",
]


class DataType(enum.IntEnum):
    """What a field holds."""

    BOOL = 1
    INT8 = 2
    INT16 = 3
    INT32 = 4
    INT64 = 5
    FLOAT = 10
    DOUBLE = 11
    VARCHAR = 21
    ARRAY = 22
    JSON = 23
    GEOMETRY = 24
    TEXT = 25
    TIMESTAMPTZ = 26
    BINARY_VECTOR = 100
    FLOAT_VECTOR = 101
    FLOAT16_VECTOR = 102
    BFLOAT16_VECTOR = 103
    SPARSE_FLOAT_VECTOR = 104
    INT8_VECTOR = 105
    STRUCT = 201

    @property
    def is_vector(self) -> bool:
        return self in VECTORS

    @property
    def is_integer(self) -> bool:
        return self in INTEGERS

    @property
    def is_number(self) -> bool:
        return self in NUMBERS

    @property
    def holds_integers(self) -> bool:
        """Whether a row of it is stored as an integer: also a Timestamptz, in microseconds."""
        return self in INTEGERS or self is DataType.TIMESTAMPTZ

    @property
    def label(self) -> str:
        """The name as Milvus users write it: `Int64`, `VarChar`, `FloatVector`."""
        return _LABELS[self]


INTEGERS: Final = frozenset({DataType.INT8, DataType.INT16, DataType.INT32, DataType.INT64})
NUMBERS: Final = INTEGERS | {DataType.FLOAT, DataType.DOUBLE}
DENSE_FLOAT_VECTORS: Final = frozenset(
    {DataType.FLOAT_VECTOR, DataType.FLOAT16_VECTOR, DataType.BFLOAT16_VECTOR, DataType.INT8_VECTOR}
)
VECTORS: Final = DENSE_FLOAT_VECTORS | {DataType.BINARY_VECTOR, DataType.SPARSE_FLOAT_VECTOR}

_LABELS: Final = {
    DataType.BOOL: "Bool",
    DataType.INT8: "Int8",
    DataType.INT16: "Int16",
    DataType.INT32: "Int32",
    DataType.INT64: "Int64",
    DataType.FLOAT: "Float",
    DataType.DOUBLE: "Double",
    DataType.VARCHAR: "VarChar",
    DataType.ARRAY: "Array",
    DataType.JSON: "JSON",
    DataType.GEOMETRY: "Geometry",
    DataType.TEXT: "Text",
    DataType.TIMESTAMPTZ: "Timestamptz",
    DataType.BINARY_VECTOR: "BinaryVector",
    DataType.FLOAT_VECTOR: "FloatVector",
    DataType.FLOAT16_VECTOR: "Float16Vector",
    DataType.BFLOAT16_VECTOR: "BFloat16Vector",
    DataType.SPARSE_FLOAT_VECTOR: "SparseFloatVector",
    DataType.INT8_VECTOR: "Int8Vector",
    DataType.STRUCT: "Struct",
}


class Metric(enum.StrEnum):
    """How near two vectors are, in Milvus's convention."""

    L2 = "L2"
    """Squared Euclidean distance; smaller is nearer."""
    IP = "IP"
    """Inner product; larger is nearer."""
    COSINE = "COSINE"
    """Cosine of the angle; larger is nearer."""
    HAMMING = "HAMMING"
    """Number of differing bits; smaller is nearer."""
    JACCARD = "JACCARD"
    """1 - |a & b| / |a | b| over bits; smaller is nearer."""
    MHJACCARD = "MHJACCARD"
    """1 - the share of equal elements of two MinHash signatures, which estimates JACCARD; smaller is nearer."""
    SUBSTRUCTURE = "SUBSTRUCTURE"
    """0 for a row whose bits are all set in the query; other rows are no hits."""
    SUPERSTRUCTURE = "SUPERSTRUCTURE"
    """0 for a row in which all bits of the query are set; other rows are no hits."""

    MAX_SIM = "MAX_SIM"
    """As MAX_SIM_COSINE."""
    MAX_SIM_COSINE = "MAX_SIM_COSINE"
    """Of lists of vectors: the sum over the query's vectors of the best COSINE with one of the row's."""
    MAX_SIM_IP = "MAX_SIM_IP"
    MAX_SIM_L2 = "MAX_SIM_L2"
    MAX_SIM_HAMMING = "MAX_SIM_HAMMING"
    MAX_SIM_JACCARD = "MAX_SIM_JACCARD"

    @property
    def larger_is_nearer(self) -> bool:
        return _ELEMENTS[self] in _LARGER_IS_NEARER

    @property
    def is_of_lists(self) -> bool:
        """Whether it compares lists of vectors rather than vectors."""
        return self in _OF_LISTS

    @property
    def element(self) -> "Metric":
        """The metric between two vectors that a metric of lists adds up; of others the metric itself."""
        return _ELEMENTS[self]


_OF_LISTS: Final = frozenset(metric for metric in Metric if metric.value.startswith("MAX_SIM"))
_LARGER_IS_NEARER: Final = frozenset({Metric.IP, Metric.COSINE})
_ELEMENTS: Final = {
    metric: Metric.COSINE if metric is Metric.MAX_SIM else Metric(metric.value.removeprefix("MAX_SIM_"))
    for metric in Metric
}


METRICS_OF: Final[dict[DataType, tuple[Metric, ...]]] = {
    **dict.fromkeys(sorted(DENSE_FLOAT_VECTORS), (Metric.COSINE, Metric.L2, Metric.IP)),
    DataType.BINARY_VECTOR: (
        Metric.HAMMING,
        Metric.JACCARD,
        Metric.MHJACCARD,
        Metric.SUBSTRUCTURE,
        Metric.SUPERSTRUCTURE,
    ),
    DataType.SPARSE_FLOAT_VECTOR: (Metric.IP,),
}
"""Metrics a vector type allows; the first is the default."""

LIST_METRICS_OF: Final[dict[DataType, tuple[Metric, ...]]] = {
    **dict.fromkeys(
        sorted(DENSE_FLOAT_VECTORS), (Metric.MAX_SIM_COSINE, Metric.MAX_SIM, Metric.MAX_SIM_IP, Metric.MAX_SIM_L2)
    ),
    DataType.BINARY_VECTOR: (Metric.MAX_SIM_HAMMING, Metric.MAX_SIM_JACCARD),
}
"""Metrics of lists that a vector member of an array of structs allows; the first is the default."""
