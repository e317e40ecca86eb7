"""Columns of JSON texts as typed columns, made by the kernel that reads them: for sources that have text only.

One pass over the texts for all paths of a field. Arrays and objects as such, and rows the kernel does not read, are
left to `json_paths`, which makes Python values of them.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.columns.json_values import (
    ARRAY,
    BOOL,
    DOUBLE,
    INTEGER,
    OBJECT,
    STRING,
    JsonElements,
    JsonValues,
    ValuePath,
    inside_arrays,
)
from elanus.columns.texts import text_layout
from elanus.kernels.json_texts import JsonColumn, JsonPathColumn, json_values

__all__ = ["columns_of_texts"]


def columns_of_texts(column: pa.Array, paths: Sequence[ValuePath]) -> dict[ValuePath, JsonValues]:
    """The values at each path of a JSON column; a null row has none. Strings may be views of what the kernel made."""
    keys = [_leading_keys(path) for path in paths]
    columns, unread = json_values(
        *text_layout(column), [tuple(key.encode() for key in path) for path in keys], valid=_valid_words(column)
    )
    return {
        path: inside_arrays(_path_values(found, unread), path[len(leading) :])
        for path, leading, found in zip(paths, keys, columns, strict=True)
    }


def _valid_words(column: pa.Array) -> npt.NDArray[np.uint64] | None:
    bitmap = column.buffers()[0]
    if column.null_count == 0 or bitmap is None:
        return None
    return Bitset.from_packed(np.frombuffer(bitmap, np.uint8), offset=column.offset, size=len(column)).words


def _leading_keys(path: ValuePath) -> tuple[str, ...]:
    keys: list[str] = []
    for step in path:
        if isinstance(step, int):
            break
        keys.append(step)
    return tuple(keys)


def _path_values(column: JsonPathColumn, unread: npt.NDArray[np.int64]) -> JsonValues:
    values = _values(column.values)
    elements = JsonElements(column.offsets, _values(column.elements)) if ARRAY in values.present else None
    return replace(values, elements=elements, text_rows=unread)


def _values(column: JsonColumn) -> JsonValues:
    counts = np.bincount(column.kinds, minlength=OBJECT + 1)
    strings = None
    if counts[STRING]:
        buffers = [None, pa.py_buffer(column.offsets), pa.py_buffer(column.data)]
        strings = pa.Array.from_buffers(pa.string(), len(column.kinds), buffers, 0)
    return JsonValues(
        column.kinds,
        column.bits if counts[INTEGER] else None,
        column.bits.view(np.float64) if counts[DOUBLE] else None,
        column.bits != 0 if counts[BOOL] else None,
        strings,
        present=frozenset(np.flatnonzero(counts).tolist()),
    )
