"""Python values and NumPy arrays of every type: what is taken as it is meant, and what is refused with its row."""

from typing import Any

import ml_dtypes
import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse  # type: ignore[import-untyped]

from elanus.columns.layout import arrow_type
from elanus.columns.rows import python_values
from elanus.columns.values import column_from_ndarray, column_from_values, json_text
from elanus.columns.vectors import dense_matrix
from elanus.errors import InvalidInput
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.unit.columns.every_type import DENSE, FIELD_OF, FIELDS, sample_values

_SPARSE = FIELD_OF[DataType.SPARSE_FLOAT_VECTOR]
_JSON = FIELD_OF[DataType.JSON]
_NAN, _INF = float("nan"), float("inf")


def _field(data_type: DataType, **options: Any) -> Field:
    return Field("x", data_type, **options)


def _refused(field: Field, values: Any, kind: str, row: int | None = None) -> str:
    """Says what the refusal says, after checking that it names field and row."""
    make = column_from_ndarray if isinstance(values, np.ndarray) else column_from_values
    with pytest.raises(InvalidInput) as caught:
        make(field, values)
    error = caught.value
    assert (error.kind, error.field) == (kind, field.name)
    assert repr(field.name) in error.message
    if row is not None:
        assert error.row == row
        assert f"row {row}" in error.message
    return error.message


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_values_of_every_type_make_a_column_of_the_layout_and_come_back(field: Field) -> None:
    values = sample_values(field, 50)
    made = column_from_values(field, values)
    made.validate(full=True)
    assert made.type.equals(arrow_type(field))
    assert python_values(made, field) == values
    assert made.null_count == values.count(None)


@pytest.mark.parametrize("values", [[], [None], [None, None, None]])
@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_no_values_and_only_nulls(field: Field, values: list[None]) -> None:
    made = column_from_values(field, values)
    assert made.type.equals(arrow_type(field))
    assert python_values(made, field) == values


_WRONG: list[tuple[DataType, list[Any]]] = [
    (DataType.BOOL, [0, 1.0, "true", np.int8(1), [True]]),
    (DataType.INT8, [True, np.True_, 1.0, "1", b"1", [1], np.float32(1), {}]),
    (DataType.INT64, [False, 1.0, np.float64(1), "1", 1j]),
    (DataType.FLOAT, [True, "1", b"", [1.0], 1j, np.True_]),
    (DataType.DOUBLE, [True, "1.5", {}, np.str_("1")]),
    (DataType.VARCHAR, [1, b"text", ["a"], 1.5, True]),
]


@pytest.mark.parametrize(("data_type", "wrong"), _WRONG)
def test_values_of_another_type_are_refused_with_their_row(data_type: DataType, wrong: list[Any]) -> None:
    good = {DataType.BOOL: True, DataType.VARCHAR: "a"}.get(data_type, 1)
    for value in wrong:
        told = _refused(_field(data_type), [good, None, value, value], "type_mismatch", 2)
        assert type(value).__name__ in told
        assert f"expected a {_field(data_type).type_label()}" in told


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_whole_numbers_have_the_range_of_their_type(bits: int) -> None:
    field = _field(DataType[f"INT{bits}"])
    half = 1 << (bits - 1)
    assert column_from_values(field, [-half, half - 1]).to_pylist() == [-half, half - 1]
    for value in (half, -half - 1, 10**30):
        assert str(value) in _refused(field, [0, value], "out_of_range", 1)


def test_numpy_scalars_are_numbers() -> None:
    assert column_from_values(_field(DataType.INT8), [np.int64(5), np.uint8(7)]).to_pylist() == [5, 7]
    assert column_from_values(_field(DataType.DOUBLE), [np.float32(0.5), np.int8(2)]).to_pylist() == [0.5, 2.0]
    assert column_from_values(_field(DataType.BOOL), [np.True_]).to_pylist() == [True]
    assert column_from_values(_field(DataType.VARCHAR), [np.str_("é")]).to_pylist() == ["é"]


