"""Columns of JSON values: what kind each row's value is, and the values of each kind in a column of their own.

Whoever makes one, from text or from typed columns, the predicates over it are the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.bitset import Bitset
from elanus.columns.json_values import (
    ALL_KINDS,
    ARRAY,
    BIG_INTEGER,
    BOOL,
    DOUBLE,
    INTEGER,
    MISSING,
    NULL,
    OBJECT,
    STRING,
    JsonValues,
)
from elanus.columns.numbers import number_array
from elanus.expr import primitives
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
    "Elements",
    "Objects",
    "Variants",
    "concat_variants",
    "variants_from_columns",
    "variants_from_values",
]

Rows = npt.NDArray[np.int64]
Objects = npt.NDArray[np.object_]
"""Python values."""

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
_OBJECTS: Final = frozenset({BIG_INTEGER, ARRAY, OBJECT})
_INT64: Final = np.iinfo(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Variants:
    """One JSON value a row.

    Attributes:
        kinds: uint8 a row, one of the constants of this module.
        integers: int64 a row, undefined in rows of another kind; None when no row is INTEGER.
        doubles: float64 a row, undefined in rows of another kind; None when no row is DOUBLE.
        truths: bool a row, undefined in rows of another kind; None when no row is BOOL.
        strings: Arrow strings, plain or by dictionary, null or anything in rows of another kind; None when no row is
            STRING.
        objects: Python values of the ARRAY, OBJECT and BIG_INTEGER rows (lists, dicts, ints outside 64 bits): one a
            row, or what gives those of some rows (ascending); None when there is no such row.
        elements: those of the arrays, where they are in columns too.
        present: the kinds that occur, and perhaps others.
    """

    kinds: npt.NDArray[np.uint8]
    integers: npt.NDArray[np.int64] | None = None
    doubles: npt.NDArray[np.float64] | None = None
    truths: npt.NDArray[np.bool_] | None = None
    strings: pa.Array | None = None
    objects: Objects | Callable[[Rows], Objects] | None = None
    elements: "Elements | None" = None
    present: frozenset[int] = ALL_KINDS

    @property
    def row_count(self) -> int:
        return len(self.kinds)

    def rows_of(self, *kinds: int) -> Bitset:
        """The rows whose value is of one of the kinds."""
        asked = self.present.intersection(kinds)
        if not asked:
            return Bitset.zeros(len(self.kinds))
        if len(asked) == len(self.present):
            return Bitset.ones(len(self.kinds))
        first, *others = asked
        mask = self.kinds == first
        for kind in others:
            mask |= self.kinds == kind
        return Bitset.from_bool(mask)

    def known(self) -> Bitset:
        """The rows that have a value which is not null."""
        if self.present.isdisjoint((MISSING, NULL)):
            return Bitset.ones(len(self.kinds))
        return Bitset.from_bool(self.kinds > NULL)

    def numbers(self) -> Numbers:
        """The numbers of at most 64 bits; not known in the other rows."""
        return replace(self.any_numbers(), known=self.rows_of(INTEGER, DOUBLE))

    def any_numbers(self) -> Numbers:
        """The numbers of at most 64 bits, and anything in the other rows."""
        if self.integers is None and self.doubles is None:
            return Numbers(np.zeros(self.row_count, np.int64))
        mixed = self.integers is not None and self.doubles is not None
        return Numbers(self.integers, self.doubles, self.kinds == INTEGER if mixed else None)

    def objects_at(self, rows: Rows) -> Objects:
        """The Python values of some rows (ascending), all of them ARRAY, OBJECT or BIG_INTEGER."""
        if self.objects is None:
            assert len(rows) == 0, rows
            return np.empty(0, np.object_)
        return self.objects[rows] if isinstance(self.objects, np.ndarray) else self.objects(rows)

    def values_at(self, rows: Rows) -> list[Any]:
        """The values of some rows (ascending) as Python has them; for the few that no column can answer."""
        kinds = self.kinds[rows]
        values: list[Any] = [None] * len(rows)
        columns: dict[int, npt.NDArray[Any] | None] = {BOOL: self.truths, INTEGER: self.integers, DOUBLE: self.doubles}
        for kind in np.unique(kinds[kinds > NULL]).tolist():
            places = np.flatnonzero(kinds == kind)
            column = columns.get(kind)
            if kind == STRING:
                assert self.strings is not None
                found = self.strings.take(number_array(rows[places])).to_pylist()
            else:
                found = (self.objects_at(rows[places]) if column is None else column[rows[places]]).tolist()
            for place, value in zip(places.tolist(), found, strict=True):
                values[place] = value
        return values


@dataclass(frozen=True, slots=True, eq=False)
class Elements:
    """The elements of arrays, end to end.

    Attributes:
        offsets: int32, one more than rows: where a row's elements lie in `values`.
        values: one an element; there are no `objects`.
        elsewhere: ARRAY rows whose elements are not here; None when there are none.
    """

    offsets: npt.NDArray[np.int32]
    values: Variants
    elsewhere: Bitset | None

    def sizes(self) -> npt.NDArray[np.int32]:
        """The number of elements of each row that are here."""
        return np.diff(self.offsets)

    def rows_with(self, hits: Bitset) -> Bitset:
        """The rows that have one of some elements."""
        return primitives.runs_with(hits, self.offsets)


def variants_from_columns(
    values: JsonValues, *, read_text: Callable[[Rows], Variants], decode: Callable[[Rows], Variants]
) -> Variants:
    """A column from typed columns.

    `read_text` gives the rows (ascending) that are left to the text, `decode` some rows with their Python values.
    """

    def objects(rows: Rows) -> Objects:
        return decode(rows).objects_at(np.arange(len(rows)))

    elements = None
    if values.elements is not None:
        inner = values.elements.values
        elements = Elements(
            values.elements.offsets,
            Variants(inner.kinds, inner.integers, inner.doubles, inner.truths, inner.strings, present=inner.present),
            Bitset.from_rows(values.text_rows, len(values.kinds)) if len(values.text_rows) else None,
        )
    whole = Variants(
        values.kinds,
        values.integers,
        values.doubles,
        values.truths,
        values.strings,
        objects if _OBJECTS & values.present else None,
        elements,
        values.present,
    )
    if len(values.text_rows) == 0:
        return whole
    part = read_text(values.text_rows)
    if part.objects is not None and whole.objects is None:
        whole = replace(whole, objects=objects)
    return _overlaid(whole, values.text_rows, part)


def _overlaid(whole: Variants, rows: Rows, part: Variants) -> Variants:
    """`whole` with some rows replaced by those of `part`."""
    strings = whole.strings
    if part.strings is not None:
        if strings is None:
            strings = pa.nulls(whole.row_count, pa.string())
        elif pa.types.is_dictionary(strings.type):
            strings = strings.dictionary_decode()
        mask = np.zeros(whole.row_count, np.bool_)
        mask[rows] = True
        strings = pc.replace_with_mask(strings, mask, part.strings)
    kinds = whole.kinds.copy()
    kinds[rows] = part.kinds
    return Variants(
        kinds,
        _replaced(whole.integers, rows, part.integers, whole.row_count, np.int64),
        _replaced(whole.doubles, rows, part.doubles, whole.row_count, np.float64),
        _replaced(whole.truths, rows, part.truths, whole.row_count, np.bool_),
        strings,
        whole.objects,
        whole.elements,
        whole.present | part.present,
    )


def _replaced(
    column: npt.NDArray[Any] | None,
    rows: Rows,
    part: npt.NDArray[Any] | None,
    row_count: int,
    dtype: type[np.generic],
) -> npt.NDArray[Any] | None:
    if part is None:
        return column
    changed = np.zeros(row_count, dtype) if column is None else column.copy()
    changed[rows] = part
    return changed


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
        _concat([_in_memory(part) for part in parts], parts, np.object_),
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


def _in_memory(part: Variants) -> Objects | None:
    assert not callable(part.objects)
    return part.objects


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
