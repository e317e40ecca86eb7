"""One list out of the hits of several searches over the same rows. Pure.

Scores are added in float64 and rounded once. Rows of equal score come in the order in which the searches, first to
last, found them.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from elanus.errors import InvalidInput
from elanus.query.hit_lists import numbered_hits, page_of_hits, query_numbers, ranked_hits, side_by_side
from elanus.query.search import Hits
from elanus.schema.rankers import Ranker, RrfRanker, WeightedRanker
from elanus.schema.types import Metric

__all__ = ["check_ranker", "fused", "larger_is_better"]

Doubles = npt.NDArray[np.float64]

_HALF: Final = 0.5


def check_ranker(ranker: Ranker, metrics: Sequence[Metric]) -> None:
    """Refuses a ranker that does not fit the searches.

    Raises:
        InvalidInput: another number of weights than searches, or raw scores that do not run the same way.
    """
    if ranker.weights and len(ranker.weights) != len(metrics):
        raise InvalidInput(
            "invalid_argument",
            f"the length of weights param mismatch with ann search requests: {len(ranker.weights)} weights for "
            f"{len(metrics)} searches; give one for each",
        )
    if isinstance(ranker, WeightedRanker) and not ranker.norm_score:
        directions = {metric.larger_is_nearer for metric in metrics}
        if len(directions) > 1:
            raise InvalidInput(
                "invalid_argument",
                f"norm_score is false, but the scores of {', '.join(metrics)} do not run the same way; leave it true",
            )


def larger_is_better(ranker: Ranker, metrics: Sequence[Metric]) -> bool:
    """Which way the scores of the fused list run."""
    raw = isinstance(ranker, WeightedRanker) and not ranker.norm_score
    return metrics[0].larger_is_nearer if raw else True


def fused(found: Sequence[Hits], metrics: Sequence[Metric], ranker: Ranker, *, offset: int, limit: int) -> Hits:
    """Hits `offset` to `offset + limit` (exclusive) of each query over all searches, each row or element once.

    `found` are the hits of each search, all with the same number of queries and of one kind; `check_ranker` was asked.
    """
    hits, order = side_by_side(found)
    parts = np.concatenate(
        [
            _parts(one, metric, ranker, number=number)
            for number, (one, metric) in enumerate(zip(found, metrics, strict=True))
        ]
    )
    pairs = np.stack([query_numbers(hits), numbered_hits(hits)])
    _, first, inverse = np.unique(pairs, axis=1, return_index=True, return_inverse=True)
    totals = np.zeros(len(first), np.float64)
    np.add.at(totals, inverse.reshape(-1), parts[order])
    # In the order in which the searches found them, so that ties stay in it.
    by_place = np.argsort(first)
    counts = np.bincount(pairs[0, first], minlength=len(hits.counts)).astype(np.int64)
    distinct = hits.select(first[by_place], counts)
    ranked = ranked_hits(distinct, totals[by_place], larger_is_better=larger_is_better(ranker, metrics))
    return page_of_hits(ranked, offset, limit)


def _parts(hits: Hits, metric: Metric, ranker: Ranker, *, number: int) -> Doubles:
    """What each hit of search `number` adds to its row's score."""
    weight = ranker.weights[number] if ranker.weights else 1.0
    if isinstance(ranker, RrfRanker):
        starts = np.repeat(np.cumsum(hits.counts) - hits.counts, hits.counts)
        ranks = np.arange(len(hits.scores)) - starts + 1
        return weight / (ranker.k + ranks.astype(np.float64))
    raw = hits.scores.astype(np.float64)
    return weight * (_normalised(raw, metric) if ranker.norm_score else raw)


def _normalised(scores: Doubles, metric: Metric) -> Doubles:
    """Scores in [0, 1], larger being nearer."""
    if metric is Metric.COSINE:
        return (1.0 + scores) * _HALF
    turned: Doubles = np.arctan(scores) / np.pi
    return _HALF + turned if metric is Metric.IP else 1.0 - 2.0 * turned
