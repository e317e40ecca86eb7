"""What an explanation says, as values and as text: how a request was understood, and what it did in each segment.

These values are replies, and travel between processes: they hold nothing but numbers and texts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Explanation", "PredicateReport", "SearchReport", "SegmentReport", "TargetReport"]


@dataclass(frozen=True, slots=True)
class PredicateReport:
    """One condition of a filter, joined to the others by and, or, not.

    Attributes:
        text: its canonical text.
        access: how its rows were found: `scan` reads the column of every row or of those that the conditions before it
            left open, an index is named, and a condition that could change nothing any more was not needed.
        estimated_share: of the rows, by the index or the bounds of the segment; None when they say nothing.
        matched_count: visible rows that meet it.
        duration_ms: of finding them, for this condition alone over all rows.
    """

    text: str
    access: str
    estimated_share: float | None
    matched_count: int
    duration_ms: float


@dataclass(frozen=True, slots=True)
class SearchReport:
    """How a segment was searched.

    Attributes:
        index: the index on the field, `interim graph` for that of growing rows, or empty when there is none (yet).
        exact: every allowed row was scored.
        reason: why, with the numbers that decided.
        compared_count: rows or codes compared for all queries together; None when it is not counted.
        hit_count: hits of all queries together, before those of other segments are merged in.
        duration_ms: of the search, filter included.
        read_count: blocks and vectors read from files for all queries together; None for what is in memory or mapped.
    """

    index: str
    exact: bool
    reason: str
    compared_count: int | None
    hit_count: int
    duration_ms: float
    read_count: int | None = None


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """A sealed segment, or the growing rows of a partition.

    Attributes:
        segment_id: 0 for growing rows.
        partition: its name.
        chunk_count: growing rows lie in so many runs; 1 for a sealed segment.
        row_count: rows it holds.
        visible_count: rows that are not deleted.
        skipped: why it was not read; empty when it was, and everything below is only then filled in.
        predicates: in the order of the text.
        estimated_share: of the rows, for the whole filter; None when nothing is known.
        matched_count: visible rows that pass the whole filter.
        duration_ms: of evaluating the whole filter.
        search: None for queries.
    """

    segment_id: int
    partition: str
    chunk_count: int
    row_count: int
    visible_count: int
    skipped: str = ""
    predicates: tuple[PredicateReport, ...] = ()
    estimated_share: float | None = None
    matched_count: int = 0
    duration_ms: float = 0.0
    search: SearchReport | None = None


@dataclass(frozen=True, slots=True)
class TargetReport:
    """What a search is for.

    Attributes:
        field: the vector field and its type.
        metric: of the scores.
        params: of the search, complete, as text.
        query_count: vectors.
        limit: hits of each, offset included.
    """

    field: str
    metric: str
    params: str
    query_count: int
    limit: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a request means and does. `str` gives a text for people, what belongs together indented.

    Attributes:
        collection: its name.
        filter: the canonical text; empty for none.
        outline: the bound filter, one line a node; operands of and, or are in the order they are evaluated.
        target: None for queries.
        segments: sealed ones first.
    """

    collection: str
    filter: str
    outline: str
    target: TargetReport | None
    segments: tuple[SegmentReport, ...]

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _lines(explanation: Explanation) -> Iterator[str]:
    target = explanation.target
    yield f"{'query of' if target is None else 'search in'} {explanation.collection}"
    if target is not None:
        vectors = "one vector" if target.query_count == 1 else f"{target.query_count} vectors"
        params = f", {target.params}" if target.params else ""
        yield f"  nearest {target.limit} of {vectors} in {target.field} by {target.metric}{params}"
    yield f"  filter: {explanation.filter or 'none'}"
    for line in explanation.outline.splitlines():
        yield f"    {line}"
    read = [segment for segment in explanation.segments if not segment.skipped]
    rows = sum(segment.matched_count for segment in read)
    skipped_count = len(explanation.segments) - len(read)
    yield f"  {_count(rows, 'row')} of {_count(len(read), 'part')} match, {skipped_count} skipped"
    for segment in explanation.segments:
        yield from _segment_lines(segment)


def _segment_lines(segment: SegmentReport) -> Iterator[str]:
    name = f"segment {segment.segment_id}" if segment.segment_id else "growing rows"
    chunks = f" in {segment.chunk_count} chunks" if segment.chunk_count > 1 else ""
    hidden_count = segment.row_count - segment.visible_count
    hidden = f", {hidden_count} deleted" if hidden_count else ""
    yield f"  {name}, partition {segment.partition}: {_count(segment.row_count, 'row')}{chunks}{hidden}"
    if segment.skipped:
        yield f"    skipped: {segment.skipped}"
        return
    for predicate in segment.predicates:
        shares = _shares(predicate.estimated_share, predicate.matched_count, segment.visible_count)
        yield f"    {predicate.text}: {predicate.access}, {shares}, {_time(predicate.duration_ms)}"
    if segment.predicates:
        shares = _shares(segment.estimated_share, segment.matched_count, segment.visible_count)
        yield f"    filter: {shares}, {_time(segment.duration_ms)}"
    if segment.search is not None:
        yield f"    {_search_line(segment.search)}"


def _search_line(search: SearchReport) -> str:
    way = "exact scan" if search.exact else "index"
    name = f"{search.index}, {way}" if search.index else f"no index, {way}"
    compared = "" if search.compared_count is None else f", {search.compared_count} compared"
    read = "" if search.read_count is None else f", {_count(search.read_count, 'read')}"
    return f"{name}: {search.reason}{compared}{read}, {_count(search.hit_count, 'hit')}, {_time(search.duration_ms)}"


def _shares(estimated: float | None, matched_count: int, visible_count: int) -> str:
    guess = "no estimate" if estimated is None else f"estimated {estimated:.1%}"
    real = f" ({matched_count / visible_count:.1%})" if visible_count else ""
    return f"{guess}, found {matched_count}{real}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _time(duration_ms: float) -> str:
    return f"{duration_ms:.2f} ms"
