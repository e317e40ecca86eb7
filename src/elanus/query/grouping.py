"""Grouping search: the best hits of each of so many groups, where a group is the rows with one value of some fields.

NULL is a value like any other here: rows without one form a group of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from elanus.columns.numbers import number_values
from elanus.errors import InvalidInput
from elanus.query.cursor import SearchCursor
from elanus.query.output import FoundRows, fetch_column
from elanus.query.plan import SearchPlan
from elanus.query.search import Hits, joined_hits
from elanus.schema.collection import Schema
from elanus.schema.field import Field
from elanus.schema.types import INTEGERS, DataType

__all__ = ["Grouping", "grouped_search", "plan_grouping"]

Places = npt.NDArray[np.int64]

_GROUPABLE: Final = INTEGERS | {DataType.BOOL, DataType.VARCHAR, DataType.TIMESTAMPTZ}
_BATCH_MIN: Final = 64
_BATCH_MAX: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Grouping:
    """What groups are, and how many hits of each are wanted.

    Attributes:
        strict: goes on searching until every group has `size` hits, as far as it has so many rows.
    """

    fields: tuple[Field, ...]
    size: int
    strict: bool


def plan_grouping(schema: Schema, names: Sequence[str], *, size: int, size_max: int, strict: bool) -> Grouping:
    """The grouping that a request asks for.

    Raises:
        InvalidInput: a field that does not exist or cannot be grouped by, or a size out of range.
    """
    if not 1 <= size <= size_max:
        raise InvalidInput("out_of_range", f"group_size is {size}, expected 1 to {size_max}")
    fields = []
    for name in names:
        field = schema.find(name)
        groupable = [one.name for one in schema.user_fields if one.data_type in _GROUPABLE]
        if field is None or field.data_type not in _GROUPABLE:
            what = "there is no such field" if field is None else f"it is a {field.type_label()}"
            raise InvalidInput(
                "invalid_argument",
                f"cannot group by {name!r}: {what}; expected an integer, Bool, VarChar or Timestamptz field: "
                f"{', '.join(groupable)}",
                field=name,
            )
        fields.append(field)
    return Grouping(tuple(fields), size, strict)


def grouped_search(plan: SearchPlan, grouping: Grouping, *, offset: int, limit: int) -> Hits:
    """Groups `offset` to `offset + limit` (exclusive) of each query, the group with the best hit first.

    Hits of a group stand together, best first.
    """
    parts = [_grouped(plan.single(number), grouping, offset, limit) for number in range(plan.query_count)]
    return replace(joined_hits(parts), counts=np.array([len(part.scores) for part in parts], np.int64))


def _grouped(plan: SearchPlan, grouping: Grouping, offset: int, limit: int) -> Hits:
    cursor = SearchCursor(plan)
    wanted = offset + limit
    batch_size = min(_BATCH_MAX, max(_BATCH_MIN, 2 * wanted * grouping.size))
    hits = cursor.next(batch_size)
    while True:
        groups, ranks = _places_in_groups(_group_numbers(hits.found, grouping.fields))
        kept = (groups < wanted) & (ranks < grouping.size)
        is_full = int(groups.max(initial=-1)) + 1 >= wanted
        if is_full and grouping.strict:
            is_full = bool((np.bincount(groups[kept], minlength=wanted) == grouping.size).all())
        if is_full:
            break
        more = cursor.next(batch_size)
        if len(more.scores) == 0:
            break
        hits = joined_hits([hits, more])
        batch_size = min(_BATCH_MAX, 2 * batch_size)
    return _ordered(hits, groups, np.flatnonzero(kept), larger_is_nearer=plan.target.metric.larger_is_nearer,
                    offset=offset)  # fmt: skip


def _ordered(hits: Hits, groups: Places, chosen: Places, *, larger_is_nearer: bool, offset: int) -> Hits:
    """The chosen hits by the best score of their group, without the first `offset` groups."""
    costs = (-hits.scores if larger_is_nearer else hits.scores)[chosen].astype(np.float64)
    best = np.full(int(groups.max(initial=-1)) + 1, np.inf)
    np.minimum.at(best, groups[chosen], costs)
    group_order = np.argsort(best, kind="stable")
    place_of = np.empty(len(best), np.int64)
    place_of[group_order] = np.arange(len(best))
    places = place_of[groups[chosen]]
    order = np.lexsort((chosen, costs, places))
    picked = chosen[order[places[order] >= offset]]
    return hits.select(picked, np.array([len(picked)]))


def _group_numbers(found: FoundRows, fields: Sequence[Field]) -> Places:
    """A number for each row that rows of one group share."""
    numbers = np.zeros(len(found), np.int64)
    for field in fields:
        encoded = pc.dictionary_encode(fetch_column(found, field), null_encoding="encode")
        codes = number_values(encoded.indices).astype(np.int64)
        # Renumbered each time, so that products of many fields stay small.
        numbers = np.unique(numbers * (len(encoded.dictionary) + 1) + codes, return_inverse=True)[1]
    return numbers


def _places_in_groups(numbers: Places) -> tuple[Places, Places]:
    """Each row's group, numbered in the order in which they appear, and its place among the rows of its group."""
    distinct, first, inverse, counts = np.unique(numbers, return_index=True, return_inverse=True, return_counts=True)
    appearance = np.empty(len(distinct), np.int64)
    appearance[np.argsort(first, kind="stable")] = np.arange(len(distinct))
    order = np.argsort(inverse, kind="stable")
    ranks = np.empty(len(numbers), np.int64)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    ranks[order] = np.arange(len(numbers)) - starts
    return appearance[inverse], ranks
