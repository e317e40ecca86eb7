"""What may be stored: every rule with the row it names, also in slices, where offsets mislead."""

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from elanus.columns.check import JSON_BYTES_MAX, JSON_DEPTH_MAX, check_column
from elanus.columns.layout import SPARSE_TYPE, arrow_type
from elanus.columns.values import column_from_values
from elanus.columns.vectors import SparseRows, sparse_array
from elanus.errors import InvalidInput
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.unit.columns.every_type import FIELD_OF, FIELDS, column, sample_values

_OFFSETS = pytest.mark.parametrize("offset", [0, 1, 7])
_NAN, _INF = float("nan"), float("inf")


def _refused(field: Field, values: pa.Array, kind: str, row: int, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected) as caught:
        check_column(field, values)
    error = caught.value
    assert (error.kind, error.field, error.row) == (kind, field.name, row)
    assert field.name in error.message
    assert f"row {row}" in error.message


def _field(data_type: DataType, **options: Any) -> Field:
    return Field("x", data_type, nullable=True, **options)


@_OFFSETS
@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_good_columns_of_every_type_pass(field: Field, offset: int) -> None:
    check_column(field, column(field, sample_values(field, 30), offset=offset))
    check_column(field, column(field, [], offset=offset))
    check_column(field, pa.nulls(3, arrow_type(field)))


@_OFFSETS
@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_nulls_need_a_nullable_field(field: Field, offset: int) -> None:
    strict = Field(field.name, field.data_type, dim=field.dim, element_type=field.element_type, max_capacity=8)
    values = [value for value in sample_values(field, 40) if value is not None]
    check_column(
        strict, column(strict, values[:6], offset=offset) if offset == 0 else column_from_values(field, values)
    )
    with_null = column(field, [*values[:4], None, *values[4:6], None], offset=offset)
    _refused(strict, with_null, "null_not_allowed", 4, "is null in row 4, but it is neither nullable nor")


def test_another_layout_is_an_adapters_mistake() -> None:
    with pytest.raises(AssertionError):
        check_column(_field(DataType.INT64), pa.array([1], pa.int32()))


@_OFFSETS
def test_strings_have_a_length_in_bytes(offset: int) -> None:
    field = _field(DataType.VARCHAR, max_length=4)
    check_column(field, column(field, ["", "abcd", None, "éé", "🙂"], offset=offset).slice(0))
    wrong = column(field, ["ab", None, "ééa", "abcdef"], offset=offset)
    _refused(field, wrong, "length_exceeded", 2, "a string of 5 bytes in row 2, which exceeds max length 4")


@_OFFSETS
def test_elements_of_arrays_have_a_length_too(offset: int) -> None:
    field = _field(DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=8, max_length=2)
    rows = pa.array(
        [["xxxxx"]] * offset + [["a"], None, [], ["bb", "é"], ["b", "ccc"], ["dddd"]], arrow_type(field)
    ).slice(offset)
    check_column(field, rows.slice(0, 4))
    _refused(field, rows, "length_exceeded", 4, "a string of 3 bytes in row 4, which exceeds max length 2")


@_OFFSETS
def test_arrays_have_a_capacity(offset: int) -> None:
    field = _field(DataType.ARRAY, element_type=DataType.INT8, max_capacity=3)
    rows = pa.array([[1] * 9] * offset + [[1], None, [1, 2, 3], [1, 2, 3, 4]], arrow_type(field)).slice(offset)
    check_column(field, rows.slice(0, 3))
    _refused(field, rows, "length_exceeded", 3, "4 elements in row 3, which exceeds max capacity 3")


@_OFFSETS
def test_elements_are_never_null(offset: int) -> None:
    field = _field(DataType.ARRAY, element_type=DataType.INT8, max_capacity=8)
    loose = pa.array([[None]] * offset + [[1], None, [], [2, None], [None]], pa.list_(pa.int8()))
    rows = loose.cast(arrow_type(field)).slice(offset)
    check_column(field, rows.slice(0, 3))
    _refused(field, rows, "null_not_allowed", 3, "a null element in row 3; only a whole array may be null")