def test_floats_are_rounded_the_same_from_rows_and_from_arrays() -> None:
    numbers = [16_777_217, -16_777_219, 3, 2**53 + 1]
    expected = np.array(numbers).astype(np.float32).tolist()
    assert column_from_values(_field(DataType.FLOAT), numbers).to_pylist() == expected
    assert column_from_ndarray(_field(DataType.FLOAT), np.array(numbers)).to_pylist() == expected
    array = _field(DataType.ARRAY, element_type=DataType.FLOAT, max_capacity=8)
    assert column_from_values(array, [None, numbers]).to_pylist() == [None, expected]


def test_doubles_are_never_rounded() -> None:
    field = _field(DataType.DOUBLE)
    assert column_from_values(field, [2**53, -(2**53)]).to_pylist() == [2.0**53, -(2.0**53)]
    _refused(field, [0, 2**53 + 1], "out_of_range", 1)
    _refused(field, np.array([0, 2**53 + 1]), "out_of_range", 1)


@pytest.mark.parametrize("data_type", [DataType.FLOAT, DataType.DOUBLE])
def test_numbers_beyond_every_float_are_refused(data_type: DataType) -> None:
    _refused(_field(data_type), [1, 10**400], "out_of_range", 1)
    assert "very large" in _refused(_field(data_type), [1, 10**5000], "out_of_range", 1)


def test_strings_that_are_no_unicode_are_refused() -> None:
    _refused(_field(DataType.VARCHAR), ["fine", "\ud800"], "invalid_value", 1)
    _refused(_field(DataType.VARCHAR), np.array(["fine", "\udfff"]), "invalid_value", 1)
    array = _field(DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=8)
    _refused(array, [["a"], ["b", "\ud800"]], "invalid_value", 1)


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i4", ">u8", ">i2"])
def test_arrays_of_whole_numbers_fit_whole_number_fields(dtype: str) -> None:
    for bits in (8, 16, 32, 64):
        field = _field(DataType[f"INT{bits}"])
        assert column_from_ndarray(field, np.array([0, 100], dtype)).to_pylist() == [0, 100]
    for data_type in (DataType.FLOAT, DataType.DOUBLE):
        assert column_from_ndarray(_field(data_type), np.array([0, 100], dtype)).to_pylist() == [0.0, 100.0]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", ">f8", "longdouble"])
def test_arrays_of_floats_fit_float_fields_only(dtype: str) -> None:
    numbers = np.array([0.5, -2.0], dtype)
    for data_type in (DataType.FLOAT, DataType.DOUBLE):
        assert column_from_ndarray(_field(data_type), numbers).to_pylist() == [0.5, -2.0]
    for data_type in (DataType.INT64, DataType.BOOL, DataType.VARCHAR):
        _refused(_field(data_type), numbers, "type_mismatch")


@pytest.mark.parametrize("dtype", ["bool", "U3", "S3", "complex64", "M8[ms]", "m8[s]", "V2"])
def test_arrays_of_other_things_are_refused(dtype: str) -> None:
    values = np.zeros(2, dtype)
    fits = {"bool": DataType.BOOL, "U3": DataType.VARCHAR}.get(dtype)
    for data_type in (DataType.BOOL, DataType.INT32, DataType.FLOAT, DataType.VARCHAR):
        if data_type is not fits:
            _refused(_field(data_type), values, "type_mismatch")
    if fits is not None:
        assert len(column_from_ndarray(_field(fits), values)) == 2


def test_numbers_of_an_array_out_of_range_are_refused_with_their_row() -> None:
    _refused(_field(DataType.INT8), np.array([1, 127, 128]), "out_of_range", 2)
    _refused(_field(DataType.INT64), np.array([2**63], np.uint64), "out_of_range", 0)


def test_arrays_of_strings() -> None:
    for values in (
        np.array(["a", "é🙂", ""]),
        np.array(["a", "é🙂", ""], object),
        np.array(["a", "é🙂", ""], np.dtypes.StringDType()),
    ):
        assert column_from_ndarray(_field(DataType.VARCHAR), values).to_pylist() == ["a", "é🙂", ""]


