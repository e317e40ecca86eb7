"""Explains requests by doing them, segment by segment and condition by condition, with a clock in the hand."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final, cast

import msgspec
import numpy.typing as npt

from elanus.columns.structs import vector_column
from elanus.columns.vectors import VectorLists
from elanus.errors import Internal
from elanus.expr.access import AccessPath, predicate_line
from elanus.expr.estimates import estimated_share
from elanus.expr.filter import Expression, Filter, bind
from elanus.expr.syntax import And, Call, Node, Not, Or
from elanus.index.interim import InterimIndex
from elanus.index.interim_runs import InterimRuns, runs_reason
from elanus.index.protocol import VectorIndex
from elanus.index.strategy import ExplainedIndex, SearchStrategy
from elanus.query.explanation import PredicateReport, SearchReport, SegmentReport, TargetReport
from elanus.query.parts import ScanSettings, allowed_places, allowed_rows, exact_index
from elanus.query.plan import Scope, SearchPlan
from elanus.query.search import search
from elanus.query.view import ReadView, SegmentView
from elanus.schema.collection import IndexDefinition

__all__ = ["ExplainedSearch", "SegmentExplainer", "explain_target", "predicates_of"]

_INTERIM: Final = "interim graph"
_INTERIM_TYPES: Final = (InterimIndex, InterimRuns)


@dataclass(frozen=True, slots=True)
class ExplainedSearch:
    """A search to explain: `plan.scope` is not looked at.

    Attributes:
        limit: hits a query, offset included.
    """

    plan: SearchPlan
    limit: int
    scan: ScanSettings


@dataclass(frozen=True, slots=True)
class SegmentExplainer:
    """Tells what a request does in each segment of a view.

    Attributes:
        row_filter: the whole filter.
        predicates: its conditions (`predicates_of`).
        searched: None for queries.
        now_s: a monotonic clock.
    """

    view: ReadView
    row_filter: Filter | None
    predicates: Sequence[Filter]
    searched: ExplainedSearch | None
    now_s: Callable[[], float]

    def reports(self, segments: Iterable[tuple[SegmentView, str]]) -> tuple[SegmentReport, ...]:
        """A report for each segment, given with the reason to skip it; growing ones of a partition are put together."""
        ordered = sorted(segments, key=lambda item: (item[0].is_growing, item[0].partition_id, item[0].segment_id))
        reports: list[SegmentReport] = []
        for is_growing, members in groupby(ordered, key=lambda item: (item[0].is_growing, item[0].partition_id)):
            found = [self._report(segment, skipped) for segment, skipped in members]
            reports += [_together(found)] if is_growing[0] else found
        return tuple(reports)

    def _report(self, segment: SegmentView, skipped: str) -> SegmentReport:
        visible = segment.visible()
        partition = next((name for name, number in self.view.partitions.items() if number == segment.partition_id), "")
        report = SegmentReport(
            segment_id=segment.segment_id,
            partition=partition,
            chunk_count=1,
            row_count=segment.row_count,
            visible_count=segment.row_count if visible is None else visible.count(),
            skipped=skipped,
        )
        if skipped:
            return report
        started_s = self.now_s()
        paths: list[AccessPath] = []
        allowed = allowed_rows(segment, self.row_filter, paths)
        duration_ms = (self.now_s() - started_s) * 1000
        taken = {path.predicate: path for path in paths}
        return replace(
            report,
            predicates=tuple(self._predicate(segment, predicate, taken) for predicate in self.predicates),
            estimated_share=_estimate(self.row_filter, segment),
            matched_count=segment.row_count if allowed is None else allowed.count(),
            duration_ms=duration_ms,
            search=None if self.searched is None else self._search(segment, self.searched),
        )

    def _predicate(self, segment: SegmentView, predicate: Filter, taken: Mapping[str, AccessPath]) -> PredicateReport:
        visible = segment.visible()
        started_s = self.now_s()
        matched = predicate.evaluate(segment.source, segment.predicates)
        duration_ms = (self.now_s() - started_s) * 1000
        path = taken.get(predicate_line(predicate.condition))
        share = _estimate(predicate, segment)
        if path is not None and path.row_count_estimate is not None:
            share = min(1.0, path.row_count_estimate / segment.row_count)
        return PredicateReport(
            text=str(predicate),
            access=_access(path, segment.row_count),
            estimated_share=share,
            matched_count=(matched if visible is None else matched & visible).count(),
            duration_ms=duration_ms,
        )

    def _search(self, segment: SegmentView, searched: ExplainedSearch) -> SearchReport:
        target, limit = searched.plan.target, searched.limit
        plan = searched.plan.within(Scope((segment,), self.row_filter))
        started_s = self.now_s()
        hits = search(plan, offset=0, limit=limit, scan=searched.scan)
        duration_ms = (self.now_s() - started_s) * 1000
        is_of_lists = isinstance(plan.vectors, VectorLists)
        index = None if is_of_lists else segment.index(target.field.name)
        definition = self.view.index_on(target.field.name)
        strategy = self._strategy(segment, searched, index)
        return SearchReport(
            index=_index_name(index, definition),
            exact=strategy.exact,
            reason=strategy.reason,
            compared_count=strategy.compared_count,
            hit_count=int(hits.counts.sum()),
            duration_ms=duration_ms,
            read_count=strategy.read_count,
        )

    def _strategy(self, segment: SegmentView, searched: ExplainedSearch, index: VectorIndex | None) -> SearchStrategy:
        plan, target = searched.plan, searched.plan.target
        if isinstance(plan.vectors, VectorLists):
            return SearchStrategy(exact=True, reason="lists of vectors are compared row by row")
        if target.bounds is not None:
            return SearchStrategy(exact=index is None or isinstance(index, _INTERIM_TYPES), reason="range search")
        opened = exact_index(target, vector_column(segment.source.column, target.field)) if index is None else index
        if not isinstance(opened, ExplainedIndex):
            return SearchStrategy(exact=index is None, reason="this index does not tell how")
        allowed = allowed_places(segment, self.row_filter, target.array)
        params = {} if index is None else target.params
        return opened.explain(cast("npt.NDArray[Any]", plan.vectors), searched.limit, params, allowed)


def predicates_of(
    row_filter: Filter | None, view: ReadView, params: Mapping[str, Any], *, timezone: str
) -> tuple[Filter, ...]:
    """The conditions that and, or, not join in a filter, each as a filter of its own; sampling is left out."""
    if row_filter is None:
        return ()
    expression = row_filter.expression
    parts = (Expression(expression.text, node) for node in _leaves(expression.tree))
    return tuple(bind(part, view.schema, params, timezone=timezone) for part in parts)


def explain_target(searched: ExplainedSearch) -> TargetReport:
    """What is searched for."""
    target = searched.plan.target
    params = dict(target.params)
    if target.bounds is not None:
        params["radius"] = target.bounds.radius
        if target.bounds.range_filter is not None:
            params["range_filter"] = target.bounds.range_filter
    return TargetReport(
        field=f"{target.field.name} {target.field.type_label()}",
        metric=target.metric.value,
        params=msgspec.json.encode(params, order="sorted").decode() if params else "",
        query_count=searched.plan.query_count,
        limit=searched.limit,
    )


def _leaves(tree: Node) -> list[Node]:
    leaves: list[Node] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        match node:
            case And() | Or():
                waiting.extend(reversed(node.operands))
            case Not():
                waiting.append(node.operand)
            case Call(function="random_sample"):
                pass
            case _:
                leaves.append(node)
    return leaves


def _index_name(index: VectorIndex | None, definition: IndexDefinition | None) -> str:
    if index is None or definition is None:
        return ""
    return _INTERIM if isinstance(index, _INTERIM_TYPES) else definition.index_type


def _access(path: AccessPath | None, row_count: int) -> str:
    """How the filter as a whole reached the rows of one of its conditions."""
    if path is None:
        return "not needed"
    if path.index_name is not None:
        looked_at = f", {path.undecided_count} rows looked at" if path.undecided_count else ""
        return f"index {path.index_name}{looked_at}"
    return "scan" if path.row_count == row_count else f"scan of {path.row_count} rows still open"


def _estimate(row_filter: Filter | None, segment: SegmentView) -> float | None:
    if row_filter is None:
        return 1.0
    if segment.stats is None:
        return None
    share = estimated_share(row_filter.condition, segment.stats)
    return share if share is None or row_filter.sample_fraction is None else share * row_filter.sample_fraction


def _together(reports: Sequence[SegmentReport]) -> SegmentReport:
    """The report of several growing chunks, which all are read or all skipped."""
    first = reports[0]
    if len({report.skipped for report in reports}) > 1:
        raise Internal("internal", "growing chunks of one partition are skipped for different reasons")
    predicates = tuple(
        replace(
            parts[0],
            matched_count=sum(part.matched_count for part in parts),
            duration_ms=sum(part.duration_ms for part in parts),
        )
        for parts in zip(*(report.predicates for report in reports), strict=True)
    )
    return replace(
        first,
        chunk_count=len(reports),
        row_count=sum(report.row_count for report in reports),
        visible_count=sum(report.visible_count for report in reports),
        predicates=predicates,
        matched_count=sum(report.matched_count for report in reports),
        duration_ms=sum(report.duration_ms for report in reports),
        search=None if first.search is None else _searches_together(reports),
    )


def _searches_together(reports: Sequence[SegmentReport]) -> SearchReport:
    """How the chunks were searched: those that have an interim graph, and the rest."""
    searches = [report.search for report in reports if report.search is not None]
    if len(searches) == 1:
        return searches[0]
    walked = [report for report in reports if report.search is not None and report.search.index]
    reason = "growing rows have no index"
    if walked and walked[0].search is not None:
        graph_counts = [report.row_count for report in walked]
        scanned_count = sum(report.row_count for report in reports) - sum(graph_counts)
        reason = runs_reason(graph_counts, scanned_count, walked[0].search.reason)
    counts = [search.compared_count for search in searches]
    known = [count for count in counts if count is not None]
    return replace(
        searches[0],
        index=_INTERIM if walked else "",
        exact=all(search.exact for search in searches),
        reason=reason,
        compared_count=sum(known) if len(known) == len(counts) else None,
        hit_count=sum(search.hit_count for search in searches),
        duration_ms=sum(search.duration_ms for search in searches),
    )
