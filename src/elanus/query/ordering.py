"""Rows in the order of some of their fields: the best of every segment, then one merge.

Of the columns sorted by only those parts are read that decide: the second field of rows that are equal in the first,
and so on. Output columns are not touched. NULL is above every value (`columns.order_codes`), and rows that are equal in
all fields come by primary key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.bitset import Bitset
from elanus.columns.numbers import number_array
from elanus.columns.order_codes import SortColumn, coarse_codes, sorted_rows
from elanus.columns.taking import take_rows
from elanus.errors import InvalidInput
from elanus.query.output import FoundRows, fetch_column
from elanus.query.parts import allowed_rows
from elanus.query.plan import Scope
from elanus.query.retrieve import RetrievedRows, retrieve
from elanus.query.row_groups import group_rows
from elanus.query.search import Hits
from elanus.query.view import SegmentView
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import NUMBERS, DataType

__all__ = ["SortKey", "ordered_hits", "resolve_order", "retrieve_ordered", "split_direction"]

Rows = npt.NDArray[np.int64]

_DIRECTIONS: Final = {"asc": False, "desc": True}
_SORTABLE: Final = NUMBERS | {DataType.BOOL, DataType.VARCHAR, DataType.TIMESTAMPTZ}


@dataclass(frozen=True, slots=True)
class SortKey:
    """A field to sort by."""

    field: Field
    descending: bool = False


def split_direction(text: str) -> tuple[str, bool]:
    """The name in `name`, `name:asc` or `name:desc`, and whether it is descending.

    Raises:
        InvalidInput: no name, or another direction; `asc` and `desc` are in lower case.
    """
    name, colon, direction = text.strip().rpartition(":")
    if not colon:
        name, direction = direction, "asc"
    name = name.strip()
    if not name:
        raise InvalidInput("invalid_argument", f"order_by has {text!r}, expected name, name:asc or name:desc")
    if direction not in _DIRECTIONS:
        raise InvalidInput(
            "invalid_argument",
            f"order_by has {text!r} with direction {direction!r}, expected asc or desc in lower case",
        )
    return name, _DIRECTIONS[direction]


def resolve_order(schema: Schema, texts: Sequence[str]) -> tuple[SortKey, ...]:
    """The fields behind `price:desc` and the like, in their order.

    Raises:
        InvalidInput: no such field, one without an order, or one named twice.
    """
    keys: dict[str, SortKey] = {}
    for text in texts:
        name, descending = split_direction(text)
        field = schema.find(name)
        if field is None:
            known = ", ".join(field.name for field in schema.fields if field.data_type in _SORTABLE)
            raise InvalidInput(
                "invalid_argument", f"order_by field {name!r} does not exist; fields with an order are {known}"
            )
        if field.data_type not in _SORTABLE:
            raise InvalidInput(
                "invalid_argument",
                f"order_by field {name!r} is a {field.type_label()}; expected a number, Bool, VarChar or Timestamptz",
                field=name,
            )
        if name in keys:
            raise InvalidInput("invalid_argument", f"order_by names {name!r} twice; name it once", field=name)
        keys[name] = SortKey(field, descending)
    return tuple(keys.values())


def ordered_hits(hits: Hits, order: Sequence[SortKey], *, group_by: Sequence[Field] = ()) -> Hits:
    """The hits of each query in an order; those equal in it stay in the order of their scores.

    With `group_by`, whose groups stand together, groups are ordered by their first hit and stay together.
    """
    queries = np.repeat(np.arange(len(hits.counts)), hits.counts)
    leaders = hits.found
    if group_by and len(queries):
        columns = [number_array(queries), *(fetch_column(hits.found, field) for field in group_by)]
        groups = group_rows(columns, len(queries))
        leaders = hits.found.select(groups.first_rows[groups.of_rows])
    by_field = [SortColumn(fetch_column(leaders, key.field), key.descending) for key in order]
    rows = sorted_rows([SortColumn(number_array(queries)), *by_field])
    return hits.select(rows, hits.counts)


@dataclass(frozen=True, slots=True)
class _Matching:
    """The rows of a segment that pass; None for all of them."""

    segment: SegmentView
    allowed: Bitset | None
    count: int

    def rows(self) -> Rows:
        return np.arange(self.segment.row_count) if self.allowed is None else self.allowed.rows()

    def column(self, field: Field, rows: Rows) -> pa.Array:
        if len(rows) == self.segment.row_count:
            return self.segment.source.column(field.name)
        return self.segment.source.take(field.name, rows)


def retrieve_ordered(
    scope: Scope,
    primary_field: Field,
    order: Sequence[SortKey],
    *,
    ids: pa.Array | None,
    offset: int,
    limit: int | None,
) -> RetrievedRows:
    """The rows of a scope (with one of `ids`, if given), `offset` to `offset + limit` in an order.

    Of rows that share a primary key the newest is returned, at its own place in the order.
    """
    if limit is None or ids is not None:
        rows = retrieve(scope, primary_field, ids=ids)
        columns = [SortColumn(fetch_column(rows.found, key.field), key.descending) for key in order]
        by_key = np.arange(len(rows.found))
        return _page(rows, sorted_rows(columns) if columns else by_key, offset, limit)
    return _first_of_all(scope, primary_field, order, offset=offset, limit=limit)


def _first_of_all(
    scope: Scope, primary_field: Field, order: Sequence[SortKey], *, offset: int, limit: int
) -> RetrievedRows:
    """A page of the rows in order, of which no more are looked at than it takes."""
    keys = [*order, SortKey(primary_field)]
    matching = [_matching(segment, scope) for segment in scope.segments]
    total = sum(part.count for part in matching)
    depth = wanted = min(offset + limit, total)
    while True:
        best = _best(scope.segments, matching, keys, depth)
        rows = RetrievedRows(best, fetch_column(best, primary_field))
        newest = _newest(rows, matching)
        # What is missing then stands further down, behind rows that newer ones replace.
        if len(newest) >= wanted or depth >= total:
            return _page(rows, newest, offset, limit)
        depth = min(2 * depth, total)


def _page(rows: RetrievedRows, order: Rows, offset: int, limit: int | None) -> RetrievedRows:
    chosen = order[offset : None if limit is None else offset + limit]
    return RetrievedRows(rows.found.select(chosen), take_rows(rows.keys, chosen))


def _matching(segment: SegmentView, scope: Scope) -> _Matching:
    allowed = allowed_rows(segment, scope.filter)
    return _Matching(segment, allowed, segment.row_count if allowed is None else allowed.count())


def _best(
    segments: Sequence[SegmentView], matching: Sequence[_Matching], keys: Sequence[SortKey], depth: int
) -> FoundRows:
    """The first `depth` rows of all, in order."""
    chosen = [_first_rows(part, keys, depth) for part in matching]
    places = np.repeat(np.arange(len(chosen)), [len(rows) for rows in chosen])
    rows = np.concatenate(chosen) if chosen else np.empty(0, np.int64)
    found = FoundRows(segments, places, rows)
    if len(rows) == 0:
        return found
    columns = [SortColumn(fetch_column(found, key.field), key.descending) for key in keys]
    return found.select(sorted_rows(columns)[:depth])


def _first_rows(part: _Matching, keys: Sequence[SortKey], count: int) -> Rows:
    """The `count` first rows of a segment by the keys, in no order; of rows equal in all keys any."""
    if count == 0 or part.count == 0:
        return np.empty(0, np.int64)
    chosen: list[Rows] = []
    tied = part.rows()
    for key in keys:
        if len(tied) <= count:
            break
        column = part.column(key.field, tied)
        for codes_of in coarse_codes(SortColumn(column, key.descending)):
            if len(tied) <= count:
                break
            codes = codes_of(column)
            last = np.partition(codes, count - 1)[count - 1]
            before = codes < last
            chosen.append(tied[before])
            count -= len(chosen[-1])
            equal = np.flatnonzero(codes == last)
            tied, column = tied[equal], take_rows(column, equal)
    chosen.append(tied[:count])
    return np.concatenate(chosen)


def _newest(found: RetrievedRows, matching: Sequence[_Matching]) -> Rows:
    """Positions of the rows that no newer matching row shares its key with."""
    positions, places, rows, ages = [], [], [], []
    for place, part in enumerate(matching):
        if part.count == 0:
            continue
        matches = part.segment.source.key_index().find(found.keys)
        here = np.ones(len(matches.rows), np.bool_) if part.allowed is None else part.allowed.test(matches.rows)
        positions.append(matches.positions[here])
        rows.append(matches.rows[here])
        places.append(np.full(len(rows[-1]), place, np.int64))
        ages.append(part.segment.source.timestamps()[rows[-1]].astype(np.int64))
    if sum(map(len, rows)) == len(found.keys):
        return np.arange(len(found.keys))
    position, place_of, row = np.concatenate(positions), np.concatenate(places), np.concatenate(rows)
    order = np.lexsort((place_of, -row, -np.concatenate(ages), position))
    first = order[np.flatnonzero(np.diff(position[order], prepend=-1))]
    return np.flatnonzero((place_of[first] == found.found.places) & (row[first] == found.found.rows))