def test_masked_numbers_are_null_and_masked_vectors_are_refused() -> None:
    numbers = np.ma.array([1, 2, 3], mask=[False, True, False])
    assert column_from_ndarray(_field(DataType.INT64), numbers).to_pylist() == [1, None, 3]
    vectors = np.ma.array([[1.0, 2.0]], mask=[[False, True]])
    told = _refused(_field(DataType.FLOAT_VECTOR, dim=2), vectors, "type_mismatch")
    assert "masked array" in told


def test_an_array_of_more_dimensions_is_no_column_of_numbers() -> None:
    assert "shape (2, 2)" in _refused(_field(DataType.INT64), np.ones((2, 2), np.int64), "type_mismatch")
    _refused(_field(DataType.INT64), np.array(5), "type_mismatch")


def test_sliced_and_strided_arrays_give_their_own_values() -> None:
    numbers = np.arange(20)
    assert column_from_ndarray(_field(DataType.INT64), numbers[5:9]).to_pylist() == [5, 6, 7, 8]
    assert column_from_ndarray(_field(DataType.INT64), numbers[::-3]).to_pylist() == [19, 16, 13, 10, 7, 4, 1]


class TestArrays:
    """Array fields."""

    field = _field(DataType.ARRAY, element_type=DataType.INT8, max_capacity=4)

    def test_lists_tuples_and_arrays_are_arrays(self) -> None:
        values = [[1, 2], (3,), np.array([4, 5], np.int64), [], None]
        assert column_from_values(self.field, values).to_pylist() == [[1, 2], [3], [4, 5], [], None]

    def test_a_matrix_is_a_row_each(self) -> None:
        assert column_from_ndarray(self.field, np.array([[1, 2], [3, 4]])).to_pylist() == [[1, 2], [3, 4]]

    @pytest.mark.parametrize("value", ["ab", b"ab", {1: 2}, 5, {1, 2}])
    def test_other_things_are_refused(self, value: Any) -> None:
        _refused(self.field, [[1], value], "type_mismatch", 1)

    @pytest.mark.parametrize("element", [True, 1.0, "1", None, [1]])
    def test_elements_of_another_type_are_refused(self, element: Any) -> None:
        _refused(self.field, [[1], [1, element]], "type_mismatch", 1)

    def test_elements_out_of_range_are_refused(self) -> None:
        _refused(self.field, [[1], None, [1, 128]], "out_of_range", 2)


class TestJson:
    """JSON fields."""

    @pytest.mark.parametrize("value", [0, False, "", [], {}, "null", [None], {"a": None}, 2**70, -1.5e-7, "é🙂\0"])
    def test_values_come_back(self, value: Any) -> None:
        assert python_values(column_from_values(_JSON, [value]), _JSON) == [value]

    def test_keys_keep_their_order(self) -> None:
        assert column_from_values(_JSON, [{"b": 1, "a": 2}]).to_pylist() == ['{"b":1,"a":2}']

    @pytest.mark.parametrize(
        "value",
        [_NAN, _INF, [_NAN], {"a": {"b": [1, -_INF]}}, (_NAN,), {_NAN}, frozenset({_NAN}), [[None, "null", _NAN]]],
    )
    def test_nan_and_infinity_are_refused_wherever_they_are(self, value: Any) -> None:
        _refused(_JSON, [1, value], "type_mismatch", 1)

    def test_a_text_that_says_null_is_fine(self) -> None:
        assert python_values(column_from_values(_JSON, ["null", [None, 1.5]]), _JSON) == ["null", [None, 1.5]]

    @pytest.mark.parametrize("value", [{1: "a", "1": "b"}, {"a": {2: 3}}, [{True: 1}], {None: 1}, {(1,): 1}])
    def test_keys_that_are_no_strings_are_refused(self, value: Any) -> None:
        assert "is no string" in _refused(_JSON, [1, value], "type_mismatch", 1)

    @pytest.mark.parametrize("value", [b"x", {"a": bytearray(b"x")}, [memoryview(b"x")], object(), 1j, [np.int64(1)]])
    def test_what_json_has_no_form_for_is_refused(self, value: Any) -> None:
        _refused(_JSON, [1, value], "type_mismatch", 1)

    def test_lone_surrogates_and_endless_nesting_are_refused(self) -> None:
        _refused(_JSON, ["\ud800"], "type_mismatch", 0)
        deep: list[Any] = []
        for _ in range(100_000):
            deep = [deep]
        _refused(_JSON, [deep], "type_mismatch", 0)

    def test_an_array_of_numbers_is_one_value_a_row(self) -> None:
        assert column_from_ndarray(_JSON, np.array([1, 2])).to_pylist() == ["1", "2"]
        assert column_from_ndarray(_JSON, np.array([[1, 2]])).to_pylist() == ["[1,2]"]
        assert column_from_ndarray(_JSON, np.array([{"a": 1}, None])).to_pylist() == ['{"a":1}', None]
        _refused(_JSON, np.array([1.0, _NAN]), "type_mismatch", 1)

    def test_text_is_compact(self) -> None:
        assert json_text({"a": [1, 2.5, None, True, "é"]}) == '{"a":[1,2.5,null,true,"é"]}'


