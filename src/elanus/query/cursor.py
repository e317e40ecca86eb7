"""A search over a view that goes on where it stopped: every segment's cursor, merged.

No row comes twice, and a primary key that was inserted twice comes once, at the place it came first.
"""

from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from elanus.index.protocol import Cursor
from elanus.query.output import FoundRows, fetch_column
from elanus.query.parts import allowed_rows, exact_index
from elanus.query.plan import SearchPlan
from elanus.query.search import Hits
from elanus.query.view import SegmentView

__all__ = ["SearchCursor"]


@dataclass(slots=True)
class _Head:
    """The rows a segment's cursor has given that were not passed on yet, best first."""

    place: int
    cursor: Cursor
    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    ended: bool = False

    def fill(self, count: int, *, larger_is_nearer: bool) -> None:
        """Holds at least `count` rows afterwards, if the segment has as many left."""
        missing = count - len(self.rows)
        if self.ended or missing <= 0:
            return
        hits = self.cursor.next(missing)
        found = hits.rows[0] >= 0
        self.ended = not bool(found.all())
        rows = np.concatenate([self.rows, hits.rows[0][found]])
        scores = np.concatenate([self.scores, hits.scores[0][found]])
        order = np.lexsort((rows, -scores if larger_is_nearer else scores))
        self.rows, self.scores = rows[order], scores[order]

    def drop(self, count: int) -> None:
        """Forgets the best `count`."""
        self.rows, self.scores = self.rows[count:], self.scores[count:]


class SearchCursor:
    """All hits of a plan with one query vector, batch after batch. Used by one thread at a time."""

    def __init__(self, plan: SearchPlan) -> None:
        """Evaluates the filter; nothing is searched yet. The cursor holds the plan's view."""
        assert plan.query_count == 1, plan.query_count
        self._segments: Final = plan.scope.segments
        self._primary_field: Final = plan.primary_field
        self._larger_is_nearer: Final = plan.target.metric.larger_is_nearer
        self._given_keys: Final[set[Any]] = set()
        self._heads: Final = [
            head for place, segment in enumerate(self._segments) if (head := _head(plan, place, segment)) is not None
        ]

    def next(self, count: int) -> Hits:
        """The next `count` hits, best first; fewer only when there are no more."""
        parts: list[Hits] = []
        missing = count
        while missing:
            part = self._best(missing)
            if len(part.found) == 0:
                break
            part = self._new(part)
            parts.append(part)
            missing -= len(part.found)
        places = np.concatenate([part.found.places for part in parts]) if parts else np.empty(0, np.int64)
        rows = np.concatenate([part.found.rows for part in parts]) if parts else np.empty(0, np.int64)
        scores = np.concatenate([part.scores for part in parts]) if parts else np.empty(0, np.float32)
        found = FoundRows(self._segments, places, rows)
        return Hits(np.array([len(rows)]), found, scores, fetch_column(found, self._primary_field))

    def _best(self, count: int) -> Hits:
        """The best `count` of all segments, taken out of their heads."""
        for head in self._heads:
            head.fill(count, larger_is_nearer=self._larger_is_nearer)
        rows = np.concatenate([head.rows for head in self._heads] or [np.empty(0, np.int64)])
        scores = np.concatenate([head.scores for head in self._heads] or [np.empty(0, np.float32)])
        numbers = np.repeat(np.arange(len(self._heads)), [len(head.rows) for head in self._heads])
        order = np.lexsort((rows, numbers, -scores if self._larger_is_nearer else scores))[:count]
        for number, taken in enumerate(np.bincount(numbers[order], minlength=len(self._heads)).tolist()):
            self._heads[number].drop(taken)
        place_of = np.array([head.place for head in self._heads], np.int64)
        found = FoundRows(self._segments, place_of[numbers[order]], rows[order])
        return Hits(np.array([len(order)]), found, scores[order], fetch_column(found, self._primary_field))

    def _new(self, hits: Hits) -> Hits:
        """The hits whose keys did not come before."""
        kept = []
        for position, key in enumerate(hits.keys.to_pylist()):
            if key not in self._given_keys:
                self._given_keys.add(key)
                kept.append(position)
        if len(kept) == len(hits.found):
            return hits
        chosen = np.array(kept, np.int64)
        return Hits(np.array([len(kept)]), hits.found.select(chosen), hits.scores[chosen], hits.keys.take(chosen))


def _head(plan: SearchPlan, place: int, segment: SegmentView) -> _Head | None:
    target = plan.target
    allow = allowed_rows(segment, plan.scope.filter)
    if allow is not None and not allow.any():
        return None
    index = segment.index(target.field.name)
    if index is None:
        index = exact_index(target, segment.source.column(target.field.name))
        params: Any = {}
    else:
        params = target.params
    query = cast("npt.NDArray[Any]", plan.vector(0))
    cursor = index.cursor(query, params, allow, target.bounds)
    return _Head(place, cursor, np.empty(0, np.int64), np.empty(0, np.float32))