class TestJson:
    """JSON text."""

    field = _field(DataType.JSON)
    dynamic = Field("$meta", DataType.JSON, is_dynamic=True)

    @_OFFSETS
    def test_it_has_a_length_in_bytes(self, offset: int) -> None:
        fits = '"' + "é" * ((JSON_BYTES_MAX - 2) // 2) + '"'
        rows = pa.array([*["!"] * offset, fits, None, fits[:-1] + 'a"']).slice(offset)
        check_column(self.field, rows.slice(0, 2))
        _refused(self.field, rows, "length_exceeded", 2, "65537 bytes in row 2, which exceeds max length 65536")

    @pytest.mark.parametrize(
        "text",
        ["", " ", "{", "[1,]", '{"a":1,}', "nul", "NaN", "Infinity", "01", "1.", '"\\x"', '"\\ud800"', "{1:2}", "1 2"],
    )
    def test_text_that_is_no_json_is_refused(self, text: str) -> None:
        _refused(self.field, pa.array(["1", None, text]), "invalid_value", 2, "invalid JSON in row 2")

    @pytest.mark.parametrize("text", ["1e400", "-1e999", "[1, 2e400]", '{"a": 1E+309}', "1" + "0" * 400 + ".5"])
    def test_numbers_nobody_could_read_back_are_refused(self, text: str) -> None:
        _refused(self.field, pa.array(["1", text]), "invalid_value", 1, "invalid JSON in row 1")

    def test_nesting_has_a_limit_well_below_that_of_the_reader(self) -> None:
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            fits = opening * JSON_DEPTH_MAX + "1" + closing * JSON_DEPTH_MAX
            check_column(self.field, pa.array([fits]))
            for depth in (JSON_DEPTH_MAX + 1, 5_000):
                deep = opening * depth + "1" + closing * depth
                _refused(self.field, pa.array(["1", deep]), "invalid_value", 1, "invalid JSON in row 1")
        check_column(self.field, pa.array(["[" + "[]," * 1000 + "[]]"]))

    @pytest.mark.parametrize("text", ["1", "[]", '"{}"', "null", "true"])
    def test_dynamic_keys_are_an_object(self, text: str) -> None:
        check_column(self.field, pa.array([text]))
        check_column(self.dynamic, pa.array(["{}", '{"a":[1]}']))
        _refused(self.dynamic, pa.array(["{}", text]), "invalid_value", 1, "invalid JSON in row 1")

    def test_dynamic_values_are_checked_inside(self) -> None:
        _refused(self.dynamic, pa.array(['{"a":1e400}']), "invalid_value", 0, "invalid JSON in row 0")
        _refused(self.dynamic, pa.array(['{"a":[1,}']), "invalid_value", 0, "invalid JSON in row 0")

    @_OFFSETS
    def test_rows_are_counted_from_the_slice(self, offset: int) -> None:
        rows = pa.array([*["{"] * offset, "{}", None, "{"]).slice(offset)
        _refused(self.field, rows, "invalid_value", 2, "invalid JSON in row 2")


@_OFFSETS
@pytest.mark.parametrize("wrong", [_NAN, _INF, -_INF])
@pytest.mark.parametrize("data_type", [DataType.FLOAT, DataType.DOUBLE])
def test_numbers_are_finite(data_type: DataType, wrong: float, offset: int) -> None:
    field = _field(data_type)
    rows = pa.array([*[_NAN] * offset, 1.0, None, 3e38, wrong], arrow_type(field)).slice(offset)
    check_column(field, rows.slice(0, 3))
    _refused(field, rows, "not_finite", 3, "row 3, expected a finite")


def test_a_number_too_large_for_a_float_is_refused_not_stored_as_infinity() -> None:
    field = _field(DataType.FLOAT)
    _refused(field, column_from_values(field, [1.0, 1e300]), "not_finite", 1, "is inf in row 1")


@_OFFSETS
@pytest.mark.parametrize("wrong", [_NAN, _INF, -_INF])
@pytest.mark.parametrize("data_type", [DataType.FLOAT_VECTOR, DataType.FLOAT16_VECTOR, DataType.BFLOAT16_VECTOR])
def test_vectors_are_finite(data_type: DataType, wrong: float, offset: int) -> None:
    field = FIELD_OF[data_type]
    good = [float(number) for number in range(16)]
    bad = [*good[:15], wrong]
    rows = column_from_values(field, [*[bad] * offset, good, None, good, bad, bad]).slice(offset)
    check_column(field, rows.slice(0, 3))
    _refused(field, rows, "not_finite", 3, "NaN or infinity in the vector of row 3")


def test_infinities_that_cancel_are_found() -> None:
    field = FIELD_OF[DataType.FLOAT_VECTOR]
    rows = column_from_values(field, [[0.0] * 16, [_INF, -_INF, *[0.0] * 14]])
    _refused(field, rows, "not_finite", 1, "row 1")


def test_large_finite_vectors_pass_although_their_sum_may_overflow() -> None:
    field = FIELD_OF[DataType.FLOAT_VECTOR]
    check_column(field, column_from_values(field, [[3.4e38] * 16] * 1000))


def test_what_lies_under_a_null_vector_does_not_matter() -> None:
    field = FIELD_OF[DataType.FLOAT_VECTOR]
    matrix = np.ones((3, 16), np.float32)
    matrix[1] = _NAN
    items = pa.array(matrix.reshape(-1))
    kind = arrow_type(field)
    bitmap = pa.py_buffer(bytes([0b101]))
    rows = pa.Array.from_buffers(kind, 3, [bitmap], 1, children=[items])
    check_column(field, rows)
    _refused(field, pa.FixedSizeListArray.from_arrays(items, type=kind), "not_finite", 1, "row 1")


class TestSparse:
    """Sparse vectors, whose rows share one run of elements."""

    field = _field(DataType.SPARSE_FLOAT_VECTOR)

    @_OFFSETS
    @pytest.mark.parametrize("wrong", [_NAN, _INF])
    def test_they_are_finite(self, wrong: float, offset: int) -> None:
        rows = column_from_values(self.field, [*[{1: wrong}] * offset, {1: 1.0}, {}, None, {0: 1.0, 7: wrong}])
        rows = rows.slice(offset)
        check_column(self.field, rows.slice(0, 3))
        _refused(self.field, rows, "not_finite", 3, "NaN or infinity in the vector of row 3")

    @_OFFSETS
    @pytest.mark.parametrize("indices", [[5, 3], [3, 3], [0, 1, 1]])
    def test_indices_ascend_and_differ(self, indices: list[int], offset: int) -> None:
        ends = np.cumsum([0, *[1] * offset, 2, 0, len(indices)])
        every = [*[9] * offset, 4, 6, *indices]
        rows = SparseRows(ends.astype(np.int32), np.array(every, np.uint32), np.ones(len(every), np.float32))
        part = sparse_array(rows).slice(offset)
        check_column(self.field, part.slice(0, 2))
        _refused(self.field, part, "invalid_value", 2, re.escape("sparse indices in row 2 that are not ascending"))

    def test_indices_may_fall_from_one_row_to_the_next(self) -> None:
        check_column(self.field, column_from_values(self.field, [{9: 1.0}, {1: 1.0}, {}, {1: 1.0}]))

    def test_none(self) -> None:
        check_column(self.field, pa.array([], SPARSE_TYPE))
