"""Query vectors from placeholder groups."""

import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from elanus.columns.vectors import SparseRows, VectorLists, bfloat16_from_float32
from elanus.errors import InvalidInput
from elanus.schema.field import Field
from elanus.schema.types import DataType
from elanus.server.grpc.placeholders import query_vectors
from elanus.server.grpc.stubs import common_pb2

_FIELDS = {
    data_type: Field("v", data_type, dim=None if data_type is DataType.SPARSE_FLOAT_VECTOR else 16)
    for data_type in (
        DataType.FLOAT_VECTOR,
        DataType.FLOAT16_VECTOR,
        DataType.BFLOAT16_VECTOR,
        DataType.INT8_VECTOR,
        DataType.BINARY_VECTOR,
        DataType.SPARSE_FLOAT_VECTOR,
    )
}
_RNG = np.random.default_rng(3)
_FLOATS = _RNG.normal(size=(3, 16)).astype(np.float32)


def _group(kind: int, values: list[bytes], **options: Any) -> bytes:
    value = common_pb2.PlaceholderValue(tag="$0", type=kind, values=values, **options)
    data: bytes = common_pb2.PlaceholderGroup(placeholders=[value]).SerializeToString()
    return data


@pytest.mark.parametrize(
    ("data_type", "rows"),
    [
        (DataType.FLOAT_VECTOR, _FLOATS),
        (DataType.FLOAT16_VECTOR, _FLOATS.astype(np.float16)),
        (DataType.BFLOAT16_VECTOR, bfloat16_from_float32(_FLOATS)),
        (DataType.INT8_VECTOR, _RNG.integers(-128, 128, (3, 16)).astype(np.int8)),
        (DataType.BINARY_VECTOR, _RNG.integers(0, 256, (3, 2)).astype(np.uint8)),
    ],
)
def test_dense_vectors_of_every_type(data_type: DataType, rows: Any) -> None:
    read = query_vectors(_group(int(data_type), [row.tobytes() for row in rows]), _FIELDS[data_type])
    assert isinstance(read, np.ndarray)
    assert read.dtype == rows.dtype
    assert read.flags.c_contiguous
    np.testing.assert_array_equal(read, rows)


def test_floats_are_rounded_for_half_precision_fields() -> None:
    group = _group(101, [row.tobytes() for row in _FLOATS])
    halves = query_vectors(group, _FIELDS[DataType.FLOAT16_VECTOR])
    brains = query_vectors(group, _FIELDS[DataType.BFLOAT16_VECTOR])
    assert isinstance(halves, np.ndarray)
    assert isinstance(brains, np.ndarray)
    np.testing.assert_array_equal(halves, _FLOATS.astype(np.float16))
    np.testing.assert_array_equal(brains, bfloat16_from_float32(_FLOATS))


def test_sparse_vectors() -> None:
    read = query_vectors(
        _group(104, [struct.pack("<IfIf", 2, 0.5, 9, 1.0), b""]), _FIELDS[DataType.SPARSE_FLOAT_VECTOR]
    )
    assert isinstance(read, SparseRows)
    assert read.offsets.tolist() == [0, 2, 2]
    assert read.indices.tolist() == [2, 9]
    assert read.values.tolist() == [0.5, 1.0]


_INFINITE = np.full(16, np.inf, np.float32)


