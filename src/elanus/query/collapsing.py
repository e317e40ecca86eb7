"""Hits that are elements as hits that are rows, and hits by groups of rows. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.columns.numbers import number_array
from elanus.query.hit_lists import numbered_hits, query_numbers, ranked_hits
from elanus.query.output import fetch_column
from elanus.query.row_groups import group_rows
from elanus.query.search import Hits
from elanus.schema.collapse import Collapse
from elanus.schema.field import Field

__all__ = ["GROUP_SCORERS", "collapsed_hits", "grouped_hits"]

Doubles = npt.NDArray[np.float64]

GROUP_SCORERS: Final = ("max", "sum", "avg")


def collapsed_hits(hits: Hits, collapse: Collapse, *, larger_is_nearer: bool) -> Hits:
    """The rows of hits that are elements, each once, by what `collapse` makes of its elements' scores.

    Sums are in float64 and rounded once.
    """
    rows = replace(hits, elements=None)
    pairs = np.stack([query_numbers(rows), numbered_hits(rows)])
    _, first, inverse = np.unique(pairs, axis=1, return_index=True, return_inverse=True)
    inverse = inverse.reshape(-1)
    # Hits come best first, so the places of a row's hits are their ranks among themselves.
    most = 1 if collapse.strategy == "max" else collapse.topk or len(inverse)
    used = _ranks(inverse) < most
    totals = np.zeros(len(first), np.float64)
    np.add.at(totals, inverse[used], hits.scores[used].astype(np.float64))
    if collapse.strategy.endswith("avg"):
        totals = totals / np.bincount(inverse[used], minlength=len(first))
    by_place = np.argsort(first)
    counts = np.bincount(pairs[0, first], minlength=len(hits.counts)).astype(np.int64)
    distinct = rows.select(first[by_place], counts)
    return ranked_hits(distinct, totals[by_place], larger_is_better=larger_is_nearer)


def grouped_hits(
    hits: Hits, fields: Sequence[Field], *, size: int, scorer: str, offset: int, limit: int, larger_is_better: bool
) -> Hits:
    """The best `size` hits of groups `offset` to `offset + limit` (exclusive) of each query.

    Groups are ordered by the `max`, `sum` or `avg` of the scores of those hits, and their hits stand together.
    """
    queries = query_numbers(hits)
    columns = [number_array(queries), *(fetch_column(hits.found, field) for field in fields)]
    groups = group_rows(columns, len(queries))
    kept = np.flatnonzero(_ranks(groups.of_rows) < size)
    of_kept = groups.of_rows[kept]
    scores = hits.scores[kept].astype(np.float64)
    counts = np.bincount(of_kept, minlength=groups.count)
    first_rows = groups.first_rows
    if scorer == "max":
        best = hits.scores[first_rows].astype(np.float64)
    else:
        best = np.zeros(groups.count, np.float64)
        np.add.at(best, of_kept, scores)
        best = best / counts if scorer == "avg" else best
    costs = -best if larger_is_better else best
    order = np.lexsort((first_rows, costs, queries[first_rows]))
    place_of = np.empty(len(order), np.int64)
    place_of[order] = _ranks(queries[first_rows][order])
    chosen = (place_of[of_kept] >= offset) & (place_of[of_kept] < offset + limit)
    picked, places = kept[chosen], place_of[of_kept[chosen]]
    by_group = picked[np.lexsort((picked, places, queries[picked]))]
    return hits.select(by_group, np.bincount(queries[by_group], minlength=len(hits.counts)).astype(np.int64))


def _ranks(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each place, how many earlier ones have the same number."""
    order = np.argsort(numbers, kind="stable")
    sorted_numbers = numbers[order]
    starts = np.flatnonzero(np.diff(sorted_numbers, prepend=-1))
    lengths = np.diff(np.append(starts, len(numbers)))
    ranks = np.empty(len(numbers), np.int64)
    ranks[order] = np.arange(len(numbers)) - np.repeat(starts, lengths)
    return ranks
