"""Searches whose hits are scored anew by other fields, and hybrid searches ranked in that way.

Factors and sums are computed in float64 and rounded once.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from elanus.columns.numbers import boolean_values, number_values
from elanus.errors import InvalidInput
from elanus.expr.filter import Filter, compile_filter
from elanus.expr.xxhash64 import hash_texts
from elanus.query.hit_lists import numbered_hits, page_of_hits, query_numbers, ranked_hits, side_by_side
from elanus.query.output import FoundRows, fetch_column
from elanus.query.parts import ScanSettings
from elanus.query.plan import Scope, SearchPlan
from elanus.query.search import Hits, search
from elanus.query.view import ReadView
from elanus.schema.field import Field
from elanus.schema.rescoring import Boost, BoostRanker, DecayRanker, Rescoring
from elanus.schema.types import Metric

__all__ = ["decayed_fusion", "rescored_search", "scores_run_up"]

Doubles = npt.NDArray[np.float64]

_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_GOLDEN: Final = 0x9E37_79B9_7F4A_7C15
_FRACTION_BITS: Final = 53


def scores_run_up(rescoring: Rescoring, metric: Metric) -> bool:
    """Whether larger scores are better after it."""
    return isinstance(rescoring, DecayRanker) or metric.larger_is_nearer


def rescored_search(
    plan: SearchPlan,
    rescoring: Rescoring,
    view: ReadView,
    *,
    offset: int,
    limit: int,
    scan: ScanSettings,
    timezone: str,
) -> Hits:
    """Hits `offset` to `offset + limit` (exclusive) of each query by their new scores; ties keep their old order.

    Raises:
        InvalidInput: a field or filter of the rule does not fit the schema.
    """
    wanted = offset + limit
    if isinstance(rescoring, DecayRanker):
        field = _number_field(view, rescoring.field_name)
        hits = search(plan, offset=0, limit=wanted, scan=scan)
        scores = _similarity(hits.scores, plan.target.metric) * _decay(rescoring, fetch_column(hits.found, field))
        rows_up = True
    else:
        boosts = [(boost, _weigher(boost, view, timezone)) for boost in rescoring.boosts]
        parts = [
            search(plan.within(Scope((segment,), plan.scope.filter)), offset=0, limit=wanted, scan=scan)
            for segment in plan.scope.segments
        ]
        hits = side_by_side(parts)[0] if parts else search(plan, offset=0, limit=wanted, scan=scan)
        scores = _boosted(hits, rescoring, boosts)
        rows_up = plan.target.metric.larger_is_nearer
    return page_of_hits(ranked_hits(hits, scores, larger_is_better=rows_up), offset, limit)


def decayed_fusion(
    found: Sequence[Hits], metrics: Sequence[Metric], ranker: DecayRanker, view: ReadView, *, offset: int, limit: int
) -> Hits:
    """One list of the hits of several searches: the best (or sum, or mean) of a row's scores, times its factor.

    Raises:
        InvalidInput: the field of the rule does not fit the schema.
    """
    field = _number_field(view, ranker.field_name)
    hits, order = side_by_side(found)
    similar = np.concatenate([_similarity(one.scores, metric) for one, metric in zip(found, metrics, strict=True)])
    pairs = np.stack([query_numbers(hits), numbered_hits(hits)])
    _, first, inverse, counts = np.unique(pairs, axis=1, return_index=True, return_inverse=True, return_counts=True)
    joined = np.full(len(first), -np.inf if ranker.score_mode == "max" else 0.0)
    (np.maximum if ranker.score_mode == "max" else np.add).at(joined, inverse.reshape(-1), similar[order])
    if ranker.score_mode == "avg":
        joined /= counts
    by_place = np.argsort(first)
    rows = hits.select(first[by_place], np.bincount(pairs[0, first], minlength=len(hits.counts)).astype(np.int64))
    values = joined[by_place] * _decay(ranker, fetch_column(rows.found, field))
    return page_of_hits(ranked_hits(rows, values, larger_is_better=True), offset, limit)


def _similarity(scores: npt.NDArray[np.float32], metric: Metric) -> Doubles:
    """Scores, larger being nearer."""
    doubles = scores.astype(np.float64)
    return doubles if metric.larger_is_nearer else 1.0 - 2.0 * np.arctan(doubles) / np.pi


def _decay(ranker: DecayRanker, column: pa.Array) -> Doubles:
    """The factor of each row; 0 for NULL and NaN."""
    values = number_values(column).astype(np.float64)
    far = np.maximum(np.abs(values - ranker.origin) - ranker.offset, 0.0)
    if ranker.function == "gauss":
        factors = np.exp(math.log(ranker.decay) * (far / ranker.scale) ** 2)
    elif ranker.function == "exp":
        factors = np.exp(math.log(ranker.decay) * (far / ranker.scale))
    else:
        factors = np.maximum(1.0 - (1.0 - ranker.decay) * (far / ranker.scale), 0.0)
    known = np.ones(len(values), np.bool_) if column.null_count == 0 else boolean_values(column.is_valid())
    return np.where(known & ~np.isnan(factors), factors, 0.0)


def _boosted(hits: Hits, ranker: BoostRanker, boosts: Sequence[tuple[Boost, Callable[[Hits], Doubles]]]) -> Doubles:
    """Scores with the weights of the boosts whose filters hits pass; those that pass none keep theirs."""
    none = 1.0 if ranker.multiplies_weights else 0.0
    total = np.full(len(hits.scores), none)
    touched = np.zeros(len(hits.scores), np.bool_)
    for boost, weigh in boosts:
        weights = np.full(len(total), boost.weight) * weigh(hits)
        passed = ~np.isnan(weights)
        touched |= passed
        joined = total * weights if ranker.multiplies_weights else total + weights
        total = np.where(passed, joined, total)
    scores = hits.scores.astype(np.float64)
    changed = scores * total if ranker.multiplies_score else scores + total
    return np.where(touched, changed, scores)


def _weigher(boost: Boost, view: ReadView, timezone: str) -> Callable[[Hits], Doubles]:
    """What gives the share of a boost's weight for each hit: NaN where its filter is not TRUE."""
    row_filter = compile_filter(boost.filter, view.schema, timezone=timezone) if boost.filter.strip() else None
    random = boost.random_score
    field = None
    if random is not None:
        field = view.schema.field(random.field_name) if random.field_name else view.primary_field
        if not field.data_type.is_integer and field is not view.primary_field:
            raise InvalidInput(
                "invalid_argument",
                f"random_score goes by an integer field, but {field.name!r} is a {field.type_label()}",
                field=field.name,
            )

    def weigh(hits: Hits) -> Doubles:
        shares = np.ones(len(hits.scores))
        if random is not None and field is not None:
            shares = _random_shares(fetch_column(hits.found, field), random.seed)
        return shares if row_filter is None else np.where(_passing(row_filter, hits.found), shares, np.nan)

    return weigh


