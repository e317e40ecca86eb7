"""How a predicate reaches its rows: what indexes offer, the rule that takes or leaves an offer, and the record of it.

Indexes are behind the port `PredicateIndexes`; this module knows that they find rows, and not how.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from elanus.columns.bitset import Bitset
from elanus.expr.bound import Always, And, Condition, Not, Or
from elanus.expr.cost import cost
from elanus.expr.outline import outline
from elanus.expr.truth import Truth

__all__ = [
    "CONNECTIVES",
    "AccessPath",
    "IndexAccess",
    "IndexAnswer",
    "IndexOffer",
    "PredicateIndexes",
    "index_access",
    "may_pay",
    "pays",
    "predicate_line",
]

CONNECTIVES: Final = (And, Or, Not, Always)
"""Conditions that no index answers."""

# Asking an index costs this much however little it finds, and so does gathering rows to look at.
_ASKING_NS: Final = 8_000
_GATHERING_NS: Final = 30_000
_GATHERED_ROW_NS: Final = 30
_COMPARISON_NS_MAX: Final = 5
_COMPARISON_FACTOR: Final = 0.25


@dataclass(frozen=True, slots=True)
class IndexAnswer:
    """What an index says of every row. The three sets have no row in common; the other rows are FALSE.

    Attributes:
        true: the rows that are TRUE.
        unknown: the rows that are UNKNOWN; None when there is none.
        undecided: the rows that are to be looked at; None when there is none.
    """

    true: Bitset
    unknown: Bitset | None = None
    undecided: Bitset | None = None


@dataclass(frozen=True, slots=True)
class IndexOffer:
    """An index that can answer a predicate, before it does.

    Attributes:
        index_name: which.
        row_count_max: rows it finds, at most, or as near as can be said beforehand.
        undecided_count_max: rows that will have to be looked at, likewise.
        finding_ns: the work of finding them.
        answer: does it.
        row_scan_ns: what a scan would cost a row, where the index knows that better than the predicate tells.
    """

    index_name: str
    row_count_max: int
    undecided_count_max: int
    finding_ns: float
    answer: Callable[[], IndexAnswer]
    row_scan_ns: float | None = None


class PredicateIndexes(Protocol):
    """The indexes on the rows of one source."""

    def offer(self, predicate: Condition) -> IndexOffer | None:
        """The best an index has for a predicate that is neither AND, OR nor NOT; None if none can answer it."""
        ...


@dataclass(frozen=True, slots=True)
class AccessPath:
    """How one predicate was evaluated over one source.

    Attributes:
        predicate: its bound form, one line.
        index_name: the index that answered; None for a scan.
        row_count: rows of the source, or those of them that were still in question when they were scanned.
        row_count_estimate: rows an index was expected to find; None where no index applies.
        undecided_count: rows the index left to be looked at.
        true_count: rows the predicate is TRUE for.
    """

    predicate: str
    index_name: str | None
    row_count: int
    row_count_estimate: int | None
    undecided_count: int
    true_count: int


def pays(offer: IndexOffer, *, row_count: int, row_scan_ns: float) -> bool:
    """Whether the offer is less work than scanning `row_count` rows at `row_scan_ns` each."""
    work = _ASKING_NS + offer.finding_ns
    if offer.undecided_count_max:
        work += _GATHERING_NS + offer.undecided_count_max * (_GATHERED_ROW_NS + row_scan_ns)
    return work < row_count * row_scan_ns


def may_pay(*, row_count: int, row_scan_ns: float) -> bool:
    """Whether there could be an offer that `pays`; so few rows are scanned before an index is asked."""
    return row_count * row_scan_ns > _ASKING_NS


def index_access(
    condition: Condition, row_count: int, indexes: PredicateIndexes | None, record: list[AccessPath] | None
) -> "IndexAccess | None":
    """What chooses for the evaluation of a condition; None where all is to be scanned and nothing recorded."""
    if record is None:
        # With more rows than that the cheapest predicate may have an index that pays.
        is_small = row_count <= _ASKING_NS
        if indexes is None or (is_small and not may_pay(row_count=row_count, row_scan_ns=cost(condition))):
            return None
    return IndexAccess(indexes, record)


class IndexAccess:
    """Chooses between indexes and scans for the predicates of one evaluation, and can keep a record of it."""

    def __init__(self, indexes: PredicateIndexes | None, record: list[AccessPath] | None = None) -> None:
        """Every predicate evaluated is added to `record`."""
        self._indexes: Final = indexes
        self._record: Final = record
        self._offers: Final[dict[int, IndexOffer | None]] = {}

    def without_indexes(self) -> "IndexAccess | None":
        """For some of the rows, gathered, which no index is over: it only keeps the record, if there is one."""
        return None if self._record is None else IndexAccess(None, self._record)

    def taken(self, predicate: Condition, row_count: int) -> IndexOffer | None:
        """The offer for a predicate, if it is less work than scanning `row_count` rows."""
        offer = self._offer(predicate)
        if offer is None:
            return None
        row_scan_ns = _row_scan_ns(predicate) if offer.row_scan_ns is None else offer.row_scan_ns
        return offer if pays(offer, row_count=row_count, row_scan_ns=row_scan_ns) else None

    def decided(self, predicate: Condition, row_count: int) -> Bitset | None:
        """The rows where a predicate is TRUE, where an index is to answer it and leaves no row to be looked at.

        None where not, and where a record is kept.
        """
        if self._record is not None or isinstance(predicate, CONNECTIVES):
            return None
        offer = self.taken(predicate, row_count)
        return None if offer is None or offer.undecided_count_max else offer.answer().true

    def ordered(self, operands: tuple[Condition, ...], row_count: int) -> tuple[Condition, ...]:
        """The operands of an AND or OR, those that indexes answer first, fewest rows before more."""
        answered: list[tuple[int, int]] = []
        for position, operand in enumerate(operands):
            predicate = operand.operand if isinstance(operand, Not) else operand
            if not isinstance(predicate, CONNECTIVES):
                offer = self.taken(predicate, row_count)
                if offer is not None:
                    answered.append((offer.row_count_max, position))
        if not answered:
            return operands
        first = [position for _, position in sorted(answered)]
        rest = [position for position in range(len(operands)) if position not in first]
        return tuple(operands[position] for position in (*first, *rest))

    def note_scan(self, predicate: Condition, row_count: int, truth: Truth) -> None:
        """Remembers that a predicate was evaluated by scanning."""
        if self._record is not None:
            offer = self._offer(predicate)
            estimate = None if offer is None else offer.row_count_max
            path = AccessPath(predicate_line(predicate), None, row_count, estimate, 0, truth.true.count())
            self._record.append(path)

    def note_answer(self, predicate: Condition, offer: IndexOffer, answer: IndexAnswer, truth: Truth) -> None:
        """Remembers that an index answered a predicate."""
        if self._record is not None:
            undecided = 0 if answer.undecided is None else answer.undecided.count()
            self._record.append(
                AccessPath(
                    predicate_line(predicate), offer.index_name, len(answer.true), offer.row_count_max, undecided,
                    truth.true.count(),
                )
            )  # fmt: skip

    def _offer(self, predicate: Condition) -> IndexOffer | None:
        if self._indexes is None:
            return None
        # The predicates live as long as the filter, which outlives its evaluation.
        key = id(predicate)
        if key in self._offers:
            return self._offers[key]
        offer = self._offers[key] = self._indexes.offer(predicate)
        return offer


def _row_scan_ns(predicate: Condition) -> float:
    """What a scan costs a row: `cost` counts whole nanoseconds, in which plain comparisons pass several rows."""
    whole_ns = cost(predicate)
    return whole_ns * _COMPARISON_FACTOR if whole_ns <= _COMPARISON_NS_MAX else whole_ns


def predicate_line(predicate: Condition) -> str:
    """What `AccessPath.predicate` says for a condition."""
    return " ".join(outline(predicate).split())
