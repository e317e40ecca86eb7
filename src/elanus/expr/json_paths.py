"""Values at paths inside a column of JSON text: the one place where filters parse JSON.

Everything a filter needs of a column is taken in one pass over its text, and keys it does not need are skipped by the
decoder without making objects of them.
"""

import functools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.json_values import ValuePath
from elanus.errors import DataCorrupt
from elanus.expr.syntax import Index, Key
from elanus.expr.variants import Variants, concat_variants, variants_from_values

__all__ = ["Steps", "extract_paths", "json_path"]

Steps = tuple[Key | Index, ...]

# Python objects of this many rows live at a time.
_CHUNK_ROWS: Final = 65_536
# Decoders are small types made at run time; a filter needs one for each JSON field it reads.
_DECODERS_MAX: Final = 256


def json_path(steps: Steps) -> ValuePath:
    """The path as sources of columns know it."""
    return tuple(step.name if isinstance(step, Key) else step.position for step in steps)


def extract_paths(
    name: str, column: pa.Array, paths: Sequence[Steps], *, row_numbers: npt.NDArray[np.int64] | None = None
) -> dict[Steps, Variants]:
    """The values at each path, for every row of a JSON column; a null row has no value at any path.

    `row_numbers` are what the message calls the rows, if not their position.

    Raises:
        DataCorrupt: a row is not JSON.
    """
    wanted = tuple(dict.fromkeys(paths))
    decoding = _decoding(wanted)
    parts: dict[Steps, list[Variants]] = {path: [] for path in wanted}
    for start in range(0, max(1, len(column)), _CHUNK_ROWS):
        numbers = np.arange(start, len(column)) if row_numbers is None else row_numbers[start:]
        rows = _decoded_rows(name, column.slice(start, _CHUNK_ROWS), numbers, decoding.decode)
        for path in wanted:
            parts[path].append(variants_from_values(decoding.values(rows, path)))
    return {path: concat_variants(chunks) for path, chunks in parts.items()}


@dataclass(frozen=True, slots=True)
class _Level:
    """A struct type that takes some keys of an object, each by the attribute of its number."""

    struct: type
    attributes: dict[str, str]
    deeper: dict[str, "_Level"]


@dataclass(frozen=True, slots=True)
class _Decoding:
    """A decoder for some paths, and how to find them in what it decodes."""

    decode: Callable[[bytes], Any]
    root: _Level | None

    def values(self, rows: Sequence[Any], path: Steps) -> Sequence[Any]:
        """The value at `path` in every decoded row, UNSET where there is none."""
        level, rest = self.root, path
        while level is not None and rest:
            key = rest[0]
            assert isinstance(key, Key)
            struct, attribute, deeper = level.struct, level.attributes[key.name], level.deeper.get(key.name)
            rows = [getattr(row, attribute) if type(row) is struct else _step_into(row, key) for row in rows]
            level, rest = deeper, rest[1:]
        for step in rest:
            rows = [_step_into(row, step) for row in rows]
        return rows


@functools.lru_cache(_DECODERS_MAX)
def _decoding(paths: tuple[Steps, ...]) -> _Decoding:
    root = _level(paths)
    wanted = Any if root is None else _union(root.struct)
    return _Decoding(msgspec.json.Decoder(wanted).decode, root)


def _level(paths: Sequence[Steps]) -> _Level | None:
    """The struct for paths that all go on with a key; None where the whole value is needed."""
    below: dict[str, list[Steps]] = {}
    for path in paths:
        if not path or isinstance(path[0], Index) or not _fits_struct(path[0].name):
            return None
        below.setdefault(path[0].name, []).append(path[1:])
    attributes = {key: f"key{number}" for number, key in enumerate(below)}
    fields: list[tuple[str, Any, Any]] = []
    deeper: dict[str, _Level] = {}
    for key, rests in below.items():
        level = _level(rests)
        if level is not None:
            deeper[key] = level
        fields.append((attributes[key], Any if level is None else _union(level.struct), msgspec.UNSET))
    renamed = {attribute: key for key, attribute in attributes.items()}
    struct = msgspec.defstruct("Level", fields, rename=renamed, gc=False)
    return _Level(struct, attributes, deeper)


def _union(struct: type) -> Any:
    """An object as `struct`, anything else as it is."""
    return struct | list[Any] | str | int | float | bool | None


def _fits_struct(key: str) -> bool:
    """Whether the decoder can have the key as the name of a field."""
    return not any(character in '"\\' or character < " " for character in key)


def _step_into(value: Any, step: Key | Index) -> Any:
    if isinstance(step, Key):
        return value.get(step.name, msgspec.UNSET) if type(value) is dict else msgspec.UNSET
    return value[step.position] if type(value) is list and step.position < len(value) else msgspec.UNSET


def _decoded_rows(
    name: str, column: pa.Array, numbers: npt.NDArray[np.int64], decode: Callable[[bytes], Any]
) -> list[Any]:
    texts: list[bytes | None] = column.cast(pa.binary()).to_pylist()
    try:
        if column.null_count == 0:
            return list(map(decode, texts))  # type: ignore[arg-type]
        return [msgspec.UNSET if text is None else decode(text) for text in texts]
    except (msgspec.DecodeError, RecursionError):
        return [
            msgspec.UNSET if text is None else _decode_with_care(name, int(numbers[row]), text, decode)
            for row, text in enumerate(texts)
        ]


def _decode_with_care(name: str, row: int, text: bytes, decode: Callable[[bytes], Any]) -> Any:
    """One row; numbers beyond the largest double are infinite, and half a surrogate pair is let pass."""
    try:
        return decode(text)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        return json.loads(text, parse_int=_integer, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise DataCorrupt(
            "malformed_file",
            f"field {name!r} holds text in row {row} that cannot be read as JSON: {error}; delete or replace the row",
            field=name,
            row=row,
        ) from None


def _integer(digits: str) -> int | float:
    """An integer of any size Python converts; a longer one is beyond every literal it could be compared with."""
    try:
        return int(digits)
    except ValueError:
        return -math.inf if digits.startswith("-") else math.inf


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")
