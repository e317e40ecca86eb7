"""What is in a column of JSON texts: which paths of keys there are, and the values at some of them.

Texts are in Arrow's layout: text i is bytes `offsets[i]` to `offsets[i + 1]` (exclusive) of `data`. A path is a tuple
of keys (UTF-8 bytes) from the outermost object inward; () is the whole value. Kinds are numbered as in `KINDS`.

A row is *unread*, and has no value anywhere, if its text is no JSON (RFC 8259), has a key twice in an object on a path,
half a surrogate pair, more than 256 levels or an integer of more than 4300 digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import Words
from elanus.kernels.loader import active

__all__ = ["KINDS", "JsonColumn", "JsonPath", "JsonPathColumn", "JsonPathFacts", "json_paths", "json_values"]

JsonPath = tuple[bytes, ...]

KINDS: Final = ("missing", "null", "boolean", "integer", "real", "big_integer", "string", "array", "object")
"""A kind is its place in here. A big integer does not fit 64 bits; a real has a point or an exponent."""


@dataclass(frozen=True, slots=True, eq=False)
class JsonPathFacts:
    """One path of a column.

    Attributes:
        counts: the rows by kind of their value; `missing` is not counted.
        is_open: some object here has a key of which nothing is told.
        rows: the rows that have a value here, int64, ascending; None when they are more than was asked for.
    """

    path: JsonPath
    counts: tuple[int, ...]
    is_open: bool
    rows: npt.NDArray[np.int64] | None


@dataclass(frozen=True, slots=True, eq=False)
class JsonColumn:
    """Values one after another.

    Attributes:
        kinds: uint8 a value.
        bits: int64 a value: an integer, 0 or 1 for a boolean, the bits of the double for a real; 0 for others.
        offsets: int32, one more than values: the strings in `data`, empty for other kinds.
        data: uint8, UTF-8.
    """

    kinds: npt.NDArray[np.uint8]
    bits: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int32]
    data: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class JsonPathColumn:
    """The values at a path, one a row, and the elements of those that are arrays.

    Attributes:
        offsets: int32, one more than rows: the elements of a row's array; none for other kinds.
        elements: of the arrays; nested arrays and objects have their kind only.
    """

    values: JsonColumn
    offsets: npt.NDArray[np.int32]
    elements: JsonColumn


def json_paths(
    offsets: npt.NDArray[np.int32],
    data: npt.NDArray[np.uint8],
    *,
    valid: Words | None = None,
    path_count_max: int,
    depth_max: int,
    key_bytes_max: int,
    row_count_max: int,
) -> tuple[list[JsonPathFacts], npt.NDArray[np.int64]]:
    """The paths of the texts, each after those it goes on from, beginning with (); and the unread rows.

    Args:
        offsets: of the texts, int32, one more than rows.
        data: the bytes of all texts, uint8.
        valid: the rows to look at; None for all.
        path_count_max: how many paths, () aside, are told; of others only that there are some (`is_open`).
        depth_max: the longest path told.
        key_bytes_max: the longest key told.
        row_count_max: rows of a path are told while they are at most so many.

    Raises:
        TypeError: a wrong dtype.
        ValueError: offsets that descend or leave the data, a negative limit.
    """
    raw, unread = active.backend.json_paths(
        offsets, data, valid, path_count_max, depth_max, key_bytes_max, row_count_max
    )
    facts: list[JsonPathFacts] = []
    for parent, key, counts, is_open, rows in raw:
        path = () if parent < 0 else (*facts[parent].path, key)
        facts.append(JsonPathFacts(path, counts, is_open, rows))
    return facts, unread


def json_values(
    offsets: npt.NDArray[np.int32],
    data: npt.NDArray[np.uint8],
    paths: Sequence[JsonPath],
    *,
    valid: Words | None = None,
) -> tuple[list[JsonPathColumn], npt.NDArray[np.int64]]:
    """The values at each path (a copy), and the unread rows.

    Raises:
        TypeError: a wrong dtype, or paths that are not of bytes.
        ValueError: offsets that descend or leave the data.
    """
    raw, unread = active.backend.json_values(offsets, data, valid, list(paths))
    columns = [JsonPathColumn(JsonColumn(*values), starts, JsonColumn(*elements)) for values, starts, elements in raw]
    return columns, unread