def _passing(row_filter: Filter, found: FoundRows) -> npt.NDArray[np.bool_]:
    passed = np.zeros(len(found), np.bool_)
    for place in np.unique(found.places).tolist():
        here = found.places == place
        segment = found.segments[place]
        passed[here] = row_filter.evaluate(segment.source, segment.predicates).test(found.rows[here])
    return passed


def _random_shares(column: pa.Array, seed: int) -> Doubles:
    """A number in [0, 1) for each value: the finaliser of SplitMix64 (Steele, Lea, Flood 2014) over value and seed."""
    if pa.types.is_integer(column.type):
        bits = number_values(column).astype(np.int64).view(np.uint64)
    else:
        # A plain string array of its own, whose offsets begin at 0.
        texts = pa.array(column.to_pylist(), pa.string())
        _, offsets, data = texts.buffers()
        bits = hash_texts(np.frombuffer(offsets, np.int32, count=len(texts) + 1), np.frombuffer(data or b"", np.uint8))
    mixed = bits + np.uint64((seed * _GOLDEN) & _MASK) + np.uint64(_GOLDEN)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(64 - _FRACTION_BITS)).astype(np.float64) / float(1 << _FRACTION_BITS)


def _number_field(view: ReadView, name: str) -> Field:
    field = view.schema.find(name)
    if field is None or not field.data_type.is_number:
        what = "there is no such field" if field is None else f"it is a {field.type_label()}"
        raise InvalidInput("invalid_argument", f"decay goes by a numeric field, not by {name!r}: {what}", field=name)
    return field
