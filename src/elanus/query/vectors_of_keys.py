"""The vectors of stored rows, as what a search looks for."""

from typing import Any

import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.check import check_keys
from elanus.columns.numbers import number_values
from elanus.columns.taking import take_rows
from elanus.columns.vectors import SparseRows, dense_matrix, sparse_rows
from elanus.errors import InvalidInput
from elanus.query.output import fetch_column
from elanus.query.plan import Scope
from elanus.query.retrieve import retrieve
from elanus.query.view import ReadView
from elanus.schema.field import Field
from elanus.schema.types import DataType

__all__ = ["vectors_of_keys"]


def vectors_of_keys(view: ReadView, field: Field, ids: pa.Array) -> npt.NDArray[Any] | SparseRows:
    """The vectors of a field in the rows of some primary keys, one a key in their order; a copy.

    Raises:
        InvalidInput: keys of the wrong type, a key that no row has, a row without a vector, or a member of structs.
    """
    if "[" in field.name:
        raise InvalidInput("not_supported", f"{field.name!r} has many vectors a row; search it with vectors, not keys")
    check_keys(view.primary_field, ids)
    rows = retrieve(Scope(view.segments, None), view.primary_field, ids=ids)
    places = pc.index_in(ids, rows.keys)
    if places.null_count:
        missing = ids.filter(places.is_null())[0].as_py()
        raise InvalidInput("invalid_argument", f"there is no row with the primary key {missing!r} to search with")
    column = take_rows(fetch_column(rows.found, field), number_values(places).astype("int64"))
    if column.null_count:
        missing = ids.filter(column.is_null())[0].as_py()
        raise InvalidInput("invalid_argument", f"the row with the primary key {missing!r} has no {field.name!r}")
    return sparse_rows(column) if field.data_type is DataType.SPARSE_FLOAT_VECTOR else dense_matrix(column, field)
