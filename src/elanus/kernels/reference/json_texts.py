"""Paths and values of JSON texts by Python's own decoder."""

import json
import struct
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from elanus.kernels.backend import RawJsonColumn, RawJsonFacts, RawJsonPathColumn, Rows, Words
from elanus.kernels.reference.arguments import mask_of
from elanus.kernels.reference.strings import rows_of

__all__ = ["json_paths", "json_values"]

Offsets = npt.NDArray[np.int32]
Data = npt.NDArray[np.uint8]

_MISSING, _NULL, _BOOLEAN, _INTEGER, _REAL, _BIG_INTEGER, _STRING, _ARRAY, _OBJECT = range(9)
_KIND_OF_TYPE: Final = {type(None): _NULL, bool: _BOOLEAN, float: _REAL, str: _STRING, list: _ARRAY}
_DEPTH_MAX: Final = 256
_INTEGER_DIGITS_MAX: Final = 4300


class _Object:
    """The keys and values of an object in their order, repeated ones too."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs: Final = pairs


class _UnreadError(Exception):
    pass


def json_paths(
    offsets: Offsets,
    data: Data,
    valid: Words | None,
    path_count_max: int,
    depth_max: int,
    key_bytes_max: int,
    row_count_max: int,
) -> tuple[list[RawJsonFacts], Rows]:
    _check_limits(path_count_max, depth_max, key_bytes_max, row_count_max)
    directory = _Directory(path_count_max, depth_max, key_bytes_max)
    unread = []
    for row, value in _documents(offsets, data, valid):
        if isinstance(value, _UnreadError) or not directory.count(row, value):
            unread.append(row)
    return directory.facts(row_count_max), np.array(unread, np.int64)


class _Directory:
    """Paths by the place of the path before and their last key, and what is known of each; () is the first."""

    def __init__(self, path_count_max: int, depth_max: int, key_bytes_max: int) -> None:
        self._limits: Final = (path_count_max, depth_max, key_bytes_max)
        self._places: dict[tuple[int, bytes], int] = {}
        self._counts: Final = [[0] * 9]
        self._rows: Final[list[list[int]]] = [[]]
        self._open: Final[set[int]] = set()

    def count(self, row: int, value: Any) -> bool:
        """Counts a row, wholly or, when a key repeats, not at all."""
        before = dict(self._places)
        met: list[tuple[int, int]] = []
        opened: set[int] = set()
        if not self._walk(0, value, 0, met, opened):
            self._places = before
            return False
        self._open.update(opened)
        while len(self._counts) <= len(self._places):
            self._counts.append([0] * 9)
            self._rows.append([])
        for place, kind in met:
            self._counts[place][kind] += 1
            self._rows[place].append(row)
        return True

    def facts(self, row_count_max: int) -> list[RawJsonFacts]:
        return [
            (
                *key,
                tuple(self._counts[place]),
                place in self._open,
                None if len(self._rows[place]) > row_count_max else np.array(self._rows[place], np.int64),
            )
            for place, key in enumerate([(-1, b""), *self._places])
        ]

    def _walk(self, place: int, value: Any, depth: int, met: list[tuple[int, int]], opened: set[int]) -> bool:
        met.append((place, _kind(value)))
        seen = set()
        for key, inner in value.pairs if isinstance(value, _Object) else ():
            found = self._child(place, key.encode(), depth)
            if found is None:
                opened.add(place)
            elif found in seen or not self._walk(found, inner, depth + 1, met, opened):
                return False
            seen.add(found)
        return True

    def _child(self, place: int, key: bytes, depth: int) -> int | None:
        path_count_max, depth_max, key_bytes_max = self._limits
        if depth >= depth_max or len(key) > key_bytes_max:
            return None
        if (place, key) not in self._places:
            if len(self._places) >= path_count_max:
                return None
            self._places[place, key] = len(self._places) + 1
        return self._places[place, key]


def json_values(
    offsets: Offsets, data: Data, valid: Words | None, paths: list[tuple[bytes, ...]]
) -> tuple[list[RawJsonPathColumn], Rows]:
    for path in paths:
        if not isinstance(path, tuple) or not all(isinstance(key, bytes) for key in path):
            raise TypeError(f"paths has {path!r}, expected tuples of bytes")
    row_count = len(rows_of(offsets, data))
    found: list[list[Any]] = [[_MISSING] * row_count for _ in paths]
    prefixes = {path[:size] for path in paths for size in range(len(path) + 1)}
    unread = []
    for row, value in _documents(offsets, data, valid):
        at: dict[tuple[bytes, ...], Any] = {}
        try:
            if isinstance(value, _UnreadError):
                raise value
            _look_up((), value, prefixes, at)
        except _UnreadError:
            unread.append(row)
            continue
        for column, path in zip(found, paths, strict=True):
            column[row] = at.get(path, _MISSING)
    return [_path_column(values) for values in found], np.array(unread, np.int64)


def _look_up(
    path: tuple[bytes, ...], value: Any, prefixes: set[tuple[bytes, ...]], at: dict[tuple[bytes, ...], Any]
) -> None:
    at[path] = (value,)
    if isinstance(value, _Object):
        for key, inner in value.pairs:
            longer = (*path, key.encode())
            if longer in prefixes:
                if longer in at:
                    raise _UnreadError
                _look_up(longer, inner, prefixes, at)


def _path_column(values: list[Any]) -> RawJsonPathColumn:
    """`values` has a tuple of one for what is there."""
    arrays = [value[0] if value != _MISSING and isinstance(value[0], list) else [] for value in values]
    starts = np.cumsum([0, *map(len, arrays)]).astype(np.int32)
    return _column(values), starts, _column([(element,) for array in arrays for element in array])


def _column(values: list[Any]) -> RawJsonColumn:
    kinds = [_MISSING if value == _MISSING else _kind(value[0]) for value in values]
    texts = [value[0].encode() if kind == _STRING else b"" for kind, value in zip(kinds, values, strict=True)]
    bits = [_bits(kind, value) for kind, value in zip(kinds, values, strict=True)]
    return (
        np.array(kinds, np.uint8),
        np.array(bits, np.int64),
        np.cumsum([0, *map(len, texts)]).astype(np.int32),
        np.frombuffer(b"".join(texts), np.uint8),
    )


def _bits(kind: int, value: Any) -> int:
    if kind in {_BOOLEAN, _INTEGER}:
        return int(value[0])
    if kind == _REAL:
        return int(struct.unpack("<q", struct.pack("<d", value[0]))[0])
    return 0


def _kind(value: Any) -> int:
    if isinstance(value, _Object):
        return _OBJECT
    if type(value) is int:
        return _INTEGER if -(2**63) <= value < 2**63 else _BIG_INTEGER
    return _KIND_OF_TYPE[type(value)]


def _documents(offsets: Offsets, data: Data, valid: Words | None) -> Iterator[tuple[int, Any]]:
    """Each row to look at and its value, or an error for one that cannot be read."""
    texts = rows_of(offsets, data)
    for row in np.flatnonzero(mask_of(valid, len(texts))).tolist():
        try:
            text = texts[row].decode()
            if text[:1] == "\ufeff":
                raise ValueError("a byte order mark")
            value = json.loads(text, object_pairs_hook=_Object, parse_int=_integer, parse_constant=_refuse, strict=True)
            _check(value, 0)
        except (ValueError, RecursionError, _UnreadError):
            yield row, _UnreadError()
        else:
            yield row, value


def _check(value: Any, depth: int) -> None:
    """Refuses half surrogate pairs and too many levels."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, list | _Object):
        if depth == _DEPTH_MAX:
            raise _UnreadError
        if isinstance(value, list):
            for element in value:
                _check(element, depth + 1)
        else:
            for key, inner in value.pairs:
                key.encode()
                _check(inner, depth + 1)


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > _INTEGER_DIGITS_MAX:
        raise _UnreadError
    return int(digits)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


def _check_limits(*limits: int) -> None:
    for limit in limits:
        if limit < 0:
            raise ValueError(f"a limit is {limit}, expected 0 or more")