@pytest.mark.parametrize(
    ("group", "data_type", "kind", "told"),
    [
        (_group(101, []), DataType.FLOAT_VECTOR, "invalid_argument", "no query vectors"),
        (_group(101, [b"1234"]), DataType.FLOAT_VECTOR, "dimension_mismatch", "query vector 0 has 1 dimensions"),
        (_group(100, [b"123"]), DataType.BINARY_VECTOR, "dimension_mismatch", "query vector 0 has 24 dimensions"),
        (_group(102, [b"1" * 32]), DataType.FLOAT_VECTOR, "type_mismatch", "the query is a Float16Vector"),
        (_group(101, [b"1" * 64]), DataType.INT8_VECTOR, "type_mismatch", "the query is a FloatVector"),
        (_group(101, [_FLOATS[0].tobytes(), _INFINITE.tobytes()]), DataType.FLOAT_VECTOR, "not_finite", "vector 1"),
        (_group(102, [_INFINITE.astype(np.float16).tobytes()]), DataType.FLOAT16_VECTOR, "not_finite", "vector 0"),
        (_group(103, [bfloat16_from_float32(_INFINITE).tobytes()]), DataType.BFLOAT16_VECTOR, "not_finite", "vector 0"),
        (_group(101, [np.full(16, 1e6, np.float32).tobytes()]), DataType.FLOAT16_VECTOR, "not_finite", "vector 0"),
        (
            _group(104, [struct.pack("<IfIf", 9, 1, 2, 1)]),
            DataType.SPARSE_FLOAT_VECTOR,
            "invalid_value",
            "not ascending",
        ),
        (_group(104, [b"", struct.pack("<If", 9, np.nan)]), DataType.SPARSE_FLOAT_VECTOR, "not_finite", "vector 1"),
        (_group(104, [b"123"]), DataType.SPARSE_FLOAT_VECTOR, "invalid_value", "3 bytes"),
        (_group(301, [b"1" * 64]), DataType.FLOAT_VECTOR, "type_mismatch", "a list of FloatVector"),
        (_group(304, [b"1" * 64]), DataType.FLOAT_VECTOR, "type_mismatch", "a list of SparseFloatVector"),
        (_group(21, [b"text"]), DataType.FLOAT_VECTOR, "not_supported", "text or ids"),
        (_group(101, [b"1" * 64], element_level=True), DataType.FLOAT_VECTOR, "invalid_argument", "array of structs"),
        (b"\xff\xff", DataType.FLOAT_VECTOR, "malformed_request", "cannot be decoded"),
        (b"", DataType.FLOAT_VECTOR, "invalid_argument", "0 placeholders"),
    ],
)
def test_what_cannot_be_searched_with(group: bytes, data_type: DataType, kind: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told) as raised:
        query_vectors(group, _FIELDS[data_type])
    assert raised.value.kind == kind


_MEMBER = Field("docs[emb]", DataType.FLOAT_VECTOR, dim=16)


def test_lists_of_vectors_for_a_member_of_structs() -> None:
    """One value a list, its vectors end to end."""
    two = np.stack([_FLOATS[0], _FLOATS[1]])
    lists = query_vectors(_group(301, [two.tobytes(), _FLOATS[1].tobytes()]), _MEMBER)
    assert isinstance(lists, VectorLists)
    assert lists.offsets.tolist() == [0, 2, 3]
    assert np.array_equal(lists.matrix(0), two)
    assert np.array_equal(lists.matrix(1), two[1:])
    halves = query_vectors(_group(301, [two.tobytes()]), replace(_MEMBER, data_type=DataType.FLOAT16_VECTOR))
    assert isinstance(halves, VectorLists)
    assert halves.vectors.dtype == np.float16


def test_single_vectors_for_a_member_of_structs() -> None:
    """They find elements, whether the client says so or not."""
    for flag in (False, True):
        found = query_vectors(_group(101, [_FLOATS[0].tobytes()], element_level=flag), _MEMBER)
        assert isinstance(found, np.ndarray)
        assert np.array_equal(found, _FLOATS[:1])


@pytest.mark.parametrize(
    ("group", "kind", "told"),
    [
        (_group(301, [b"1" * 63]), "dimension_mismatch", "list 0 of the query has 63 bytes"),
        (_group(301, [b"1" * 64, b""]), "dimension_mismatch", "list 1 of the query has 0 bytes"),
        (_group(301, []), "dimension_mismatch", "the query has no lists"),
        (_group(305, [b"1" * 64]), "type_mismatch", "the query is a list of Int8Vector"),
        (_group(301, [_INFINITE.tobytes()]), "not_finite", "vector 0"),
        (_group(101, [b"1" * 60]), "dimension_mismatch", "query vector 0 has 15 dimensions"),
    ],
)
def test_lists_that_are_refused(group: bytes, kind: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told) as raised:
        query_vectors(group, _MEMBER)
    assert raised.value.kind == kind
