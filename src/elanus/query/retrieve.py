"""Rows by filter or primary key: all of them in order of their keys, or how many there are."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from elanus.columns.json_values import JsonValues, ValuePath
from elanus.columns.numbers import boolean_values, full_numbers, number_values
from elanus.columns.taking import take_rows
from elanus.query.output import FoundRows, fetch_column
from elanus.query.parts import allowed_rows
from elanus.query.plan import Scope
from elanus.query.view import RowSource, SegmentView
from elanus.schema.field import Field

__all__ = ["RetrievedRows", "count", "keys_of", "retrieve"]


# Of fewer rows than one in so many the text is read sooner than whole columns are looked through.
_FEW_ROWS_SHARE: Final = 64


@dataclass(frozen=True, slots=True)
class RetrievedRows:
    """Rows and their primary keys, by key."""

    found: FoundRows
    keys: pa.Array


def retrieve(scope: Scope, primary_field: Field, *, ids: pa.Array | None = None) -> RetrievedRows:
    """The rows of a scope (with one of `ids`, if given) in order of their keys.

    Of rows that share a key the newest is returned.
    """
    found = _matching(scope, ids)
    keys = fetch_column(found, primary_field)
    order = _by_key_newest_first(found, keys)
    order = order[_first_of_runs(take_rows(keys, order))]
    return RetrievedRows(found.select(order), take_rows(keys, order))


def count(scope: Scope, *, ids: pa.Array | None = None) -> int:
    """How many rows a scope has (with one of `ids`, if given); rows that share a key all count."""
    if ids is not None:
        return len(_matching(scope, ids))
    total = 0
    for segment in scope.segments:
        allowed = allowed_rows(segment, scope.filter)
        total += segment.row_count if allowed is None else allowed.count()
    return total


def keys_of(scope: Scope, primary_field: Field) -> pa.Array:
    """The distinct primary keys of the rows of a scope, in no order."""
    return pc.unique(fetch_column(_matching(scope, None), primary_field))


def _matching(scope: Scope, ids: pa.Array | None) -> FoundRows:
    places, rows = [], []
    for place, segment in enumerate(scope.segments):
        found = _rows(segment, scope, ids)
        rows.append(found)
        places.append(np.full(len(found), place, np.int64))
    if not rows:
        return FoundRows(scope.segments, np.empty(0, np.int64), np.empty(0, np.int64))
    return FoundRows(scope.segments, np.concatenate(places), np.concatenate(rows))


def _rows(segment: SegmentView, scope: Scope, ids: pa.Array | None) -> npt.NDArray[np.int64]:
    if ids is None:
        allowed = allowed_rows(segment, scope.filter)
        return np.arange(segment.row_count) if allowed is None else allowed.rows()
    rows = np.unique(segment.source.key_index().find(ids).rows)
    visible = segment.visible()
    if visible is not None:
        rows = rows[visible.test(rows)]
    if scope.filter is None or len(rows) == 0:
        return rows
    return rows[scope.filter.evaluate(_TakenRows(segment.source, rows)).to_bool()]


@dataclass(frozen=True, slots=True)
class _TakenRows:
    """Some rows of a source as a `ColumnSource` of their own."""

    source: RowSource
    rows: npt.NDArray[np.int64]

    @property
    def row_count(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> pa.Array:
        return self.source.take(name, self.rows)

    def numbers(self, name: str) -> npt.NDArray[Any] | None:
        return full_numbers(self.column(name))

    def strings(self, name: str) -> pa.Array:
        return self.source.take(name, self.rows)

    def json_values(self, name: str, path: ValuePath) -> JsonValues | None:
        if len(self.rows) * _FEW_ROWS_SHARE < self.source.row_count:
            return None
        values = self.source.json_values(name, path)
        return None if values is None else values.take(self.rows)


def _by_key_newest_first(found: FoundRows, keys: pa.Array) -> npt.NDArray[np.int64]:
    """Positions sorted by key, and the newest first among equal keys."""
    if pa.types.is_int64(keys.type):
        values = number_values(keys)
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        repeats = bool((ordered[1:] == ordered[:-1]).any())
    else:
        order = number_values(pc.array_sort_indices(keys)).astype(np.int64)
        repeats = pc.count_distinct(keys).as_py() != len(keys)
    if not repeats:
        return order
    ages = np.empty(len(found), np.uint64)
    for place, segment in enumerate(found.segments):
        here = found.places == place
        ages[here] = segment.source.timestamps()[found.rows[here]]
    ranks = np.empty(len(order), np.int64)
    ranks[order] = _run_numbers(take_rows(keys, order))
    return np.lexsort((-found.rows, -ages.astype(np.int64), ranks))


def _run_numbers(ordered_keys: pa.Array) -> npt.NDArray[np.int64]:
    """For keys in order, 0 for the first distinct key, 1 for the next, and so on."""
    starts = np.zeros(len(ordered_keys), np.int64)
    starts[_first_of_runs(ordered_keys)[1:]] = 1
    return np.cumsum(starts)


def _first_of_runs(ordered_keys: pa.Array) -> npt.NDArray[np.int64]:
    """Positions where a key differs from the one before."""
    if len(ordered_keys) < 2:
        return np.arange(len(ordered_keys))
    changes = pc.not_equal(ordered_keys.slice(1), ordered_keys.slice(0, len(ordered_keys) - 1))
    return np.flatnonzero(np.concatenate(([True], boolean_values(changes))))
