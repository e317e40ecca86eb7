"""Facets of a search: the hits nearest to a query, in buckets by their values.

What is counted are hits that a grouping search found, not all rows of the collection: of each combination of values of
all fields as many as the largest number of hits asked for, or one. They are few, and therefore plain values here.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa

from elanus.columns.order_codes import SortColumn, sorted_rows
from elanus.errors import InvalidInput
from elanus.query.grouping import Grouping, grouped_search
from elanus.query.output import OutputColumns, fetch_column
from elanus.query.plan import SearchPlan
from elanus.query.search import Hits
from elanus.schema.collection import Schema
from elanus.schema.facets import SCORE, Bucket, BucketHit, Facet, FacetMetric, FacetOrder
from elanus.schema.field import Field
from elanus.schema.types import INTEGERS, NUMBERS, DataType

__all__ = ["FacetPlan", "faceted_search", "plan_facets"]

LEVEL_COUNT_MAX: Final = 4
KEY_FIELD_COUNT_MAX: Final = 10
_KEY_TYPES: Final = INTEGERS | {DataType.BOOL, DataType.VARCHAR}
_COMPARED_TYPES: Final = NUMBERS | {DataType.BOOL, DataType.VARCHAR}
_EXTREME_TYPES: Final = NUMBERS | {DataType.VARCHAR}
_FUNCTIONS: Final = ("count", "sum", "avg", "min", "max")
_BUCKET_NAMES: Final = ("_count", "_key")
_INT64: Final = np.iinfo(np.int64)


@dataclass(frozen=True, slots=True)
class FacetPlan:
    """Facets that were checked.

    Attributes:
        facet: the outermost level.
        keys: the fields of all levels.
        sources: all fields that keys, metrics and orders read.
        output: what is returned of hits.
        bucket_count: combinations of values that are looked for.
        hit_count: hits kept of each.
    """

    facet: Facet
    keys: tuple[Field, ...]
    sources: tuple[Field, ...]
    output: OutputColumns
    bucket_count: int
    hit_count: int


def plan_facets(
    schema: Schema, facet: Facet, output: OutputColumns, *, query_count: int, entry_count_max: int
) -> FacetPlan:
    """The facets of a request.

    Raises:
        InvalidInput: too many levels, fields or entries (more than `entry_count_max`; 0 allows any number), an unknown
            or repeated name, or a type something is not for.
    """
    levels = facet.levels()
    if len(levels) > LEVEL_COUNT_MAX:
        raise InvalidInput("limit_exceeded", f"facets have {len(levels)} levels, expected at most {LEVEL_COUNT_MAX}")
    names = [name for level in levels for name in level.fields]
    if len(names) > KEY_FIELD_COUNT_MAX:
        raise InvalidInput("limit_exceeded", f"facets have {len(names)} fields, expected at most {KEY_FIELD_COUNT_MAX}")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InvalidInput("invalid_argument", f"field {repeated[0]!r} makes buckets twice, expected once")
    hit_count = max(level.top_hits.size if level.top_hits else 1 for level in levels)
    bucket_count = math.prod(level.search_size or level.size for level in levels)
    for level in levels:
        _check_level(schema, level)
    entry_count = query_count * bucket_count * hit_count
    if 0 < entry_count_max < entry_count:
        raise InvalidInput(
            "limit_exceeded",
            f"facets may return {entry_count} entries (queries x sizes x top hits), expected at most {entry_count_max}",
        )
    for field in output.fields:
        if field.data_type not in _COMPARED_TYPES:
            raise InvalidInput(
                "invalid_argument",
                f"facets return hits with numbers, Bool and VarChar, not {field.name!r} ({field.type_label()})",
                field=field.name,
            )
    keys = tuple(schema.field(name) for name in names)
    sources = {field.name: field for field in keys}
    for level in levels:
        order = level.top_hits.order if level.top_hits else ()
        for name in [metric.source for metric in level.metrics] + [item.name for item in order]:
            if name not in {"*", SCORE}:
                sources[name] = schema.field(name)
    return FacetPlan(facet, keys, tuple(sources.values()), output, bucket_count, hit_count)


def faceted_search(plan: SearchPlan, facets: FacetPlan) -> tuple[tuple[Bucket, ...], ...]:
    """The buckets of each query vector."""
    grouping = Grouping(facets.keys, facets.hit_count, strict=False)
    hits = grouped_search(plan, grouping, offset=0, limit=facets.bucket_count)
    larger_is_nearer = plan.target.metric.larger_is_nearer
    found = _FoundValues.of(hits, facets)
    buckets, start = [], 0
    for count in hits.counts.tolist():
        best_first = sorted(
            range(start, start + count), key=lambda row: -found.scores[row] if larger_is_nearer else found.scores[row]
        )
        buckets.append(found.buckets(facets.facet, best_first))
        start += count
    return tuple(buckets)


def _check_level(schema: Schema, level: Facet) -> None:
    if not level.fields:
        raise InvalidInput("invalid_argument", "a facet names no field, expected at least one")
    if level.size < 1 or level.search_size < 0 or (level.top_hits is not None and level.top_hits.size < 1):
        raise InvalidInput("out_of_range", "a size of a facet or of its top hits is below 1")
    if 0 < level.search_size < level.size:
        raise InvalidInput("out_of_range", f"search_size is {level.search_size}, expected at least size ({level.size})")
    for name in level.fields:
        _check_type(schema, name, _KEY_TYPES, "buckets are made by integer, Bool and VarChar fields")
    aliases = [metric.alias for metric in level.metrics]
    for metric in level.metrics:
        _check_metric(schema, metric)
    for item in level.order:
        if item.name not in aliases and item.name not in _BUCKET_NAMES:
            raise InvalidInput(
                "invalid_argument", f"buckets are ordered by _count, _key or a metric's alias, not {item.name!r}"
            )
    for item in level.top_hits.order if level.top_hits is not None else ():
        if item.name != SCORE:
            _check_type(schema, item.name, _COMPARED_TYPES, "hits are sorted by numbers, Bool and VarChar, or _score")


def _check_metric(schema: Schema, metric: FacetMetric) -> None:
    function, source = metric.function, metric.source
    if function not in _FUNCTIONS:
        raise InvalidInput("invalid_argument", f"metric {metric.alias!r} is {function!r}, expected one of {_FUNCTIONS}")
    if source in {"*", SCORE}:
        if (source == "*") != (function == "count"):
            raise InvalidInput("invalid_argument", f"metric {metric.alias!r}: {function} cannot be of {source}")
    elif function in {"sum", "avg"}:
        _check_type(schema, source, NUMBERS, f"{function} is of numbers")
    elif function in {"min", "max"}:
        _check_type(schema, source, _EXTREME_TYPES, f"{function} is of numbers and VarChar")
    else:
        _check_type(schema, source, frozenset(DataType) - {DataType.JSON}, "count is of any field but JSON")


def _check_type(schema: Schema, name: str, allowed: frozenset[DataType], rule: str) -> None:
    field = schema.find(name)
    if field is None:
        raise InvalidInput("invalid_argument", f"{rule}, but there is no field {name!r}")
    if field.data_type not in allowed:
        raise InvalidInput("invalid_argument", f"{rule}, not {name!r} ({field.type_label()})", field=name)


@dataclass(frozen=True, slots=True)
class _FoundValues:
    """The hits of all queries as columns of Python values."""

    keys: list[Any]
    scores: list[float]
    values: Mapping[str, list[Any]]
    ranks: Mapping[str, list[int]]
    output: list[tuple[Any, ...]]

    @classmethod
    def of(cls, hits: Hits, facets: FacetPlan) -> "_FoundValues":
        columns = {field.name: fetch_column(hits.found, field) for field in facets.sources}
        outputs = [fetch_column(hits.found, field).to_pylist() for field in facets.output.fields]
        return cls(
            keys=hits.keys.to_pylist(),
            scores=hits.scores.tolist(),
            values={name: column.to_pylist() for name, column in columns.items()},
            ranks={field.name: _ranks(columns[field.name]) for field in facets.sources
                   if field.data_type in _COMPARED_TYPES},
            output=list(zip(*outputs, strict=True)) if outputs else [()] * len(hits.scores),
        )  # fmt: skip

    def buckets(self, facet: Facet, rows: Sequence[int]) -> tuple[Bucket, ...]:
        """The buckets of some hits, best first."""
        members: dict[tuple[Any, ...], list[int]] = {}
        for row in rows:
            members.setdefault(tuple(self.values[name][row] for name in facet.fields), []).append(row)
        measured = {
            key: tuple(self._measured(metric, inside) for metric in facet.metrics) for key, inside in members.items()
        }
        chosen = list(members)
        for item in reversed(facet.order):
            chosen = _sorted(chosen, self._bucket_value(facet, item, members, measured), item)
        return tuple(
            Bucket(
                key=key,
                count=len(members[key]),
                metrics=measured[key],
                hits=self._top_hits(facet, members[key]),
                inner=() if facet.inner is None else self.buckets(facet.inner, members[key]),
            )
            for key in chosen[: facet.size]
        )

    def _bucket_value(
        self,
        facet: Facet,
        item: FacetOrder,
        members: Mapping[tuple[Any, ...], list[int]],
        measured: Mapping[tuple[Any, ...], tuple[Any, ...]],
    ) -> Callable[[tuple[Any, ...]], Any]:
        """What buckets are compared by; keys by the ranks of their parts, in which NULL is above every value."""
        if item.name == "_count":
            return lambda key: len(members[key])
        if item.name == "_key":
            return lambda key: tuple(self.ranks[name][members[key][0]] for name in facet.fields)
        place = [metric.alias for metric in facet.metrics].index(item.name)
        return lambda key: _comparable(measured[key][place])

    def _top_hits(self, facet: Facet, rows: Sequence[int]) -> tuple[BucketHit, ...]:
        if facet.top_hits is None:
            return ()
        chosen = list(rows)
        for item in reversed(facet.top_hits.order):
            chosen = _sorted(chosen, self._hit_value(item.name), item)
        return tuple(
            BucketHit(self.keys[row], self.scores[row], self.output[row]) for row in chosen[: facet.top_hits.size]
        )

    def _hit_value(self, name: str) -> Callable[[int], Any]:
        if name == SCORE:
            return lambda row: self.scores[row]
        return lambda row: None if self.values[name][row] is None else self.ranks[name][row]

    def _measured(self, metric: FacetMetric, rows: Sequence[int]) -> Any:
        if metric.source == "*":
            return len(rows)
        column = self.scores if metric.source == SCORE else self.values[metric.source]
        present = [row for row in rows if column[row] is not None]
        if metric.function == "count":
            return len(present)
        if not present:
            return None
        if metric.function in {"min", "max"}:
            ranks = self.scores if metric.source == SCORE else self.ranks[metric.source]
            best = (min if metric.function == "min" else max)(present, key=lambda row: ranks[row])
            return column[best]
        numbers = [column[row] for row in present]
        total = sum(numbers) if isinstance(numbers[0], int) else math.fsum(numbers)
        if metric.function == "avg":
            return total / len(numbers)
        if isinstance(total, int) and not _INT64.min <= total <= _INT64.max:
            raise InvalidInput(
                "out_of_range", f"metric {metric.alias!r} is {total} in a bucket, which is beyond 64 bits; use avg"
            )
        return total


def _sorted(items: list[Any], value_of: Callable[[Any], Any], item: FacetOrder) -> list[Any]:
    """The items by their values, stable in both directions; None where the order says."""
    present = [one for one in items if value_of(one) is not None]
    absent = [one for one in items if value_of(one) is None]
    ordered = sorted(present, key=value_of, reverse=item.descending)
    return absent + ordered if item.null_first else ordered + absent


def _comparable(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _ranks(column: pa.Array) -> list[int]:
    """Numbers in the order of the values of a column, equal where they are."""
    if len(column) == 0:
        return []
    order = sorted_rows([SortColumn(column)])
    ordered = column.take(pa.array(order)).to_pylist()
    steps = np.array([False, *(left != right for left, right in pairwise(ordered))])
    ranks = np.empty(len(column), np.int64)
    ranks[order] = np.cumsum(steps)
    return list(ranks.tolist())
