"""A search over a view that goes on where it stopped: every segment's cursor, merged.

No row or element comes twice, and a primary key that was inserted twice comes once, at the place it came first.
"""

from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from elanus.columns.structs import vector_column
from elanus.index.protocol import Cursor
from elanus.query.parts import allowed_places, exact_index
from elanus.query.plan import SearchPlan
from elanus.query.search import Hits, joined_hits, located_hits
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
        self._plan: Final = plan
        self._larger_is_nearer: Final = plan.target.metric.larger_is_nearer
        self._given_keys: Final[set[Any]] = set()
        self._heads: Final = [
            head
            for place, segment in enumerate(plan.scope.segments)
            if (head := _head(plan, place, segment)) is not None
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
        return self._joined(parts)

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
        return located_hits(self._plan, np.array([len(order)]), place_of[numbers[order]], rows[order], scores[order])

    def _joined(self, parts: list[Hits]) -> Hits:
        if not parts:
            none = np.empty(0, np.int64)
            return located_hits(self._plan, np.array([0]), none, none, np.empty(0, np.float32))
        return joined_hits(parts)

    def _new(self, hits: Hits) -> Hits:
        """The hits that did not come before."""
        kept = []
        for position, key in enumerate(hits.identities()):
            if key not in self._given_keys:
                self._given_keys.add(key)
                kept.append(position)
        if len(kept) == len(hits.found):
            return hits
        return hits.select(np.array(kept, np.int64), np.array([len(kept)]))


def _head(plan: SearchPlan, place: int, segment: SegmentView) -> _Head | None:
    target = plan.target
    allow = allowed_places(segment, plan.scope.filter, target.array)
    if allow is not None and not allow.any():
        return None
    index = segment.index(target.field.name)
    if index is None:
        column = vector_column(segment.source.column, target.field)
        if len(column) == 0:
            return None
        index = exact_index(target, column)
        params: Any = {}
    else:
        params = target.params
    query = cast("npt.NDArray[Any]", plan.vector(0))
    cursor = index.cursor(query, params, allow, target.bounds)
    return _Head(place, cursor, np.empty(0, np.int64), np.empty(0, np.float32))
