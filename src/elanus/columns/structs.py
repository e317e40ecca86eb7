"""Columns of arrays of structs: from lists of dicts and back, and one member of all structs as an array column."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.layout import arrow_type
from elanus.columns.numbers import boolean_values, number_values
from elanus.errors import InvalidInput
from elanus.schema.field import Field

__all__ = [
    "element_offsets",
    "element_places",
    "member_elements",
    "struct_column",
    "struct_member",
    "struct_rows",
    "vector_column",
    "with_members",
]


def struct_column(field: Field, values: Sequence[Any], make: Callable[[Field, Sequence[Any]], pa.Array]) -> pa.Array:
    """A column from one list of dicts a row; None is null.

    Args:
        field: an array of structs.
        values: the rows.
        make: gives the column of one member from its values.

    Raises:
        InvalidInput: a value that is no list of dicts with exactly the members, with its row.
    """
    names = {inner.name for inner in field.struct_fields}
    elements: list[Mapping[str, Any]] = []
    offsets = np.zeros(len(values) + 1, np.int32)
    for row, value in enumerate(values):
        for element in _elements(field, row, value):
            # `in` would compare values, which arrays of numbers do element by element.
            is_whole = isinstance(element, Mapping) and all(value is not None for value in element.values())
            if not is_whole or element.keys() != names:
                raise _wrong_element(field, row, element, names)
            elements.append(element)
        offsets[row + 1] = len(elements)
    members = []
    for inner in field.struct_fields:
        try:
            members.append(make(inner, [element[inner.name] for element in elements]))
        except InvalidInput as error:
            row = 0 if error.row is None else int(np.searchsorted(offsets, error.row, "right")) - 1
            told = error.message.replace(f" in row {error.row}", "").replace(f" (row {error.row})", "")
            raise InvalidInput(
                error.kind,
                f"field {field.name!r} has a wrong {inner.name!r} in row {row}: {told}",
                field=field.name,
                row=row,
            ) from None
    column_type = arrow_type(field)
    structs = pa.StructArray.from_arrays(members, fields=list(column_type.value_type))
    return _lists(column_type, offsets, structs, null=np.array([value is None for value in values], np.bool_))


def struct_rows(column: pa.Array, field: Field, read: Callable[[pa.Array, Field], list[Any]]) -> list[Any]:
    """One list of dicts a row, None where it is null; `read` gives the values of one member."""
    members = [
        read(member, inner) for inner, member in zip(field.struct_fields, column.flatten().flatten(), strict=True)
    ]
    names = [inner.name for inner in field.struct_fields]
    elements = [dict(zip(names, element, strict=True)) for element in zip(*members, strict=True)]
    rows: list[Any] = []
    position = 0
    for length in column.value_lengths().to_pylist():
        rows.append(None if length is None else elements[position : position + length])
        position += length or 0
    return rows


def struct_member(column: pa.Array, name: str) -> pa.Array:
    """One member of all structs as an array column with the same nulls, sharing memory."""
    place = column.type.value_type.get_field_index(name)
    return _over(column, column.values.flatten()[place])


def vector_column(column: Callable[[str], pa.Array], field: Field) -> pa.Array:
    """The vectors of a vector field: one a row, or of a member, `array[member]`, one an element of all rows.

    `column` gives a column by its name.
    """
    array, _, member = field.name.removesuffix("]").partition("[")
    return member_elements(column(array), member) if member else column(field.name)


def member_elements(column: pa.Array, name: str) -> pa.Array:
    """One member of all structs in all rows, end to end; shares memory."""
    lists = struct_member(column, name)
    bounds = number_values(lists.offsets)
    start, stop = (int(bounds[0]), int(bounds[-1])) if len(bounds) else (0, 0)
    if lists.null_count and int(element_offsets(column)[-1]) != stop - start:
        return lists.flatten()
    return lists.values.slice(start, stop - start)


def element_offsets(column: pa.Array) -> npt.NDArray[np.int64]:
    """Where each row's elements begin and end in `member_elements`: one more than rows, from 0; null rows have none."""
    if len(column) == 0:
        return np.zeros(1, np.int64)
    bounds: npt.NDArray[np.int64] = number_values(column.offsets).astype(np.int64)
    if column.null_count == 0:
        bounds -= bounds[0]
        return bounds
    lengths = np.diff(bounds)
    lengths[~boolean_values(column.is_valid())] = 0
    np.cumsum(lengths, out=bounds[1:])
    bounds[0] = 0
    return bounds


def element_places(
    column: pa.Array, elements: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The row that each of some elements is in, and its place there from 0; elements count as in `member_elements`."""
    if column.null_count:
        bounds: npt.NDArray[np.integer] = element_offsets(column)
    else:
        # The column's own offsets, which are many, serve as they are.
        bounds = number_values(column.offsets)
    begins = elements + int(bounds[0])
    # Of rows that begin at the same element all but the last are empty.
    rows = np.searchsorted(bounds, begins.astype(bounds.dtype), side="right") - 1
    return rows, begins - bounds[rows]


def with_members(column: pa.Array, field: Field) -> pa.Array:
    """The column with only the members that `field` has, in its order, sharing memory."""
    column_type = arrow_type(field)
    if column.type.equals(column_type):
        return column
    places = [column.type.value_type.get_field_index(inner.name) for inner in field.struct_fields]
    members = column.values.flatten()
    structs = pa.StructArray.from_arrays([members[place] for place in places], fields=list(column_type.value_type))
    return _over(column, structs)


def _over(column: pa.Array, values: pa.Array) -> pa.Array:
    """The lists of a column over other elements."""
    kind = pa.list_(pa.field("item", values.type, nullable=False))
    return pa.Array.from_buffers(
        kind, len(column), column.buffers()[:2], column.null_count, offset=column.offset, children=[values]
    )


def _lists(column_type: pa.DataType, offsets: Any, structs: pa.Array, *, null: Any) -> pa.Array:
    bitmap = pa.py_buffer(np.packbits(~null, bitorder="little")) if null.any() else None
    return pa.Array.from_buffers(
        column_type, len(null), [bitmap, pa.py_buffer(offsets)], int(null.sum()), children=[structs]
    )


def _elements(field: Field, row: int, value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise InvalidInput(
            "type_mismatch",
            f"field {field.name!r} got a {type(value).__name__} in row {row}, expected a list of dicts",
            field=field.name,
            row=row,
        )
    return value


def _wrong_element(field: Field, row: int, element: Any, names: set[str]) -> InvalidInput:
    expected = ", ".join(sorted(names))
    if not isinstance(element, Mapping):
        told = f"an element that is a {type(element).__name__}, expected a dict of {expected}"
    elif element.keys() == names:
        empty = sorted(name for name, value in element.items() if value is None)
        told = f"an element without a value for {empty[0]!r}; only the whole array may be null"
    else:
        got = ", ".join(sorted(map(str, element))) or "nothing"
        told = f"an element with {got}, expected {expected}"
    return InvalidInput("type_mismatch", f"field {field.name!r} has {told}, in row {row}", field=field.name, row=row)
