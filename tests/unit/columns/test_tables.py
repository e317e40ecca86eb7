"""Tables of other libraries and mappings of columns: every layout they may come in, and what is refused."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse  # type: ignore[import-untyped]

from elanus.columns.layout import arrow_schema, arrow_type
from elanus.columns.rows import batch_from_rows, rows_from_batch
from elanus.columns.tables import batch_from_arrow, batch_from_mapping, table_of
from elanus.columns.vectors import dense_matrix
from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import DataType
from tests.unit.columns.every_type import FIELD_OF, FIELDS, SCHEMA, as_in_a_table, column, sample_values

_OPEN = Schema((Field("id", DataType.INT64, is_primary=True),), enable_dynamic_field=True).with_ids()
_CLOSED = Schema(_OPEN.user_fields)
_JSON = FIELD_OF[DataType.JSON]
_FLOATS = FIELD_OF[DataType.FLOAT_VECTOR]


def _read(field: Field, values: Any) -> list[Any]:
    """What one column of a table becomes, as Python values."""
    batch = batch_from_mapping({field.name: values}, Schema((*SCHEMA.fields, field)))
    batch.validate(full=True)
    assert batch.schema.field(0).type.equals(arrow_type(field))
    return [row[field.name] for row in rows_from_batch(batch, [field])]


def _refused(data: dict[Any, Any], schema: Schema, kind: str, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected) as caught:
        batch_from_mapping(data, schema)
    assert caught.value.kind == kind


_WRAPPINGS: dict[str, Callable[[pa.Array], Any]] = {
    "array": lambda array: array,
    "one chunk": lambda array: pa.chunked_array([array]),
    "chunks": lambda array: pa.chunked_array([array.slice(0, 7), array.slice(7, 0), array.slice(7)]),
    "sliced chunks": lambda array: pa.chunked_array([array, array]).slice(len(array) // 2, len(array)),
}


@pytest.mark.parametrize("wrapping", _WRAPPINGS)
@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_columns_in_our_layout_are_taken_whole_or_in_chunks(field: Field, wrapping: str) -> None:
    values = sample_values(field, 20)
    expected = [*values[10:], *values[:10]] if wrapping == "sliced chunks" else values
    assert _read(field, _WRAPPINGS[wrapping](as_in_a_table(field, column(field, values)))) == expected


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_slices_are_taken_where_they_start(field: Field) -> None:
    values = sample_values(field, 20)
    assert _read(field, as_in_a_table(field, column(field, values, offset=5))) == values
    assert _read(field, as_in_a_table(field, column(field, values)).slice(13, 4)) == values[13:17]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_empty_and_all_null_columns_of_no_type(field: Field) -> None:
    assert _read(field, pa.chunked_array([], arrow_type(field))) == []
    assert _read(field, pa.nulls(3)) == [None, None, None]


_SMALL_INTS = [0, 1, None, 100]
_LISTS = [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("data_type", "given", "expected"),
    [
        (DataType.INT64, pa.array(_SMALL_INTS, pa.uint8()), _SMALL_INTS),
        (DataType.INT8, pa.array(_SMALL_INTS, pa.int64()), _SMALL_INTS),
        (DataType.INT8, pa.array([1.0, None]), [1, None]),
        (DataType.FLOAT, pa.array([1, 16_777_217]), [1.0, 16_777_216.0]),
        (DataType.FLOAT, pa.array([0.1], pa.float64()), [float(np.float32(0.1))]),
        (DataType.DOUBLE, pa.array([0.5], pa.float16()), [0.5]),
        (DataType.DOUBLE, pa.array([1.5]).cast(pa.decimal128(5, 2)), [1.5]),
        (DataType.VARCHAR, pa.array(["a", None], pa.large_string()), ["a", None]),
        (DataType.VARCHAR, pa.array(["a", None], pa.string_view()), ["a", None]),
        (DataType.VARCHAR, pa.array(["é", "é", None]).dictionary_encode(), ["é", "é", None]),
        (DataType.VARCHAR, pa.array(["é".encode()], pa.large_binary()), ["é"]),
        (DataType.INT16, pa.array([7, None, 7]).dictionary_encode(), [7, None, 7]),
        (DataType.BOOL, pa.array([True, None]), [True, None]),
    ],
)
def test_scalars_of_kindred_types_are_converted(data_type: DataType, given: pa.Array, expected: list[Any]) -> None:
    assert _read(Field("x", data_type, nullable=True), given) == expected


@pytest.mark.parametrize(
    ("data_type", "given", "row"),
    [
        (DataType.INT64, pa.array([None, "1"]), 1),
        (DataType.INT64, pa.array([None, True]), 1),
        (DataType.INT64, pa.array([None, 5], pa.timestamp("ms")), 1),
        (DataType.INT64, pa.array([1.0, 1.5]), None),
        (DataType.INT8, pa.array([1, 128]), 1),
        (DataType.INT64, pa.array([1, 2**63], pa.uint64()), 1),
        (DataType.BOOL, pa.array([None, 2]), 1),
        (DataType.BOOL, pa.array([None, "true"]), 1),
        (DataType.FLOAT, pa.array([None, "1.5"]), 1),
        (DataType.DOUBLE, pa.array([None, False]), 1),
        (DataType.DOUBLE, pa.array([1, 2**53 + 1]), 1),
        (DataType.VARCHAR, pa.array([None, 1]), 1),
        (DataType.VARCHAR, pa.array([None, b"\xff"]), 1),
        (DataType.VARCHAR, pa.array([None, ["a"]]), 1),
    ],
)
def test_scalars_of_other_types_are_refused_not_reinterpreted(
    data_type: DataType, given: pa.Array, row: int | None
) -> None:
    with pytest.raises(InvalidInput) as caught:
        _read(Field("x", data_type, nullable=True), given)
    assert caught.value.field == "x"
    if row is not None:
        assert caught.value.row == row


@pytest.mark.parametrize(
    ("element", "given", "expected"),
    [
        (DataType.INT8, pa.array([[1], None, []], pa.list_(pa.int64())), [[1], None, []]),
        (DataType.INT64, pa.array([[1, 2]], pa.large_list(pa.int32())), [[1, 2]]),
        (DataType.DOUBLE, pa.array([[1, 2]], pa.list_(pa.float32(), 2)), [[1.0, 2.0]]),
        (DataType.VARCHAR, pa.array([["a"], ["b", "é"]], pa.list_(pa.large_string())), [["a"], ["b", "é"]]),
        (DataType.BOOL, pa.array([[True, False]]), [[True, False]]),
    ],
)
def test_lists_are_arrays(element: DataType, given: pa.Array, expected: list[Any]) -> None:
    field = Field("x", DataType.ARRAY, nullable=True, element_type=element, max_capacity=8)
    assert _read(field, given) == expected
    assert _read(field, pa.concat_arrays([given, given]).slice(1)) == [*expected, *expected][1:]


@pytest.mark.parametrize("given", [[["1"]], [[True]], [[1.5]], [[300]], [5], ["ab"]])
def test_lists_of_other_elements_are_refused(given: list[Any]) -> None:
    field = Field("x", DataType.ARRAY, nullable=True, element_type=DataType.INT8, max_capacity=8)
    with pytest.raises(InvalidInput):
        _read(field, pa.array(given))


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float64()), pa.list_(pa.float32()), pa.large_list(pa.float16()), pa.list_(pa.float64(), 2),
        pa.list_(pa.float32(), 2), pa.list_(pa.int64()), pa.list_(pa.uint8(), 2), pa.list_(pa.int8()),
    ],
)  # fmt: skip
@pytest.mark.parametrize("data_type", [DataType.FLOAT_VECTOR, DataType.FLOAT16_VECTOR, DataType.BFLOAT16_VECTOR])
def test_vectors_are_lists_of_any_number(data_type: DataType, kind: pa.DataType) -> None:
    field = Field("x", data_type, nullable=True, dim=2)
    given = pa.array([[9, 9], [1, 2], [3, 4], [9, 9]], pa.list_(pa.float32())).cast(kind)
    assert _read(field, given.slice(1, 2)) == _LISTS
    assert _read(field, pa.chunked_array([given.slice(1, 1), given.slice(2, 1)])) == _LISTS
    with_null = pa.concat_arrays([given.slice(0, 2), pa.nulls(1, kind), given.slice(2, 1)]).slice(1)
    assert _read(field, with_null) == [_LISTS[0], None, _LISTS[1]]


def test_a_tensor_column_is_a_column_of_vectors() -> None:
    field = Field("x", DataType.FLOAT_VECTOR, dim=2)
    tensor = pa.FixedShapeTensorArray.from_numpy_ndarray(np.array(_LISTS, np.float32))
    assert _read(field, tensor) == _LISTS


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary(64), None])
def test_vectors_are_packed_bytes(kind: pa.DataType | None) -> None:
    values = [value for value in sample_values(_FLOATS, 9) if value is not None]
    packed = [np.array(value, np.float32).tobytes() for value in values]
    assert _read(_FLOATS, pa.array([*packed, None], kind)) == [*values, None]


@pytest.mark.parametrize("data_type", [DataType.INT8_VECTOR, DataType.BINARY_VECTOR])
def test_bytes_and_bits_are_lists_of_whole_numbers(data_type: DataType) -> None:
    field = Field("x", data_type, nullable=True, dim=16)
    width = 2 if data_type is DataType.BINARY_VECTOR else 16
    for kind in (pa.int64(), pa.uint8(), pa.int8()):
        read = _read(field, pa.array([[7] * width, [0] * width], pa.list_(kind)))
        assert [list(value) for value in read] == [[7] * width, [0] * width]
    for wrong, why in (([1.0] * width, "type_mismatch"), ([300] * width, "out_of_range")):
        with pytest.raises(InvalidInput) as caught:
            _read(field, pa.array([wrong]))
        assert caught.value.kind == why


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (pa.array([[1.0, 2.0], [1.0]]), "dimension_mismatch"),
        (pa.array([[1.0], [1.0, 2.0, 3.0]]), "dimension_mismatch"),
        (pa.array([[1.0, 2.0, 3.0]], pa.list_(pa.float32(), 3)), "dimension_mismatch"),
        (pa.array([[1.0, None]]), "type_mismatch"),
        (pa.array([["a", "b"]]), "type_mismatch"),
        (pa.array([[True, False]]), "type_mismatch"),
        (pa.array([b"12345678", b"1234567"]), "dimension_mismatch"),
        (pa.array([1.0, 2.0]), "type_mismatch"),
        (pa.array(["ab"]), "type_mismatch"),
        (pa.array([{"a": 1}]), "type_mismatch"),
    ],
)
def test_vectors_of_other_shapes_are_refused(given: pa.Array, kind: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _read(Field("x", DataType.FLOAT_VECTOR, dim=2), given)
    assert (caught.value.kind, caught.value.field) == (kind, "x")


def test_lists_whose_lengths_only_sum_up_right_are_refused() -> None:
    with pytest.raises(InvalidInput, match="1 elements, expected 2"):
        _read(Field("x", DataType.FLOAT_VECTOR, dim=2), pa.array([[1.0, 2.0, 3.0], [4.0]]).slice(0).take([1, 0]))


def test_matching_vectors_are_not_copied() -> None:
    matrix = np.ones((4, 16), np.float32)
    for kind in (pa.list_(pa.float32(), 16), pa.list_(pa.field("item", pa.float32(), nullable=False), 16)):
        table = pa.table({_FLOATS.name: pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), type=kind)})
        batch = batch_from_arrow(table, SCHEMA)
        assert np.shares_memory(dense_matrix(batch.column(0), _FLOATS), matrix)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), None])
def test_json_as_text_is_json_in_every_string_type(kind: pa.DataType | None) -> None:
    texts = pa.array(['{"a": [1]}', None, '"x"'])
    given = texts.dictionary_encode() if kind is None else texts.cast(kind)
    assert _read(_JSON, given) == [{"a": [1]}, None, "x"]


def test_json_as_structs_lists_and_numbers_is_their_value() -> None:
    assert _read(_JSON, pa.array([{"a": 1, "b": None}, None])) == [{"a": 1, "b": None}, None]
    assert _read(_JSON, pa.array([[1, 2], []])) == [[1, 2], []]
    assert _read(_JSON, pa.array([1.5, None])) == [1.5, None]
    with pytest.raises(InvalidInput, match="bytes are no JSON value"):
        _read(_JSON, pa.array([b"{}"]))
    with pytest.raises(InvalidInput, match="NaN"):
        _read(_JSON, pa.array([float("nan")]))


def test_sparse_vectors_are_maps_structs_or_lists_of_pairs() -> None:
    field = FIELD_OF[DataType.SPARSE_FLOAT_VECTOR]
    expected = [{1: 2.0, 5: 0.5}, None]
    as_map = pa.array([[(5, 0.5), (1, 2.0)], None], pa.map_(pa.int64(), pa.float64()))
    assert _read(field, as_map) == expected
    structs = [[{"index": 1, "value": 2.0}, {"index": 5, "value": 0.5}], None]
    assert _read(field, pa.array(structs)) == expected
    polars = table_of(pl.DataFrame({field.name: structs}))
    assert polars is not None
    assert _read(field, polars.column(0)) == expected
    for wrong in ([[{"index": -1, "value": 2.0}]], [[{"index": 1.5, "value": 2.0}]], [[{"index": "1", "value": "x"}]]):
        with pytest.raises(InvalidInput):
            _read(field, pa.array(wrong))
    assert _read(field, [scipy.sparse.csr_matrix([[0, 2.0, 0, 0, 0, 0.5]]), None]) == expected


def test_null_sparse_rows_with_elements_under_them_are_empty() -> None:
    """A foreign null row may cover elements; a search that saw them would find a row that has no vector."""
    field = FIELD_OF[DataType.SPARSE_FLOAT_VECTOR]
    full = column(field, [{1: 1.0}, {2: float("nan"), 3: 1.0}, {4: 1.0}])
    foreign = pa.Array.from_buffers(
        full.type, 3, [pa.py_buffer(bytes([0b101])), full.buffers()[1]], 1, children=[full.values]
    )
    batch = batch_from_mapping({field.name: foreign}, SCHEMA)
    assert np.diff(batch.column(0).offsets.to_numpy()).tolist() == [1, 0, 1]
    assert _read(field, foreign) == [{1: 1.0}, None, {4: 1.0}]


def _frame_rows() -> list[dict[str, Any]]:
    return [
        {"id": 1, "f_varchar": "é", "f_double": 0.5, "f_bool": True, "f_float_vector": [0.5] * 16, "f_int32": 7},
        {"id": 2, "f_varchar": None, "f_double": None, "f_bool": False, "f_float_vector": [2.0] * 16, "f_int32": None},
    ]


def test_a_pandas_frame() -> None:
    frame = pd.DataFrame(_frame_rows(), index=[7, 9])
    table = table_of(frame)
    assert table is not None
    assert rows_from_batch(batch_from_arrow(table, SCHEMA), SCHEMA.fields) == _frame_rows()
    frame["f_json"] = ['{"a":1}', None]
    frame["f_float_vector"] = [np.full(16, 0.5), np.full(16, 2.0, np.float32).astype(float)]
    table = table_of(frame)
    assert table is not None
    assert [row["f_json"] for row in rows_from_batch(batch_from_arrow(table, SCHEMA), SCHEMA.fields)] == [
        {"a": 1},
        None,
    ]


def test_a_polars_frame_also_after_vstack_and_slice() -> None:
    frame = pl.DataFrame(_frame_rows())
    twice = pl.concat([frame, frame], rechunk=False).slice(1, 2)
    for given, expected in ((frame, _frame_rows()), (twice, _frame_rows()[::-1])):
        table = table_of(given)
        assert table is not None
        assert rows_from_batch(batch_from_arrow(table, SCHEMA), SCHEMA.fields) == expected


def test_polars_arrays_structs_and_categories() -> None:
    frame = pl.DataFrame({"f_float_vector": [[1.0] * 16], "f_varchar": ["a"], "f_json": [{"a": [1, 2]}]}).cast(
        {"f_float_vector": pl.Array(pl.Float32, 16), "f_varchar": pl.Categorical}
    )
    table = table_of(frame)
    assert table is not None
    (row,) = rows_from_batch(batch_from_arrow(table, SCHEMA), SCHEMA.fields)
    assert row == {"f_float_vector": [1.0] * 16, "f_varchar": "a", "f_json": {"a": [1, 2]}}


def test_a_record_batch_is_a_table_and_other_things_are_not() -> None:
    batch = batch_from_rows([{"id": 1}], _CLOSED)
    table = table_of(batch)
    assert table is not None
    assert table.num_rows == 1
    assert table_of(table) is table
    for other in ([{"id": 1}], {"id": [1]}, np.ones(3), pd.Series([1]), pl.LazyFrame({"id": [1]}), None):
        assert table_of(other) is None


def test_a_mapping_of_lists_arrays_and_arrow_arrays() -> None:
    fields = ("id", "f_double", "f_varchar", "f_float_vector", "f_bool")
    data: dict[str, Any] = {
        "id": np.array([1, 2], np.int32),
        "f_double": [0.5, None],
        "f_varchar": pa.array(["a", "b"], pa.large_string()),
        "f_float_vector": np.ones((2, 16)),
        "f_bool": (True, None),
    }
    batch = batch_from_mapping(data, SCHEMA)
    assert batch.schema.equals(arrow_schema([SCHEMA.field(name) for name in fields]))
    assert batch.to_pylist()[1] == {
        "id": 2, "f_double": None, "f_varchar": "b", "f_float_vector": [1.0] * 16, "f_bool": None,
    }  # fmt: skip


def test_columns_have_one_length() -> None:
    _refused({"id": [1, 2], "a": [1]}, _OPEN, "row_count_mismatch", "columns differ in length: id 2, a 1")


@pytest.mark.parametrize("values", ["abc", b"abc", 5, None, {"a": 1}, iter([1]), np.array(5), scipy.sparse.eye(3)])
@pytest.mark.parametrize("name", ["id", "other"])
def test_what_is_no_column_is_refused(name: str, values: Any) -> None:
    _refused({name: values}, _OPEN, "type_mismatch", f"column '{name}' is a .*, expected a list or array")


def test_columns_have_names() -> None:
    _refused({5: [1]}, _OPEN, "type_mismatch", "column name 5 is no string")
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["id", "id"])
    with pytest.raises(InvalidInput, match="several columns called 'id'"):
        batch_from_arrow(table, _OPEN)


class TestDynamicKeys:
    """Columns that are no fields."""

    def _meta(self, data: dict[str, Any]) -> list[Any]:
        batch = batch_from_mapping(data, _OPEN)
        assert batch.schema.names.count("$meta") == 1
        return [json.loads(text) for text in batch.column("$meta").to_pylist()]

    def test_they_go_to_meta_row_by_row(self) -> None:
        given = {"id": [1, 2], "a": np.array([1, 2]), "b": pa.array(["x", None]), "c": [[1], {"d": None}]}
        expected: list[dict[str, Any]] = [{"a": 1, "b": "x", "c": [1]}, {"a": 2, "b": None, "c": {"d": None}}]
        assert self._meta(given) == expected
        frame = pl.DataFrame({"id": [1, 2], "a": [1, 2], "b": ["x", None], "c": [[1], [2]]})
        for table in (frame, frame.to_pandas()):
            made = table_of(table)
            assert made is not None
            read = batch_from_arrow(made, _OPEN).column("$meta").to_pylist()
            assert [json.loads(text) for text in read] == [expected[0], {**expected[1], "c": [2]}]

    @pytest.mark.parametrize("meta", [[{"k": 1}, {"a": 0}], pa.array(['{"k":1}', '{"a":0}'])])
    def test_they_stand_beside_those_given_as_meta(self, meta: Any) -> None:
        assert self._meta({"id": [1, 2], "$meta": meta, "a": [5, 6]}) == [{"k": 1, "a": 5}, {"a": 6}]

    def test_a_null_meta_is_no_keys(self) -> None:
        assert self._meta({"id": [1, 2], "$meta": [None, {"k": 1}], "a": [5, 6]}) == [{"a": 5}, {"a": 6, "k": 1}]

    def test_without_a_dynamic_field_they_are_refused(self) -> None:
        _refused({"id": [1], "a": [1]}, _CLOSED, "unknown_field", "column 'a' is no field of the schema")

    def test_values_that_json_cannot_hold_are_refused_by_row(self) -> None:
        _refused({"id": [1, 2], "a": np.array([1.0, float("nan")])}, _OPEN, "type_mismatch", "row 1 .*NaN")
        _refused({"id": [1, 2], "a": [1, object()]}, _OPEN, "type_mismatch", "row 1")
        _refused({"id": [1], "a": pa.array([b"x"])}, _OPEN, "type_mismatch", "bytes")

    def test_a_meta_that_is_no_object_is_refused(self) -> None:
        _refused({"id": [1], "$meta": [[1]], "a": [1]}, _OPEN, "invalid_value", "invalid JSON in row 0")
