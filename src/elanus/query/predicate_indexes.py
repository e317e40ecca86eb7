"""The scalar indexes of one segment behind the port of the filters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from elanus.columns.bitset import Bitset
from elanus.expr.access import IndexAnswer, IndexOffer
from elanus.expr.bound import Condition, Exists, IsNull, JsonPath
from elanus.expr.json_paths import Steps
from elanus.index.scalar.protocol import RowMatch, RowSets, ScalarIndex
from elanus.query.index_lookups import IndexLookup, index_lookup

__all__ = ["FieldIndex", "SegmentPredicates"]

_SET_NS: Final = 20_000
# What looking at a row that an index leaves undecided costs, to choose among indexes.
_LOOKING_NS: Final = 50


@dataclass(frozen=True, slots=True)
class FieldIndex:
    """An opened scalar index, and what it is on.

    Attributes:
        name: as users know it.
        field_name: the field whose values it has.
        index: over the rows of one segment.
        steps: the path inside a JSON field; None for other fields.
        cast: what values at the path it has; empty for other fields.
    """

    name: str
    field_name: str
    index: ScalarIndex
    steps: Steps | None = None
    cast: str = ""


class SegmentPredicates:
    """Answers the predicates of filters over one segment from its indexes."""

    def __init__(self, indexes_on: Callable[[str], Sequence[FieldIndex]]) -> None:
        """`indexes_on` gives the indexes on a field."""
        self._indexes_on: Final = indexes_on

    def offer(self, predicate: Condition) -> IndexOffer | None:
        match predicate:
            case Exists(path=path):
                return self._presence_offer(path, negated=True, null_counts=False)
            case IsNull(operand=JsonPath() as path):
                return self._presence_offer(path, negated=predicate.negated, null_counts=True)
            case _:
                asked = index_lookup(predicate)
                return None if asked is None else self._best_offer(asked)

    def _best_offer(self, asked: IndexLookup) -> IndexOffer | None:
        best: IndexOffer | None = None
        for on_field in self._indexes_on(asked.field_name):
            if on_field.steps != asked.steps or on_field.cast != asked.cast:
                continue
            match = on_field.index.match(asked.lookup)
            if match is not None:
                offer = _offer(on_field, asked, match)
                best = offer if best is None or _work(offer) < _work(best) else best
        return best

    def _presence_offer(self, path: JsonPath, *, negated: bool, null_counts: bool) -> IndexOffer | None:
        """The rows with nothing at a path, or (`negated`) the others; `null_counts`: a null is nothing."""
        for on_field in self._indexes_on(path.name):
            if on_field.steps == path.steps:
                sets = on_field.index.sets
                rows = (sets.absent if null_counts else sets.missing) or Bitset.zeros(sets.row_count)
                true = ~rows if negated else rows
                return IndexOffer(on_field.name, true.count(), 0, _SET_NS, partial(IndexAnswer, true))
        return None


def _offer(on_field: FieldIndex, asked: IndexLookup, match: RowMatch) -> IndexOffer:
    sets = on_field.index.sets
    is_exact = match.is_exact and asked.is_exact
    undecided_count = 0 if is_exact else match.row_count_max
    if sets.others is not None:
        undecided_count += sets.others.count()
    return IndexOffer(
        on_field.name,
        sets.row_count - match.row_count_max if asked.negated else match.row_count_max,
        undecided_count,
        match.finding_ns,
        lambda: _answer(sets, asked, match.find(), is_exact=is_exact),
        match.row_scan_ns,
    )


def _answer(sets: RowSets, asked: IndexLookup, found: Bitset, *, is_exact: bool) -> IndexAnswer:
    unknown = sets.absent if asked.unknown == "absent" else None
    if asked.unknown == "null_documents":
        unknown = sets.null_documents
    undecided = sets.others if is_exact else found if sets.others is None else found | sets.others
    if not asked.negated:
        return IndexAnswer(found if is_exact else Bitset.zeros(sets.row_count), unknown, undecided)
    true = ~found
    for rows in (unknown, undecided):
        if rows is not None:
            true = true.minus(rows)
    return IndexAnswer(true, unknown, undecided)


def _work(offer: IndexOffer) -> float:
    return offer.finding_ns + offer.undecided_count_max * _LOOKING_NS
