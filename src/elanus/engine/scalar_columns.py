"""What a scalar index is built over: a field's column, or the values at a path inside a JSON field."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.bitset import Bitset
from elanus.columns.geometries import geometry_boxes
from elanus.expr import variants
from elanus.expr.bound import JsonPath
from elanus.expr.json_index_paths import index_path
from elanus.expr.operand_reader import OperandReader
from elanus.expr.primitives import validity
from elanus.expr.source import ColumnSource
from elanus.expr.variants import Variants
from elanus.index.scalar.protocol import RowSets, ScalarColumn
from elanus.schema.collection import IndexDefinition, Schema
from elanus.schema.types import DataType

__all__ = ["WHOLE_VALUE_CAST", "definition_path", "is_built", "scalar_column"]

WHOLE_VALUE_CAST: Final = "JSON"
"""The cast of an index on whole JSON values: it has no files, filters scan."""


def is_built(schema: Schema, definition: IndexDefinition) -> bool:
    """Whether segments have files of the index.

    Those on whole JSON values, for lists of vectors, and on members of structs that are no vectors have none: what they
    are for is done by scanning.
    """
    field = schema.find_indexed(definition.field_name)
    if field is None or (definition.metric is not None and definition.metric.is_of_lists):
        return False
    if not field.is_vector and schema.struct_member(definition.field_name) is not None:
        return False
    cast = definition.params.get("json_cast_type")
    return field.data_type is not DataType.JSON or (cast is not None and cast != WHOLE_VALUE_CAST)


def definition_path(schema: Schema, definition: IndexDefinition) -> JsonPath | None:
    """The path an index is on; None when its field is not JSON, or nothing is cast.

    Raises:
        InvalidInput: the definition names no path.
    """
    field = schema.find_indexed(definition.field_name)
    if field is None or field.data_type is not DataType.JSON or "json_cast_type" not in definition.params:
        return None
    return index_path(str(definition.params.get("json_path", definition.field_name)), schema, field.name)


def scalar_column(schema: Schema, definition: IndexDefinition, source: ColumnSource) -> ScalarColumn:
    """The values to index, for every row of a source.

    Raises:
        DataCorrupt: a JSON column holds what is not JSON.
    """
    path = definition_path(schema, definition)
    if path is None:
        array = source.column(definition.field_name)
        known = validity(array)
        absent = None if known is None else ~known
        field = schema.find(definition.field_name)
        if field is None or field.data_type is not DataType.GEOMETRY:
            return ScalarColumn(array, RowSets(len(array), absent=absent))
        boxes = geometry_boxes(array)
        return ScalarColumn(boxes, RowSets(len(array), absent=absent, others=_unboxed(boxes, known)))
    values = OperandReader(source, {path.name: [path.steps]}).variants(path)
    array = _CASTS[str(definition.params["json_cast_type"])](values)
    absent = ~values.known()
    indexed = validity(array)
    others = None if indexed is None else (~indexed).minus(absent)
    documents = None if path.is_dynamic else validity(source.column(path.name))
    return ScalarColumn(
        array,
        RowSets(
            values.row_count,
            absent=absent,
            others=others,
            missing=values.rows_of(variants.MISSING),
            null_documents=None if documents is None else ~documents,
        ),
    )


def _unboxed(boxes: pa.Array, known: Bitset | None) -> Bitset | None:
    """The rows with a geometry that have no box."""
    if boxes.null_count == 0:
        return None
    missing = Bitset.from_bool(boxes.is_null().to_numpy(zero_copy_only=False))
    return missing if known is None else missing & known


def _truths(values: Variants) -> pa.Array:
    if values.truths is None:
        return pa.nulls(values.row_count, pa.bool_())
    return pa.array(values.truths, mask=values.kinds != variants.BOOL)


def _doubles(values: Variants) -> pa.Array:
    """The numbers that are doubles exactly."""
    numbers = np.zeros(values.row_count, np.float64)
    held = np.zeros(values.row_count, np.bool_)
    if values.integers is not None:
        rounded = values.integers.astype(np.float64)
        # 2**63 is a double that no int64 is; the largest integers round up to it.
        small = rounded < 2.0**63
        exact = np.where(small, rounded, 0.0).astype(np.int64) == values.integers
        held |= (values.kinds == variants.INTEGER) & small & exact
        numbers = np.where(held, rounded, numbers)
    if values.doubles is not None:
        here = (values.kinds == variants.DOUBLE) & ~np.isnan(values.doubles)
        held |= here
        numbers = np.where(here, values.doubles, numbers)
    return pa.array(numbers, mask=~held)


def _strings(values: Variants) -> pa.Array:
    if values.strings is None:
        return pa.nulls(values.row_count, pa.string())
    strings = values.strings
    if pa.types.is_dictionary(strings.type):
        strings = strings.dictionary_decode()
    return pc.if_else(pa.array(values.kinds == variants.STRING), strings, pa.scalar(None, pa.string()))


def _lists(
    values: Variants, element_type: pa.DataType, holds: Callable[[Any], bool], convert: Callable[[Any], Any]
) -> pa.Array:
    """The arrays all of whose elements an index holds, converted."""
    held: npt.NDArray[np.object_] = np.full(values.row_count, None, np.object_)
    rows = np.flatnonzero(values.kinds == variants.ARRAY)
    for row, elements in zip(rows.tolist(), values.objects_at(rows), strict=True):
        if all(map(holds, elements)):
            held[row] = list(map(convert, elements))
    return pa.array(held.tolist(), pa.list_(element_type))


def _is_text(value: Any) -> bool:
    """JSON can spell half of a surrogate pair, which no column of strings can hold."""
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _is_double(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return int(float(value)) == value if isinstance(value, int) else value == value  # noqa: PLR0124  not NaN
    except OverflowError:
        return False


_CASTS: Final[dict[str, Callable[[Variants], pa.Array]]] = {
    "BOOL": _truths,
    "DOUBLE": _doubles,
    "VARCHAR": _strings,
    "ARRAY_BOOL": lambda values: _lists(values, pa.bool_(), lambda value: isinstance(value, bool), bool),
    "ARRAY_DOUBLE": lambda values: _lists(values, pa.float64(), _is_double, float),
    "ARRAY_VARCHAR": lambda values: _lists(values, pa.string(), _is_text, str),
}