class TestDenseVectors:
    """Float, half, bfloat16, byte and bit vectors."""

    @pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i4", "u1", "i8", "longdouble"])
    @pytest.mark.parametrize("data_type", [DataType.FLOAT_VECTOR, DataType.FLOAT16_VECTOR, DataType.BFLOAT16_VECTOR])
    def test_numbers_of_any_type_become_the_fields(self, data_type: DataType, dtype: str) -> None:
        field = _field(data_type, dim=2)
        matrix = np.array([[1, 2], [3, 4]], dtype)
        expected = [[1.0, 2.0], [3.0, 4.0]]
        assert python_values(column_from_ndarray(field, matrix), field) == expected
        assert python_values(column_from_values(field, list(matrix)), field) == expected

    @pytest.mark.parametrize("data_type", [DataType.FLOAT_VECTOR, DataType.FLOAT16_VECTOR, DataType.BFLOAT16_VECTOR])
    def test_bfloat16_arrays_are_numbers(self, data_type: DataType) -> None:
        field = _field(data_type, dim=2)
        matrix = np.array([[1.5, -2]], ml_dtypes.bfloat16)
        assert python_values(column_from_ndarray(field, matrix), field) == [[1.5, -2.0]]
        assert python_values(column_from_values(field, [matrix[0], None]), field) == [[1.5, -2.0], None]

    @pytest.mark.parametrize("dtype", [np.uint16, ">u2"])
    def test_arrays_of_uint16_are_the_bits_of_bfloat16(self, dtype: Any) -> None:
        field = _field(DataType.BFLOAT16_VECTOR, dim=2)
        matrix = np.array([[0x3F80, 0xC000]], dtype)
        assert python_values(column_from_ndarray(field, matrix), field) == [[1.0, -2.0]]
        assert python_values(column_from_values(field, [matrix[0]]), field) == [[1.0, -2.0]]

    @pytest.mark.parametrize("data_type", DENSE)
    def test_bytes_are_the_packed_vector(self, data_type: DataType) -> None:
        field = FIELD_OF[data_type]
        matrix = dense_matrix(column_from_values(field, sample_values(field, 9, seed=3)[-1:]), field)
        packed = matrix.tobytes()
        for value in (packed, bytearray(packed), memoryview(packed)):
            found = column_from_values(field, [None, value])
            assert dense_matrix(found, field)[1].tobytes() == packed

    @pytest.mark.parametrize("data_type", DENSE)
    @pytest.mark.parametrize("size", [0, 1, 3, 33, 65])
    def test_bytes_of_another_length_are_refused(self, data_type: DataType, size: int) -> None:
        field = FIELD_OF[data_type]
        good = bytes(len(dense_matrix(column_from_values(field, [None]), field).tobytes()))
        told = _refused(field, [None, good, bytes(size)], "dimension_mismatch", 2)
        assert f"{size} bytes" in told

    @pytest.mark.parametrize("data_type", DENSE)
    def test_other_things_are_refused_with_their_row(self, data_type: DataType) -> None:
        field = FIELD_OF[data_type]
        width = 2 if data_type is DataType.BINARY_VECTOR else 16
        elements: list[Any] = ["a", None, 1j, {}]
        for value in ("ab", 5, {1: 2.0}, [[1.0]], object(), *([element] * width for element in elements)):
            _refused(field, [[1] * width, None, value], "type_mismatch", 2)
        _refused(field, [[True] * width], "type_mismatch", 0)

    @pytest.mark.parametrize("data_type", DENSE)
    def test_the_length_is_the_fields(self, data_type: DataType) -> None:
        field = FIELD_OF[data_type]
        width = 2 if data_type is DataType.BINARY_VECTOR else 16
        for length in (0, 1, width - 1, width + 1):
            told = _refused(field, [[1] * width, [1] * length], "dimension_mismatch", 1)
            assert f"{length} elements, expected {width}" in told
        _refused(field, np.ones((3, width + 1), np.int8), "dimension_mismatch")
        _refused(field, np.ones(width, np.int8), "dimension_mismatch")

    @pytest.mark.parametrize("data_type", DENSE)
    @pytest.mark.parametrize("dtype", ["bool", "complex64", "U2", "M8[s]"])
    def test_matrices_of_other_things_are_refused(self, data_type: DataType, dtype: str) -> None:
        width = 2 if data_type is DataType.BINARY_VECTOR else 16
        _refused(FIELD_OF[data_type], np.zeros((2, width), dtype), "type_mismatch")

    def test_rows_in_different_forms_are_read_each_in_its_own(self) -> None:
        field = _field(DataType.BFLOAT16_VECTOR, dim=2)
        bits = np.array([0x3F80, 0xC000], np.uint16)
        values = [[1.0, -2.0], bits, None, bits.tobytes(), bits.view(ml_dtypes.bfloat16), np.array([1, -2], np.int8)]
        for start in range(len(values)):
            found = python_values(column_from_values(field, values[start:] + values[:start]), field)
            assert (found.count([1.0, -2.0]), found.count(None)) == (5, 1)
        _refused(field, [bits, [1.0, 2.0], bits[:1]], "dimension_mismatch", 2)
        _refused(field, [bits, [1.0, 2.0], b"123"], "dimension_mismatch", 2)

    @pytest.mark.parametrize(("data_type", "low", "high"), [(DataType.INT8_VECTOR, -128, 127), (100, 0, 255)])
    def test_bytes_and_bits_have_a_range_and_are_no_floats(self, data_type: int, low: int, high: int) -> None:
        field = FIELD_OF[DataType(data_type)]
        width = 2 if data_type == 100 else 16
        column = column_from_values(field, [[low] * width, [high] * width])
        assert dense_matrix(column, field).tolist() == [[low] * width, [high] * width]
        for wrong in (low - 1, high + 1):
            _refused(field, [[low] * width, [wrong] * width], "out_of_range", 1)
            _refused(field, np.full((2, width), wrong), "out_of_range")
        _refused(field, [[low] * width, [1.0] * width], "type_mismatch", 1)

    @pytest.mark.parametrize("data_type", [DataType.FLOAT_VECTOR, DataType.FLOAT16_VECTOR, DataType.BFLOAT16_VECTOR])
    def test_numbers_too_large_become_infinite_which_the_check_refuses(self, data_type: DataType) -> None:
        field = _field(data_type, dim=2)
        column = column_from_values(field, [[1e300, -1e300]])
        assert python_values(column, field) == [[_INF, -_INF]]

    @pytest.mark.parametrize("data_type", [DataType.FLOAT_VECTOR, DataType.FLOAT16_VECTOR, DataType.INT8_VECTOR])
    def test_matrices_that_fit_are_not_copied(self, data_type: DataType) -> None:
        field = FIELD_OF[data_type]
        matrix = np.ones((3, 16), {101: "f4", 102: "f2", 105: "i1"}[data_type])
        assert np.shares_memory(dense_matrix(column_from_ndarray(field, matrix), field), matrix)

    def test_matrices_in_another_order_are_laid_out_by_row(self) -> None:
        field = _field(DataType.FLOAT_VECTOR, dim=3)
        matrix = np.arange(12, dtype=np.float32).reshape(4, 3)
        for given in (np.asfortranarray(matrix), np.vstack([matrix, matrix])[::2][:2], matrix[::-1]):
            assert python_values(column_from_ndarray(field, given), field) == given.tolist()

    def test_objects_in_an_array_are_looked_at_one_by_one(self) -> None:
        field = _field(DataType.FLOAT_VECTOR, dim=2)
        values = np.empty(2, object)
        values[:] = [[1, 2], None]
        assert python_values(column_from_ndarray(field, values), field) == [[1.0, 2.0], None]


