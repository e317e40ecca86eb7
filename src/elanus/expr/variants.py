"""Columns of JSON values: what kind each row's value is, and the values of each kind in a column of their own.

Whoever makes one, from text or from typed columns, the predicates over it are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.expr.numbers import Numbers

__all__ = [
    "ARRAY",
    "BIG_INTEGER",
    "BOOL",
    "DOUBLE",
    "INTEGER",
    "MISSING",
    "NULL",
    "OBJECT",
    "STRING",
    "Variants",
    "concat_variants",
    "variants_from_values",
]

# In order of asking "is there a value at all": everything above NULL is one.
MISSING, NULL, BOOL, INTEGER, DOUBLE, BIG_INTEGER, STRING, ARRAY, OBJECT = range(9)

_KIND_OF_TYPE: Final = {
    msgspec.UnsetType: MISSING,
    type(None): NULL,
    bool: BOOL,
    int: INTEGER,
    float: DOUBLE,
    str: STRING,
    list: ARRAY,
    dict: OBJECT,
}
_INT64: Final = np.iinfo(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Variants:
    """One JSON value a row.

    Attributes:
        kinds: uint8 a row, one of the constants of this module.
        integers: int64 a row, 0 in rows of another kind; None when no row is INTEGER.
        doubles: float64 a row, 0.0 in rows of another kind; None when no row is DOUBLE.
        truths: bool a row, False in rows of another kind; None when no row is BOOL.
        strings: Arrow strings, null in rows of another kind; None when no row is STRING.
        objects: Python values of the ARRAY, OBJECT and BIG_INTEGER rows (lists, dicts, ints outside 64 bits), None in
            the others; the whole is None when there is no such row.
    """

    kinds: npt.NDArray[np.uint8]
    integers: npt.NDArray[np.int64] | None = None
    doubles: npt.NDArray[np.float64] | None = None
    truths: npt.NDArray[np.bool_] | None = None
    strings: pa.Array | None = None
    objects: npt.NDArray[np.object_] | None = None

    @property
    def row_count(self) -> int:
        return len(self.kinds)

    def rows_of(self, *kinds: int) -> Bitset:
        """The rows whose value is of one of the kinds."""
        mask = self.kinds == kinds[0]
        for kind in kinds[1:]:
            mask |= self.kinds == kind
        return Bitset.from_bool(mask)

    def present(self) -> Bitset:
        """The rows that have a value which is not null."""
        return Bitset.from_bool(self.kinds > NULL)

    def numbers(self) -> Numbers:
        """The numbers of at most 64 bits; not known in the other rows."""
        if self.integers is None and self.doubles is None:
            return Numbers(np.zeros(self.row_count, np.int64), known=Bitset.zeros(self.row_count))
        known = self.rows_of(INTEGER, DOUBLE)
        mixed = self.integers is not None and self.doubles is not None
        return Numbers(self.integers, self.doubles, self.kinds == INTEGER if mixed else None, known)

    def value(self, row: int) -> Any:
        """The value of one row as Python has it; for the few rows that no column can answer."""
        kind = int(self.kinds[row])
        if kind == STRING:
            return None if self.strings is None else self.strings[row].as_py()
        columns = {BOOL: self.truths, INTEGER: self.integers, DOUBLE: self.doubles}
        column = columns.get(kind, self.objects)
        value = None if column is None else column[row]
        return value.item() if isinstance(value, np.generic) else value


def variants_from_values(values: Sequence[Any]) -> Variants:
    """A column from decoded JSON: `msgspec.UNSET` where there is no value, lists and dicts for arrays and objects."""
    count = len(values)
    kinds = np.fromiter(map(_KIND_OF_TYPE.__getitem__, map(type, values)), np.uint8, count)
    counts = np.bincount(kinds, minlength=OBJECT + 1)
    integers = _integers(values, kinds) if counts[INTEGER] else None
    big = integers is not None and bool((kinds == BIG_INTEGER).any())
    return Variants(
        kinds,
        integers,
        _filled(values, kinds == DOUBLE, np.float64) if counts[DOUBLE] else None,
        _filled(values, kinds == BOOL, np.bool_) if counts[BOOL] else None,
        _strings(values, kinds) if counts[STRING] else None,
        _objects(values, kinds) if big or counts[ARRAY] or counts[OBJECT] else None,
    )


def concat_variants(parts: Sequence[Variants]) -> Variants:
    """The rows of all parts, in order; there is at least one part."""
    if len(parts) == 1:
        return parts[0]
    return Variants(
        np.concatenate([part.kinds for part in parts]),
        _concat([part.integers for part in parts], parts, np.int64),
        _concat([part.doubles for part in parts], parts, np.float64),
        _concat([part.truths for part in parts], parts, np.bool_),
        _concat_strings(parts),
        _concat([part.objects for part in parts], parts, np.object_),
    )


def _integers(values: Sequence[Any], kinds: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The INTEGER rows as int64; rows beyond 64 bits are made BIG_INTEGER in `kinds`."""
    try:
        return _filled(values, kinds == INTEGER, np.int64)
    except OverflowError:
        for row in np.flatnonzero(kinds == INTEGER).tolist():
            if not _INT64.min <= values[row] <= _INT64.max:
                kinds[row] = BIG_INTEGER
        return _filled(values, kinds == INTEGER, np.int64)


def _filled(values: Sequence[Any], rows: npt.NDArray[np.bool_], dtype: type[np.generic]) -> npt.NDArray[Any]:
    if rows.all():
        return np.array(values, dtype)
    filled = np.zeros(len(values), dtype)
    filled[rows] = np.array([values[row] for row in np.flatnonzero(rows).tolist()], dtype)
    return filled


def _strings(values: Sequence[Any], kinds: npt.NDArray[np.uint8]) -> pa.Array:
    texts = values if (kinds == STRING).all() else [value if type(value) is str else None for value in values]
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        # JSON can spell half of a surrogate pair; no literal of the language can, so it only must not equal one.
        repaired = [text if text is None else text.encode("utf-8", "replace").decode() for text in texts]
        return pa.array(repaired, pa.string())


def _objects(values: Sequence[Any], kinds: npt.NDArray[np.uint8]) -> npt.NDArray[np.object_]:
    objects = np.fromiter(values, np.object_, len(values))
    objects[(kinds < BIG_INTEGER) | (kinds == STRING)] = None
    return objects


def _concat(
    columns: Sequence[npt.NDArray[Any] | None], parts: Sequence[Variants], dtype: type[np.generic]
) -> npt.NDArray[Any] | None:
    if all(column is None for column in columns):
        return None
    blank = None if dtype is np.object_ else 0
    return np.concatenate(
        [
            np.full(part.row_count, blank, dtype) if column is None else column
            for column, part in zip(columns, parts, strict=True)
        ]
    )


def _concat_strings(parts: Sequence[Variants]) -> pa.Array | None:
    if all(part.strings is None for part in parts):
        return None
    return pa.concat_arrays(
        [pa.nulls(part.row_count, pa.string()) if part.strings is None else part.strings for part in parts]
    )
