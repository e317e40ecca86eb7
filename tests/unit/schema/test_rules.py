"""Every rule of a schema, at its boundaries; each message names the field."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from elanus.errors import InvalidInput
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.rules import check_schema
from elanus.schema.types import DENSE_FLOAT_VECTORS, VECTORS, DataType
from elanus.settings import Settings

_KEY = Field("id", DataType.INT64, is_primary=True)
_VECTOR = Field("v", DataType.FLOAT_VECTOR, dim=4)
_ELEMENTS = [DataType.BOOL, DataType.INT8, DataType.INT16, DataType.INT32, DataType.INT64, DataType.FLOAT]


def _check(*fields: Field, **options: Any) -> None:
    check_schema(Schema(fields, **options), Settings())


def _field(data_type: DataType, **options: Any) -> Field:
    """A valid field of a type, unless options spoil it."""
    if data_type is DataType.VARCHAR:
        options.setdefault("max_length", 8)
    elif data_type is DataType.ARRAY:
        options = {"element_type": DataType.INT64, "max_capacity": 4, **options}
    elif data_type.is_vector and data_type is not DataType.SPARSE_FLOAT_VECTOR:
        options.setdefault("dim", 16)
    return Field("x", data_type, **options)


def _refused(field: Field, expected: str, kind: str = "invalid_schema") -> None:
    others = [other for other in (_KEY, _VECTOR) if not (other is _KEY and field.is_primary)]
    with pytest.raises(InvalidInput, match=expected) as caught:
        _check(*others, field)
    assert (caught.value.kind, caught.value.field) == (kind, field.name)
    assert f"field {field.name!r}" in caught.value.message


def _accepted(field: Field) -> None:
    _check(*(other for other in (_KEY, _VECTOR) if not (other is _KEY and field.is_primary)), field)


_STORED = [item for item in DataType if item not in {DataType.TEXT, DataType.STRUCT}]


@pytest.mark.parametrize("data_type", _STORED)
def test_a_field_of_every_stored_type_may_be_nullable(data_type: DataType) -> None:
    _accepted(_field(data_type))
    _accepted(_field(data_type, nullable=True))


@pytest.mark.parametrize("data_type", [DataType.TEXT])
def test_types_that_are_not_stored_yet_are_said_so(data_type: DataType) -> None:
    _refused(Field("x", data_type), "is not supported yet", "not_supported")


def test_the_first_wrong_name_is_said() -> None:
    with pytest.raises(InvalidInput, match="invalid field name '1x'"):
        _check(_KEY, _VECTOR, Field("1x", DataType.INT8))
    with pytest.raises(InvalidInput, match=r"invalid field name '\$meta'"):
        _check(_KEY, _VECTOR, Field("$meta", DataType.JSON))


def test_a_name_is_used_once() -> None:
    with pytest.raises(InvalidInput, match="field 'v' is declared twice") as caught:
        _check(_KEY, _VECTOR, replace(_VECTOR, dim=8))
    assert caught.value.field == "v"


def test_there_is_exactly_one_primary_key() -> None:
    with pytest.raises(InvalidInput, match="exactly one primary key field, got none"):
        _check(_VECTOR)
    with pytest.raises(InvalidInput, match="exactly one primary key field, got id, other"):
        _check(_KEY, _VECTOR, replace(_KEY, name="other"))


@pytest.mark.parametrize("data_type", _STORED)
def test_the_primary_key_is_int64_or_varchar(data_type: DataType) -> None:
    field = _field(data_type, is_primary=True)
    if data_type in {DataType.INT64, DataType.VARCHAR}:
        _accepted(field)
        _accepted(replace(field, auto_id=True))
    else:
        _refused(field, f"is the primary key and a {data_type.label}, expected Int64 or VarChar")


def test_the_primary_key_is_never_null_nor_default() -> None:
    _refused(replace(_KEY, nullable=True), "is the primary key and cannot be nullable")
    _refused(replace(_KEY, default_value=1), "is the primary key and cannot have a default value")


def test_only_primary_keys_are_generated() -> None:
    _refused(_field(DataType.INT64, auto_id=True), "has auto_id but is not the primary key")


@pytest.mark.parametrize("data_type", _STORED)
def test_the_partition_key_is_int64_or_varchar(data_type: DataType) -> None:
    field = _field(data_type, is_partition_key=True)
    if data_type in {DataType.INT64, DataType.VARCHAR}:
        _accepted(field)
        _refused(replace(field, nullable=True), "is the partition key and cannot be nullable")
        _refused(replace(field, is_primary=True), "is the primary key and cannot be the partition key as well")
    else:
        _refused(field, f"is the partition key and a {data_type.label}, expected Int64 or VarChar")


@pytest.mark.parametrize("data_type", _STORED)
def test_the_clustering_key_has_an_order(data_type: DataType) -> None:
    field = _field(data_type, is_clustering_key=True)
    if data_type.is_number or data_type is DataType.VARCHAR:
        _accepted(field)
    else:
        _refused(field, f"is the clustering key and a {data_type.label}, expected a number or VarChar")


@pytest.mark.parametrize("option", ["is_partition_key", "is_clustering_key"])
def test_there_is_at_most_one_key_of_a_kind(option: str) -> None:
    what = option.removeprefix("is_").replace("_", " ")
    chosen: dict[str, Any] = {option: True}
    fields = [Field(name, DataType.INT64, **chosen) for name in ("a", "b")]
    with pytest.raises(InvalidInput, match=f"expected only one {what} field, got a, b"):
        _check(_KEY, _VECTOR, *fields)


@pytest.mark.parametrize("count", [64, 65])
def test_fields_are_at_most_64_without_the_dynamic_one(count: int) -> None:
    fields = [_KEY, _VECTOR, *(Field(f"f{number}", DataType.INT8) for number in range(count - 2))]
    if count == 64:
        _check(*fields, enable_dynamic_field=True)
    else:
        with pytest.raises(InvalidInput, match="65 fields are too many, expected at most 64"):
            _check(*fields)


def test_vector_fields_are_one_to_four_unless_settings_say_more() -> None:
    with pytest.raises(InvalidInput, match="at least one vector field"):
        _check(_KEY)
    vectors = [replace(_VECTOR, name=f"v{number}") for number in range(5)]
    _check(_KEY, *vectors[:4])
    with pytest.raises(InvalidInput, match="5 vector fields are too many, expected at most 4"):
        _check(_KEY, *vectors)
    check_schema(Schema((_KEY, *vectors)), Settings(vector_field_count_max=5))


@pytest.mark.parametrize(
    ("data_type", "lowest", "highest", "step"),
    [
        *((item, 2, 32_768, 1) for item in sorted(VECTORS) if item not in {100, 104}),
        (DataType.BINARY_VECTOR, 8, 262_144, 8),
    ],
)
def test_dimensions_have_bounds(data_type: DataType, lowest: int, highest: int, step: int) -> None:
    wrong: list[Any] = [0, -8, lowest - step, highest + step, True, "8", 8.0]
    for dim in (lowest, lowest + step, highest):
        _accepted(_field(data_type, dim=dim))
    for value in wrong:
        _refused(_field(data_type, dim=value), f"has dim {value!r}, expected {lowest} to {highest}")
    _refused(Field("x", data_type), "needs dim")


@pytest.mark.parametrize("dim", [9, 12, 15, 17])
def test_binary_dimensions_fill_bytes(dim: int) -> None:
    _refused(_field(DataType.BINARY_VECTOR, dim=dim), f"has dim {dim}, expected a multiple of 8")


_WITHOUT_DIM = [item for item in _STORED if not item.is_vector] + [DataType.SPARSE_FLOAT_VECTOR]


@pytest.mark.parametrize("data_type", _WITHOUT_DIM)
def test_other_types_have_no_dimension(data_type: DataType) -> None:
    _refused(_field(data_type, dim=8), f"has a dim, but a {data_type.label} has none")


def test_string_lengths_have_bounds() -> None:
    for length in (1, 65_535, None):
        _accepted(_field(DataType.VARCHAR, max_length=length))
        _accepted(_field(DataType.ARRAY, element_type=DataType.VARCHAR, max_length=length))
    wrong: list[Any] = [0, -1, 65_536, "8", True]
    for value in wrong:
        _refused(_field(DataType.VARCHAR, max_length=value), f"has max_length {value!r}, expected 1 to 65535")
        _refused(_field(DataType.ARRAY, element_type=DataType.VARCHAR, max_length=value), "has max_length")


def test_capacities_have_bounds() -> None:
    for capacity in (1, 4096):
        _accepted(_field(DataType.ARRAY, max_capacity=capacity))
    wrong: list[Any] = [0, -1, 4097, 1.0]
    for value in wrong:
        _refused(_field(DataType.ARRAY, max_capacity=value), f"has max_capacity {value}, expected 1 to 4096")
    _refused(_field(DataType.ARRAY, max_capacity=None), "needs max_capacity")


@pytest.mark.parametrize("element", [None, *DataType])
def test_arrays_hold_scalars(element: DataType | None) -> None:
    field = _field(DataType.ARRAY, element_type=element)
    if element in {*_ELEMENTS, DataType.DOUBLE, DataType.VARCHAR}:
        _accepted(field)
    elif element is DataType.STRUCT:
        _refused(field, "is an array of structs without fields")
    else:
        _refused(field, "has element type")


def _structs(*members: Field, **options: Any) -> Field:
    return Field(
        "x", DataType.ARRAY, **{"element_type": DataType.STRUCT, "max_capacity": 4, "struct_fields": members, **options}
    )


@pytest.mark.parametrize("inner", _STORED)
def test_structs_hold_scalars_and_dense_vectors(inner: DataType) -> None:
    field = _structs(Field("a", DataType.INT8), replace(_field(inner), name="b"))
    if inner in {*_ELEMENTS, DataType.DOUBLE, DataType.VARCHAR, DataType.BINARY_VECTOR, *DENSE_FLOAT_VECTORS}:
        _accepted(field)
        _accepted(replace(field, nullable=True))
    else:
        with pytest.raises(InvalidInput, match=r"'x\[b\]' is a .*; structs hold Bool, numbers, VarChar"):
            _accepted(field)


@pytest.mark.parametrize(
    ("field", "told"),
    [
        (_structs(Field("a", DataType.INT8), Field("a", DataType.INT8)), "has 'a' twice in its structs"),
        (_structs(Field("1a", DataType.INT8)), "invalid field name '1a'"),
        (_structs(Field("a", DataType.INT64, is_primary=True)), r"'x\[a\]' is in a struct and cannot be a key"),
        (_structs(Field("a", DataType.INT64, nullable=True)), r"'x\[a\]' is in a struct and can be neither nullable"),
        (_structs(Field("a", DataType.INT64, default_value=1)), r"'x\[a\]' is in a struct and can be neither nullable"),
        (_structs(Field("a", DataType.FLOAT_VECTOR)), r"'x\[a\]' needs dim"),
        (_structs(Field("a", DataType.INT8), max_capacity=None), "needs max_capacity"),
        (_structs(Field("a", DataType.INT8), max_capacity=5000), "has max_capacity 5000, expected 1 to 4096"),
        (_structs(Field("a", DataType.INT8), element_type=DataType.INT8), "has fields of a struct, but is a"),
        (Field("x", DataType.STRUCT), "is a Struct, which stands only in an array"),
    ],
)
def test_structs_that_are_refused(field: Field, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        _accepted(field)


def test_vectors_in_structs_count_as_vector_fields() -> None:
    vectors = [Field(f"v{number}", DataType.FLOAT_VECTOR, dim=4) for number in range(4)]
    with pytest.raises(InvalidInput, match="5 vector fields are too many"):
        _check(_KEY, _VECTOR, _structs(*vectors))
    _check(_KEY, _VECTOR, _structs(*vectors[:3]))
    _check(_KEY, _structs(*vectors[:1]))


def test_fields_in_structs_have_ids_of_their_own() -> None:
    schema = Schema((_KEY, _structs(Field("a", DataType.INT8), Field("b", DataType.INT8)), _VECTOR)).with_ids()
    assert [[item.field_id, *(inner.field_id for inner in item.struct_fields)] for item in schema.fields] == [
        [100],
        [101, 102, 103],
        [104],
    ]
    assert schema.field_id_max == 104
    assert schema.without_ids().with_ids() == schema


_SMALL = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}


@pytest.mark.parametrize("data_type", sorted(_SMALL))
def test_whole_number_defaults_fit_their_type(data_type: DataType) -> None:
    half = 1 << (_SMALL[data_type] - 1)
    for value in (-half, 0, half - 1):
        _accepted(_field(data_type, default_value=value))
    wrong: list[Any] = [-half - 1, half, True, 1.0, "1", np.int64(1)]
    for refused in wrong:
        _refused(_field(data_type, default_value=refused), "has default value .*, expected a Int")


@pytest.mark.parametrize(
    ("data_type", "fine", "wrong"),
    [
        (DataType.BOOL, [True, False], [0, 1, "true", np.True_]),
        (DataType.FLOAT, [0, -1.5, 1 << 24, 3.4e38], [(1 << 24) + 1, 3.5e38, 1e300, 10**400]),
        (DataType.FLOAT, [], [float("nan"), float("inf"), True, "1", np.float64(1)]),
        (DataType.DOUBLE, [0, 1e308, 1 << 53, -(1 << 53)], [(1 << 53) + 1, 10**400]),
        (DataType.DOUBLE, [], [float("nan"), float("-inf"), False, np.float64(1)]),
        (DataType.VARCHAR, ["", "eight bt", "éééé"], ["nine byte", "ééééx", 1, b"x", "\ud800", np.str_("x")]),
    ],
)
def test_defaults_are_values_the_field_can_hold(data_type: DataType, fine: list[Any], wrong: list[Any]) -> None:
    for value in fine:
        _accepted(_field(data_type, default_value=value))
    for value in wrong:
        _refused(_field(data_type, default_value=value), "has default value .*, expected a ")


@pytest.mark.parametrize("data_type", [DataType.JSON, DataType.ARRAY, *sorted(VECTORS)])
def test_types_without_a_default(data_type: DataType) -> None:
    _refused(_field(data_type, default_value=[1.0]), "has a default value, but a .* cannot have one")


def test_a_dynamic_field_is_made_by_the_schema_only() -> None:
    _check(_KEY, _VECTOR, enable_dynamic_field=True)
    for field in (
        Field("x", DataType.INT64, is_dynamic=True),
        Field("x", DataType.JSON, is_dynamic=True),
        Field("$meta", DataType.INT64, is_dynamic=True),
        Field("$meta", DataType.JSON, is_dynamic=True),
    ):
        with pytest.raises(InvalidInput, match="is marked dynamic; set enable_dynamic_field"):
            _check(_KEY, _VECTOR, field)
    two = (_KEY, _VECTOR, *(Field("$meta", DataType.JSON, is_dynamic=True) for _ in range(2)))
    with pytest.raises(InvalidInput, match="is marked dynamic"):
        _check(*two, enable_dynamic_field=True)