class TestSparseVectors:
    """Sparse vectors."""

    @pytest.mark.parametrize(
        "value",
        [
            {5: 0.5, 1: 2},
            {np.int64(5): np.float32(0.5), np.uint8(1): np.int8(2)},
            [(5, 0.5), (1, 2)],
            [[1, 2.0], [5, 0.5]],
            scipy.sparse.csr_matrix([[0, 2, 0, 0, 0, 0.5]]),
            scipy.sparse.csc_array([[0, 2, 0, 0, 0, 0.5]]),
            scipy.sparse.coo_array(np.array([0, 2, 0, 0, 0, 0.5])),
            scipy.sparse.dok_matrix([[0, 2, 0, 0, 0, 0.5]]),
        ],
    )
    def test_every_form_is_sorted_by_index(self, value: Any) -> None:
        expected = [[{"index": 1, "value": 2.0}, {"index": 5, "value": 0.5}]]
        assert column_from_values(_SPARSE, [value]).to_pylist() == expected

    @pytest.mark.parametrize("value", [{}, [], scipy.sparse.csr_matrix((1, 9))])
    def test_a_vector_may_be_empty(self, value: Any) -> None:
        assert column_from_values(_SPARSE, [value]).to_pylist() == [[]]

    def test_indices_have_bounds(self) -> None:
        found = column_from_values(_SPARSE, [{2**32 - 2: 1.0, 0: 2.0}])
        assert python_values(found, _SPARSE) == [{0: 2.0, 2**32 - 2: 1.0}]
        for wrong in (-1, 2**32 - 1, 2**32, 2**64):
            assert str(wrong) in _refused(_SPARSE, [{1: 1.0}, {wrong: 1.0}], "out_of_range", 1)

    @pytest.mark.parametrize(
        "value", [[(1, 1.0), (1, 2.0)], scipy.sparse.coo_matrix(([1.0, 2.0], ([0, 0], [3, 3])), shape=(1, 9))]
    )
    def test_an_index_comes_once(self, value: Any) -> None:
        assert "repeated index" in _refused(_SPARSE, [{}, value], "invalid_value", 1)

    def test_a_matrix_of_several_rows_is_no_vector(self) -> None:
        told = _refused(_SPARSE, [{}, scipy.sparse.csr_matrix(np.eye(3))], "type_mismatch", 1)
        assert "3 rows" in told

    @pytest.mark.parametrize(
        "value",
        [
            5, "ab", b"ab", {1}, [1, 2], [(1,)], [(1, 2, 3)], {"1": 1.0}, {1.0: 1.0}, {True: 1.0}, {1: True},
            {1: "a"}, {1: None}, {1: [1]}, np.array([[1, 2.0]]),
        ],
    )  # fmt: skip
    def test_other_things_are_refused(self, value: Any) -> None:
        _refused(_SPARSE, [{}, None, value], "type_mismatch", 2)

    def test_numbers_too_large_are_refused_or_infinite(self) -> None:
        assert python_values(column_from_values(_SPARSE, [{1: 1e300}]), _SPARSE) == [{1: _INF}]
        _refused(_SPARSE, [{}, {1: 10**400}], "out_of_range", 1)


def test_a_column_does_not_change_with_the_array_it_was_made_from_where_it_was_converted() -> None:
    field = _field(DataType.FLOAT_VECTOR, dim=2)
    matrix = np.ones((1, 2))
    made = column_from_ndarray(field, matrix)
    matrix[:] = 9
    assert isinstance(made, pa.FixedSizeListArray)
    assert made.to_pylist() == [[1.0, 1.0]]
