"""Query vectors as users write them, into the arrays a search takes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from elanus.columns.values import column_from_ndarray, column_from_values
from elanus.columns.vectors import SparseRows, VectorLists, dense_matrix, element_dtype, sparse_rows
from elanus.errors import InvalidInput
from elanus.schema.field import Field
from elanus.schema.types import DataType

__all__ = ["member_queries", "query_vectors"]


def query_vectors(field: Field, vectors: Any) -> tuple[npt.NDArray[Any] | SparseRows, bool]:
    """The vectors as rows of the field's type, and whether there was a single one.

    A single vector is a list of numbers, a one-dimensional array, bytes, or for sparse fields a dict; many are a list
    or matrix of such.

    Raises:
        InvalidInput: they do not fit the field.
    """
    if field.data_type is DataType.SPARSE_FLOAT_VECTOR:
        is_matrix = hasattr(vectors, "tocoo")
        single = isinstance(vectors, Mapping) or (is_matrix and (len(vectors.shape) == 1 or vectors.shape[0] == 1))
        if not (single or is_matrix or isinstance(vectors, Sequence | np.ndarray)) or isinstance(vectors, str | bytes):
            raise _no_vectors(field, vectors)
        rows = [vectors] if single else list(vectors)
        return sparse_rows(column_from_values(field, rows)), single
    if isinstance(vectors, bytes | bytearray | memoryview):
        return dense_matrix(column_from_values(field, [bytes(vectors)]), field), True
    if isinstance(vectors, np.ndarray):
        single = vectors.ndim == 1
        matrix = vectors.reshape(1, -1) if single else vectors
        if matrix.dtype == element_dtype(field.data_type) and matrix.ndim == 2 and matrix.flags.c_contiguous:
            return matrix, single
        return dense_matrix(column_from_ndarray(field, matrix), field), single
    if not isinstance(vectors, Sequence) or isinstance(vectors, str) or len(vectors) == 0:
        raise _no_vectors(field, vectors)
    single = not isinstance(vectors[0], Sequence | np.ndarray | bytes | bytearray)
    rows = [vectors] if single else list(vectors)
    return dense_matrix(column_from_values(field, rows), field), single


def member_queries(field: Field, vectors: Any) -> tuple[npt.NDArray[Any] | SparseRows | VectorLists, bool]:
    """What a vector member of an array of structs is searched with, and whether it was a single query.

    One vector for elements, or for rows a list of vectors or many such lists.

    Raises:
        InvalidInput: they do not fit the field.
    """
    if isinstance(vectors, np.ndarray):
        is_vector = vectors.ndim == 1
    elif isinstance(vectors, Sequence) and not isinstance(vectors, str | bytes | bytearray):
        is_vector = len(vectors) > 0 and isinstance(vectors[0], int | float | np.number)
    else:
        is_vector = isinstance(vectors, bytes | bytearray)
    return query_vectors(field, vectors) if is_vector else _query_lists(field, vectors)


def _query_lists(field: Field, lists: Any) -> tuple[VectorLists, bool]:
    """Lists of vectors for a vector member of an array of structs, and whether there was a single list.

    A list is what many vectors are to `query_vectors`; many lists are a list or array of such.

    Raises:
        InvalidInput: they do not fit the field.
    """
    first = lists[0] if isinstance(lists, Sequence | np.ndarray) and len(lists) and not isinstance(lists, str) else None
    if not isinstance(first, Sequence | np.ndarray) or isinstance(first, str) or len(first) == 0:
        raise InvalidInput(
            "type_mismatch", f"field {field.name!r} is searched with a list of vectors, or many lists", field=field.name
        )
    single = isinstance(first, bytes) or not isinstance(first[0], Sequence | np.ndarray | bytes)
    matrices = [query_vectors(field, one)[0] for one in ([lists] if single else lists)]
    dense = [matrix for matrix in matrices if isinstance(matrix, np.ndarray)]
    offsets = np.concatenate(([0], np.cumsum([len(matrix) for matrix in dense])))
    return VectorLists(offsets, np.ascontiguousarray(np.concatenate(dense))), single


def _no_vectors(field: Field, vectors: Any) -> InvalidInput:
    got = "empty" if isinstance(vectors, Sequence) and len(vectors) == 0 else f"a {type(vectors).__name__}"
    return InvalidInput(
        "type_mismatch",
        f"query vectors are {got}, expected one {field.type_label()}, or a list or NumPy matrix of them",
        field=field.name,
    )
